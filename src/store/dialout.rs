//! What a dial-out leaves beside the call itself: the answer kept for its idempotency key, and its plan while
//! it waits for its time or for a line.
//!
//! A plan's row goes in the transaction in which the call begins or ends, so that a call is begun once, or
//! cancelled, and never both.

use futures_util::FutureExt;
use serde_json::Value;
use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;
use sqlx::types::Json;

use super::seal::ServerKey;
use super::{CallBatch, Error, Store, batch, do_not_call};

/// Calls looked at for an estimate, newest first.
const LATEST_CALLS: i64 = 5_000;

/// Under what a request can be sent again without being done again.
#[derive(Clone, Debug)]
pub struct RequestKey {
    pub app_id: String,
    pub key: String,
    /// Of the request: another one under the same key is refused.
    pub digest: String,
    /// What to answer the next time.
    pub answer: String,
    /// Keys of before this time are forgotten, ms since 1970.
    pub kept_since_ms: i64,
    pub now_ms: i64,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It was written down.
    New,
    /// It was written down before; the answer of then.
    Again(String),
    /// Its key stands for another request; nothing was written.
    Reused,
    /// The number is on the do-not-call list since `call`; nothing was written.
    Listed { call: Option<String> },
}

/// A call as it was asked for, with all that is written down with it.
#[derive(Clone, Debug, Default)]
pub struct NewDialOut {
    /// The call's first lines.
    pub batch: CallBatch,
    /// Present when it does not begin at once.
    pub plan: Option<NewPlan>,
    pub key: Option<RequestKey>,
    /// Nothing is written when this number is on the do-not-call list.
    pub unless_listed: Option<String>,
    /// Whose call it is, where that is known without looking for its number.
    pub parties: Option<NewParties>,
}

/// Whose call it is.
#[derive(Clone, Debug)]
pub struct NewParties {
    pub contact_id: String,
    pub user_id: Option<String>,
    /// What was kept of the contact for flows.
    pub contact_data: Value,
}

/// When a call is to begin.
#[derive(Clone, Debug)]
pub struct NewPlan {
    pub trunk: String,
    pub start_ms: i64,
    /// Not dialled any more from here on.
    pub expires_ms: Option<i64>,
    /// Everything that is needed to dial it then.
    pub request: String,
}

/// A call that waits for its time or for a line.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct PlannedRow {
    pub call_id: String,
    pub trunk: String,
    pub start_ms: i64,
    pub expires_ms: Option<i64>,
    pub request: String,
}

/// How long the latest answered calls of a flow took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct FlowUse {
    pub calls: i64,
    /// All of them together, from answer to end.
    pub answered_ms: i64,
}

impl Store {
    /// Writes a new call down with its plan and its key, all or nothing, unless its number is not to be called.
    /// Of several requests with one key the first one counts.
    ///
    /// # Errors
    /// As [`Store::record`].
    pub async fn accept(&self, asked: NewDialOut) -> Result<Acceptance, Error> {
        let key = self.clients.vault.key()?;
        self.write(move |connection| async move { accept(connection, &key, asked).await }.boxed()).await
    }

