//! What became of posts, many at once: each statement handles all of them.

use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx_sqlite::SqliteConnection;

use super::promote;
use crate::store::error::Error;
use crate::store::model::{DeadReason, DeliveryOutcome, NotificationState, Settlement};
use crate::store::sqlite::headers;

/// Writes attempts down, with what follows from them. Returns how many came too late.
pub(super) async fn settle(
    connection: &mut SqliteConnection,
    settlements: &[Settlement],
) -> Result<u64, Error> {
    if settlements.is_empty() {
        return Ok(0);
    }
    let rows = Json(settlements.iter().map(row).collect::<Vec<_>>());
    // A claim that lapsed was claimed again, so its fence differs.
    sqlx::query(
        "INSERT INTO notification_attempts (notification_id, attempt, at_ms, duration_ms, status, response, \
         error) SELECT n.id, n.attempts + 1, s.value ->> 'at', s.value ->> 'took', s.value ->> 'status', \
         s.value ->> 'response', s.value ->> 'error' FROM json_each($1) s CROSS JOIN notifications n \
         WHERE n.id = s.value ->> 'id' AND n.claims = s.value ->> 'fence' AND n.state = 'sending'",
    )
    .bind(&rows)
    .execute(&mut *connection)
    .await?;
    let settled = sqlx::query(
        "UPDATE notifications SET state = s.value ->> 'state', settled_ms = s.value ->> 'settled', \
         due_ms = coalesce(s.value ->> 'due', due_ms), reason = s.value ->> 'reason', \
         attempts = attempts + 1, tried = tried + 1, node_id = NULL FROM json_each($1) s \
         WHERE notifications.id = s.value ->> 'id' AND notifications.claims = s.value ->> 'fence' \
         AND notifications.state = 'sending'",
    )
    .bind(&rows)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    for gone in settlements.iter().filter(|s| s.outcome == DeliveryOutcome::Dead(DeadReason::Gone)) {
        give_up_rest(connection, gone).await?;
    }
    let next = settlements.iter().map(|s| promote::at(&s.call_id, ended_ms(s))).collect();
    promote::all(connection, next).await?;
    let delivered = settlements.iter().filter(|s| s.headed && s.outcome == DeliveryOutcome::Delivered);
    let calls: Vec<&str> = delivered.map(|s| s.call_id.as_str()).collect();
    headers::delete_delivered(connection, &calls).await?;
    Ok((settlements.len() as u64).saturating_sub(settled))
}

fn ended_ms(settlement: &Settlement) -> i64 {
    settlement.attempt.at_ms + settlement.attempt.duration_ms
}

fn row(settlement: &Settlement) -> Value {
    let Settlement { id, fence, attempt, outcome, .. } = settlement;
    let ended = ended_ms(settlement);
    let (state, due, settled, reason) = match outcome {
        DeliveryOutcome::Delivered => (NotificationState::Delivered, None, Some(ended), None),
        DeliveryOutcome::Retry { due_ms } => (NotificationState::Due, Some(*due_ms), None, None),
        DeliveryOutcome::Dead(reason) => (NotificationState::Dead, None, Some(ended), Some(reason)),
    };
    json!({
        "id": id, "fence": fence, "state": state, "due": due, "settled": settled, "reason": reason,
        "at": attempt.at_ms, "took": attempt.duration_ms, "status": attempt.status,
        "response": attempt.response, "error": attempt.error,
    })
}

/// The receiver wants nothing more of this call: what waits for the same URL is not posted.
async fn give_up_rest(connection: &mut SqliteConnection, gone: &Settlement) -> Result<(), Error> {
    sqlx::query(
        "UPDATE notifications SET state = 'dead', reason = 'gone', settled_ms = $3 \
         WHERE call_id = $1 AND url = $2 AND state = 'waiting'",
    )
    .bind(&gone.call_id)
    .bind(&gone.url)
    .bind(ended_ms(gone))
    .execute(connection)
    .await?;
    Ok(())
}
