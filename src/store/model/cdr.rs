//! Call detail records in the carrier's own shape.

use callcore::call::CarrierCdr;
use serde::Serialize;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::text::read;
use crate::cdr_wire::CdrMeta;
use crate::wallclock::iso;

/// A record as the carrier's REST API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CdrRow {
    #[serde(flatten)]
    pub cdr: CarrierCdr,
    /// The carrier gave no record: this one is made from our own times.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// When we kept it first; ISO 8601 UTC with milliseconds.
    pub created_at: String,
    /// When we kept it last.
    pub updated_at: String,
    /// Our own name of the call, which the carrier's shape has no place for.
    #[serde(skip)]
    pub call_id: String,
}

/// The answer to a listing: `{"data": […], "meta": {…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CdrPage {
    pub data: Vec<CdrRow>,
    pub meta: CdrMeta,
}

impl<'r, R> FromRow<'r, R> for CdrRow
where
    R: Row,
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let hangup_by: Option<String> = row.try_get("hangup_by")?;
        let cdr = CarrierCdr {
            session_id: row.try_get("session_id")?,
            destination: row.try_get("destination")?,
            start_time: row.try_get("start_time")?,
            answer_time: row.try_get("answer_time")?,
            end_time: row.try_get("end_time")?,
            duration: unsigned(row.try_get("duration")?)?,
            billable_seconds: unsigned(row.try_get("billable_seconds")?)?,
            disposition: read(&row.try_get::<String, _>("disposition")?)?,
            hangup_by: hangup_by.as_deref().map(read).transpose()?,
            hangup_cause_code: unsigned(row.try_get("hangup_cause_code")?)?,
            hangup_cause_text: row.try_get("hangup_cause_text")?,
            source: row.try_get("source")?,
        };
        Ok(Self {
            cdr,
            estimated: row.try_get::<i64, _>("estimated")? != 0,
            created_at: iso(row.try_get("created_ms")?),
            updated_at: iso(row.try_get("updated_ms")?),
            call_id: row.try_get("call_id")?,
        })
    }
}

fn unsigned<T: TryFrom<i64, Error: std::error::Error + Send + Sync + 'static>>(
    value: i64,
) -> Result<T, sqlx::Error> {
    T::try_from(value).map_err(|error| sqlx::Error::Decode(error.into()))
}
