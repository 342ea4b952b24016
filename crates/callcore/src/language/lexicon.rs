//! What somebody said, word by word, and the words that mean numbers, months and days.

use super::calendar::{Date, TimeOfDay};
use super::figure::Figure;
use super::number_words::{ENGLISH, ENGLISH_SCALES, ENGLISH_TENS, INDONESIAN, INDONESIAN_SCALES};
use super::tag::Language;

/// A word, or something in figures.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    /// Figures as a recogniser wrote them, and what they mean as a number.
    Figure {
        raw: String,
        value: f64,
    },
    Clock {
        time: TimeOfDay,
        exact: bool,
    },
    Date(Date),
    /// `5/6` or `5/6/2026`.
    Slashed(Vec<u32>),
}

/// Words and figures kept of what was said; nobody answers a question with more.
const MAX_TOKENS: usize = 200;

/// Splits what was said. Punctuation is dropped, except within figures.
pub(super) fn tokens(text: &str, language: Language) -> Vec<Token> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if out.len() >= MAX_TOKENS {
            break;
        }
        if c.is_alphabetic() {
            let mut word: String = c.to_lowercase().collect();
            while let Some(next) = chars.next_if(|c| c.is_alphabetic() || *c == '\'') {
                word.extend(next.to_lowercase());
            }
            out.push(Token::Word(word));
        } else if c.is_ascii_digit() {
            let mut raw = String::from(c);
            while let Some(next) =
                chars.next_if(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | ':' | '/' | '-'))
            {
                raw.push(next);
            }
            figures(raw.trim_end_matches(|c: char| !c.is_ascii_digit()), language, &mut out);
        } else if c == '-' && chars.peek().is_some_and(char::is_ascii_digit) {
            // A sign only where a number could begin: `08-12` was taken as one piece above.
            out.push(Token::Word("minus".to_owned()));
        }
    }
    out
}

fn figures(raw: &str, language: Language, out: &mut Vec<Token>) {
    if let Some(date) = Date::parse(raw) {
        out.push(Token::Date(date));
    } else if let Some(time) = TimeOfDay::parse(raw) {
        out.push(Token::Clock { time, exact: raw.starts_with('0') });
    } else if raw.contains('/') {
        out.push(Token::Slashed(raw.split('/').map(|part| part.parse().unwrap_or(0)).collect()));
    } else {
        for part in raw.split([':', '-']).filter(|part| !part.is_empty()) {
            let figure = Figure::written(part, language);
            let value = figure.and_then(|f| format!("{}.{}", f.whole, f.fraction).parse().ok());
            let digits = || part.chars().filter(char::is_ascii_digit).collect::<String>();
            let value = value.or_else(|| digits().parse().ok()).unwrap_or(0.0);
            out.push(Token::Figure { raw: part.to_owned(), value });
        }
    }
}

/// A word's part in a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NumberWord {
    /// 0 to 9.
    Unit(f64),
    /// 10 to 90, complete.
    Tens(f64),
    /// 10 to 19, complete.
    Teen(f64),
    /// Makes 11 to 19 of the unit before it.
    Belas,
    Puluh,
    Hundred,
    /// 100 on its own.
    AHundred,
    Scale(f64),
    /// 1,000 or 1,000,000 on its own.
    AScale(f64),
    Point,
    Half,
    And,
    Minus,
}

fn position(words: &[&str], word: &str) -> Option<f64> {
    words.iter().position(|known| *known == word).map(|at| at as f64)
}

fn scale(scales: &[(u64, &str)], word: &str) -> Option<NumberWord> {
    scales.iter().find(|(_, known)| *known == word).map(|(scale, _)| NumberWord::Scale(*scale as f64))
}

pub(super) fn number_word(word: &str, language: Language) -> Option<NumberWord> {
    match language {
        Language::English => english(word),
        Language::Indonesian => indonesian(word),
        Language::Other => None,
    }
}

