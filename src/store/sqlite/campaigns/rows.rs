//! Rows of campaigns as values.

use callcore::campaign::{Outcome, Reason, Settings};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, Row};
use sqlx_sqlite::{SqliteExecutor, SqliteRow};

use crate::store::error::Error;
use crate::store::model::{CampaignRow, CampaignState, PlaceLine, PlaceRow, PlaceState, RevisionRow};

/// A column of JSON as a value of the core's. What another version wrote and this one cannot read has the value of nothing.
fn of_json<T: DeserializeOwned + Default>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error> {
    let value: Json<Value> = row.try_get(column)?;
    Ok(serde_json::from_value(value.0).unwrap_or_default())
}

/// The campaign of an id.
pub(super) async fn by_id(reader: impl SqliteExecutor<'_>, id: &str) -> Result<Option<CampaignRow>, Error> {
    Ok(sqlx::query_as("SELECT * FROM campaigns WHERE id = $1").bind(id).fetch_optional(reader).await?)
}

impl FromRow<'_, SqliteRow> for CampaignRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            app_id: row.try_get("app_id")?,
            state: row.try_get::<CampaignState, _>("state")?,
            revision: row.try_get("revision")?,
            decided_revision: row.try_get("decided_revision")?,
            settings: of_json::<Settings>(row, "settings")?,
            author: row.try_get("author")?,
            created_ms: row.try_get("created_ms")?,
            updated_ms: row.try_get("updated_ms")?,
            preflight: row.try_get::<Option<Json<Value>>, _>("preflight")?.map(|json| json.0),
            preflight_revision: row.try_get("preflight_revision")?,
            launched_ms: row.try_get("launched_ms")?,
            launched_by: row.try_get("launched_by")?,
            consent: row.try_get("consent")?,
            running_ms: row.try_get("running_ms")?,
            ended_ms: row.try_get("ended_ms")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for RevisionRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            revision: row.try_get("revision")?,
            settings: of_json::<Settings>(row, "settings")?,
            author: row.try_get("author")?,
            at_ms: row.try_get("at_ms")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for PlaceLine {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            place: PlaceRow::from_row(row)?,
            last_call_ms: row.try_get("last_call_ms")?,
            last_call_id: row.try_get("last_call_id")?,
            minutes: row.try_get("minutes")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for PlaceRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let reason: Json<Value> = row.try_get("reason")?;
        Ok(Self {
            id: row.try_get("id")?,
            campaign_id: row.try_get("campaign_id")?,
            contact_id: row.try_get("contact_id")?,
            number: row.try_get("number")?,
            digits: row.try_get("digits")?,
            zone: row.try_get("zone")?,
            state: row.try_get::<PlaceState, _>("state")?,
            due_ms: row.try_get("due_ms")?,
            reason: serde_json::from_value(reason.0).unwrap_or(Reason::Due),
            attempts: row.try_get("attempts")?,
            outcome: row.try_get::<Option<String>, _>("outcome")?.as_deref().and_then(Outcome::named),
            changed_ms: row.try_get("changed_ms")?,
            name: row.try_get("name")?,
            external_id: row.try_get("external_id")?,
            variables: row.try_get::<Option<Json<Value>>, _>("variables")?.map_or(Value::Null, |json| json.0),
            consent_ms: row.try_get("consent_ms")?,
        })
    }
}
