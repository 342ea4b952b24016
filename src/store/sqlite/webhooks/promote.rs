//! Whose turn it is in a call.

use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx_sqlite::SqliteConnection;

use crate::store::error::Error;

/// A call whose next notification becomes due at `at_ms`.
pub(super) fn at(call_id: &str, at_ms: i64) -> Value {
    json!({ "call": call_id, "at": at_ms })
}

/// In each of these calls the first notification that is not settled has its turn, and no other. One
/// that is being sent keeps it until it is settled.
pub(super) async fn all(connection: &mut SqliteConnection, calls: Vec<Value>) -> Result<(), Error> {
    if calls.is_empty() {
        return Ok(());
    }
    let calls = Json(calls);
    // Only something that is sent again on demand can step in front of one that is due.
    sqlx::query(
        "UPDATE notifications SET state = 'waiting' FROM json_each($1) c \
         WHERE notifications.call_id = c.value ->> 'call' AND notifications.state = 'due' \
         AND EXISTS (SELECT 1 FROM notifications e WHERE e.call_id = notifications.call_id \
         AND e.seq < notifications.seq AND e.state IN ('waiting', 'due', 'sending'))",
    )
    .bind(&calls)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE notifications SET state = 'due', due_ms = c.value ->> 'at', \
         turn_ms = coalesce(turn_ms, c.value ->> 'at') FROM json_each($1) c \
         WHERE notifications.call_id = c.value ->> 'call' AND notifications.state = 'waiting' \
         AND notifications.seq = (SELECT min(w.seq) FROM notifications w \
         WHERE w.call_id = c.value ->> 'call' AND w.state = 'waiting') \
         AND NOT EXISTS (SELECT 1 FROM notifications h WHERE h.call_id = c.value ->> 'call' \
         AND h.state IN ('due', 'sending'))",
    )
    .bind(&calls)
    .execute(connection)
    .await?;
    Ok(())
}
