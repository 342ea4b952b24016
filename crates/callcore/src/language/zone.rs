//! Time zones: those of the IANA data base, with their summer time, and distances from UTC.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use super::calendar::{Date, LocalTime, TimeOfDay};

/// How far clocks are ahead of UTC, and when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zone(TimeZone);

/// The farthest zones are so far from UTC, minutes.
const MOST_MINUTES: u32 = 14 * 60;
/// No day is longer, ms: clocks go back by an hour, in some places by a day.
const LONGEST_DAY_MS: i64 = 48 * 60 * 60 * 1_000;
/// Names that people write and the data base does not have, or has for something else; these are zones here.
const ALSO: [(&str, &str); 3] =
    [("wib", "Asia/Jakarta"), ("wita", "Asia/Makassar"), ("wit", "Asia/Jayapura")];

/// Short names that may mean several zones, or half of one; they are answered with the zone they are known for.
const MEANT: [(&str, &str); 29] = [
    ("pst", "America/Los_Angeles"),
    ("pdt", "America/Los_Angeles"),
    ("pacific time", "America/Los_Angeles"),
    ("mdt", "America/Denver"),
    ("mountain time", "America/Denver"),
    ("cst", "America/Chicago"),
    ("cdt", "America/Chicago"),
    ("central time", "America/Chicago"),
    ("edt", "America/New_York"),
    ("et", "America/New_York"),
    ("eastern time", "America/New_York"),
    ("bst", "Europe/London"),
    ("cest", "Europe/Berlin"),
    ("mez", "Europe/Berlin"),
    ("mesz", "Europe/Berlin"),
    ("eest", "Europe/Athens"),
    ("msk", "Europe/Moscow"),
    ("ist", "Asia/Kolkata"),
    ("pkt", "Asia/Karachi"),
    ("ict", "Asia/Bangkok"),
    ("sgt", "Asia/Singapore"),
    ("myt", "Asia/Kuala_Lumpur"),
    ("pht", "Asia/Manila"),
    ("hkt", "Asia/Hong_Kong"),
    ("jst", "Asia/Tokyo"),
    ("kst", "Asia/Seoul"),
    ("aest", "Australia/Sydney"),
    ("aedt", "Australia/Sydney"),
    ("nzst", "Pacific/Auckland"),
];

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// The zone of a name such as `Europe/Berlin` or `WIB`, or of a distance such as `+07:00`.
    pub(crate) fn named(text: &str) -> Option<Self> {
        if text.starts_with(['+', '-']) {
            return distance(text).map(Self);
        }
        let lower = text.to_ascii_lowercase();
        let name = ALSO.iter().find(|(also, _)| *also == lower).map_or(text, |(_, name)| name);
        // `Etc/Unknown` stands in the data base for what is not known.
        let known = |zone: &TimeZone| !zone.is_unknown();
        TimeZoneDatabase::bundled().get(name).ok().filter(known).map(Self)
    }

    /// The first moment from `from_ms` on at which clocks show `date` and a time in `hours` (minutes since midnight; 1440
    /// ends the day), in ms since 1970-01-01 UTC. `None` when that day has no such moment left: clocks may skip it.
    pub(crate) fn first_within(&self, date: Date, hours: Range<u32>, from_ms: i64) -> Option<i64> {
        let begin = civil_at(date, hours.start)?;
        let day = self.0.to_ambiguous_timestamp(civil_at(date, 0)?).earlier().ok()?;
        let begins = self.0.to_ambiguous_timestamp(begin);
        let changes = self
            .0
            .following(day)
            .take_while(|change| change.timestamp().as_millisecond() - day.as_millisecond() < LONGEST_DAY_MS);
        let mut moments: Vec<i64> = [begins.earlier().ok(), begins.later().ok()]
            .into_iter()
            .flatten()
            .chain(changes.map(|change| change.timestamp()))
            .map(Timestamp::as_millisecond)
            .filter(|moment| *moment >= from_ms)
            .chain([from_ms])
            .collect();
        moments.sort_unstable();
        moments.into_iter().find(|moment| {
            self.local(*moment)
                .is_some_and(|local| local.date == date && hours.contains(&local.time.minutes()))
        })
    }

    /// When clocks next change after `at_ms`, ms since 1970-01-01 UTC.
    pub(crate) fn next_change(&self, at_ms: i64) -> Option<i64> {
        let at = Timestamp::from_millisecond(at_ms).ok()?;
        self.0.following(at).next().map(|change| change.timestamp().as_millisecond())
    }

    /// When the day begins that it is at `at_ms`, both ms since 1970-01-01 UTC.
    pub(crate) fn day_begin(&self, at_ms: i64) -> Option<i64> {
        let date = self.local(at_ms)?.date;
        let begin = self.0.to_ambiguous_timestamp(civil_at(date, 0)?).compatible().ok()?;
        Some(begin.as_millisecond().min(at_ms))
    }

    /// The date and time in this zone at `unix_ms`, ms since 1970-01-01 UTC.
    pub(crate) fn local(&self, unix_ms: i64) -> Option<LocalTime> {
        LocalTime::of(self.0.to_datetime(Timestamp::from_millisecond(unix_ms).ok()?))
    }
}

