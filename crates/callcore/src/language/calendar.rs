//! Days and times of day, as data.

use std::fmt;

use jiff::{Span, civil};

/// A day of the Gregorian calendar between the years 1900 and 2199.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(civil::Date);

/// The first and the last year that is understood.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2199;

impl Date {
    /// The day, if there is one; `month` and `day` count from 1.
    #[must_use]
    pub fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        let (year, month, day) = (year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?);
        Self::known(civil::Date::new(year, month, day).ok()?)
    }

    fn known(date: civil::Date) -> Option<Self> {
        YEARS.contains(&date.year()).then_some(Self(date))
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

    /// Year, month (1 to 12) and day (1 to 31).
    #[must_use]
    pub fn civil(self) -> (i32, u32, u32) {
        (self.0.year().into(), self.0.month().unsigned_abs().into(), self.0.day().unsigned_abs().into())
    }

    /// 0 for Monday to 6 for Sunday.
    #[must_use]
    pub fn weekday(self) -> u32 {
        self.0.weekday().to_monday_zero_offset().unsigned_abs().into()
    }

    /// The day so many days later, if it is in a year that is understood.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Option<Self> {
        let span = Span::new().try_days(days).ok()?;
        Self::known(self.0.checked_add(span).ok()?)
    }

    /// The same day of a later month, or that month's last.
    #[must_use]
    pub fn plus_months(self, months: i32) -> Option<Self> {
        let span = Span::new().try_months(months).ok()?;
        Self::known(self.0.checked_add(span).ok()?)
    }

    /// Days from `earlier` to this one; negative when this one is before it.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> i64 {
        self.0.duration_since(earlier.0).as_hours() / 24
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
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

    /// Since midnight, 0 to 1439.
    #[must_use]
    pub const fn minutes(self) -> u32 {
        self.minutes
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
    /// Of a clock that shows this, if its year is understood.
    pub(super) fn of(clock: civil::DateTime) -> Option<Self> {
        let (hour, minute) = (clock.hour().unsigned_abs().into(), clock.minute().unsigned_abs().into());
        Some(Self { date: Date::known(clock.date())?, time: TimeOfDay::new(hour, minute)? })
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
        Self { date: Date(civil::date(2026, 1, 1)), time: TimeOfDay { minutes: 540 } }
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
}
