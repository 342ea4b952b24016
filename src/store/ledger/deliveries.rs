//! The ledger as it is read: a page of it, one line with its attempts, a call's lines.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::sqlite::Sqlite;
use sqlx::{FromRow, QueryBuilder};

use crate::store::model::{DeadReason, DeliveryState, NotificationState, Page};
use crate::store::{Error, Store, Visibility};

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct NotificationRow {
    pub id: String,
    pub call_id: String,
    pub seq: i64,
    pub app_id: String,
    pub kind: String,
    pub url: String,
    pub body: String,
    pub state: NotificationState,
    /// Why it is dead.
    pub reason: Option<DeadReason>,
    pub due_ms: i64,
    pub attempts: i64,
    /// How often it was sent again on demand.
    pub redelivered: i64,
    pub created_ms: i64,
    pub settled_ms: Option<i64>,
}

/// A line of the ledger with the end of its last attempt.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct DeliveryRow {
    #[sqlx(flatten)]
    pub notification: NotificationRow,
    /// Scheme, host and port of its URL.
    pub endpoint: String,
    /// The caller's own headers; they may hold secrets.
    #[sqlx(skip)]
    pub headers: BTreeMap<String, String>,
    #[sqlx(rename = "headers")]
    sealed_headers: String,
    pub last_at_ms: Option<i64>,
    /// HTTP status of the last answer, if there was one.
    pub last_status: Option<i64>,
    pub last_error: Option<String>,
}

/// One attempt as the ledger keeps it; `attempt` counts from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRow {
    pub attempt: i64,
    pub at_ms: i64,
    pub duration_ms: i64,
    pub status: Option<i64>,
    pub response: Option<String>,
    pub error: Option<String>,
}

/// How many notifications there are, by fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, FromRow)]
pub struct Tally {
    /// Waiting, due or being sent.
    pub open: i64,
    pub delivered: i64,
    pub dead: i64,
}

/// Which notifications; what is `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    pub state: Option<DeliveryState>,
    pub call_id: Option<String>,
    pub app_id: Option<String>,
    pub endpoint: Option<String>,
    pub kind: Option<String>,
    /// Why they are dead.
    pub reason: Option<DeadReason>,
    /// Made at or after.
    pub since_ms: Option<i64>,
    /// Made before.
    pub until_ms: Option<i64>,
    /// Only these.
    pub ids: Option<Vec<String>>,
    /// Only those of these calls.
    pub visibility: Visibility,
}

impl DeliveryFilter {
    /// Adds the conditions to a statement whose table of notifications is called `n`.
    pub(super) fn narrow(&self, query: &mut QueryBuilder<Sqlite>) {
        if let Some(state) = self.state {
            query.push(clause(state));
        }
        let equal = [
            (" AND n.call_id = ", self.call_id.as_deref()),
            (" AND n.app_id = ", self.app_id.as_deref()),
            (" AND n.endpoint = ", self.endpoint.as_deref()),
            (" AND n.kind = ", self.kind.as_deref()),
            (" AND n.reason = ", self.reason.map(|reason| reason.as_str())),
        ];
        for (clause, value) in equal {
            if let Some(value) = value {
                query.push(clause).push_bind(value.to_owned());
            }
        }
        // Ids grow with time, and they have an index; the exact time settles the rest.
        if let Some(since) = self.since_ms {
            query.push(" AND n.id >= ").push_bind(first_id(since.saturating_sub(1_000)));
            query.push(" AND n.created_ms >= ").push_bind(since);
        }
        if let Some(until) = self.until_ms {
            query.push(" AND n.id < ").push_bind(first_id(until.saturating_add(1_000)));
            query.push(" AND n.created_ms < ").push_bind(until);
        }
        self.visibility.narrow_by_call(query, "n.call_id");
        if let Some(ids) = &self.ids {
            let ids = serde_json::to_string(ids).unwrap_or_default();
            query.push(" AND n.id IN (SELECT value FROM json_each(").push_bind(ids).push("))");
        }
    }
}