/// What clocks and calendars show somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WallTime {
    /// The day and the minute: `2026-12-01 14:30`.
    pub text: String,
    /// `mon` to `sun`.
    pub weekday: &'static str,
}

/// What clocks in a zone of the IANA data base show at `at_ms`, ms since 1970-01-01 UTC; `None`: there is no such zone.
#[must_use]
pub fn wall_time(zone: &str, at_ms: i64) -> Option<WallTime> {
    let at = Zone::named(zone)?.local(at_ms)?;
    let weekday = usize::try_from(at.date.weekday()).ok().and_then(|day| WEEKDAYS.get(day))?;
    Some(WallTime { text: format!("{} {}", at.date, at.time), weekday })
}

/// `date` at so many minutes since midnight.
fn civil_at(date: Date, minutes: u32) -> Option<DateTime> {
    let (date, minutes) =
        if minutes >= 24 * 60 { (date.plus_days(1)?, minutes - 24 * 60) } else { (date, minutes) };
    let (year, month, day) = date.civil();
    let date =
        jiff::civil::Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    Some(date.at((minutes / 60).try_into().ok()?, (minutes % 60).try_into().ok()?, 0, 0))
}

/// Why a text names no zone of a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownZone {
    #[error("`{given}` is no time zone{}; write a name such as Asia/Jakarta, or WIB", asked(meant.as_ref()))]
    NoZone { given: String, meant: Option<String> },
    #[error(
        "`{given}` is a distance from UTC and does not say when clocks change; write a zone such as Asia/Jakarta"
    )]
    Distance { given: String },
    #[error(
        "`{given}` means a zone without summer time, which hardly anybody has; write {meant}, or whichever is meant"
    )]
    Unlikely { given: String, meant: &'static str },
}

fn asked(meant: Option<&String>) -> String {
    meant.map_or_else(String::new, |meant| format!(" (is {meant} meant?)"))
}

/// Short names that are zones of the data base and mostly mean another one.
const UNLIKELY: [(&str, &str); 2] = [("est", "America/New_York"), ("mst", "America/Denver")];
/// Longest text that is told back, characters.
const TOLD: usize = 40;

/// The name in the IANA data base of the zone that a table names for a person: `Asia/Jakarta`, in any case of its letters, or
/// `WIB`.
///
/// # Errors
/// When it names none, or only a distance from UTC. Nothing is guessed.
pub fn zone_name(text: &str) -> Result<String, UnknownZone> {
    let text = text.trim();
    let given = || text.chars().take(TOLD).collect::<String>();
    let lower = text.to_ascii_lowercase();
    if let Some((_, meant)) = UNLIKELY.iter().find(|(short, _)| *short == lower) {
        return Err(UnknownZone::Unlikely { given: given(), meant });
    }
    let found = Zone::named(text);
    if let Some(name) = found.as_ref().and_then(|zone| zone.0.iana_name()) {
        return Ok(name.to_owned());
    }
    let meant = if text.chars().count() > TOLD { None } else { meant(text) };
    match meant {
        _ if found.is_some() => Err(UnknownZone::Distance { given: given() }),
        Some(meant) if meant.starts_with(['+', '-']) => Err(UnknownZone::Distance { given: given() }),
        meant => Err(UnknownZone::NoZone { given: given(), meant }),
    }
}

/// Whether a text is a distance from UTC that is larger than any.
pub(crate) fn is_too_far(text: &str) -> bool {
    let lower = text.trim().to_ascii_lowercase().replace('\u{2212}', "-");
    let bare = ["utc", "gmt"].iter().find_map(|name| lower.strip_prefix(name)).unwrap_or(&lower).trim();
    let distance = bare.strip_prefix(['+', '-']).unwrap_or_default();
    let plain = distance.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '.' | ','));
    let hours = distance.get(..2).and_then(|hours| hours.parse::<u32>().ok());
    plain && hours.is_some_and(|hours| hours * 60 >= MOST_MINUTES) && loose_distance(bare).is_none()
}

