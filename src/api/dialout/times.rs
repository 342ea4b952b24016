//! `scheduleAt` and `expiresAt`: moments in RFC 3339.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::api::fields::Fields;

/// How far ahead a call may be planned, ms.
const FARTHEST_MS: i64 = 366 * 24 * 60 * 60 * 1_000;
const LONGEST_MOMENT: usize = 64;

/// When a call may start, and when it may not any more; ms since 1970.
pub(super) fn times(fields: &mut Fields<'_>, now_ms: i64) -> (Option<i64>, Option<i64>) {
    let start = fields.read("scheduleAt", LONGEST_MOMENT, |text| {
        moment(text).and_then(|start| {
            let near = start <= now_ms.saturating_add(FARTHEST_MS);
            if near { Ok(start) } else { Err("lies more than a year ahead".to_owned()) }
        })
    });
    let expires = fields.read("expiresAt", LONGEST_MOMENT, moment);
    if let (Some(start), Some(expires)) = (start, expires)
        && expires <= start
    {
        fields.fault("expiresAt", "must be later than scheduleAt, or the call can never be dialled");
    }
    (start, expires)
}

fn moment(text: &str) -> Result<i64, String> {
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        "is no moment in RFC 3339; write date, time and offset, as in \"2026-12-01T09:30:00+07:00\""
            .to_owned()
    })?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).map_err(|_| "is no moment of our time".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::error::Code;
    use crate::api::fields::{Faults, Names, Object};

    const NOW: i64 = 1_750_942_157_600;

    fn read(start: Option<&str>, expires: Option<&str>) -> Result<(Option<i64>, Option<i64>), String> {
        let body = json!({ "scheduleAt": start, "expiresAt": expires }).to_string();
        let mut faults = Faults::default();
        let object = Object::read(body.as_bytes(), "body").map_err(|problem| problem.detail().to_owned())?;
        let read = object.fields(Names::AnyCase, &mut faults, |fields| times(fields, NOW));
        faults.end(Code::Malformed).map(|_| read).map_err(|problem| problem.detail().to_owned())
    }

    #[test]
    fn a_moment_has_a_date_a_time_and_an_offset() {
        let at = Some(1_750_942_157_600);
        assert_eq!(read(Some("2025-06-26T12:49:17.600Z"), None).unwrap(), (at, None));
        assert_eq!(read(Some("2025-06-26T19:49:17.6+07:00"), None).unwrap(), (at, None));
        for text in ["2025-06-26", "2025-06-26 12:49", "2025-06-26T12:49:17", "tomorrow", "1750942157"] {
            let error = read(Some(text), None).unwrap_err();
            assert!(error.starts_with("scheduleAt: is no moment"), "{text}: {error}");
        }
        assert!(read(Some("2027-06-26T12:49:17Z"), None).unwrap_err().contains("more than a year"));
    }

    #[test]
    fn a_moment_that_was_not_filled_in_is_never_now() {
        for text in ["", "  ", "{{start}}", "null", "undefined", "${start}"] {
            assert!(read(Some(text), None).unwrap_err().starts_with("scheduleAt: "), "{text}");
            assert!(read(None, Some(text)).unwrap_err().starts_with("expiresAt: "), "{text}");
        }
        assert_eq!(read(None, None).unwrap(), (None, None));
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