fn english(word: &str) -> Option<NumberWord> {
    if let Some(n) = position(&ENGLISH, word) {
        return Some(if n < 10.0 { NumberWord::Unit(n) } else { NumberWord::Teen(n) });
    }
    if let Some(n) = position(&ENGLISH_TENS, word) {
        return Some(NumberWord::Tens(20.0 + 10.0 * n));
    }
    if let Some(scale) = scale(&ENGLISH_SCALES, word) {
        return Some(scale);
    }
    Some(match word {
        "oh" => NumberWord::Unit(0.0),
        "fourty" => NumberWord::Tens(40.0),
        "hundred" => NumberWord::Hundred,
        "point" => NumberWord::Point,
        "half" => NumberWord::Half,
        "and" => NumberWord::And,
        "minus" | "negative" => NumberWord::Minus,
        _ => return None,
    })
}

fn indonesian(word: &str) -> Option<NumberWord> {
    if let Some(n) = position(&INDONESIAN, word) {
        return Some(if n < 10.0 { NumberWord::Unit(n) } else { NumberWord::Teen(n) });
    }
    if let Some(scale) = scale(&INDONESIAN_SCALES, word) {
        return Some(scale);
    }
    Some(match word {
        "kosong" => NumberWord::Unit(0.0),
        "belas" => NumberWord::Belas,
        "puluh" => NumberWord::Puluh,
        "ratus" => NumberWord::Hundred,
        "seratus" => NumberWord::AHundred,
        "rb" => NumberWord::Scale(1e3),
        "seribu" => NumberWord::AScale(1e3),
        "jt" => NumberWord::Scale(1e6),
        "sejuta" => NumberWord::AScale(1e6),
        "milyar" => NumberWord::Scale(1e9),
        "semiliar" => NumberWord::AScale(1e9),
        "trilyun" => NumberWord::Scale(1e12),
        "koma" => NumberWord::Point,
        "setengah" => NumberWord::Half,
        "minus" | "min" => NumberWord::Minus,
        _ => return None,
    })
}

/// The number an English ordinal stands for, 1 to 19 and 20 or 30.
pub(super) fn ordinal(word: &str, language: Language) -> Option<f64> {
    const FIRST: [&str; 19] = [
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
    ];
    match (language, word) {
        (Language::English, "twentieth") => Some(20.0),
        (Language::English, "thirtieth") => Some(30.0),
        (Language::English, word) => position(&FIRST, word).map(|at| at + 1.0),
        (Language::Indonesian | Language::Other, _) => None,
    }
}

pub(super) const MONTHS_EN: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
pub(super) const MONTHS_ID: [&str; 12] = [
    "januari",
    "februari",
    "maret",
    "april",
    "mei",
    "juni",
    "juli",
    "agustus",
    "september",
    "oktober",
    "november",
    "desember",
];

/// The month's number, 1 to 12; its first three letters are enough.
pub(super) fn month(word: &str, language: Language) -> Option<u32> {
    let names = match language {
        Language::English => &MONTHS_EN,
        Language::Indonesian => &MONTHS_ID,
        Language::Other => return None,
    };
    let found = |name: &&str| *name == word || (word.len() == 3 && name.starts_with(word));
    let other = match word {
        "sept" => Some(8),
        "agt" if language == Language::Indonesian => Some(7),
        "nopember" => Some(10),
        "pebruari" => Some(1),
        _ => None,
    };
    let at = names.iter().position(found).or(other)?;
    u32::try_from(at).ok().map(|at| at + 1)
}

/// The day of the week, 0 for Monday.
pub(super) fn weekday(word: &str, language: Language) -> Option<u32> {
    const EN: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    const ID: [&str; 7] = ["senin", "selasa", "rabu", "kamis", "jumat", "sabtu", "minggu"];
    let at = match (language, word) {
        (Language::Other, _) => None,
        (Language::Indonesian, "jum'at") => Some(4),
        (Language::Indonesian, "ahad") => Some(6),
        (Language::Indonesian, word) => ID.iter().position(|name| *name == word),
        (Language::English, word) => EN.iter().position(|name| *name == word || format!("{name}s") == word),
    };
    at.and_then(|at| u32::try_from(at).ok())
}
