//! Digits hidden from what is kept: figures, and numbers said in words.

use super::lexicon::{NumberWord, number_word};
use super::tag::Language;

/// What stands for a digit that is not shown.
const HIDDEN: char = '•';

/// `text` with every figure, and every word for a number in its language, replaced by `•`: one for each figure,
/// one for each word. Words that only sometimes belong to a number stay, unless they stand beside one.
#[must_use]
pub fn masked(text: &str, language: &str) -> String {
    let language = Language::of(language);
    let pieces = pieces(text);
    let hidden: Vec<bool> = pieces.iter().map(|piece| is_number(piece, language)).collect();
    // The nearest word on one side is a number.
    let beside = |at: usize| {
        let word = |at: &usize| pieces.get(*at).is_some_and(|piece| piece.starts_with(char::is_alphanumeric));
        let before = (0..at).rev().find(word);
        let behind = (at + 1..pieces.len()).find(word);
        [before, behind].into_iter().flatten().any(|at| hidden.get(at).copied().unwrap_or_default())
    };
    let mut out = String::with_capacity(text.len());
    for (at, piece) in pieces.iter().enumerate() {
        let doubtful = || may_be_number(piece, language) && beside(at);
        if hidden.get(at).copied().unwrap_or_default() || doubtful() {
            let figures = piece.chars().filter(|c| c.is_numeric()).count();
            out.extend(std::iter::repeat_n(HIDDEN, figures.max(1)));
            out.extend(piece.chars().filter(|c| figures > 0 && !c.is_numeric()));
        } else {
            out.push_str(piece);
        }
    }
    out
}

/// Runs of letters and figures, and what lies between them.
fn pieces(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = first.is_alphanumeric();
        let end = rest.find(|c: char| c.is_alphanumeric() != word).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        found.push(piece);
        rest = behind;
    }
    found
}

fn is_number(piece: &str, language: Language) -> bool {
    if piece.chars().any(char::is_numeric) {
        return true;
    }
    let word = piece.to_lowercase();
    match number_word(&word, language) {
        _ if word == "oh" => false,
        Some(
            NumberWord::Unit(_)
            | NumberWord::Tens(_)
            | NumberWord::Teen(_)
            | NumberWord::Belas
            | NumberWord::Puluh
            | NumberWord::Hundred
            | NumberWord::AHundred
            | NumberWord::Scale(_)
            | NumberWord::AScale(_),
        ) => true,
        Some(NumberWord::Point | NumberWord::Half | NumberWord::And | NumberWord::Minus) | None => false,
    }
}

fn may_be_number(piece: &str, language: Language) -> bool {
    let word = piece.to_lowercase();
    match language {
        Language::English => matches!(word.as_str(), "oh" | "o" | "double" | "triple" | "for" | "to"),
        Language::Indonesian => matches!(word.as_str(), "kosong" | "o" | "dobel"),
        Language::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn figures_and_number_words_are_hidden_and_the_rest_can_be_read() {
        assert_eq!(masked("my card is 4111-1111", "en"), "my card is ••••-••••");
        assert_eq!(masked("four one double one, oh five", "en-US"), "• • • •, • •");
        assert_eq!(masked("Oh yes, I want to pay", "en"), "Oh yes, I want to pay");
        assert_eq!(masked("nomor saya nol delapan satu dua", "id-ID"), "nomor saya • • • •");
        assert_eq!(masked("B1234XYZ", "en"), "••••BXYZ");
        assert_eq!(masked("cinq 5 ٣", "fr"), "cinq • •");
    }

    proptest! {
        #[test]
        fn no_figure_is_ever_left(text in "\\PC{0,120}", language in "en|id|fr") {
            prop_assert!(!masked(&text, &language).chars().any(char::is_numeric));
        }
    }
}
