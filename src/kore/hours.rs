//! Calling hours as Kore's campaigns write them: weekdays in two letters, times with `AM` and `PM`.

use std::fmt;
use std::str::FromStr;

use callcore::campaign::{Hours, Weekday};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// Hours in which contacts are called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KoreCallingHours)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallingHours {
    /// `WEEKLY`, `DAILY` or `CUSTOM`. `DAILY`: entries without a day hold for all days.
    pub(crate) frequency: Frequency,
    /// The zone of contacts whose own nobody knows; the others are called by their own clocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timezone: Option<String>,
    pub(crate) days: Vec<CallingDay>,
}

/// How the hours are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = KoreFrequency)]
pub(crate) enum Frequency {
    #[default]
    Weekly,
    Daily,
    Custom,
}

/// Hours of one day, or of every day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KoreCallingDay)]
pub(crate) struct CallingDay {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) day: Option<Day>,
    #[schema(value_type = String, example = "9:00 AM")]
    pub(crate) start: Clock,
    #[schema(value_type = String, example = "6:00 PM")]
    pub(crate) end: Clock,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KoreDay)]
pub(crate) enum Day {
    #[serde(rename = "MO")]
    Monday,
    #[serde(rename = "TU")]
    Tuesday,
    #[serde(rename = "WE")]
    Wednesday,
    #[serde(rename = "TH")]
    Thursday,
    #[serde(rename = "FR")]
    Friday,
    #[serde(rename = "SA")]
    Saturday,
    #[serde(rename = "SU")]
    Sunday,
}

impl Day {
    /// All of them, from Monday, with their letters.
    pub(crate) const ALL: [(&'static str, Self); 7] = [
        ("MO", Self::Monday),
        ("TU", Self::Tuesday),
        ("WE", Self::Wednesday),
        ("TH", Self::Thursday),
        ("FR", Self::Friday),
        ("SA", Self::Saturday),
        ("SU", Self::Sunday),
    ];
}

macro_rules! days {
    ($($ours:ident = $kore:ident),+) => {
        impl From<Weekday> for Day {
            fn from(day: Weekday) -> Self {
                match day { $(Weekday::$ours => Self::$kore),+ }
            }
        }

        impl From<Day> for Weekday {
            fn from(day: Day) -> Self {
                match day { $(Day::$kore => Self::$ours),+ }
            }
        }
    };
}

days!(
    Mon = Monday,
    Tue = Tuesday,
    Wed = Wednesday,
    Thu = Thursday,
    Fri = Friday,
    Sat = Saturday,
    Sun = Sunday
);

impl CallingHours {
    /// The windows that they mean; days with the same hours share one.
    pub(super) fn windows(&self) -> Vec<Hours> {
        let mut windows: Vec<Hours> = Vec::new();
        for CallingDay { day, start, end } in &self.days {
            let (from, until) = (start.plain(), end.as_end().plain());
            let days: Vec<Weekday> = match day {
                Some(day) => vec![(*day).into()],
                None => Day::ALL.iter().map(|(_, day)| (*day).into()).collect(),
            };
            match windows.iter_mut().find(|window| window.from == from && window.until == until) {
                Some(window) => window.days.extend(days),
                None => windows.push(Hours { days, from, until }),
            }
        }
        windows
    }
}

/// A time of day, minutes since midnight, up to 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Clock(u32);

const DAY: u32 = 24 * 60;
const HALF: u32 = DAY / 2;
const WRONG: &str = "is no time of day; write it as in \"9:00 AM\" or \"18:30\"";

impl Clock {
    /// As the end of hours, for which midnight is that of the next day.
    pub(crate) const fn as_end(self) -> Self {
        if self.0 == 0 { Self(DAY) } else { self }
    }

    /// `09:00`, `24:00`.
    fn plain(self) -> String {
        format!("{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for Clock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let upper = text.trim().to_ascii_uppercase();
        let (time, half) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
            (Some(time), _) => (time, Some(0)),
            (_, Some(time)) => (time, Some(HALF)),
            (None, None) => (upper.as_str(), None),
        };
        let (hours, minutes) = time.trim().split_once(':').unwrap_or((time.trim(), "00"));
        // Hours alone are a time with their half of the day only.
        if (half.is_none() && !time.contains(':')) || minutes.len() != 2 {
            return Err(WRONG.to_owned());
        }
        let number = |text: &str| {
            let plain = !text.is_empty() && text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            if plain { text.parse::<u32>().ok() } else { None }
        };
        let (Some(hours), Some(minutes)) = (number(hours), number(minutes)) else {
            return Err(WRONG.to_owned());
        };
        let at = match half {
            Some(half) if (1..=12).contains(&hours) => hours % 12 * 60 + half + minutes,
            None if hours < 24 || (hours == 24 && minutes == 0) => hours * 60 + minutes,
            Some(_) | None => return Err(WRONG.to_owned()),
        };
        if minutes < 60 { Ok(Self(at)) } else { Err(WRONG.to_owned()) }
    }
}

/// `9:00 AM`.
impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0 % DAY;
        let hours = match at / 60 % 12 {
            0 => 12,
            hours => hours,
        };
        write!(f, "{hours}:{:02} {}", at % 60, if at < HALF { "AM" } else { "PM" })
    }
}

impl Serialize for Clock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read_with_halves_and_without() {
        for (text, plain, told) in [
            ("9:00 AM", "09:00", "9:00 AM"),
            ("12:00 AM", "00:00", "12:00 AM"),
            ("12:30 pm", "12:30", "12:30 PM"),
            ("11:59PM", "23:59", "11:59 PM"),
            ("9 am", "09:00", "9:00 AM"),
            ("18:30", "18:30", "6:30 PM"),
            ("24:00", "24:00", "12:00 AM"),
        ] {
            let clock: Clock = text.parse().unwrap();
            assert_eq!((clock.plain().as_str(), clock.to_string().as_str()), (plain, told), "{text}");
        }
        for wrong in [
            "", "9", "AM", "13:00 PM", "0:00 AM", "9:0 AM", "25:00", "24:01", "9:60 AM", "9h", "-9:00",
            "٩:00 AM",
        ] {
            assert!(wrong.parse::<Clock>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn days_with_the_same_hours_share_a_window_and_an_end_at_midnight_is_that_of_the_day() {
        let day = |day, start: &str, end: &str| CallingDay {
            day,
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
        };
        let hours = |days| CallingHours { days, ..CallingHours::default() }.windows();
        let windows = hours(vec![
            day(Some(Day::Monday), "9:00 AM", "5:00 PM"),
            day(Some(Day::Saturday), "9:00 AM", "12:00 AM"),
            day(Some(Day::Tuesday), "9:00 AM", "5:00 PM"),
        ]);
        let told: Vec<_> =
            windows.iter().map(|hours| (hours.days.as_slice(), hours.until.as_str())).collect();
        assert_eq!(told, [(&[Weekday::Mon, Weekday::Tue][..], "17:00"), (&[Weekday::Sat][..], "24:00")]);
        assert_eq!(hours(vec![day(None, "8:00 AM", "8:00 PM")]).first().unwrap().days.len(), 7);
    }
}
