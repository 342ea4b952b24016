//! What may be sent now.

use serde_json::Value;
use sqlx::types::Json;
use sqlx_sqlite::SqliteConnection;

use super::promote;
use crate::store::error::Error;
use crate::store::model::{Claim, ClaimRequest, Claimed, NodeId, Room};

pub(super) async fn claim(
    connection: &mut SqliteConnection,
    request: ClaimRequest,
    node: &NodeId,
) -> Result<Claimed, Error> {
    let now = request.now_ms;
    sqlx::query(
        "UPDATE notifications SET state = 'due', node_id = NULL WHERE state = 'sending' AND due_ms <= $1",
    )
    .bind(now)
    .execute(&mut *connection)
    .await?;
    let expired = expire(connection, &request).await?;
    let mut claims: Vec<Claim> = Vec::new();
    let mut room = Room::new(&request);
    for endpoint in due_endpoints(connection, now).await? {
        if room.left == 0 {
            break;
        }
        let share = room.share(&endpoint);
        if share > 0 {
            let claimed = claim_endpoint(connection, &endpoint, share, &request, node).await?;
            room.take(&endpoint, claimed.len());
            claims.extend(claimed);
        }
    }
    let next_due_ms = next_due(connection, now).await?;
    Ok(Claimed { claims, next_due_ms, expired, stale: 0 })
}

/// Endpoints with something due, the longest waiting first. Hops from one to the next through the
/// index, so a long backlog of one endpoint costs no more than a short one.
async fn due_endpoints(connection: &mut SqliteConnection, now: i64) -> Result<Vec<String>, Error> {
    let query = sqlx::query_scalar(
        "WITH RECURSIVE hop (endpoint) AS ( \
         SELECT min(endpoint) FROM notifications WHERE state = 'due' \
         UNION ALL SELECT (SELECT min(n.endpoint) FROM notifications n \
         WHERE n.state = 'due' AND n.endpoint > hop.endpoint) FROM hop WHERE hop.endpoint IS NOT NULL), \
         earliest (endpoint, due_ms) AS ( \
         SELECT endpoint, (SELECT min(n.due_ms) FROM notifications n \
         WHERE n.state = 'due' AND n.endpoint = hop.endpoint) FROM hop WHERE endpoint IS NOT NULL) \
         SELECT endpoint FROM earliest WHERE due_ms <= $1 ORDER BY due_ms, endpoint",
    );
    Ok(query.bind(now).fetch_all(connection).await?)
}

async fn claim_endpoint(
    connection: &mut SqliteConnection,
    endpoint: &str,
    room: usize,
    request: &ClaimRequest,
    node: &NodeId,
) -> Result<Vec<Claim>, Error> {
    let query = sqlx::query_as(
        "UPDATE notifications SET state = 'sending', due_ms = $3, claims = claims + 1, node_id = $5 WHERE id IN ( \
         SELECT id FROM notifications WHERE state = 'due' AND endpoint = $1 AND due_ms <= $2 \
         ORDER BY due_ms, id LIMIT $4) RETURNING id, call_id, seq, app_id, kind, url, endpoint, headers, \
         body, created_ms, tried, claims",
    );
    let query = query.bind(endpoint).bind(request.now_ms).bind(request.now_ms + request.lease_ms);
    let query = query.bind(i64::try_from(room).unwrap_or(i64::MAX)).bind(node.as_str());
    Ok(query.fetch_all(connection).await?)
}

/// Gives up what has waited for too long for an endpoint that is held back.
async fn expire(connection: &mut SqliteConnection, request: &ClaimRequest) -> Result<u64, Error> {
    let Some(before_ms) = request.expire_before_ms else { return Ok(0) };
    let held: Vec<&String> =
        request.ceilings.iter().filter(|(_, room)| **room == 0).map(|(endpoint, _)| endpoint).collect();
    let calls: Vec<String> = sqlx::query_scalar(
        "UPDATE notifications SET state = 'dead', reason = 'expired', settled_ms = $3 \
         WHERE state = 'due' AND coalesce(turn_ms, created_ms) < $2 \
         AND endpoint IN (SELECT value FROM json_each($1)) RETURNING call_id",
    )
    .bind(Json(held))
    .bind(before_ms)
    .bind(request.now_ms)
    .fetch_all(&mut *connection)
    .await?;
    let next: Vec<Value> = calls.iter().map(|call| promote::at(call, request.now_ms)).collect();
    promote::all(connection, next).await?;
    Ok(calls.len() as u64)
}

async fn next_due(connection: &mut SqliteConnection, now: i64) -> Result<Option<i64>, Error> {
    let (due, lease): (Option<i64>, Option<i64>) = sqlx::query_as(
        "SELECT (SELECT min(due_ms) FROM notifications WHERE state = 'due' AND due_ms > $1), \
         (SELECT min(due_ms) FROM notifications WHERE state = 'sending')",
    )
    .bind(now)
    .fetch_one(connection)
    .await?;
    Ok(due.into_iter().chain(lease).min())
}
