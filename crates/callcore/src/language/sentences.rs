//! A text in the pieces it is spoken in: sentences, so that the first is heard while the others are made.

use super::shorthand::{abbreviation, currency};

/// A sentence that is longer is cut at a clause, or between words, in characters.
const LONGEST: usize = 240;
/// Of a long sentence at least this much stays together, in characters.
const SHORTEST_CUT: usize = 80;
/// Silence behind a sentence, and behind a clause of a long one, ms.
const SENTENCE_PAUSE_MS: u64 = 320;
const CLAUSE_PAUSE_MS: u64 = 140;

/// A piece of a text that is spoken in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    pub text: String,
    /// Silence to leave before the next one, ms; 0 behind the last.
    pub pause_ms: u64,
}

/// Splits `text` into sentences. Full stops in abbreviations, initials, numbers and times end none; scripts
/// that put no space between sentences, or none between words, are split as well. A text without a word in
/// it stays whole; nothing but white space is lost.
#[must_use]
pub fn sentences(text: &str, language: &str) -> Vec<Sentence> {
    let mut found: Vec<Sentence> = Vec::new();
    for whole in whole_sentences(text, language) {
        if !speaks(&whole) && !found.is_empty() {
            // Closing signs and symbols stay with what they follow.
            if let Some(before) = found.last_mut() {
                before.text.push(' ');
                before.text.push_str(&whole);
            }
            continue;
        }
        let mut rest = whole.as_str();
        while let Some((at, pause_ms)) = cut(rest) {
            let (piece, behind) = rest.split_at(at);
            found.push(Sentence { text: piece.trim().to_owned(), pause_ms });
            rest = behind.trim_start();
        }
        found.push(Sentence { text: rest.to_owned(), pause_ms: SENTENCE_PAUSE_MS });
    }
    if let Some(last) = found.last_mut() {
        last.pause_ms = 0;
    }
    found
}

fn speaks(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Ends a sentence wherever it stands.
const fn always_ends(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '｡' | '।' | '॥' | '۔' | '؟' | '።' | '։' | '။' | '។' | '៕' | '᠃' | '꓿')
}

/// Ends a sentence when white space follows.
const fn may_end(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…')
}

/// Belongs to the sentence before it.
const fn closes(c: char) -> bool {
    matches!(c, '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」' | '』' | '）' | '】')
}

fn whole_sentences(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    // An empty line ends a sentence, a single line break does not.
    for paragraph in text.replace("\r\n", "\n").split("\n\n") {
        let flat = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut begin = 0;
        let mut chars = flat.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if !always_ends(c) && !may_end(c) {
                continue;
            }
            let mut end = at + c.len_utf8();
            while let Some((next, sign)) = chars.peek().copied()
                && (closes(sign) || may_end(sign) || always_ends(sign))
            {
                end = next + sign.len_utf8();
                chars.next();
            }
            let (before, behind) = (flat.get(begin..at).unwrap_or_default(), flat.get(end..));
            let behind = behind.unwrap_or_default();
            let ends = always_ends(c)
                || (behind.starts_with(' ') && (c != '.' || stops(before, behind.trim_start(), language)));
            if ends && !behind.is_empty() {
                found.push(flat.get(begin..end).unwrap_or_default().trim().to_owned());
                begin = end;
            }
        }
        found.push(flat.get(begin..).unwrap_or_default().trim().to_owned());
    }
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// Whether a full stop between `before` and `behind` ends a sentence.
fn stops(before: &str, behind: &str, language: &str) -> bool {
    // A sentence begins in upper case where there is such a thing, or with a figure or an opening sign.
    if behind.starts_with(char::is_lowercase) {
        return false;
    }
    let word = before.rsplit(' ').next().unwrap_or_default();
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let dotted = word.contains('.') && word.split('.').all(|part| part.chars().count() <= 2);
    if initial || (dotted && word.chars().all(|c| c.is_alphabetic() || c == '.')) {
        return false;
    }
    // `Rp. 250.000` is one amount in every language.
    if behind.trim_start_matches(['-', '+', '\u{2212}']).starts_with(|c: char| c.is_ascii_digit())
        && (currency(word).is_some() || currency(&format!("{word}.")).is_some())
    {
        return false;
    }
    let ordinal = !word.is_empty() && word.len() <= 2 && word.bytes().all(|b| b.is_ascii_digit());
    if ordinal && writes_ordinals_with_a_stop(language) {
        return false;
    }
    !abbreviation(word, language)
}

/// Languages in which `3.` is the third.
fn writes_ordinals_with_a_stop(language: &str) -> bool {
    let primary = language.split('-').next().unwrap_or_default();
    matches!(
        primary,
        "de" | "da"
            | "nb"
            | "nn"
            | "no"
            | "fi"
            | "cs"
            | "sk"
            | "pl"
            | "hu"
            | "hr"
            | "sr"
            | "sl"
            | "bs"
            | "et"
            | "lv"
            | "is"
            | "tr"
    )
}

