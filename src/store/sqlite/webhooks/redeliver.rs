//! Sending again on demand, under the same `webhook-id` and with a new schedule.

use futures_util::FutureExt;
use serde_json::{Value, json};
use sqlx::QueryBuilder;
use sqlx::types::Json;
use sqlx_sqlite::{Sqlite, SqliteConnection};

use super::deliveries::narrow_deliveries;
use super::promote;
use crate::store::error::Error;
use crate::store::model::{Actor, AuditAction, DeliveryFilter, NewAudit, Page, Redelivered};
use crate::store::sqlite::audit;
use crate::store::sqlite::engine::Engine;
use crate::wallclock::now_ms;

impl Engine {
    pub(in crate::store) async fn redeliver_by(
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
    narrow_deliveries(filter, &mut query);
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
