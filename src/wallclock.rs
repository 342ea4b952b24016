//! The time of day, as databases and wires write it.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

const ISO_MS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Now, in ms since 1970-01-01 UTC.
#[must_use]
pub fn now_ms() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// ISO 8601 UTC with milliseconds of `epoch_ms`, ms since 1970; empty for a year beyond 9999.
#[must_use]
pub fn iso(epoch_ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(epoch_ms) * 1_000_000)
        .ok()
        .and_then(|at| at.format(ISO_MS).ok())
        .unwrap_or_default()
}

/// A time as the wires write it, in ms since 1970-01-01 UTC.
#[must_use]
pub fn epoch_ms(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_the_wires_write_them() {
        assert_eq!(iso(1_750_942_157_600), "2025-06-26T12:49:17.600Z");
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(epoch_ms("2025-06-26T12:49:17.600Z"), Some(1_750_942_157_600));
        assert_eq!((epoch_ms("2025-06-26T19:49:17.6+07:00"), epoch_ms("")), (Some(1_750_942_157_600), None));
    }
}
