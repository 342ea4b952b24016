//! Sending again on demand, under the same `webhook-id` and with a new schedule.

use futures_util::FutureExt;
use serde_json::{Value, json};
use sqlx::QueryBuilder;
use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::types::Json;

use super::deliveries::DeliveryFilter;
use super::settle::promote;
use crate::store::model::Page;
use crate::store::{Actor, AuditAction, Error, NewAudit, Store, audit};
use crate::wallclock::now_ms;

/// What is to be sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redelivered {
    /// By age, oldest first.
    pub ids: Vec<String>,
    /// Where they go, each once.
    pub endpoints: Vec<String>,
    /// More match than were taken.
    pub more: bool,
}

/// Why one notification is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSettled {
    /// There is none of that id.
    Unknown,
    /// It is on its way already.
    Open,
}

impl Store {
    /// Has at most `limit` notifications that match sent again, oldest first. Those that are on their way
    /// are left alone. Within a call they go in their old order, one at a time, and before what has not
    /// been sent yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn redeliver(&self, filter: DeliveryFilter, limit: u32) -> Result<Redelivered, Error> {
        self.redeliver_by(filter, limit, None).await
    }

    /// The same, with an entry in the audit log when anything is sent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn redeliver_by(
        &self,
        filter: DeliveryFilter,
        limit: u32,
        actor: Option<Actor>,
    ) -> Result<Redelivered, Error> {
        self.write(move |connection| {
            async move {
                let done = redeliver(connection, &filter, limit).await?;
                if let (Some(actor), [first, rest @ ..]) = (actor, done.ids.as_slice()) {
                    let subject = if rest.is_empty() { first.as_str() } else { "" };
                    let detail = json!({ "webhooks": done.ids.len() });
                    audit::append(
                        connection,
                        NewAudit::new(actor, AuditAction::WebhookRedeliver, subject, detail),
                    )
                    .await?;
                }
                Ok(done)
            }
            .boxed()
        })
        .await
    }

    /// The same for one of them.
    ///
    /// # Errors
    /// When the database fails. The inner error says why it is not sent.
    pub async fn redeliver_one(&self, id: &str) -> Result<Result<Redelivered, NotSettled>, Error> {
        self.redeliver_one_by(id, None).await
    }

    /// The same, with an entry in the audit log when it is sent.
    ///
    /// # Errors
    /// When the database fails. The inner error says why it is not sent.
    pub async fn redeliver_one_by(
        &self,
        id: &str,
        actor: Option<Actor>,
    ) -> Result<Result<Redelivered, NotSettled>, Error> {
        let filter = DeliveryFilter { ids: Some(vec![id.to_owned()]), ..DeliveryFilter::default() };
        let done = self.redeliver_by(filter, 1, actor).await?;
        if !done.ids.is_empty() {
            return Ok(Ok(done));
        }
        let known = self.delivery(id).await?.is_some();
        Ok(Err(if known { NotSettled::Open } else { NotSettled::Unknown }))
    }
}

async fn redeliver(
    connection: &mut SqliteConnection,
    filter: &DeliveryFilter,
    limit: u32,
) -> Result<Redelivered, Error> {
    let now = now_ms();
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT n.id, n.endpoint, n.call_id FROM notifications n WHERE n.state IN ('delivered', 'dead')",
    );
    filter.narrow(&mut query);
    query.push(" ORDER BY n.id LIMIT ").push_bind(i64::from(limit) + 1);
    let found: Vec<(String, String, String)> = query.build_query_as().fetch_all(&mut *connection).await?;
    let Page { items: found, next } = Page::cut(found, limit, |(id, ..)| id.clone());
    let ids: Vec<String> = found.iter().map(|(id, ..)| id.clone()).collect();
    // All wait first; whose turn it is then follows from their order.
    sqlx::query(
        "UPDATE notifications SET state = 'waiting', reason = NULL, settled_ms = NULL, tried = 0, \
         turn_ms = NULL, redelivered = redelivered + 1 WHERE id IN (SELECT value FROM json_each($1))",
    )
    .bind(Json(&ids))
    .execute(&mut *connection)
    .await?;
    let distinct = |pick: fn(&(String, String, String)) -> &String| {
        let mut all: Vec<String> = found.iter().map(pick).cloned().collect();
        all.sort();
        all.dedup();
        all
    };
    let calls: Vec<Value> = distinct(|row| &row.2).iter().map(|call| promote::at(call, now)).collect();
    promote::all(connection, calls).await?;
    Ok(Redelivered { ids, endpoints: distinct(|row| &row.1), more: next.is_some() })
}
