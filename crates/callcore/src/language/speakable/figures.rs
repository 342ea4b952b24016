//! Dates, times, ordinals, ranges, shares and plain numbers in a text.

use super::super::calendar::{Date, TimeOfDay};
use super::super::figure::Figure;
use super::super::lexicon::month;
use super::super::say::{cardinal, spoken_number, spoken_ordinal};
use super::super::say_when::{DateStyle, english_year, spoken_date, spoken_time};
use super::super::scale::is_size;
use super::super::shorthand::{currency, single, unit, zone};
use super::super::tag::Language;
use super::{Says, Spoken, Word, said};

/// Words before a time of day.
const BEFORE_TIME: [&str; 4] = ["pukul", "jam", "pk", "pkl"];
/// Words beside which a number with a stop in it is a time of day in Indonesia, where decimals have a comma.
const BESIDE_TIME: [&str; 34] = [
    "pagi",
    "siang",
    "sore",
    "malam",
    "subuh",
    "petang",
    "besok",
    "lusa",
    "nanti",
    "kemarin",
    "tadi",
    "hingga",
    "sampai",
    "s/d",
    "s.d",
    "sejak",
    "mulai",
    "sebelum",
    "setelah",
    "sesudah",
    "sekitar",
    "kereta",
    "bus",
    "pesawat",
    "penerbangan",
    "kapal",
    "berangkat",
    "keberangkatan",
    "tiba",
    "buka",
    "tutup",
    "jadwal",
    "acara",
    "rapat",
];
const DAY_PARTS: [&str; 6] = ["pagi", "siang", "sore", "malam", "subuh", "petang"];
/// Words of measure behind a number that is no time of day.
const MEASURES: [&str; 8] = ["persen", "%", "kali", "poin", "meter", "kilo", "derajat", "banding"];
/// Between two times of day.
const BETWEEN_TIMES: [&str; 8] = ["-", "–", "—", "s/d", "s.d", "sampai", "hingga", "to"];

impl Says {
    /// What begins with a figure: dates, times, ordinals, ranges, shares, plain numbers and their units.
    pub(super) fn figures(&self, behind: &[Word<'_>], words: &[Word<'_>]) -> Option<(usize, Spoken)> {
        let word = words.first()?;
        let before = behind.last().map_or("", |word| word.core);
        let next = words.get(1).copied();
        let core = word.core;
        if let Some(text) = self.instant(core) {
            return Some((1, said(text)));
        }
        if let Some(date) = self.date(core) {
            let style = DateStyle { weekday: false, year: true };
            return Some((1, said(spoken_date(date, style, self.language))));
        }
        if let Some((used, spoken)) = self.time(behind, words) {
            let zone =
                words.get(used).filter(|_| words.get(used - 1).is_some_and(|last| last.close.is_empty()));
            return Some(match zone.and_then(|word| zone_said(word.core, self.language)) {
                Some(zone) => (used + 1, said(format!("{} {zone}", spoken.text))),
                None => (used, spoken),
            });
        }
        if let Some(n) = self.ordinal(core) {
            return Some((1, said(self.day_of_month(before, n, next))));
        }
        if let Some((low, high)) = core.split_once(['-', '–']) {
            let number = high.trim_end_matches(|c: char| !c.is_ascii_digit());
            let tail = high.get(number.len()..).unwrap_or_default();
            let measure = match tail {
                "" => Some(""),
                "%" => Some(self.pick("percent", "persen")),
                tail => unit(tail, false, self.language),
            };
            let ends = (self.end_of_range(low), self.end_of_range(number));
            if let ((Some(low), Some(high)), Some(measure)) = (ends, measure) {
                let to = self.pick("to", "sampai");
                return Some((1, said(format!("{low} {to} {high} {measure}").trim_end().to_owned())));
            }
        }
        if let Some(figure) = core.strip_suffix('%').and_then(|number| self.figure(number)) {
            let percent = self.pick("percent", "persen");
            return Some((1, said(format!("{} {percent}", spoken_number(&figure, self.language)))));
        }
        if let Some((used, figure)) = self.in_groups(words) {
            let Some(figure) = figure else {
                let written: Vec<&str> = words.iter().take(used).map(|word| word.core).collect();
                return Some((used, said(written.join(" "))));
            };
            let measured = self.measured(&figure, words, used);
            return Some(measured.unwrap_or_else(|| (used, said(spoken_number(&figure, self.language)))));
        }
        // Nothing beside it tells whether it is a time of day: `14.30` is said as it is written.
        if self.may_be_time(core) && !self.is_measured(next) {
            return Some((1, said(core)));
        }
        if let Some(figure) = self.figure(core) {
            let measured = self.measured(&figure, words, 1);
            return Some(measured.unwrap_or_else(|| (1, said(self.number(before, &figure, next)))));
        }
        // A number and its unit in one word, or a price for something.
        let number = core.trim_end_matches(|c: char| !c.is_ascii_digit());
        let figure = self.figure(number)?;
        let behind = core.get(number.len()..).unwrap_or_default();
        if let Some(per) = behind.strip_prefix('/').filter(|per| per.chars().all(char::is_alphabetic)) {
            return Some((1, said(format!("{} per {per}", spoken_number(&figure, self.language)))));
        }
        let unit = unit(behind, false, self.language)?;
        Some((1, said(self.with_its_unit(&figure, unit))))
    }

