//! Dates and times of day as words.

use super::calendar::{Date, TimeOfDay};
use super::lexicon::{MONTHS_EN, MONTHS_ID};
use super::say::{cardinal, spoken_ordinal};
use super::tag::Language;

pub(super) const WEEKDAYS_EN: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
pub(super) const WEEKDAYS_ID: [&str; 7] = ["Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"];

/// What of a date is said besides its day and month.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DateStyle {
    pub weekday: bool,
    pub year: bool,
}

fn name(names: &[&'static str], at: u32) -> &'static str {
    usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default()
}

/// Upper case for the first letter.
fn proper(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A date in words: `Tuesday, May fifth, twenty twenty-six`, `Selasa, lima Mei dua ribu dua puluh enam`.
pub(crate) fn spoken_date(date: Date, style: DateStyle, language: Language) -> String {
    let (year, month, day) = date.civil();
    let year = u64::try_from(year).unwrap_or_default();
    match language {
        Language::Other => date.to_string(),
        Language::English => {
            let day = spoken_ordinal(u64::from(day), language);
            let mut spoken = format!("{} {day}", proper(name(&MONTHS_EN, month - 1)));
            if style.weekday {
                spoken = format!("{}, {spoken}", name(&WEEKDAYS_EN, date.weekday()));
            }
            if style.year {
                spoken = format!("{spoken}, {}", english_year(year));
            }
            spoken
        }
        Language::Indonesian => {
            let day = cardinal(u64::from(day), language);
            let mut spoken = format!("{day} {}", proper(name(&MONTHS_ID, month - 1)));
            if style.weekday {
                spoken = format!("{}, {spoken}", name(&WEEKDAYS_ID, date.weekday()));
            }
            if style.year {
                spoken = format!("{spoken} {}", cardinal(year, language));
            }
            spoken
        }
    }
}

/// A month and its year: `May twenty twenty-seven`, `Mei dua ribu dua puluh tujuh`.
pub(super) fn spoken_month(year: u64, month: u32, language: Language) -> String {
    let at = month.saturating_sub(1);
    match language {
        Language::Other => format!("{year}-{month:02}"),
        Language::English => format!("{} {}", proper(name(&MONTHS_EN, at)), english_year(year)),
        Language::Indonesian => format!("{} {}", proper(name(&MONTHS_ID, at)), cardinal(year, language)),
    }
}

/// `nineteen ninety-nine`, `two thousand five`, `twenty twenty-six`.
pub(super) fn english_year(year: u64) -> String {
    let (century, rest) = (year / 100, year % 100);
    let say = |n| cardinal(n, Language::English);
    match rest {
        _ if (2000..2010).contains(&year) => say(year),
        0 => format!("{} hundred", say(century)),
        1..=9 => format!("{} oh {}", say(century), say(rest)),
        _ => format!("{} {}", say(century), say(rest)),
    }
}

/// A time of day in words: `half past two` is said as `two thirty p.m.`, in Indonesian
/// `empat belas lewat tiga puluh menit`.
pub(crate) fn spoken_time(time: TimeOfDay, language: Language) -> String {
    let (hour, minute) = time.clock();
    let say = |n: u32| cardinal(u64::from(n), language);
    match language {
        Language::Other => time.to_string(),
        Language::Indonesian if minute == 0 => say(hour),
        Language::Indonesian => format!("{} lewat {} menit", say(hour), say(minute)),
        Language::English => match (hour, minute) {
            (0, 0) => "midnight".to_owned(),
            (12, 0) => "noon".to_owned(),
            _ => {
                let half = if hour < 12 { "a.m." } else { "p.m." };
                let hour = say(match hour % 12 {
                    0 => 12,
                    hour => hour,
                });
                match minute {
                    0 => format!("{hour} {half}"),
                    1..=9 => format!("{hour} oh {} {half}", say(minute)),
                    _ => format!("{hour} {} {half}", say(minute)),
                }
            }
        },
    }
}
