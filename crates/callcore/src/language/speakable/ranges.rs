//! What stands between two numbers, days or months: a dash, or the sign of a sum.

use super::super::calendar::TimeOfDay;
use super::super::currency::{Currency, with_cents_named};
use super::super::lexicon::{month, weekday};
use super::super::say::cardinal;
use super::super::say_when::spoken_time;
use super::super::scale::is_size;
use super::super::shorthand::{currency, unit, zone};
use super::super::tag::Language;
use super::{Says, Spoken, Word, said};

/// Words behind a number that belong to it, besides units, sizes, currencies and months.
const TAILS: [&str; 10] =
    ["%", "percent", "persen", "am", "pm", "a.m", "p.m", "degrees", "derajat", "rupiah"];
/// How far ahead the result of a sum may stand, words.
const AHEAD: usize = 8;

pub(super) fn is_dash(text: &str) -> bool {
    matches!(text, "-" | "–" | "—")
}

impl Says {
    /// A sign of its own between two numbers (`6 * 7`, `5 - 7`, `$100 - $20 = $80`), or a dash between two days or months.
    pub(super) fn between(&self, behind: &[Word<'_>], words: &[Word<'_>]) -> Option<Spoken> {
        let (sign, next) = (words.first()?.core, words.get(1..)?);
        let before = behind.last()?;
        if is_dash(sign) && self.is_day_or_month(before.core) && self.is_day_or_month(next.first()?.core) {
            return Some(said(self.pick("to", "sampai")));
        }
        if !self.ends_number(behind) || !self.begins_number(next) {
            return None;
        }
        if !is_dash(sign) {
            let mut chars = sign.chars();
            let (sign, None) = (chars.next()?, chars.next()) else { return None };
            return self.operator(sign).map(said);
        }
        let told = next.iter().take(AHEAD).any(|word| word.core.starts_with('='));
        // A share can be taken off a sum, and no range leads from one to the other.
        let share = |word: Option<&Word<'_>>| {
            word.is_some_and(|word| word.core.ends_with('%') || matches!(word.core, "percent" | "persen"))
        };
        let taken = !share(Some(before)) && share(next.first()) && self.is_money(behind);
        let minus = told || taken || self.falls(behind, next);
        Some(said(if minus { self.pick("minus", "kurang") } else { self.pick("to", "sampai") }))
    }

    /// `$200 - $100`: no price goes from the higher to the lower.
    fn falls(&self, behind: &[Word<'_>], next: &[Word<'_>]) -> bool {
        let amount = |word: &Word<'_>| {
            let digits = word.core.trim_start_matches(|c: char| !c.is_ascii_digit());
            self.figure(digits).map(|figure| (figure.whole, figure.fraction))
        };
        let sized = |words: &[Word<'_>]| words.iter().any(|word| is_size(word.core));
        if !self.is_money(behind) || sized(next.get(..next.len().min(3)).unwrap_or_default()) {
            return false;
        }
        let from = behind.iter().rev().take(2).find_map(amount);
        let to = next.iter().take(2).find_map(amount);
        matches!((from, to), (Some(from), Some(to)) if from > to)
    }

    fn is_day_or_month(&self, word: &str) -> bool {
        let lower = word.to_lowercase();
        word.starts_with(char::is_uppercase)
            && (month(&lower, self.language).is_some() || self.is_weekday(&lower))
    }

    /// A day of the week, in full or by its first three letters.
    pub(super) fn is_weekday(&self, lower: &str) -> bool {
        const EN: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        const ID: [&str; 7] = ["sen", "sel", "rab", "kam", "jum", "sab", "min"];
        let short = match self.language {
            Language::English => EN.contains(&lower),
            Language::Indonesian => ID.contains(&lower),
            Language::Other => false,
        };
        short || weekday(lower, self.language).is_some()
    }

    /// Whether a number ends here, with what belongs to it: `100%`, `Rp 1 juta`, `5 Mei`, `9 am`.
    fn ends_number(&self, behind: &[Word<'_>]) -> bool {
        // The stop behind `a.m.` ends nothing.
        let goes_on = |word: &Word<'_>| {
            matches!(word.close, "" | ")") || (word.close == "." && self.is_tail(word.core))
        };
        let Some(last) = behind.last().filter(|last| goes_on(last)) else { return false };
        self.counts(last.core)
            || (self.is_tail(last.core)
                && behind.iter().rev().nth(1).is_some_and(|word| self.counts(word.core)))
            || (self.is_tail(last.core)
                && behind.iter().rev().nth(1).is_some_and(|word| self.is_tail(word.core))
                && behind.iter().rev().nth(2).is_some_and(|word| self.counts(word.core)))
    }

    fn begins_number(&self, words: &[Word<'_>]) -> bool {
        let Some(first) = words.first() else { return false };
        let digit = |word: Option<&Word<'_>>| {
            word.is_some_and(|word| word.core.starts_with(|c: char| c.is_ascii_digit()))
        };
        let stopped = first.stopped();
        let sign = currency(first.core).or_else(|| stopped.as_deref().and_then(currency));
        let month = first.core.starts_with(char::is_uppercase)
            && month(&first.core.to_lowercase(), self.language).is_some();
        self.counts(first.core) || ((sign.is_some() || month) && digit(words.get(1)))
    }

    /// A number in figures, with its sign, its currency or its unit in the same word.
    fn counts(&self, core: &str) -> bool {
        let core = core.trim_start_matches(['-', '+', '(']);
        let Some(digit) = core.find(|c: char| c.is_ascii_digit()) else { return false };
        let (sign, number) = core.split_at(digit);
        let tail = number.trim_start_matches(|c: char| !c.is_alphabetic() && c != '%');
        (sign.is_empty() || currency(sign.trim_end_matches('-')).is_some())
            && (tail.is_empty() || self.is_tail(tail) || tail.chars().count() <= 2)
    }

    fn is_tail(&self, core: &str) -> bool {
        let lower = core.to_lowercase();
        TAILS.contains(&lower.as_str())
            || is_size(core)
            || currency(core).is_some()
            || unit(core, true, self.language).is_some()
            || zone(core, self.language).is_some()
            || with_cents_named(&lower).is_some()
            || Currency::without_cents_named(&lower).is_some()
            || (core.starts_with(char::is_uppercase) && month(&lower, self.language).is_some())
    }

    /// Whether an amount of money stands at the end.
    fn is_money(&self, behind: &[Word<'_>]) -> bool {
        behind.iter().rev().take(3).any(|word| {
            let sign = word.core.trim_start_matches('-').split(|c: char| c.is_ascii_digit()).next();
            let lower = word.core.to_lowercase();
            sign.is_some_and(|sign| currency(sign).is_some())
                || word.stopped().as_deref().and_then(currency).is_some()
                || with_cents_named(&lower).is_some()
                || Currency::without_cents_named(&lower).is_some()
        })
    }

    /// From one hour to another in one word: `9:00-17:00`, `9-17:00`, `9am-5pm`, `9-5pm`; `dotted` with `09.00-17.00`.
    pub(super) fn hours(&self, core: &str, half: Option<&str>, dotted: bool) -> Option<String> {
        let (from, to) = core.split_once(['-', '–', '—'])?;
        let read = |text: &str| Hour::read(text, dotted);
        let (from, to) = (read(from)?, read(to)?);
        let (half_to, half_from) = (to.half.or_else(|| half.and_then(half_day)), from.half);
        let clocks = from.full || to.full;
        if !clocks && half_to.is_none() {
            return None;
        }
        let to_said = spoken_time(to.at(half_to)?, self.language);
        let from_said = match (half_from, half_to) {
            // What half of the day it is, is told once.
            (None, Some(_)) => self.bare(&from),
            (half, _) => spoken_time(from.at(half)?, self.language),
        };
        Some(format!("{from_said} {} {to_said}", self.pick("to", "sampai")))
    }

    fn bare(&self, hour: &Hour) -> String {
        let say = |n: u32| cardinal(u64::from(n), self.language);
        match hour.minute {
            0 => say(hour.hour),
            1..=9 => format!("{} oh {}", say(hour.hour), say(hour.minute)),
            minute => format!("{} {}", say(hour.hour), say(minute)),
        }
    }
}