    /// A number in the last of `used` words, with the unit behind it.
    fn measured(&self, figure: &Figure, words: &[Word<'_>], used: usize) -> Option<(usize, Spoken)> {
        let open = words.get(used - 1).is_some_and(|word| word.close.is_empty());
        let unit = unit(words.get(used).filter(|_| open)?.core, true, self.language)?;
        Some((used + 1, said(self.with_its_unit(figure, unit))))
    }

    fn with_its_unit(&self, figure: &Figure, unit: &str) -> String {
        let one = figure.whole == 1 && figure.fraction.is_empty() && self.language == Language::English;
        let unit = if one { single(unit) } else { unit.to_owned() };
        format!("{} {unit}", spoken_number(figure, self.language))
    }

    /// A number in groups of three with spaces between: `20 000`, `1 000 000`. Where it may be two numbers there is none.
    fn in_groups(&self, words: &[Word<'_>]) -> Option<(usize, Option<Figure>)> {
        let first = words.first()?;
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let begins =
            (1..=3).contains(&first.core.len()) && digits(first.core) && !first.core.starts_with('0');
        if !begins {
            return None;
        }
        let mut whole = first.core.to_owned();
        let mut used = 1;
        while let (Some(last), Some(next)) = (words.get(used - 1), words.get(used))
            && last.close.is_empty()
            && next.open.is_empty()
            && next.core.len() == 3
            && digits(next.core)
        {
            whole.push_str(next.core);
            used += 1;
        }
        // `Bus 20 250 people`.
        let sure = used > 2 || whole.ends_with("000");
        (used > 1).then(|| (used, self.figure(&whole).filter(|_| sure)))
    }

    /// A number on its own; beside a month it is a day or a year.
    fn number(&self, before: &str, figure: &Figure, next: Option<Word<'_>>) -> String {
        let whole = figure.fraction.is_empty() && !figure.minus;
        if self.language == Language::English && whole {
            let is_month = |word: &str| self.is_month(word);
            let beside = is_month(before) || next.is_some_and(|next| is_month(next.core));
            if beside && (1..=31).contains(&figure.whole) {
                return self.day_of_month(before, figure.whole, next);
            }
            let announced = matches!(before, "in" | "since" | "by" | "until" | "year" | "of");
            let day = before.parse::<u64>().ok().or_else(|| self.ordinal(before));
            let near_month = is_month(before) || day.is_some_and(|day| day <= 31);
            if (1_100..2_100).contains(&figure.whole) && (announced || near_month) {
                return english_year(figure.whole);
            }
        }
        spoken_number(figure, self.language)
    }

    fn is_month(&self, word: &str) -> bool {
        word.starts_with(char::is_uppercase) && month(&word.to_lowercase(), self.language).is_some()
    }

    /// An ordinal; before a month it is a day: `5 May` is the fifth of May, `May 5` is May fifth.
    fn day_of_month(&self, before: &str, n: u64, next: Option<Word<'_>>) -> String {
        let day = spoken_ordinal(n, self.language);
        if self.is_month(before) || !next.is_some_and(|next| self.is_month(next.core)) {
            return day;
        }
        let the = if before.eq_ignore_ascii_case("the") { "" } else { "the " };
        format!("{the}{day} of")
    }

    fn end_of_range(&self, text: &str) -> Option<String> {
        if let Some(time) = clock(text) {
            return Some(spoken_time(time, self.language));
        }
        let short = !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit());
        self.figure(text).filter(|_| short).map(|figure| spoken_number(&figure, self.language))
    }

    /// `2026-05-31`, `31/05/2026`, `31-05-2026`, `31.05.2026`; the day first except in American English.
    pub(super) fn date(&self, text: &str) -> Option<Date> {
        if let Some(date) = Date::parse(text) {
            return Some(date);
        }
        let separator = ['/', '-', '.'].into_iter().find(|sign| text.contains(*sign))?;
        let mut parts = text.split(separator).map(str::parse::<u32>);
        let (Some(Ok(first)), Some(Ok(second)), Some(Ok(year)), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        // `1.234.56` is an amount that somebody mistyped.
        if separator == '.' && year < 1_000 {
            return None;
        }
        let year = i32::try_from(if year < 100 { year + 2_000 } else { year }).ok()?;
        let day_first = Date::new(year, second, first);
        let month_first = Date::new(year, first, second);
        if self.month_first { month_first.or(day_first) } else { day_first.or(month_first) }
    }

    /// `2026-05-31T14:30:00+07:00`.
    fn instant(&self, text: &str) -> Option<String> {
        let (date, time) = text.split_once(['T', 't'])?;
        let (date, time) = (Date::parse(date)?, self.clock_and_zone(time)?);
        let style = DateStyle { weekday: false, year: true };
        Some(format!("{} {} {time}", spoken_date(date, style, self.language), self.pick("at", "pukul")))
    }

    /// `14:30`, `14:30:05Z`, `14:30+07:00`.
    fn clock_and_zone(&self, text: &str) -> Option<String> {
        let at = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
        let (time, zone) = text.split_at(at);
        let time = spoken_time(TimeOfDay::parse(time.split('.').next()?)?, self.language);
        match zone {
            "" => Some(time),
            "Z" | "z" => Some(format!("{time} UTC")),
            zone => Some(format!("{time} {}", self.distance(&format!("UTC{zone}"))?)),
        }
    }

    /// `UTC+7` and `GMT-03:30`.
    pub(super) fn distance(&self, text: &str) -> Option<String> {
        let (name, rest) = text.split_at_checked(3)?;
        if !["UTC", "GMT"].contains(&name) {
            return None;
        }
        let (sign, rest) = match (rest.strip_prefix('+'), rest.strip_prefix('-')) {
            (Some(rest), _) => ("plus", rest),
            (None, Some(rest)) => ("minus", rest),
            (None, None) => return None,
        };
        let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
        let (hours, minutes) = (hours.parse::<u64>().ok()?, minutes.parse::<u64>().ok()?);
        let hours = cardinal(hours, self.language);
        let minutes = (minutes > 0).then(|| cardinal(minutes, self.language));
        Some(
            [Some(format!("{name} {sign}")), Some(hours), minutes]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
        )
    }

    /// `14.30` in Indonesian: a time of day, or a number as others write it.
    fn may_be_time(&self, text: &str) -> bool {
        let parts = text.split_once('.').filter(|(hour, minute)| hour.len() <= 2 && minute.len() == 2);
        self.language == Language::Indonesian && parts.is_some() && clock(&text.replace('.', ":")).is_some()
    }

    fn is_measured(&self, next: Option<Word<'_>>) -> bool {
        next.is_some_and(|next| {
            MEASURES.contains(&next.core.to_lowercase().as_str())
                || is_size(next.core)
                || currency(next.core).is_some()
                || unit(next.core, true, self.language).is_some()
        })
    }

    /// Whether what stands beside `14.30` tells that it is a time of day.
    fn is_beside_time(&self, behind: &[Word<'_>], words: &[Word<'_>]) -> bool {
        let Some(core) = words.first().map(|word| word.core).filter(|core| self.may_be_time(core)) else {
            return false;
        };
        let next = words.get(1).copied();
        if self.is_measured(next) {
            return false;
        }
        let lower = |word: Option<&Word<'_>>| word.map_or_else(String::new, |word| word.core.to_lowercase());
        let (last, before_last) = (lower(behind.last()), lower(behind.iter().rev().nth(1)));
        let between = |word: &str| BETWEEN_TIMES.contains(&word);
        // `09.15` is no decimal number anywhere.
        let zero = core.len() == 5 && core.starts_with('0');
        let today = last == "ini" && (before_last == "hari" || DAY_PARTS.contains(&before_last.as_str()));
        zero || today
            || BESIDE_TIME.contains(&last.as_str())
            || self.is_weekday(&last)
            || DAY_PARTS.contains(&lower(words.get(1)).as_str())
            || (between(&last) && (self.may_be_time(&before_last) || clock(&before_last).is_some()))
            || (between(&lower(words.get(1))) && words.get(2).is_some_and(|word| self.may_be_time(word.core)))
    }

    /// `14:30`, `2:30 pm`, `2pm`; behind "pukul" and before a zone also `14.30`.
    fn time(&self, behind: &[Word<'_>], words: &[Word<'_>]) -> Option<(usize, Spoken)> {
        let word = words.first()?;
        let before = behind.last().map_or("", |word| word.core);
        let next = words.get(1).copied();
        let core = word.core;
        let lower = before.to_lowercase();
        let pointed = BEFORE_TIME.contains(&lower.as_str())
            || before_a_zone(words, self.language)
            || self.is_beside_time(behind, words);
        let english = self.language == Language::English;
        let half = next.filter(|_| english && word.close.is_empty()).map(|next| next.core.to_lowercase());
        let half = half.filter(|half| matches!(half.as_str(), "am" | "pm" | "a.m" | "p.m"));
        let dotted = pointed || self.language == Language::Indonesian && self.is_after_dotted(core);
        if let Some(hours) = self.hours(core, half.as_deref(), dotted) {
            let glued = core.to_lowercase().trim_end_matches('.').ends_with('m');
            return Some((if half.is_some() && !glued { 2 } else { 1 }, said(hours)));
        }
        if self.language == Language::English {
            let lower = core.to_lowercase();
            let glued = ["am", "pm", "a.m", "p.m"].into_iter().find(|half| lower.ends_with(half));
            let apart = next.filter(|_| glued.is_none() && word.close.is_empty());
            let half = glued.map(str::to_owned).or_else(|| apart.map(|next| next.core.to_lowercase()));
            if let Some(half) = half.filter(|half| matches!(half.as_str(), "am" | "pm" | "a.m" | "p.m")) {
                let digits = lower.trim_end_matches(|c: char| !c.is_ascii_digit()).replace('.', ":");
                let (hour, minute) = digits.split_once(':').unwrap_or((&digits, "0"));
                let (hour, minute) = (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?);
                if (1..=12).contains(&hour) {
                    let hour = hour % 12 + if half.starts_with('p') { 12 } else { 0 };
                    let text = spoken_time(TimeOfDay::new(hour, minute)?, self.language);
                    return Some((1 + usize::from(glued.is_none()), said(text)));
                }
            }
        }
        let colon = |text: &str| if pointed { text.replace('.', ":") } else { text.to_owned() };
        let digits = core.trim_end_matches(|c: char| c.is_alphabetic());
        let glued = core.get(digits.len()..).filter(|zone| !zone.is_empty());
        match glued.map(|zone| zone_said(zone, self.language)) {
            Some(Some(zone)) => {
                let time = spoken_time(clock(&digits.replace('.', ":"))?, self.language);
                Some((1, said(format!("{time} {zone}"))))
            }
            Some(None) => None,
            None => {
                let time = clock(&colon(core)).map(|time| spoken_time(time, self.language));
                let with_zone = || core.contains(':').then(|| self.clock_and_zone(core)).flatten();
                time.or_else(with_zone).map(|time| (1, said(time)))
            }
        }
    }

    /// `09.00-17.00`: both have their minutes, and one can only be a time.
    fn is_after_dotted(&self, core: &str) -> bool {
        core.split_once(['-', '–']).is_some_and(|(from, to)| {
            let time = |text: &str| self.may_be_time(text);
            let sure = |text: &str| text.starts_with('0') || text.ends_with(".00") || text.ends_with(".30");
            time(from) && time(to) && (sure(from) || sure(to))
        })
    }

    fn ordinal(&self, text: &str) -> Option<u64> {
        if self.language != Language::English {
            return None;
        }
        let lower = text.to_lowercase();
        let ending = ["st", "nd", "rd", "th"].into_iter().find_map(|ending| lower.strip_suffix(ending));
        ending?.parse().ok()
    }
}

/// What is said for a zone behind a time.
fn zone_said(word: &str, language: Language) -> Option<&'static str> {
    zone(word.trim_matches(['(', ')']), language)
}

/// Whether a zone stands behind the time of day at the beginning of `words`, or behind the one it lasts until.
fn before_a_zone(words: &[Word<'_>], language: Language) -> bool {
    let is_zone = |at: usize| words.get(at).is_some_and(|word| zone_said(word.core, language).is_some());
    let until = words.get(1).is_some_and(|word| BETWEEN_TIMES.contains(&word.core.to_lowercase().as_str()));
    is_zone(1)
        || (until
            && words.get(2).is_some_and(|word| clock(&word.core.replace('.', ":")).is_some())
            && is_zone(3))
}

/// `14:30`, and nothing else.
fn clock(text: &str) -> Option<TimeOfDay> {
    let (hour, minute) = text.split_once(':')?;
    if minute.len() != 2 || hour.is_empty() || hour.len() > 2 {
        return None;
    }
    TimeOfDay::new(hour.parse().ok()?, minute.parse().ok()?)
}