/// Literal, because a partial index serves only conditions that repeat its own words.
const fn clause(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Open => " AND n.state IN ('waiting', 'due', 'sending')",
        DeliveryState::Delivered => " AND n.state = 'delivered'",
        DeliveryState::Dead => " AND n.state = 'dead'",
    }
}

/// The least id that a notification made at `ms` can have: a UUID of version 7 begins with its time.
fn first_id(ms: i64) -> String {
    format!("msg_{:012x}", ms.clamp(0, 0xffff_ffff_ffff))
}

const DELIVERY: &str = "SELECT n.*, a.at_ms AS last_at_ms, a.status AS last_status, a.error AS last_error \
     FROM notifications n LEFT JOIN notification_attempts a \
     ON a.notification_id = n.id AND a.attempt = n.attempts WHERE 1 = 1";

impl Store {
    /// At most `limit` notifications that match, newest first, behind the id `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<DeliveryRow, String>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(DELIVERY);
        filter.narrow(&mut query);
        if let Some(after) = after {
            query.push(" AND n.id < ").push_bind(after);
        }
        query.push(" ORDER BY n.id DESC LIMIT ").push_bind(i64::from(limit) + 1);
        let mut deliveries: Vec<DeliveryRow> = query.build_query_as().fetch_all(&self.readers).await?;
        deliveries.iter_mut().for_each(|row| self.open_row(row));
        Ok(Page::cut(deliveries, limit, |row| row.notification.id.clone()))
    }

    /// # Errors
    /// When the database fails.
    pub async fn delivery(&self, id: &str) -> Result<Option<DeliveryRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(DELIVERY);
        query.push(" AND n.id = ").push_bind(id);
        let mut row: Option<DeliveryRow> = query.build_query_as().fetch_optional(&self.readers).await?;
        row.iter_mut().for_each(|row| self.open_row(row));
        Ok(row)
    }

    fn open_row(&self, row: &mut DeliveryRow) {
        row.headers = self.open_headers(&row.notification.call_id, &row.sealed_headers);
    }

    /// How many notifications match, at most `most`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_deliveries(&self, filter: &DeliveryFilter, most: u32) -> Result<u64, Error> {
        let mut query =
            QueryBuilder::<Sqlite>::new("SELECT count(*) FROM (SELECT 1 FROM notifications n WHERE 1 = 1");
        filter.narrow(&mut query);
        query.push(" LIMIT ").push_bind(i64::from(most)).push(")");
        let count: i64 = query.build_query_scalar().fetch_one(&self.readers).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// A call's notifications in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notifications(&self, call_id: &str) -> Result<Vec<NotificationRow>, Error> {
        let query = sqlx::query_as("SELECT * FROM notifications WHERE call_id = $1 ORDER BY seq");
        Ok(query.bind(call_id).fetch_all(&self.readers).await?)
    }

    /// The attempts made for one notification, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn attempts(&self, notification_id: &str) -> Result<Vec<AttemptRow>, Error> {
        let query = sqlx::query_as(
            "SELECT attempt, at_ms, duration_ms, status, response, error FROM notification_attempts \
             WHERE notification_id = $1 ORDER BY attempt",
        );
        Ok(query.bind(notification_id).fetch_all(&self.readers).await?)
    }

    /// Counts a call's notifications.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tally(&self, call_id: &str) -> Result<Tally, Error> {
        let query = sqlx::query_as(
            "SELECT count(CASE WHEN state IN ('waiting', 'due', 'sending') THEN 1 END) AS open, \
             count(CASE WHEN state = 'delivered' THEN 1 END) AS delivered, \
             count(CASE WHEN state = 'dead' THEN 1 END) AS dead FROM notifications WHERE call_id = $1",
        );
        Ok(query.bind(call_id).fetch_one(&self.readers).await?)
    }
}