/// The first or the second half of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Morning,
    Evening,
}

fn half_day(text: &str) -> Option<Half> {
    match text.to_lowercase().replace('.', "").as_str() {
        "am" => Some(Half::Morning),
        "pm" => Some(Half::Evening),
        _ => None,
    }
}

struct Hour {
    hour: u32,
    minute: u32,
    half: Option<Half>,
    /// It has its minutes.
    full: bool,
}

impl Hour {
    fn read(text: &str, dotted: bool) -> Option<Self> {
        let digits = text.trim_end_matches(|c: char| c.is_alphabetic() || c == '.');
        let tail = text.get(digits.len()..)?;
        let half = if tail.is_empty() { None } else { Some(half_day(tail)?) };
        let minutes =
            digits.split_once(':').or_else(|| digits.split_once('.').filter(|_| dotted || half.is_some()));
        let (hour, minute) = minutes.unwrap_or((digits, "00"));
        let plain = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !plain(hour) || !plain(minute) || minute.len() != 2 {
            return None;
        }
        let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
        let full = minutes.is_some();
        let read = Self { hour, minute, half, full };
        read.at(half).map(|_| read)
    }

    fn at(&self, half: Option<Half>) -> Option<TimeOfDay> {
        let hour = match half {
            Some(_) if !(1..=12).contains(&self.hour) => return None,
            Some(Half::Morning) => self.hour % 12,
            Some(Half::Evening) => self.hour % 12 + 12,
            // The end of a day.
            None if (self.hour, self.minute) == (24, 0) => 0,
            None => self.hour,
        };
        TimeOfDay::new(hour, self.minute)
    }
}
