//! How far a transcript is from what was said: the fewest substitutions, insertions and deletions of words, after both
//! are written alike. Pure.

use std::iter::Sum;
use std::ops::AddAssign;

/// Words that differ between what was said and what was understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WordErrors {
    /// Words that were said.
    pub words: usize,
    pub substitutions: usize,
    /// Words that were understood and not said.
    pub insertions: usize,
    /// Words that were said and not understood.
    pub deletions: usize,
}

impl WordErrors {
    /// Compares two texts word by word, without regard to case, punctuation or how a number is written.
    #[must_use]
    pub fn between(said: &str, understood: &str) -> Self {
        of_words(&alike(said), &alike(understood))
    }

    #[must_use]
    pub const fn errors(&self) -> usize {
        self.substitutions + self.insertions + self.deletions
    }

    /// Errors per word that was said; may exceed 1. Without a word it is 0 when nothing was understood either, else 1.
    #[must_use]
    pub fn rate(&self) -> f64 {
        match self.words {
            0 => f64::from(u8::from(self.errors() > 0)),
            words => self.errors() as f64 / words as f64,
        }
    }
}

impl AddAssign for WordErrors {
    fn add_assign(&mut self, other: Self) {
        self.words += other.words;
        self.substitutions += other.substitutions;
        self.insertions += other.insertions;
        self.deletions += other.deletions;
    }
}

impl Sum for WordErrors {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

/// The text as it is compared: lower-case words of letters, and numbers as one word for each digit, so that "25",
/// "twenty-five", "two five" and "dua puluh lima" are the same.
#[must_use]
pub fn alike(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    // An apostrophe belongs to its word: "don't" is one.
    let plain: String = lower.chars().filter(|c| !matches!(c, '\'' | '\u{2019}')).collect();
    let words: Vec<&str> =
        plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut alike = Vec::with_capacity(words.len());
    let mut rest = words.as_slice();
    while let [first, after @ ..] = rest {
        let (digits, left) = number(rest).unwrap_or_else(|| ((*first).to_owned(), after));
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            alike.extend(digits.chars().map(String::from));
        } else {
            alike.push(digits);
        }
        rest = left;
    }
    alike
}

/// A number below a hundred in words at the beginning of `words`, as digits, with the words after it.
fn number<'w, 's>(words: &'w [&'s str]) -> Option<(String, &'w [&'s str])> {
    let digit = |word: Option<&&str>| word.and_then(|word| value(word, UNITS)).filter(|unit| *unit > 0);
    let (first, rest) = words.split_first()?;
    if let Some(tens) = value(first, TENS) {
        let unit = digit(rest.first());
        let rest = if unit.is_some() { &rest[1..] } else { rest };
        return Some(((tens * 10 + unit.unwrap_or(0)).to_string(), rest));
    }
    if let Some(teen) = value(first, TEENS) {
        return Some((teen.to_string(), rest));
    }
    let unit = value(first, UNITS)?;
    // Indonesian counts "dua belas" and "dua puluh lima".
    match rest.split_first() {
        Some((&"belas", after)) if unit > 1 => Some(((10 + unit).to_string(), after)),
        Some((&"puluh", after)) if unit > 1 => {
            let last = digit(after.first());
            let after = if last.is_some() { &after[1..] } else { after };
            Some(((unit * 10 + last.unwrap_or(0)).to_string(), after))
        }
        _ => Some((unit.to_string(), rest)),
    }
}

fn value(word: &str, table: &[(&str, u32)]) -> Option<u32> {
    table.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
}

const UNITS: &[(&str, u32)] = &[
    ("zero", 0),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("nol", 0),
    ("kosong", 0),
    ("satu", 1),
    ("dua", 2),
    ("tiga", 3),
    ("empat", 4),
    ("lima", 5),
    ("enam", 6),
    ("tujuh", 7),
    ("delapan", 8),
    ("sembilan", 9),
];
const TEENS: &[(&str, u32)] = &[
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("thirteen", 13),
    ("fourteen", 14),
    ("fifteen", 15),
    ("sixteen", 16),
    ("seventeen", 17),
    ("eighteen", 18),
    ("nineteen", 19),
    ("sepuluh", 10),
    ("sebelas", 11),
];
const TENS: &[(&str, u32)] = &[
    ("twenty", 2),
    ("thirty", 3),
    ("forty", 4),
    ("fifty", 5),
    ("sixty", 6),
    ("seventy", 7),
    ("eighty", 8),
    ("ninety", 9),
];

