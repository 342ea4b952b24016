//! The webhook ledger: which notification may be sent now, and what became of it.
//!
//! A claim is a lease. A worker that dies leaves its claims behind and they fall due again; each claim
//! carries a fence, so a worker that lost its lease cannot settle what another one sends. At most one
//! notification of a call is due or being sent; the next one becomes due when it is settled.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use secrecy::SecretString;
use serde::Serialize;
use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use super::{Error, Store};
use crate::wallclock::now_ms;

/// What a worker has room for.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    pub now_ms: i64,
    /// How long a claim holds.
    pub lease_ms: i64,
    /// Claims in all.
    pub limit: usize,
    /// Claims of one endpoint, those in flight included.
    pub per_endpoint: usize,
    /// Posts in flight by endpoint.
    pub in_flight: BTreeMap<String, usize>,
}

/// Claims, and when to look again.
#[derive(Debug)]
pub struct Claimed {
    pub claims: Vec<Claim>,
    /// The next time at which a notification falls due or a lease lapses.
    pub next_due_ms: Option<i64>,
}

/// A notification to send now.
#[derive(Debug, FromRow)]
pub struct Claim {
    /// Stays the same in every attempt.
    pub id: String,
    pub call_id: String,
    /// From 1 within a call.
    pub seq: i64,
    pub app_id: String,
    pub kind: String,
    pub url: String,
    /// Scheme, host and port of `url`.
    pub endpoint: String,
    #[sqlx(json)]
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// Attempts that were made before.
    pub attempts: i64,
    #[sqlx(rename = "claims")]
    fence: i64,
    /// The app's active secrets, newest first; empty when the app is gone.
    #[sqlx(skip)]
    pub secrets: Vec<SecretString>,
}

/// One post and its answer.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    pub at_ms: i64,
    pub duration_ms: i64,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The start of the answer's body.
    pub response: Option<String>,
    pub error: Option<String>,
}

/// What follows from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    Retry { due_ms: i64 },
    Dead,
}

/// The end of a claim.
#[derive(Clone, Debug)]
pub struct Settlement {
    id: String,
    call_id: String,
    fence: i64,
    attempt: Attempt,
    verdict: Verdict,
}

impl Claim {
    /// What to hand to [`Store::settle`] after `attempt`.
    #[must_use]
    pub fn settlement(&self, attempt: Attempt, verdict: Verdict) -> Settlement {
        let (id, call_id) = (self.id.clone(), self.call_id.clone());
        Settlement { id, call_id, fence: self.fence, attempt, verdict }
    }
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct NotificationRow {
    pub id: String,
    pub call_id: String,
    pub seq: i64,
    pub app_id: String,
    pub kind: String,
    pub url: String,
    pub body: String,
    /// `waiting`, `due`, `sending`, `delivered` or `dead`.
    pub state: String,
    pub due_ms: i64,
    pub attempts: i64,
    pub created_ms: i64,
    pub settled_ms: Option<i64>,
}

/// One attempt as the ledger keeps it; `attempt` counts from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
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

impl Store {
    /// Claims notifications that are due, oldest first, fairly among endpoints.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim(&self, request: ClaimRequest) -> Result<Claimed, Error> {
        let mut claimed =
            self.write(move |connection| async move { claim(connection, request).await }.boxed()).await?;
        for claim in &mut claimed.claims {
            claim.secrets = self.signing_secrets(&claim.app_id).await?;
        }
        Ok(claimed)
    }

    /// Writes down an attempt and what follows from it; a delivered or dead notification makes way for
    /// the next one of its call. `false` when the lease had lapsed and another worker took over: then
    /// nothing is written.
    ///
    /// # Errors
    /// When the database fails; the claim then lapses and the notification is sent again.
    pub async fn settle(&self, settlement: Settlement) -> Result<bool, Error> {
        self.write(move |connection| async move { settle(connection, settlement).await }.boxed()).await
    }

    /// Makes every claim due again. Right only while nobody else has the database open.
    pub(super) async fn release_claims(&self) -> Result<(), Error> {
        self.write(|connection| {
            async move {
                sqlx::query("UPDATE notifications SET state = 'due', due_ms = $1 WHERE state = 'sending'")
                    .bind(now_ms())
                    .execute(connection)
                    .await?;
                Ok(())
            }
            .boxed()
        })
        .await
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

async fn claim(connection: &mut SqliteConnection, request: ClaimRequest) -> Result<Claimed, Error> {
    let now = request.now_ms;
    sqlx::query("UPDATE notifications SET state = 'due' WHERE state = 'sending' AND due_ms <= $1")
        .bind(now)
        .execute(&mut *connection)
        .await?;
    let mut claims: Vec<Claim> = Vec::new();
    for endpoint in due_endpoints(connection, now).await? {
        let busy = request.in_flight.get(&endpoint).copied().unwrap_or(0);
        let room = request.per_endpoint.saturating_sub(busy).min(request.limit - claims.len());
        if room > 0 {
            claims.extend(claim_endpoint(connection, &endpoint, room, &request).await?);
        }
        if claims.len() >= request.limit {
            break;
        }
    }
    Ok(Claimed { claims, next_due_ms: next_due(connection, now).await? })
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
         body, attempts, claims",
    );
    let query = query.bind(endpoint).bind(request.now_ms).bind(request.now_ms + request.lease_ms);
    Ok(query.bind(i64::try_from(room).unwrap_or(i64::MAX)).fetch_all(connection).await?)
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

async fn settle(connection: &mut SqliteConnection, settlement: Settlement) -> Result<bool, Error> {
    let Settlement { id, call_id, fence, attempt, verdict } = settlement;
    let ended = attempt.at_ms + attempt.duration_ms;
    let (state, due, settled) = match verdict {
        Verdict::Delivered => ("delivered", None, Some(ended)),
        Verdict::Retry { due_ms } => ("due", Some(due_ms), None),
        Verdict::Dead => ("dead", None, Some(ended)),
    };
    let made: Option<i64> = sqlx::query_scalar(
        "UPDATE notifications SET state = $3, due_ms = coalesce($4, due_ms), settled_ms = $5, \
         attempts = attempts + 1 WHERE id = $1 AND claims = $2 AND state = 'sending' RETURNING attempts",
    )
    .bind(&id)
    .bind(fence)
    .bind(state)
    .bind(due)
    .bind(settled)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(made) = made else { return Ok(false) };
    sqlx::query(
        "INSERT INTO notification_attempts (notification_id, attempt, at_ms, duration_ms, status, \
         response, error) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&id)
    .bind(made)
    .bind(attempt.at_ms)
    .bind(attempt.duration_ms)
    .bind(attempt.status.map(i64::from))
    .bind(attempt.response)
    .bind(attempt.error)
    .execute(&mut *connection)
    .await?;
    if settled.is_some() {
        sqlx::query(
            "UPDATE notifications SET state = 'due', due_ms = $2 WHERE call_id = $1 AND seq = ( \
             SELECT min(seq) FROM notifications WHERE call_id = $1 AND state = 'waiting')",
        )
        .bind(&call_id)
        .bind(ended)
        .execute(connection)
        .await?;
    }
    Ok(true)
}
