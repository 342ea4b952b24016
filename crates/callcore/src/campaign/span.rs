//! Lengths of time as people write them: `45s`, `30m`, `2h`, `1d`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A length of time, whole seconds up to 366 days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    seconds: u32,
}

/// Longest, seconds.
const LONGEST: u32 = 366 * DAY;
const DAY: u32 = 24 * HOUR;
const HOUR: u32 = 60 * MINUTE;
const MINUTE: u32 = 60;

/// A text that is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a length of time; write a whole number with `s`, `m`, `h` or `d`, such as `30m`, up to `366d`"
)]
pub struct NoSpan;

impl Span {
    /// So many minutes; the longest there is when there are more.
    #[must_use]
    pub const fn minutes(minutes: u32) -> Self {
        let seconds = minutes.saturating_mul(MINUTE);
        Self { seconds: if seconds > LONGEST { LONGEST } else { seconds } }
    }

    /// In ms.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.seconds as i64 * 1_000
    }
}

impl FromStr for Span {
    type Err = NoSpan;

    fn from_str(text: &str) -> Result<Self, NoSpan> {
        let text = text.trim();
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(NoSpan)?;
        let unit = match unit {
            "s" => 1,
            "m" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            _ => return Err(NoSpan),
        };
        let number: u32 = number.trim().parse().map_err(|_| NoSpan)?;
        let seconds = number.checked_mul(unit).filter(|seconds| *seconds <= LONGEST).ok_or(NoSpan)?;
        Ok(Self { seconds })
    }
}

impl TryFrom<String> for Span {
    type Error = NoSpan;

    fn try_from(text: String) -> Result<Self, NoSpan> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds;
        let (unit, letter) = [(DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm')]
            .into_iter()
            .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit))
            .unwrap_or((1, 's'));
        write!(f, "{}{letter}", seconds / unit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_span_is_read_as_people_write_it() {
        assert_eq!("90s".parse::<Span>().unwrap().ms(), 90_000);
        assert_eq!("2 h".parse::<Span>().unwrap().to_string(), "2h");
        assert_eq!("120m".parse::<Span>().unwrap().to_string(), "2h");
        for wrong in ["", "m", "1", "-1m", "1.5h", "367d", "99999999999d", "1w", "1µ"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(minutes in 0_u32..1_000_000, text in ".{0,6}") {
            let span = Span::minutes(minutes);
            prop_assert_eq!(span.to_string().parse(), Ok(span));
            let _any = text.parse::<Span>();
        }
    }
}
