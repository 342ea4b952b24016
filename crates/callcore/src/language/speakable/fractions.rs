//! Fractions, other things with a stroke in them, and sums.

use super::super::calendar::Date;
use super::super::say::{cardinal, spoken_number, spoken_ordinal};
use super::super::say_when::{DateStyle, spoken_date};
use super::super::shorthand::{in_full, unit};
use super::super::tag::Language;
use super::clean::{LESS, MORE};
use super::{Says, Spoken, Word, said};

/// The parts of something, of which `1/3` is the first.
const PARTS: [&str; 14] = [
    "part", "page", "step", "slide", "item", "number", "question", "bagian", "halaman", "langkah", "soal",
    "nomor", "tahap", "cicilan",
];
/// What a date without its year follows.
const BEFORE_DATE: [&str; 15] = [
    "on", "due", "until", "since", "date", "dated", "before", "after", "tanggal", "tgl", "sampai", "hingga",
    "sejak", "mulai", "tempo",
];
/// Parts of a whole beyond twenty that people speak of.
const FINE_PARTS: [u64; 8] = [24, 25, 30, 32, 50, 60, 64, 100];
/// The year of dates that are said without one; a leap year, so that 29/2 is one.
const ANY_YEAR: i32 = 2_028;

impl Says {
    /// `1/3`, `1 1/2`, `5/31` behind "on", `page 3/10`, `120/80`.
    pub(super) fn fraction(&self, before: &str, words: &[Word<'_>]) -> Option<(usize, Spoken)> {
        let word = words.first()?;
        if in_full(word.core, self.language).is_some() {
            return None;
        }
        // A whole number and a fraction.
        if let Ok(whole) = word.core.parse::<u64>()
            && word.close.is_empty()
            && let Some(next) = words.get(1)
            && let Some((n, d)) = ratio(next.core).filter(|(n, d)| n < d)
            && let Some(part) = self.parts(n, d, true)
        {
            let and = self.pick(" and ", " ");
            return Some((2, said(format!("{}{and}{part}", cardinal(whole, self.language)))));
        }
        let (number, behind) = split_unit(word.core);
        let (minus, number) = number.strip_prefix('-').map_or((false, number), |number| (true, number));
        let (n, d) = ratio(number)?;
        let calculated = words.get(1).is_some_and(|next| next.core.starts_with('='));
        if calculated && behind.is_empty() {
            let by = self.pick("divided by", "dibagi");
            return Some((1, said(format!("{} {by} {}", self.count(n), self.count(d)))));
        }
        let lower = before.to_lowercase();
        let text = if PARTS.contains(&lower.as_str()) {
            format!("{} {} {}", self.count(n), self.pick("of", "dari"), self.count(d))
        } else if let Some(date) = self.day(n, d).filter(|_| BEFORE_DATE.contains(&lower.as_str()) && !minus)
        {
            date
        } else if let Some(part) = self.parts(n, d, false).filter(|_| n < d || (n <= 20 && d <= 10)) {
            if minus { format!("minus {part}") } else { part }
        } else if let Some(date) = self.day(n, d) {
            date
        } else {
            format!("{} {} {}", self.count(n), self.pick("slash", "garis miring"), self.count(d))
        };
        let glued = behind.trim_start_matches('-');
        let apart = words.get(1).filter(|_| glued.is_empty() && word.close.is_empty());
        let short = apart.map_or(glued, |next| next.core);
        let full = unit(short, self.language);
        // Less than one of them is said in the singular.
        let full = full.map(|full| if n < d { full.trim_end_matches('s') } else { full });
        let used = if apart.is_some() && full.is_some() { 2 } else { 1 };
        let behind = full.unwrap_or(glued);
        Some((used, said(format!("{text} {behind}").trim_end().to_owned())))
    }

    fn count(&self, n: u64) -> String {
        cardinal(n, self.language)
    }

    /// `two thirds`, `dua pertiga`; behind a whole number `a half`.
    fn parts(&self, n: u64, d: u64, behind: bool) -> Option<String> {
        if n == 0 || n > 100 || !((2..=20).contains(&d) || FINE_PARTS.contains(&d)) {
            return None;
        }
        if self.language == Language::Indonesian {
            return Some(match (n, d) {
                (1, 2) => "setengah".to_owned(),
                (1, d) => format!("seper{}", self.count(d)),
                (n, d) => format!("{} per{}", self.count(n), self.count(d)),
            });
        }
        let one = if behind { "a" } else { "one" };
        Some(match (n, d) {
            (1, 2) => format!("{one} half"),
            (n, 2) => format!("{} halves", self.count(n)),
            (1, 4) => format!("{one} quarter"),
            (n, 4) => format!("{} quarters", self.count(n)),
            (1, d) => format!("{one} {}", spoken_ordinal(d, self.language)),
            (n, d) => format!("{} {}s", self.count(n), spoken_ordinal(d, self.language)),
        })
    }

    /// A day and a month, in the order of the language.
    fn day(&self, first: u64, second: u64) -> Option<String> {
        let (first, second) = (u32::try_from(first).ok()?, u32::try_from(second).ok()?);
        let day_first = Date::new(ANY_YEAR, second, first);
        let month_first = Date::new(ANY_YEAR, first, second);
        let date = if self.month_first { month_first.or(day_first) } else { day_first.or(month_first) };
        date.map(|date| spoken_date(date, DateStyle::default(), self.language))
    }

    /// Sums in one word: `6*7`, `2+2=4`, `3×4`, `2^8`. A hyphen is a minus only where the result is told.
    pub(super) fn sum_in_a_word(&self, word: &Word<'_>) -> Option<Spoken> {
        let core = word.core;
        let told = core.contains('=');
        let mut spoken = Vec::new();
        let mut number = String::new();
        let mut operators = 0;
        for c in core.chars() {
            let operator = self.operator(c).filter(|_| (c != '-' && c != '/') || told);
            match operator {
                Some(operator) if !number.is_empty() => {
                    spoken.push(spoken_number(&self.figure(&number)?, self.language));
                    spoken.push(operator.to_owned());
                    number.clear();
                    operators += 1;
                }
                _ => number.push(c),
            }
        }
        if operators == 0 || (number.is_empty() && !core.ends_with('=')) {
            return None;
        }
        if !number.is_empty() {
            spoken.push(spoken_number(&self.figure(&number)?, self.language));
        }
        Some(said(spoken.join(" ")))
    }

    /// A sign of its own between two numbers: `6 * 7`, `6 x 7`, `5 - 7`, `5 < 7`.
    pub(super) fn between(&self, before: &str, words: &[Word<'_>]) -> Option<Spoken> {
        let mut chars = words.first()?.core.chars();
        let (sign, None) = (chars.next()?, chars.next()) else { return None };
        let ends = before.ends_with(|c: char| c.is_ascii_digit());
        let starts = words.get(1).is_some_and(|next| next.core.starts_with(|c: char| c.is_ascii_digit()));
        if !ends || !starts {
            return None;
        }
        let told = words.iter().skip(2).take(3).any(|word| word.core.starts_with('='));
        if matches!(sign, '-' | '–' | '—') && !told {
            return Some(said(self.pick("to", "sampai")));
        }
        self.operator(if matches!(sign, '–' | '—') { '-' } else { sign }).map(said)
    }

    fn operator(&self, sign: char) -> Option<&'static str> {
        Some(match sign {
            '*' | '×' | 'x' | 'X' | '·' => self.pick("times", "kali"),
            '÷' | '/' => self.pick("divided by", "dibagi"),
            '+' => self.pick("plus", "tambah"),
            '-' => self.pick("minus", "kurang"),
            '=' => self.pick("equals", "sama dengan"),
            '^' => self.pick("to the power of", "pangkat"),
            LESS => self.pick("is less than", "kurang dari"),
            MORE => self.pick("is greater than", "lebih dari"),
            _ => return None,
        })
    }
}

/// Two whole numbers and the stroke between them.
fn ratio(text: &str) -> Option<(u64, u64)> {
    let (n, d) = text.split_once('/')?;
    let plain = |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if !plain(n) || !plain(d) {
        return None;
    }
    Some((n.parse().ok()?, d.parse().ok()?))
}

/// `1/2kg` and `1/3-cup` before their unit.
fn split_unit(text: &str) -> (&str, &str) {
    let number = text.trim_end_matches(|c: char| c.is_alphabetic() || c == '-');
    if number.contains('/') { text.split_at(number.len()) } else { (text, "") }
}
