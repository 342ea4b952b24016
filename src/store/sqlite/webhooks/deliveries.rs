//! The ledger as it is read: a page of it, one line with its attempts, a call's lines.

use sqlx::QueryBuilder;
use sqlx_sqlite::Sqlite;

use crate::store::error::Error;
use crate::store::model::{
    AttemptRow, DeliveryFilter, DeliveryRow, DeliveryState, NotificationRow, Page, Tally, Visibility,
};
use crate::store::sqlite::engine::Engine;
use crate::store::sqlite::query::narrow;

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

impl Engine {
    pub(in crate::store) async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<DeliveryRow, String>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(DELIVERY);
        narrow_deliveries(filter, &mut query);
        if let Some(after) = after {
            query.push(" AND n.id < ").push_bind(after);
        }
        query.push(" ORDER BY n.id DESC LIMIT ").push_bind(i64::from(limit) + 1);
        let rows = query.build_query_as().fetch_all(&self.readers).await?;
        Ok(Page::cut(rows, limit, |row: &DeliveryRow| row.notification.id.clone()))
    }

    pub(in crate::store) async fn delivery(&self, id: &str) -> Result<Option<DeliveryRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(DELIVERY);
        query.push(" AND n.id = ").push_bind(id);
        Ok(query.build_query_as().fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn count_deliveries(
        &self,
        filter: &DeliveryFilter,
        most: u32,
    ) -> Result<u64, Error> {
        let mut query =
            QueryBuilder::<Sqlite>::new("SELECT count(*) FROM (SELECT 1 FROM notifications n WHERE 1 = 1");
        narrow_deliveries(filter, &mut query);
        query.push(" LIMIT ").push_bind(i64::from(most)).push(")");
        let count: i64 = query.build_query_scalar().fetch_one(&self.readers).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    pub(in crate::store) async fn notifications(&self, call_id: &str) -> Result<Vec<NotificationRow>, Error> {
        let query = sqlx::query_as("SELECT * FROM notifications WHERE call_id = $1 ORDER BY seq");
        Ok(query.bind(call_id).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn attempts(&self, notification_id: &str) -> Result<Vec<AttemptRow>, Error> {
        let query = sqlx::query_as(
            "SELECT attempt, at_ms, duration_ms, status, response, error FROM notification_attempts \
             WHERE notification_id = $1 ORDER BY attempt",
        );
        Ok(query.bind(notification_id).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn tally(&self, call_id: &str) -> Result<Tally, Error> {
        let query = sqlx::query_as(
            "SELECT count(CASE WHEN state IN ('waiting', 'due', 'sending') THEN 1 END) AS open, \
             count(CASE WHEN state = 'delivered' THEN 1 END) AS delivered, \
             count(CASE WHEN state = 'dead' THEN 1 END) AS dead FROM notifications WHERE call_id = $1",
        );
        Ok(query.bind(call_id).fetch_one(&self.readers).await?)
    }
}

/// Only notifications about calls that are seen, or about campaigns.
fn narrow_by_subject(visibility: &Visibility, query: &mut QueryBuilder<Sqlite>) {
    if visibility.is_all() {
        return;
    }
    query.push(" AND (EXISTS (SELECT 1 FROM calls sc WHERE sc.id = n.call_id");
    narrow(visibility, query, "sc");
    query.push(")");
    if let (None, Some(name)) = (visibility.bots(), visibility.asked_by()) {
        query.push(" OR n.campaign_id IS NOT NULL AND n.app_id = ").push_bind(name.to_owned());
    }
    query.push(")");
}

/// Adds the conditions to a statement whose table of notifications is called `n`.
pub(super) fn narrow_deliveries(filter: &DeliveryFilter, query: &mut QueryBuilder<Sqlite>) {
    if let Some(state) = filter.state {
        query.push(clause(state));
    }
    let equal = [
        (" AND n.call_id = ", filter.call_id.as_deref()),
        (" AND n.app_id = ", filter.app_id.as_deref()),
        (" AND n.endpoint = ", filter.endpoint.as_deref()),
        (" AND n.kind = ", filter.kind.as_deref()),
        (" AND n.reason = ", filter.reason.map(|reason| reason.as_str())),
    ];
    for (condition, value) in equal {
        if let Some(value) = value {
            query.push(condition).push_bind(value.to_owned());
        }
    }
    // Ids grow with time, and they have an index; the exact time settles the rest.
    if let Some(since) = filter.since_ms {
        query.push(" AND n.id >= ").push_bind(first_id(since.saturating_sub(1_000)));
        query.push(" AND n.created_ms >= ").push_bind(since);
    }
    if let Some(until) = filter.until_ms {
        query.push(" AND n.id < ").push_bind(first_id(until.saturating_add(1_000)));
        query.push(" AND n.created_ms < ").push_bind(until);
    }
    narrow_by_subject(&filter.visibility, query);
    if let Some(ids) = &filter.ids {
        let ids = serde_json::to_string(ids).unwrap_or_default();
        query.push(" AND n.id IN (SELECT value FROM json_each(").push_bind(ids).push("))");
    }
}
