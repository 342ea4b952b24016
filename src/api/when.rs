//! Points in time as people and programs write them.

use serde::{Serialize, Serializer};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime};
use utoipa::openapi::schema::{AnyOfBuilder, KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::fields::Fields;

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
/// What a browser's field for dates sends; taken as UTC.
const MINUTE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]");

/// ISO 8601 with an offset, a day or a minute in UTC, or ms since 1970. An empty text is no time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct When {
    text: String,
    ms: Option<i64>,
}

impl When {
    pub(crate) const fn ms(&self) -> Option<i64> {
        self.ms
    }

    /// Reads it; a space in the place of the offset's sign was a plus that was not escaped.
    ///
    /// # Errors
    /// When it is no time.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        let digits = text.parse::<i64>().ok();
        if digits.is_some_and(|ms| !(-MOST_MS..=MOST_MS).contains(&ms)) {
            return Err(format!("lies too far away; {MOST_MS} milliseconds since 1970 is the most"));
        }
        let ms = digits.or_else(|| iso_ms(&with_plus(text))).ok_or_else(|| {
            "is no moment; write 2026-11-21T05:30:00Z, 2026-11-21, or milliseconds since 1970".to_owned()
        })?;
        Ok(Self { text: text.to_owned(), ms: Some(ms) })
    }
}

/// A moment whose offset lost its plus to the query that carried it.
fn with_plus(text: &str) -> String {
    match text.rsplit_once(' ') {
        Some((moment, offset)) if moment.contains('T') && offset.len() == 5 => format!("{moment}+{offset}"),
        _ => text.to_owned(),
    }
}

fn iso_ms(text: &str) -> Option<i64> {
    let utc = |at: PrimitiveDateTime| at.assume_utc();
    let at = OffsetDateTime::parse(text, &Rfc3339).ok();
    let at = at.or_else(|| PrimitiveDateTime::parse(text, MINUTE).ok().map(utc));
    let at = at.or_else(|| Some(utc(Date::parse(text, DAY).ok()?.midnight())));
    i64::try_from(at?.unix_timestamp_nanos() / 1_000_000).ok()
}

/// A moment in a request, ms since 1970-01-01 UTC.
pub(crate) fn moment(fields: &mut Fields<'_>, name: &'static str) -> Option<i64> {
    let text = fields.moment(name)?;
    fields.checked(name, |_| When::read(&text))?.ms()
}

/// How a moment is described.
pub(crate) struct Moment;

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let iso = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        let day = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)));
        let digits = text().pattern(Some("^-?[0-9]{1,13}$"));
        let number =
            ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(-MOST_MS)).maximum(Some(MOST_MS));
        let about = "ISO 8601 with an offset, a day in UTC, or milliseconds since 1970-01-01 UTC.";
        let any = AnyOfBuilder::new().description(Some(about));
        any.item(iso).item(day).item(digits).item(number).into()
    }
}

impl ToSchema for Moment {}

/// Farthest moment that may be given as a number, ms: in 2286.
const MOST_MS: i64 = 9_999_999_999_999;

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_may_be_written_in_several_ways() {
        let ms = |text| When::read(text).map(|when| when.ms());
        assert_eq!(ms("2026-11-20T00:00:00Z"), Ok(Some(1_795_132_800_000)));
        assert_eq!(ms("2026-11-20T07:00:00+07:00"), Ok(Some(1_795_132_800_000)));
        assert_eq!(
            ms("2026-11-20T07:00:00 07:00"),
            Ok(Some(1_795_132_800_000)),
            "a plus that was not escaped"
        );
        assert_eq!(ms("2026-11-20T00:00"), Ok(Some(1_795_132_800_000)));
        assert_eq!(ms("2026-11-20"), Ok(Some(1_795_132_800_000)));
        assert_eq!(ms("1795132800000"), Ok(Some(1_795_132_800_000)));
        assert_eq!(ms(""), Ok(None));
        assert!(ms("yesterday").unwrap_err().contains("is no moment"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _judged = When::read(&text);
        }
    }
}
