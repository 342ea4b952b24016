//! `scheduleAt` and `expiresAt`: moments in RFC 3339.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::fields::{Invalid, invalid};

/// How far ahead a call may be planned, ms.
const FARTHEST_MS: i64 = 366 * 24 * 60 * 60 * 1_000;

/// When a call may start, and when it may not any more; ms since 1970.
pub(super) fn times(
    schedule_at: Option<String>,
    expires_at: Option<String>,
    now_ms: i64,
) -> Result<(Option<i64>, Option<i64>), Invalid> {
    let start = schedule_at.map(|text| moment("scheduleAt", &text)).transpose()?;
    if start.is_some_and(|start| start > now_ms.saturating_add(FARTHEST_MS)) {
        return invalid("scheduleAt", "lies more than a year ahead");
    }
    let expires = expires_at.map(|text| moment("expiresAt", &text)).transpose()?;
    if let Some(expires) = expires
        && start.is_some_and(|start| expires <= start)
    {
        return invalid("expiresAt", "must be later than scheduleAt, or the call can never be dialled");
    }
    Ok((start, expires))
}

fn moment(field: &'static str, text: &str) -> Result<i64, Invalid> {
    match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(at) => i64::try_from(at.unix_timestamp_nanos() / 1_000_000)
            .or_else(|_| invalid(field, "is no moment of our time")),
        Err(_) => invalid(
            field,
            "is no moment in RFC 3339; write date, time and offset, as in \"2026-12-01T09:30:00+07:00\"",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_750_942_157_600;

    fn read(start: Option<&str>, expires: Option<&str>) -> Result<(Option<i64>, Option<i64>), String> {
        times(start.map(str::to_owned), expires.map(str::to_owned), NOW).map_err(|error| error.to_string())
    }

    #[test]
    fn a_moment_has_a_date_a_time_and_an_offset() {
        let at = Some(1_750_942_157_600);
        assert_eq!(read(Some("2025-06-26T12:49:17.600Z"), None).unwrap(), (at, None));
        assert_eq!(read(Some("2025-06-26T19:49:17.6+07:00"), None).unwrap(), (at, None));
        for text in ["2025-06-26", "2025-06-26 12:49", "2025-06-26T12:49:17", "tomorrow", "1750942157", ""] {
            let error = read(Some(text), None).unwrap_err();
            assert!(error.starts_with("scheduleAt: is no moment"), "{text}: {error}");
        }
        assert!(read(Some("2027-06-26T12:49:17Z"), None).unwrap_err().contains("more than a year"));
    }

    #[test]
    fn a_call_must_have_time_between_its_start_and_its_end() {
        let (start, later) = ("2025-06-27T00:00:00Z", "2025-06-27T00:00:01Z");
        assert!(read(Some(start), Some(later)).is_ok());
        for (start, end) in [(start, start), (later, start)] {
            assert!(read(Some(start), Some(end)).unwrap_err().starts_with("expiresAt: must be later"));
        }
    }
}