    /// What was answered to a key not older than `since_ms`: the request's digest, and the answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kept_answer(
        &self,
        app_id: &str,
        key: &str,
        since_ms: i64,
    ) -> Result<Option<(String, String)>, Error> {
        let query = sqlx::query_as(
            "SELECT digest, answer FROM dialout_keys \
             WHERE app_id = $1 AND idempotency_key = $2 AND created_ms >= $3",
        );
        Ok(query.bind(app_id).bind(key).bind(since_ms).fetch_optional(&self.readers).await?)
    }

    /// Forgets keys of before `before_ms`; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_keys(&self, before_ms: i64) -> Result<u64, Error> {
        self.write(move |connection| {
            async move {
                let query = sqlx::query("DELETE FROM dialout_keys WHERE created_ms < $1").bind(before_ms);
                Ok(query.execute(connection).await?.rows_affected())
            }
            .boxed()
        })
        .await
    }

    /// Ends the plan of the batch's call and keeps the batch, both or neither. `false` when the call is not
    /// planned any more: it has begun, or was cancelled. Then nothing is written.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_plan(&self, batch: CallBatch) -> Result<bool, Error> {
        let key = self.clients.vault.key()?;
        self.write(move |connection| {
            async move {
                let gone = sqlx::query("DELETE FROM planned_calls WHERE call_id = $1")
                    .bind(&batch.call_id)
                    .execute(&mut *connection)
                    .await?;
                if gone.rows_affected() == 0 {
                    return Ok(false);
                }
                batch::write(connection, &key, batch).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    /// The plan of a call that has not begun.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn plan(&self, call_id: &str) -> Result<Option<PlannedRow>, Error> {
        let query = sqlx::query_as("SELECT * FROM planned_calls WHERE call_id = $1").bind(call_id);
        Ok(query.fetch_optional(&self.readers).await?)
    }

    /// Trunks that calls wait for whose time has come. Hops from one to the next through the index, so that
    /// thousands of waiting calls cost no more than one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_trunks(&self, now_ms: i64) -> Result<Vec<String>, Error> {
        let query = sqlx::query_scalar(
            "WITH RECURSIVE hop (trunk) AS (SELECT min(trunk) FROM planned_calls \
             UNION ALL SELECT (SELECT min(p.trunk) FROM planned_calls p WHERE p.trunk > hop.trunk) \
             FROM hop WHERE hop.trunk IS NOT NULL) \
             SELECT trunk FROM hop WHERE trunk IS NOT NULL \
             AND EXISTS (SELECT 1 FROM planned_calls p WHERE p.trunk = hop.trunk AND p.start_ms <= $1)",
        );
        Ok(query.bind(now_ms).fetch_all(&self.readers).await?)
    }

    /// At most `limit` calls of a trunk whose time has come, in the order of their times.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_plans(&self, trunk: &str, now_ms: i64, limit: usize) -> Result<Vec<PlannedRow>, Error> {
        let query = sqlx::query_as(
            "SELECT * FROM planned_calls WHERE trunk = $1 AND start_ms <= $2 ORDER BY start_ms, call_id LIMIT $3",
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(query.bind(trunk).bind(now_ms).bind(limit).fetch_all(&self.readers).await?)
    }

    /// At most `limit` calls that are not to be dialled any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expired_plans(&self, now_ms: i64, limit: usize) -> Result<Vec<PlannedRow>, Error> {
        let query = sqlx::query_as(
            "SELECT * FROM planned_calls WHERE expires_ms IS NOT NULL AND expires_ms <= $1 \
             ORDER BY expires_ms LIMIT $2",
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(query.bind(now_ms).bind(limit).fetch_all(&self.readers).await?)
    }

    /// When the next planned call falls due or expires after `now_ms`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_plan_ms(&self, now_ms: i64) -> Result<Option<i64>, Error> {
        let (start, expiry): (Option<i64>, Option<i64>) = sqlx::query_as(
            "SELECT (SELECT min(start_ms) FROM planned_calls WHERE start_ms > $1), \
             (SELECT min(expires_ms) FROM planned_calls WHERE expires_ms > $1)",
        )
        .bind(now_ms)
        .fetch_one(&self.readers)
        .await?;
        Ok(start.into_iter().chain(expiry).min())
    }

    /// Planned calls of a trunk that are due before `start_ms`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn planned_before(&self, trunk: &str, start_ms: i64) -> Result<i64, Error> {
        let query =
            sqlx::query_scalar("SELECT count(*) FROM planned_calls WHERE trunk = $1 AND start_ms <= $2");
        Ok(query.bind(trunk).bind(start_ms).fetch_one(&self.readers).await?)
    }

    /// How long answered calls of a flow took, among the latest calls of all flows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn flow_use(&self, flow: &str) -> Result<FlowUse, Error> {
        let query = sqlx::query_as(
            "SELECT count(*) AS calls, coalesce(sum(ended_ms - answered_ms), 0) AS answered_ms FROM ( \
             SELECT flow, direction, answered_ms, ended_ms FROM calls ORDER BY created_ms DESC LIMIT $2) \
             WHERE flow = $1 AND direction = 'outbound' AND answered_ms IS NOT NULL AND ended_ms IS NOT NULL",
        );
        Ok(query.bind(flow).bind(LATEST_CALLS).fetch_one(&self.readers).await?)
    }
}

async fn accept(
    connection: &mut SqliteConnection,
    server_key: &ServerKey,
    asked: NewDialOut,
) -> Result<Acceptance, Error> {
    let NewDialOut { batch, plan, key, unless_listed, parties } = asked;
    if let Some(key) = &key {
        let kept: Option<(String, String)> = sqlx::query_as(
            "SELECT digest, answer FROM dialout_keys \
             WHERE app_id = $1 AND idempotency_key = $2 AND created_ms >= $3",
        )
        .bind(&key.app_id)
        .bind(&key.key)
        .bind(key.kept_since_ms)
        .fetch_optional(&mut *connection)
        .await?;
        match kept {
            Some((digest, answer)) if digest == key.digest => return Ok(Acceptance::Again(answer)),
            Some(_) => return Ok(Acceptance::Reused),
            None => {}
        }
    }
    if let Some(number) = unless_listed
        && let Some(listed) = do_not_call::find(&mut *connection, &number).await?
    {
        return Ok(Acceptance::Listed { call: listed.call_id });
    }
    if let Some(key) = key {
        put_key(connection, key).await?;
    }
    let call_id = batch.call_id.clone();
    batch::write(connection, server_key, batch).await?;
    if let Some(parties) = parties {
        put_parties(connection, &call_id, parties).await?;
    }
    if let Some(plan) = plan {
        sqlx::query(
            "INSERT INTO planned_calls (call_id, trunk, start_ms, expires_ms, request) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(call_id)
        .bind(plan.trunk)
        .bind(plan.start_ms)
        .bind(plan.expires_ms)
        .bind(plan.request)
        .execute(connection)
        .await?;
    }
    Ok(Acceptance::New)
}

async fn put_parties(
    connection: &mut SqliteConnection,
    call_id: &str,
    parties: NewParties,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO call_parties (call_id, contact_id, user_id, contact_data) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (call_id) DO UPDATE SET contact_id = excluded.contact_id, user_id = excluded.user_id, \
         contact_data = excluded.contact_data",
    )
    .bind(call_id)
    .bind(parties.contact_id)
    .bind(parties.user_id)
    .bind(Json(parties.contact_data))
    .execute(connection)
    .await?;
    Ok(())
}

async fn put_key(connection: &mut SqliteConnection, key: RequestKey) -> Result<(), Error> {
    sqlx::query(
        "INSERT OR REPLACE INTO dialout_keys (app_id, idempotency_key, digest, answer, created_ms) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(key.app_id)
    .bind(key.key)
    .bind(key.digest)
    .bind(key.answer)
    .bind(key.now_ms)
    .execute(connection)
    .await?;
    Ok(())
}
