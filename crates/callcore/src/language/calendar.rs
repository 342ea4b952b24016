//! Days and times of day, as data.

use std::fmt;

/// A day of the Gregorian calendar between the years 1900 and 2199.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Days since 1970-01-01.
    days: i32,
}

/// The first and the last year that is understood.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2199;

impl Date {
    /// The day, if there is one; `month` and `day` count from 1.
    #[must_use]
    pub fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        let known = YEARS.contains(&year) && (1..=12).contains(&month);
        let real = known && (1..=days_in(year, month)).contains(&day);
        real.then(|| Self { days: days_from_civil(year, month, day) })
    }

    /// Reads `2026-05-31`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let plain = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        };
        if parts.next().is_some() || year.len() != 4 || !plain(year, 4) || !plain(month, 2) || !plain(day, 2)
        {
            return None;
        }
        Self::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
    }

    /// Days since 1970-01-01; `None` outside the years that are understood.
    #[must_use]
    pub fn from_unix_days(days: i64) -> Option<Self> {
        let date = Self { days: i32::try_from(days).ok()? };
        YEARS.contains(&date.civil().0).then_some(date)
    }

    /// Year, month (1 to 12) and day (1 to 31).
    #[must_use]
    pub fn civil(self) -> (i32, u32, u32) {
        civil_from_days(self.days)
    }

    /// 0 for Monday to 6 for Sunday.
    #[must_use]
    pub fn weekday(self) -> u32 {
        // 1970-01-01 was a Thursday.
        u32::try_from((self.days + 3).rem_euclid(7)).unwrap_or_default()
    }

    /// The day so many days later, if it is in a year that is understood.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Option<Self> {
        Self::from_unix_days(i64::from(self.days).checked_add(days)?)
    }

    /// The same day of a later month, or that month's last.
    #[must_use]
    pub fn plus_months(self, months: i32) -> Option<Self> {
        let (year, month, day) = self.civil();
        let at = i32::try_from(month).ok()? - 1 + months;
        let (year, month) = (year + at.div_euclid(12), u32::try_from(at.rem_euclid(12)).ok()? + 1);
        Self::new(year, month, day.min(days_in(year, month)))
    }

    /// Days from `earlier` to this one; negative when this one is before it.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> i64 {
        i64::from(self.days) - i64::from(earlier.days)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

fn leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i32, month: u32) -> u32 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01. Counts in years that begin in March, so that the leap day is the last one, and
/// in eras of 400 years, which all have 146,097 days.
fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let month = i32::try_from(month).unwrap_or(1);
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i32::try_from(day).unwrap_or(1) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i32) -> (i32, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i32::from(month <= 2);
    (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
}

/// A time of day, to the minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    minutes: u32,
}

impl TimeOfDay {
    /// The time, if there is one: `hour` 0 to 23, `minute` 0 to 59.
    #[must_use]
    pub fn new(hour: u32, minute: u32) -> Option<Self> {
        (hour < 24 && minute < 60).then_some(Self { minutes: hour * 60 + minute })
    }

    /// Reads `14:30`; seconds behind it are dropped.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, ':');
        let (hour, minute) = (parts.next()?, parts.next()?);
        let plain = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(hour) || minute.len() != 2 || !plain(minute) || parts.next().is_some_and(|s| !plain(s)) {
            return None;
        }
        Self::new(hour.parse().ok()?, minute.parse().ok()?)
    }

    /// Hour (0 to 23) and minute.
    #[must_use]
    pub const fn clock(self) -> (u32, u32) {
        (self.minutes / 60, self.minutes % 60)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute) = self.clock();
        write!(f, "{hour:02}:{minute:02}")
    }
}

/// The date and time where the callee is, when the call begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    pub date: Date,
    pub time: TimeOfDay,
}

impl LocalTime {
    /// Of `epoch_ms`, ms since 1970-01-01 UTC, in a zone so many minutes ahead of UTC.
    #[must_use]
    pub fn of_unix_ms(epoch_ms: i64, ahead_minutes: i32) -> Option<Self> {
        let minutes = epoch_ms.div_euclid(60_000).checked_add(i64::from(ahead_minutes))?;
        let date = Date::from_unix_days(minutes.div_euclid(1_440))?;
        let minutes = u32::try_from(minutes.rem_euclid(1_440)).ok()?;
        Some(Self { date, time: TimeOfDay { minutes } })
    }

    /// Reads `2026-05-31 14:30`; without a time it is nine in the morning.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.split_once([' ', 'T']) {
            Some((date, time)) => Some(Self { date: Date::parse(date)?, time: TimeOfDay::parse(time)? }),
            None => Some(Self { date: Date::parse(text)?, time: TimeOfDay { minutes: 540 } }),
        }
    }
}

impl Default for LocalTime {
    /// Thursday, 1 January 2026, nine in the morning: the day of a test that names none.
    fn default() -> Self {
        Self { date: Date { days: 20_454 }, time: TimeOfDay { minutes: 540 } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_on_across_months_leap_years_and_centuries() {
        let mut date = Date::new(1900, 1, 1).unwrap();
        assert_eq!(date.weekday(), 0);
        for _ in 0..109_000 {
            let (year, month, day) = date.civil();
            assert_eq!(Date::new(year, month, day), Some(date));
            assert_eq!(Date::parse(&date.to_string()), Some(date));
            let next = date.plus_days(1).unwrap();
            assert_eq!((next.days_since(date), next.weekday()), (1, (date.weekday() + 1) % 7));
            date = next;
        }
        assert_eq!(LocalTime::default().date.to_string(), "2026-01-01");
        assert_eq!(Date::new(2026, 11, 21).unwrap().weekday(), 5);
    }

    #[test]
    fn days_that_are_not_are_refused() {
        for text in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "26-01-01",
            "2026-1-32",
            "2026-01",
            "2026-01-01-01",
            "x",
            "",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        assert!(Date::parse("2028-02-29").is_some());
        for text in ["24:00", "9", "9:5", "12:60", ":", "a:00", "-1:00"] {
            assert_eq!(TimeOfDay::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_month_later_is_the_same_day_or_the_last_one() {
        let after = |text: &str, months| Date::parse(text).unwrap().plus_months(months).unwrap().to_string();
        assert_eq!(after("2026-01-31", 1), "2026-02-28");
        assert_eq!(after("2026-12-05", 1), "2027-01-05");
        assert_eq!(after("2026-03-05", -3), "2025-12-05");
    }

    #[test]
    fn the_day_of_a_call_is_that_of_its_zone() {
        // 2026-11-21T18:30:00Z
        let at = 1_795_285_800_000;
        let jakarta = LocalTime::of_unix_ms(at, 7 * 60).unwrap();
        assert_eq!(
            (jakarta.date.to_string(), jakarta.time.to_string()),
            ("2026-11-22".into(), "01:30".into())
        );
        let utc = LocalTime::of_unix_ms(at, 0).unwrap();
        assert_eq!((utc.date.to_string(), utc.time.to_string()), ("2026-11-21".into(), "18:30".into()));
    }
}