/// What it takes to make `said` into `understood`, with the fewest steps; of two ways as short, the one that leaves
/// more words as they are.
fn of_words(said: &[String], understood: &[String]) -> WordErrors {
    let cost = |way: &WordErrors| (way.errors(), way.substitutions);
    // One row for each word said so far: the cheapest way to each prefix of what was understood.
    let mut row: Vec<WordErrors> =
        (0..=understood.len()).map(|insertions| WordErrors { insertions, ..WordErrors::default() }).collect();
    for (at, word) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = WordErrors { deletions: at + 1, ..WordErrors::default() };
        for (column, other) in understood.iter().enumerate() {
            let (above, left) = (row[column + 1], row[column]);
            let replaced =
                WordErrors { substitutions: diagonal.substitutions + usize::from(word != other), ..diagonal };
            let deleted = WordErrors { deletions: above.deletions + 1, ..above };
            let inserted = WordErrors { insertions: left.insertions + 1, ..left };
            diagonal = above;
            row[column + 1] = [deleted, inserted]
                .into_iter()
                .fold(replaced, |best, way| if cost(&way) < cost(&best) { way } else { best });
        }
    }
    WordErrors { words: said.len(), ..row[understood.len()] }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(said: &str, understood: &str) -> (usize, usize, usize, usize) {
        let errors = WordErrors::between(said, understood);
        (errors.words, errors.substitutions, errors.insertions, errors.deletions)
    }

    #[test]
    fn each_kind_of_error_is_counted() {
        assert_eq!(counted("I would like an agent", "I would like an agent"), (5, 0, 0, 0));
        assert_eq!(counted("I would like an agent", "i'd like agent please"), (5, 1, 1, 2));
        assert_eq!(counted("yes", ""), (1, 0, 0, 1));
        assert_eq!(counted("", "thank you"), (0, 0, 2, 0));
        assert_eq!(counted("a b c", "x a b c"), (3, 0, 1, 0));
        assert_eq!(counted("", ""), (0, 0, 0, 0));
    }

    #[test]
    fn case_punctuation_and_the_spelling_of_numbers_do_not_count() {
        for (one, other) in [
            ("Yes, please!", "yes please"),
            ("Don't call", "dont call"),
            ("25", "twenty-five"),
            ("two five", "25"),
            ("Dua puluh lima", "25"),
            ("dua belas", "12"),
            ("sebelas", "eleven"),
            ("0812-1", "zero eight one two one"),
            ("ninety", "90"),
            ("twenty zero", "200"),
            ("Élève 7", "élève seven"),
        ] {
            assert_eq!(alike(one), alike(other), "{one} and {other}");
        }
        assert_ne!(alike("fifteen"), alike("fifty"));
        assert_eq!(alike("puluh belas"), ["puluh", "belas"]);
    }

    #[test]
    fn the_rate_is_per_word_said_and_sums_over_utterances() {
        let all: WordErrors = [("one two three four", "one two three"), ("five", "nine")]
            .map(|(a, b)| WordErrors::between(a, b))
            .into_iter()
            .sum();
        assert_eq!((all.words, all.errors()), (5, 2));
        assert!((all.rate() - 0.4).abs() < 1e-9);
        assert!((WordErrors::between("", "so").rate() - 1.0).abs() < 1e-9);
        assert!(WordErrors::default().rate().abs() < 1e-9);
    }

    fn words() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[a-d]", 0..8)
    }

    proptest! {
        #[test]
        fn turned_round_insertions_are_deletions(said in words(), understood in words()) {
            let (there, back) = (of_words(&said, &understood), of_words(&understood, &said));
            prop_assert_eq!(there.errors(), back.errors());
            prop_assert_eq!(there.insertions + said.len(), there.deletions + understood.len());
            prop_assert_eq!(back.insertions + understood.len(), back.deletions + said.len());
        }

        #[test]
        fn errors_are_a_distance(one in words(), two in words(), three in words()) {
            let between = |a: &[String], b: &[String]| of_words(a, b).errors();
            prop_assert_eq!(between(&one, &one), 0);
            prop_assert_eq!(between(&one, &two) == 0, one == two);
            prop_assert!(between(&one, &three) <= between(&one, &two) + between(&two, &three));
            prop_assert!(between(&one, &two) <= one.len().max(two.len()));
        }

        #[test]
        fn any_text_can_be_written_alike_and_stays_so(text in ".{0,60}") {
            let once = alike(&text);
            prop_assert_eq!(alike(&once.join(" ")), once);
        }
    }
}
