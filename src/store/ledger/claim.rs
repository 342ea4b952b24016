//! What may be sent now.

use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use sqlx::types::Json;

use super::settle::promote;
use super::{Claim, ClaimRequest, Claimed};
use crate::store::Error;

pub(super) async fn claim(
    connection: &mut SqliteConnection,
    request: ClaimRequest,
) -> Result<Claimed, Error> {
    let now = request.now_ms;
    sqlx::query("UPDATE notifications SET state = 'due' WHERE state = 'sending' AND due_ms <= $1")
        .bind(now)
        .execute(&mut *connection)
        .await?;
    let expired = expire(connection, &request).await?;
    let mut claims: Vec<Claim> = Vec::new();
    for endpoint in due_endpoints(connection, now).await? {
        if claims.len() >= request.limit {
            break;
        }
        let room = room(&request, &endpoint, request.limit - claims.len());
        if room > 0 {
            claims.extend(claim_endpoint(connection, &endpoint, room, &request).await?);
        }
    }
    let next_due_ms = next_due(connection, now).await?;
    Ok(Claimed { claims, next_due_ms, expired, stale: 0 })
}

/// Claims that an endpoint may have while `left` are left for all.
fn room(request: &ClaimRequest, endpoint: &str, left: usize) -> usize {
    let busy = request.in_flight.get(endpoint).copied().unwrap_or(0);
    let ceiling = request.ceilings.get(endpoint).copied().unwrap_or(request.per_endpoint);
    // So many that what it holds then is no more than what is left then; one at least.
    let fair = (left.saturating_sub(busy) / 2).max(usize::from(busy == 0));
    ceiling.saturating_sub(busy).min(fair).min(left)
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
) -> Result<Vec<Claim>, Error> {
    let query = sqlx::query_as(
        "UPDATE notifications SET state = 'sending', due_ms = $3, claims = claims + 1 WHERE id IN ( \
         SELECT id FROM notifications WHERE state = 'due' AND endpoint = $1 AND due_ms <= $2 \
         ORDER BY due_ms, id LIMIT $4) RETURNING id, call_id, seq, app_id, kind, url, endpoint, headers, \
         body, created_ms, tried, claims",
    );
    let query = query.bind(endpoint).bind(request.now_ms).bind(request.now_ms + request.lease_ms);
    Ok(query.bind(i64::try_from(room).unwrap_or(i64::MAX)).fetch_all(connection).await?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_slow_endpoints_leave_room_for_the_others() {
        let concurrency = 64;
        let mut request = ClaimRequest { per_endpoint: 32, ..ClaimRequest::default() };
        // Five endpoints that never answer ask for more, round after round.
        for _ in 0..10 {
            for n in 0..5 {
                let held: usize = request.in_flight.values().sum();
                let endpoint = format!("http://slow-{n}.test");
                let more = room(&request, &endpoint, concurrency - held);
                *request.in_flight.entry(endpoint).or_default() += more;
            }
        }
        let held: usize = request.in_flight.values().sum();
        assert!(held < concurrency, "{held}");
        assert!(room(&request, "http://quick.test", concurrency - held) > 0);
    }

    #[test]
    fn an_endpoint_that_is_held_back_gets_no_more_than_its_ceiling() {
        let mut request = ClaimRequest { per_endpoint: 32, ..ClaimRequest::default() };
        request.ceilings = [("open".to_owned(), 0), ("half".to_owned(), 1)].into();
        assert_eq!((room(&request, "open", 100), room(&request, "half", 100)), (0, 1));
        request.in_flight = [("half".to_owned(), 1), ("well".to_owned(), 30)].into();
        assert_eq!((room(&request, "half", 100), room(&request, "well", 100)), (0, 2));
        assert_eq!(room(&request, "well", 31), 0);
    }
}