/// What was probably meant by a text that names no zone: a distance from UTC, or a zone.
pub(crate) fn meant(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    if let Some((_, zone)) = MEANT.iter().find(|(short, _)| *short == lower) {
        return Some((*zone).to_owned());
    }
    let bare = ["utc", "gmt", "z"].iter().find_map(|name| lower.strip_prefix(name)).unwrap_or(&lower).trim();
    if let Some(distance) = loose_distance(bare) {
        return Some(distance);
    }
    let place = lower.rsplit('/').next().unwrap_or_default().replace([' ', '-'], "_");
    TimeZoneDatabase::bundled()
        .available()
        .map(|name| name.as_str().to_owned())
        .find(|name| name.to_ascii_lowercase().rsplit('/').next() == Some(&place))
}

/// The names of all zones.
pub(crate) fn names() -> Vec<String> {
    TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
}

/// `+07:00`.
fn distance(text: &str) -> Option<TimeZone> {
    let (sign, distance) = match text.split_at_checked(1)? {
        ("+", distance) => (1, distance),
        ("-", distance) => (-1, distance),
        _ => return None,
    };
    let (hours, minutes) = TimeOfDay::parse(distance)?.clock();
    let minutes = i32::try_from(hours * 60 + minutes).ok()?;
    let offset = Offset::from_seconds(sign * minutes * 60).ok()?;
    (minutes.unsigned_abs() <= MOST_MINUTES).then(|| TimeZone::fixed(offset))
}