/// Where to cut a sentence that is too long, and the pause there.
fn cut(sentence: &str) -> Option<(usize, u64)> {
    let (limit, _) = sentence.char_indices().nth(LONGEST)?;
    let (least, _) = sentence.char_indices().nth(SHORTEST_CUT)?;
    let window = sentence.get(..limit)?;
    let later = |at: &usize| *at >= least;
    let clause = window
        .char_indices()
        .filter(|(at, c)| match c {
            '、' | '，' | '；' | '：' | '،' | '؛' => true,
            ',' | ';' | ':' | '—' | '–' => {
                window.get(at + c.len_utf8()..).is_some_and(|behind| behind.starts_with(' '))
            }
            _ => false,
        })
        .map(|(at, c)| at + c.len_utf8())
        .rfind(later);
    if let Some(at) = clause {
        return Some((at, CLAUSE_PAUSE_MS));
    }
    if let Some(at) = window.rfind(' ').filter(later) {
        return Some((at, 0));
    }
    // A script without spaces: not between a letter and its marks.
    let at = window.char_indices().map(|(at, _)| at).filter(later).rev().find(|at| {
        sentence.get(*at..).and_then(|behind| behind.chars().next()).is_some_and(|c| !combines(c))
    });
    Some((at.unwrap_or(limit), 0))
}

/// Vowel signs and tone marks that stand on the letter before them, in the scripts without spaces.
const fn combines(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
        | '\u{eb1}' | '\u{eb4}'..='\u{ebc}' | '\u{ec8}'..='\u{ece}'
        | '\u{102b}'..='\u{103e}' | '\u{17b4}'..='\u{17d3}' | '\u{200d}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str, language: &str) -> Vec<String> {
        sentences(text, language).into_iter().map(|one| one.text).collect()
    }

    #[test]
    fn sentences_end_at_their_signs_and_not_within_numbers_and_abbreviations() {
        let text = "Hello, Dr. J. R. Smith! Your bill of $1,250.50 is due at 10.30 a.m. on May 3. Pay at St. \
                    John No. 5. Is that right? Yes... well.";
        assert_eq!(
            texts(text, "en-US"),
            [
                "Hello, Dr. J. R. Smith!",
                "Your bill of $1,250.50 is due at 10.30 a.m. on May 3.",
                "Pay at St. John No. 5.",
                "Is that right?",
                "Yes... well."
            ]
        );
        let text = "Selamat pagi, Bpk. Andi. Tagihan Rp. 250.000 di Jl. Sudirman No. 5 belum dibayar, dll. \
                    Bayar pukul 14.30 ya?";
        assert_eq!(
            texts(text, "id-ID"),
            [
                "Selamat pagi, Bpk. Andi.",
                "Tagihan Rp. 250.000 di Jl. Sudirman No. 5 belum dibayar, dll. Bayar pukul 14.30 ya?"
            ]
        );
        for language in ["en", "en-US", "id", "de", "ja"] {
            for text in
                ["Z: Pay Rp. 1.250.000,00 now.", "Rp. 250.000,-", "IDR. 250.000", "rp. -5.000", "Rs. 500 now"]
            {
                assert_eq!(texts(text, language), [text], "{language}");
            }
        }
        assert_eq!(texts("It costs Rp. Nobody pays.", "en").len(), 2);
        assert_eq!(texts("Am 3. Mai um 10 Uhr. Danke.", "de"), ["Am 3. Mai um 10 Uhr.", "Danke."]);
    }

    #[test]
    fn scripts_without_spaces_are_split_at_their_own_signs() {
        assert_eq!(
            texts("您好。请问您是王先生吗？「是的。」谢谢", "zh"),
            ["您好。", "请问您是王先生吗？", "「是的。」", "谢谢"]
        );
        assert_eq!(texts("नमस्ते। आप कैसे हैं?", "hi"), ["नमस्ते।", "आप कैसे हैं?"]);
        let thai = "สวัสดีครับ".repeat(60);
        let pieces = texts(&thai, "th");
        assert!(pieces.len() > 2 && pieces.concat() == thai, "{}", pieces.len());
        assert!(pieces.iter().all(|piece| piece.chars().next().is_some_and(|c| !combines(c))));
    }

    #[test]
    fn a_thousand_words_without_a_full_stop_come_in_pieces_cut_between_words() {
        let text = "and then we went on, ".repeat(200);
        let pieces = sentences(&text, "en");
        assert!(pieces.iter().all(|piece| piece.text.chars().count() <= LONGEST), "{pieces:?}");
        assert!(pieces.iter().all(|piece| piece.text.ends_with(',')), "{pieces:?}");
        let words: usize = pieces.iter().map(|piece| piece.text.split(' ').count()).sum();
        assert_eq!(words, 1_000);
        assert_eq!(pieces.last().map(|piece| piece.pause_ms), Some(0));
        assert!(pieces[0].pause_ms > 0);
    }

    #[test]
    fn signs_alone_are_no_sentence_and_an_empty_line_ends_one() {
        assert_eq!(texts("Thanks! 👍 !!", "en"), ["Thanks! 👍 !!"]);
        assert_eq!(texts("...", "en"), ["..."]);
        assert_eq!(texts("one\n\ntwo\nthree", "en"), ["one", "two three"]);
        assert!(texts(" \n ", "en").is_empty());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_piece_is_too_long(text in "\\PC{0,900}", language in "en|id|de|zh") {
            let flat = |text: &str| text.split_whitespace().collect::<String>();
            let pieces = sentences(&text, &language);
            let joined: String = pieces.iter().map(|piece| flat(&piece.text)).collect();
            prop_assert_eq!(joined, flat(&text));
            prop_assert!(pieces.iter().all(|piece| !piece.text.is_empty()));
        }
    }
}
