//! Fractions, other things with a stroke in them, and sums.

use super::super::calendar::Date;
use super::super::say::{cardinal, spoken_number, spoken_ordinal};
use super::super::say_when::{DateStyle, spoken_date, spoken_month};
use super::super::shorthand::{in_full, single, unit};
use super::super::tag::Language;
use super::clean::{LESS, MORE};
use super::{Says, Spoken, Word, said};

/// The parts of something, of which `1/3` is the first.
const PARTS: [&str; 13] = [
    "part", "page", "step", "slide", "item", "number", "question", "bagian", "halaman", "langkah", "soal",
    "tahap", "cicilan",
];
/// What a number with a stroke in it follows that is no share of anything.
const NAMED: [&str; 14] =
    ["rt", "rw", "no", "nomor", "nos", "blok", "unit", "apt", "flat", "jl", "jalan", "ref", "kav", "ruko"];
/// Words before the month and the year in which something ends.
const EXPIRY: [&str; 7] = ["thru", "exp", "expiry", "expiration", "kedaluwarsa", "kadaluarsa", "kadaluwarsa"];
/// What is valid until a day, or until a month.
const VALID: [&str; 3] = ["valid", "good", "berlaku"];
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
    /// `1/3`, `1 1/2`, `5 1/2%`, `5/31` behind "on", `page 3/10`, `120/80`, `thru 05/27`, `RT 5/3`.
    pub(super) fn fraction(&self, behind: &[Word<'_>], words: &[Word<'_>]) -> Option<(usize, Spoken)> {
        let word = words.first()?;
        if in_full(word.core, self.language).is_some() {
            return None;
        }
        let mixed = self.mixed(words);
        if let Some((used, text)) = mixed {
            return Some(self.with_unit(words, used, &text, true));
        }
        let (number, unit) = split_unit(word.core);
        let (minus, number) = number.strip_prefix('-').map_or((false, number), |number| (true, number));
        let (n, d) = ratio(number)?;
        let calculated = words.get(1).is_some_and(|next| next.core.starts_with('='));
        if calculated && unit.is_empty() {
            let by = self.pick("divided by", "dibagi");
            return Some((1, said(format!("{} {by} {}", self.count(n), self.count(d)))));
        }
        let lower = |from_end: usize| {
            behind.iter().rev().nth(from_end).map_or_else(String::new, |word| word.core.to_lowercase())
        };
        let (last, before_last) = (lower(0), lower(1));
        let text = if PARTS.contains(&last.as_str()) {
            format!("{} {} {}", self.count(n), self.pick("of", "dari"), self.count(d))
        } else if NAMED.contains(&last.as_str()) {
            self.named(number)?
        } else if let Some(month) = month_and_year(number, self.language)
            .filter(|_| [&last, &before_last].iter().any(|word| EXPIRY.contains(&word.as_str())) || d > 1_000)
        {
            month
        } else if VALID.contains(&before_last.as_str()) && month_and_year(number, self.language).is_some() {
            // The last day, or the month of a card.
            number.to_owned()
        } else if let Some(date) = self.day(n, d).filter(|_| !minus && self.is_before_date(&last)) {
            date
        } else if let Some(part) = self.parts(n, d, false).filter(|_| n < d || (n <= 20 && d <= 10)) {
            if minus { format!("minus {part}") } else { part }
        } else if self.day(n, d).is_some() {
            // So many parts of a whole, or a day in the order of another country.
            self.own_day(n, d).filter(|_| d > 10).unwrap_or_else(|| number.to_owned())
        } else {
            format!("{} {} {}", self.count(n), self.pick("slash", "garis miring"), self.count(d))
        };
        Some(self.with_unit(words, 1, &text, n > d))
    }

    fn is_before_date(&self, word: &str) -> bool {
        BEFORE_DATE.contains(&word) || self.is_weekday(word)
    }

    /// A whole number and a fraction in the first words; how many they are.
    pub(super) fn mixed(&self, words: &[Word<'_>]) -> Option<(usize, String)> {
        let word = words.first()?;
        let (minus, whole) = word.core.strip_prefix('-').map_or((false, word.core), |whole| (true, whole));
        let plain = (1..=4).contains(&whole.len()) && whole.bytes().all(|b| b.is_ascii_digit());
        let whole = whole.parse::<u64>().ok().filter(|_| plain && word.close.is_empty())?;
        let (number, _) = split_unit(words.get(1)?.core);
        let (n, d) = ratio(number).filter(|(n, d)| n < d)?;
        let part = self.parts(n, d, true)?;
        let (sign, and) = (if minus { "minus " } else { "" }, self.pick(" and ", " "));
        Some((2, format!("{sign}{}{and}{part}", self.count(whole))))
    }

    /// A fraction on its own, in one word.
    pub(super) fn part_alone(&self, core: &str) -> Option<(usize, String)> {
        let (n, d) = ratio(core).filter(|(n, d)| n < d)?;
        Some((1, self.parts(n, d, false)?))
    }

    /// A fraction in words in the last of `used` words, with the unit in it or behind it.
    fn with_unit(&self, words: &[Word<'_>], used: usize, text: &str, many: bool) -> (usize, Spoken) {
        let last = words.get(used - 1);
        let glued = last.map_or("", |word| split_unit(word.core).1).trim_start_matches('-');
        let apart =
            words.get(used).filter(|_| glued.is_empty() && last.is_some_and(|word| word.close.is_empty()));
        if glued == "%" {
            return (used, said(format!("{text} {}", self.pick("percent", "persen"))));
        }
        let short = apart.map_or(glued, |next| next.core);
        // Less than one of them is said in the singular.
        let full = unit(short, apart.is_some(), self.language)
            .map(|full| if many { full.to_owned() } else { single(full) });
        let used = if apart.is_some() && full.is_some() { used + 1 } else { used };
        let behind = full.as_deref().unwrap_or(glued);
        (used, said(format!("{text} {behind}").trim_end().to_owned()))
    }

    /// A number with a stroke, as it stands in an address: with its zeros.
    fn named(&self, number: &str) -> Option<String> {
        let (one, other) = number.split_once('/')?;
        let say = |part: &str| {
            if part.starts_with('0') {
                return Some(self.one_by_one(part));
            }
            part.parse().ok().map(|n| self.count(n))
        };
        Some(format!("{} {} {}", say(one)?, self.pick("slash", "garis miring"), say(other)?))
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

    /// A day and a month, in the order of the language or else in the other.
    fn day(&self, first: u64, second: u64) -> Option<String> {
        self.own_day(first, second).or_else(|| self.own_day(second, first))
    }

    /// A day and a month in the order of the language.
    fn own_day(&self, first: u64, second: u64) -> Option<String> {
        let (first, second) = (u32::try_from(first).ok()?, u32::try_from(second).ok()?);
        let (month, day) = if self.month_first { (first, second) } else { (second, first) };
        let date = Date::new(ANY_YEAR, month, day)?;
        Some(spoken_date(date, DateStyle::default(), self.language))
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

    /// What is said for a sign between two numbers.
    pub(super) fn operator(&self, sign: char) -> Option<&'static str> {
        Some(match sign {
            '*' | '×' | 'x' | 'X' | '·' => self.pick("times", "kali"),
            '÷' | '/' => self.pick("divided by", "dibagi"),
            '+' => self.pick("plus", "tambah"),
            '-' => self.pick("minus", "kurang"),
            '=' => self.pick("equals", "sama dengan"),
            '^' => self.pick("to the power of", "pangkat"),
            LESS => self.pick("is less than", "kurang dari"),
            MORE => self.pick("is greater than", "lebih dari"),
            '≤' => self.pick("is at most", "paling banyak"),
            '≥' => self.pick("is at least", "paling sedikit"),
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

/// `1/2kg`, `1/2%` and `1/3-cup` before their unit.
fn split_unit(text: &str) -> (&str, &str) {
    let number = text.trim_end_matches(|c: char| c.is_alphabetic() || matches!(c, '-' | '%'));
    if number.contains('/') { text.split_at(number.len()) } else { (text, "") }
}

/// `05/27` and `05/2027` as a month and its year.
fn month_and_year(text: &str, language: Language) -> Option<String> {
    let (month, year) = text.split_once('/')?;
    let month = month.parse().ok().filter(|n| month.len() == 2 && (1..=12).contains(n))?;
    let year = match (year.len(), year.parse::<u64>().ok()?) {
        (2, year) => year + 2_000,
        (4, year @ 1_900..=2_100) => year,
        _ => return None,
    };
    Some(spoken_month(year, month, language))
}