/// `+7`, `7`, `+0700`, `-3.5`, `+5:30` as they are to be written.
fn loose_distance(text: &str) -> Option<String> {
    let text = text.replace('\u{2212}', "-");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', text.strip_prefix('+').unwrap_or(&text)),
    };
    let plain = |text: &str| !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    let (hours, minutes): (u32, u32) = match digits.trim().split_once([':', '.', ',']) {
        Some((hours, "5" | "50")) if plain(hours) => (hours.parse().ok()?, 30),
        Some((hours, minutes)) if plain(hours) && plain(minutes) => {
            (hours.parse().ok()?, minutes.parse().ok()?)
        }
        None if plain(digits) && digits.len() > 2 => {
            let number: u32 = digits.parse().ok()?;
            (number / 100, number % 100)
        }
        None if plain(digits) => (digits.parse().ok()?, 0),
        Some(_) | None => return None,
    };
    (minutes < 60 && hours * 60 + minutes <= MOST_MINUTES).then(|| format!("{sign}{hours:02}:{minutes:02}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-01-15 and 2026-07-15, noon UTC.
    const WINTER: i64 = 1_768_478_400_000;
    const SUMMER: i64 = 1_784_116_800_000;

    fn clock(zone: &str, unix_ms: i64) -> String {
        let local = Zone::named(zone).and_then(|zone| zone.local(unix_ms));
        local.map_or_else(|| "unknown".to_owned(), |local| format!("{} {}", local.date, local.time))
    }

    #[test]
    fn zones_have_their_summer_time() {
        for (zone, winter, summer) in [
            ("America/New_York", "07:00", "08:00"),
            ("US/Eastern", "07:00", "08:00"),
            ("America/Los_Angeles", "04:00", "05:00"),
            ("Europe/Berlin", "13:00", "14:00"),
            ("Europe/London", "12:00", "13:00"),
            ("Europe/Kiev", "14:00", "15:00"),
            ("Europe/Kyiv", "14:00", "15:00"),
            ("Australia/Sydney", "23:00", "22:00"),
            ("America/Sao_Paulo", "09:00", "09:00"),
            ("Asia/Jakarta", "19:00", "19:00"),
            ("asia/jakarta", "19:00", "19:00"),
            ("WIB", "19:00", "19:00"),
            ("WITA", "20:00", "20:00"),
            ("wit", "21:00", "21:00"),
            ("Asia/Kolkata", "17:30", "17:30"),
            ("Asia/Kathmandu", "17:45", "17:45"),
            ("UTC", "12:00", "12:00"),
            ("GMT", "12:00", "12:00"),
            ("+05:30", "17:30", "17:30"),
            ("-08:00", "04:00", "04:00"),
        ] {
            assert_eq!(clock(zone, WINTER), format!("2026-01-15 {winter}"), "{zone}");
            assert_eq!(clock(zone, SUMMER), format!("2026-07-15 {summer}"), "{zone}");
        }
    }

    #[test]
    fn the_day_of_a_call_is_that_of_its_zone() {
        // 2026-11-21T18:30:00Z
        let at = 1_795_285_800_000;
        assert_eq!(clock("+07:00", at), "2026-11-22 01:30");
        assert_eq!(clock("UTC", at), "2026-11-21 18:30");
        assert_eq!(clock("UTC", i64::MIN), "unknown");
    }

    #[test]
    fn a_table_names_zones_and_nothing_is_guessed() {
        for (text, name) in [
            ("Asia/Jakarta", "Asia/Jakarta"),
            (" asia/jakarta ", "Asia/Jakarta"),
            ("WIB", "Asia/Jakarta"),
            ("wita", "Asia/Makassar"),
            ("WIT", "Asia/Jayapura"),
            ("UTC", "UTC"),
            ("Europe/Kyiv", "Europe/Kyiv"),
        ] {
            assert_eq!(zone_name(text).as_deref(), Ok(name), "{text}");
        }
        for (text, told) in [
            ("Jakarta", "`Jakarta` is no time zone (is Asia/Jakarta meant?)"),
            ("+07:00", "is a distance from UTC"),
            ("GMT+7", "is a distance from UTC"),
            ("7", "is a distance from UTC"),
            ("EST", "write America/New_York"),
            ("IST", "is Asia/Kolkata meant?"),
            ("", "`` is no time zone;"),
            ("Etc/Unknown", "is no time zone"),
            ("Mars/Olympus", "is no time zone;"),
        ] {
            let why = zone_name(text).unwrap_err().to_string();
            assert!(why.contains(told), "{text}: {why}");
        }
        assert!(zone_name(&"x".repeat(10_000)).unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn clocks_change_at_their_instant() {
        // 2026-03-29T01:00Z, and the end of it on 2026-10-25T01:00Z.
        assert_eq!(clock("Europe/Berlin", 1_774_745_999_000), "2026-03-29 01:59");
        assert_eq!(clock("Europe/Berlin", 1_774_746_000_000), "2026-03-29 03:00");
        assert_eq!(clock("Europe/Berlin", 1_792_889_999_000), "2026-10-25 02:59");
        assert_eq!(clock("Europe/Berlin", 1_792_890_000_000), "2026-10-25 02:00");
    }

    #[test]
    fn what_was_meant_is_suggested() {
        for (text, suggestion) in [
            ("UTC+7", "+07:00"),
            ("utc +7", "+07:00"),
            ("GMT+7", "+07:00"),
            ("UTC+07:00", "+07:00"),
            ("UTC-3:30", "-03:30"),
            ("GMT-8", "-08:00"),
            ("UTC+5.5", "+05:30"),
            ("UTC\u{2212}5", "-05:00"),
            ("+7", "+07:00"),
            ("7", "+07:00"),
            ("+0700", "+07:00"),
            ("07:00", "+07:00"),
            ("PST", "America/Los_Angeles"),
            ("CEST", "Europe/Berlin"),
            ("jst", "Asia/Tokyo"),
            ("Jakarta", "Asia/Jakarta"),
            ("Europe/New York", "America/New_York"),
        ] {
            assert_eq!(meant(text).as_deref(), Some(suggestion), "{text}");
            assert!(Zone::named(text).is_none(), "{text}");
            assert!(Zone::named(suggestion).is_some(), "{suggestion}");
        }
        for (text, far) in [
            ("+14:30", true),
            ("-15:00", true),
            ("UTC+99", true),
            ("+14:00", false),
            ("+7:99", false),
            ("Mars", false),
        ] {
            assert_eq!(is_too_far(text), far, "{text}");
        }
        for text in ["", "Mars", "1401", "+14:30", "+15:00", "UTC+99", "Etc/Unknown", "../../etc/passwd"] {
            assert!(Zone::named(text).is_none() && meant(text).is_none(), "{text}");
        }
        assert!(names().len() > 400);
    }

    proptest! {
        #[test]
        fn any_text_is_a_zone_or_none(text in "\\PC{0,20}|(UTC|GMT)?[+-]?[0-9:.]{0,6}", at in any::<i64>()) {
            if let Some(zone) = Zone::named(&text) {
                let _local = zone.local(at);
            }
            if let Some(suggestion) = meant(&text) {
                prop_assert!(Zone::named(&suggestion).is_some());
            }
        }
    }
}
