//! Times as whoever looks at a page reads them: in their zone, which is always written beside.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::Serialize;

use crate::wallclock::iso;

/// A zone of the time-zone database.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    name: String,
    rules: TimeZone,
}

/// A moment, ready to be shown.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct At {
    /// In the zone of who looks.
    text: String,
    /// ISO 8601 UTC, for programs and for who wants to know.
    utc: String,
}

impl At {
    /// As it is shown.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }
}

impl Zone {
    /// By its name, `Asia/Jakarta` for example.
    pub(super) fn named(name: &str) -> Option<Self> {
        // `Etc/Unknown` stands in the data base for what is not known.
        let rules = TimeZoneDatabase::bundled().get(name).ok().filter(|rules| !rules.is_unknown())?;
        Some(Self { name: rules.iana_name()?.to_owned(), rules })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn format(&self, at_ms: i64, pattern: &str) -> String {
        let at = Timestamp::from_millisecond(at_ms).ok();
        at.map(|at| at.to_zoned_datetime(self.rules.clone()).strftime(pattern).to_string())
            .unwrap_or_default()
    }

    /// A day and a time of it.
    pub(super) fn at(&self, at_ms: i64) -> At {
        At { text: self.format(at_ms, "%Y-%m-%d %H:%M:%S %Z"), utc: iso(at_ms) }
    }

    /// A time of the day.
    pub(super) fn clock(&self, at_ms: i64) -> At {
        At { text: self.format(at_ms, "%H:%M:%S %Z"), utc: iso(at_ms) }
    }

    /// The day in which a moment lies: when it begins, and the next one.
    pub(super) fn day_of(&self, at_ms: i64) -> (i64, i64) {
        let bounds = || {
            let at = Timestamp::from_millisecond(at_ms).ok()?.to_zoned_datetime(self.rules.clone());
            let begins = at.start_of_day().ok()?;
            let ends = begins.tomorrow().ok()?.start_of_day().ok()?;
            Some((begins.timestamp().as_millisecond(), ends.timestamp().as_millisecond()))
        };
        bounds().unwrap_or((at_ms, at_ms))
    }

    /// When a day, `2026-11-30`, begins and ends here.
    pub(super) fn day(&self, text: &str) -> Option<(i64, i64)> {
        let date: jiff::civil::Date = text.parse().ok()?;
        let begins = date.to_zoned_datetime(self.rules.clone()).ok()?;
        let ends = date.tomorrow().ok()?.to_zoned_datetime(self.rules.clone()).ok()?;
        Some((begins.timestamp().as_millisecond(), ends.timestamp().as_millisecond()))
    }

    /// A day as [`Self::day`] reads it.
    pub(super) fn day_text(&self, at_ms: i64) -> String {
        self.format(at_ms, "%Y-%m-%d")
    }
}

/// A length of time: `4.2 s`, `1:05`, `1:02:03`.
pub(super) fn length(ms: i64) -> String {
    let ms = ms.max(0);
    let seconds = ms / 1_000;
    if ms < 60_000 {
        return format!("{}.{} s", seconds, ms % 1_000 / 100);
    }
    if seconds < 3_600 {
        return format!("{}:{:02}", seconds / 60, seconds % 60);
    }
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_the_zone_of_who_looks_and_names_it() {
        let jakarta = Zone::named("Asia/Jakarta").unwrap();
        let at = jakarta.at(1_750_942_157_600);
        assert_eq!(
            (at.text.as_str(), at.utc.as_str()),
            ("2025-06-26 19:49:17 WIB", "2025-06-26T12:49:17.600Z")
        );
        assert_eq!(Zone::default().clock(1_750_942_157_600).text, "12:49:17 UTC");
        assert!(Zone::named("Mars/Olympus").is_none() && Zone::named("../etc/passwd").is_none());
        assert_eq!(jakarta.at(i64::MAX).text, "", "beyond the calendar");
    }

    #[test]
    fn a_day_is_as_long_as_it_is_there() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let (begins, ends) = berlin.day("2026-03-29").unwrap();
        assert_eq!(ends - begins, 23 * 3_600_000);
        assert_eq!(berlin.day_of(begins + 5), (begins, ends));
        assert_eq!(berlin.day_text(begins), "2026-03-29");
        assert!(berlin.day("29.3.2026").is_none());
    }

    #[test]
    fn lengths_are_read_at_a_glance() {
        let texts = [0, 4_250, 59_999, 65_000, 3_723_000, -5].map(length);
        assert_eq!(texts, ["0.0 s", "4.2 s", "59.9 s", "1:05", "1:02:03", "0.0 s"]);
    }
}
