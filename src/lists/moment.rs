//! When somebody agreed to be called, as tables write it.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A moment that may lie so far ahead: clocks differ, and so do days, ms.
const AHEAD_MS: i64 = 36 * 3_600_000;
/// Whole numbers that days are in spreadsheets: from 1982 to 2064.
const SERIAL: std::ops::RangeInclusive<f64> = 30_000.0..=60_000.0;

/// Reads a date, or a date and a time, in `zone` (a name of the IANA data base; UTC when absent) where it names none. A date
/// alone is the beginning of that day.
///
/// # Errors
/// When it is none, could be two, or has not come yet.
pub(super) fn moment(text: &str, zone: Option<&str>, now_ms: i64) -> Result<i64, String> {
    let at = read(text.trim(), zone)?;
    if at > now_ms.saturating_add(AHEAD_MS) {
        return Err(format!("{text} has not come yet; consent is given before a call"));
    }
    Ok(at)
}

fn read(text: &str, zone: Option<&str>) -> Result<i64, String> {
    let unknown = || {
        let shown: String = text.chars().take(40).collect();
        format!("`{shown}` is no date; write 2026-11-29, or 2026-11-29T14:30:00+07:00")
    };
    if text.chars().count() > 40 {
        return Err(unknown());
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_millisecond());
    }
    let civil =
        text.parse::<DateTime>().ok().or_else(|| text.parse::<Date>().ok().map(|date| date.at(0, 0, 0, 0)));
    let civil = match civil {
        Some(civil) => civil,
        None if text.parse::<f64>().is_ok_and(|days| SERIAL.contains(&days)) => {
            return Err(format!(
                "`{text}` looks like a day as spreadsheets count them; format the column as a date, as in 2026-11-29"
            ));
        }
        None => slashed(text)?.ok_or_else(unknown)?,
    };
    let zone = zone.and_then(|name| TimeZoneDatabase::bundled().get(name).ok()).unwrap_or(TimeZone::UTC);
    zone.to_timestamp(civil).map(|at| at.as_millisecond()).map_err(|_| unknown())
}

/// `29/11/2026`, `29.11.2026 14:30`, `11/29/2026`: where only one of the first two can be the month.
fn slashed(text: &str) -> Result<Option<DateTime>, String> {
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
    let parts: Vec<&str> = date.split(['/', '.', '-']).collect();
    let [one, two, year] = parts.as_slice() else { return Ok(None) };
    let (Ok(one), Ok(two), Ok(year), 4) =
        (one.parse::<i8>(), two.parse::<i8>(), year.parse::<i16>(), year.len())
    else {
        return Ok(None);
    };
    let date = match (one, two) {
        (1..=12, 1..=12) if one != two => {
            return Err(format!(
                "`{text}` may be {year}-{two:02}-{one:02} or {year}-{one:02}-{two:02}; write it so"
            ));
        }
        (_, 1..=12) => Date::new(year, two, one),
        _ => Date::new(year, one, two),
    };
    let mut clock = time.trim().split(':').map(str::parse::<i8>);
    let (Some(Ok(hour)), Some(Ok(minute)), second) =
        (clock.next(), clock.next(), clock.next().unwrap_or(Ok(0)))
    else {
        return Ok(None);
    };
    let Ok(time) = jiff::civil::Time::new(hour, minute, second.unwrap_or(-1), 0) else { return Ok(None) };
    Ok(date.ok().map(|date| date.to_datetime(time)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_796_000_000_000; // 2026-11-29

    #[test]
    fn dates_are_read_where_they_can_be_one_thing_only() {
        let midnight = 1_781_481_600_000; // 2026-06-15T00:00Z
        for (text, zone, at) in [
            ("2026-06-15", None, midnight),
            ("2026-06-15", Some("Asia/Jakarta"), midnight - 7 * 3_600_000),
            ("2026-06-15T07:00:00+07:00", Some("Europe/Berlin"), midnight),
            ("2026-06-15T00:00:00Z", None, midnight),
            ("2026-06-15 01:30:00", None, midnight + 90 * 60_000),
            ("15/06/2026", None, midnight),
            ("15.06.2026 01:30", None, midnight + 90 * 60_000),
            ("6/15/2026", None, midnight),
            (" 15-06-2026 ", None, midnight),
        ] {
            assert_eq!(moment(text, zone, NOW), Ok(at), "{text}");
        }
        for (text, told) in [
            ("05/06/2026", "may be 2026-06-05 or 2026-05-06"),
            ("46190", "as spreadsheets count them"),
            ("yes", "is no date"),
            ("", "is no date"),
            ("2026-13-01", "is no date"),
            ("31/02/2026", "is no date"),
            ("15/06/26", "is no date"),
            ("2027-06-15", "has not come yet"),
        ] {
            let why = moment(text, None, NOW).unwrap_err();
            assert!(why.contains(told), "{text}: {why}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,40}", digits in "[0-9/.: T-]{0,20}") {
            let _either = (moment(&text, Some("Asia/Jakarta"), NOW), moment(&digits, None, NOW));
        }
    }
}
