//! Dial-outs: their idempotency keys, and their plans.
//!
//! A plan's row goes in the transaction in which the call begins or ends, so that a call is begun once, or
//! cancelled, and never both, however many look at the same plan.

use futures_util::FutureExt;
use sqlx::types::Json;
use sqlx_sqlite::SqliteConnection;

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::model::{Acceptance, CallBatch, FlowUse, NewDialOut, NewParties, PlannedRow, RequestKey};
use crate::store::sqlite::batch::{self, Writing};
use crate::store::sqlite::do_not_call;

/// Calls looked at for an estimate, newest first.
const LATEST_CALLS: i64 = 5_000;

impl Engine {
    pub(in crate::store) async fn accept(&self, asked: NewDialOut) -> Result<Acceptance, Error> {
        let writing = self.writing()?;
        self.write(move |connection| async move { accept(connection, &writing, asked).await }.boxed()).await
    }

    pub(in crate::store) async fn kept_answer(
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

    pub(in crate::store) async fn forget_keys(&self, before_ms: i64) -> Result<u64, Error> {
        self.write(move |connection| {
            async move {
                let query = sqlx::query("DELETE FROM dialout_keys WHERE created_ms < $1").bind(before_ms);
                Ok(query.execute(connection).await?.rows_affected())
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn end_plan(&self, batch: CallBatch) -> Result<bool, Error> {
        let writing = self.writing()?;
        self.write(move |connection| {
            async move {
                let gone = sqlx::query("DELETE FROM planned_calls WHERE call_id = $1")
                    .bind(&batch.call_id)
                    .execute(&mut *connection)
                    .await?;
                if gone.rows_affected() == 0 {
                    return Ok(false);
                }
                batch::write(connection, &writing, batch).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn plan(&self, call_id: &str) -> Result<Option<PlannedRow>, Error> {
        let query = sqlx::query_as("SELECT * FROM planned_calls WHERE call_id = $1").bind(call_id);
        Ok(query.fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn due_trunks(&self, now_ms: i64) -> Result<Vec<String>, Error> {
        let query = sqlx::query_scalar(
            "WITH RECURSIVE hop (trunk) AS (SELECT min(trunk) FROM planned_calls \
             UNION ALL SELECT (SELECT min(p.trunk) FROM planned_calls p WHERE p.trunk > hop.trunk) \
             FROM hop WHERE hop.trunk IS NOT NULL) \
             SELECT trunk FROM hop WHERE trunk IS NOT NULL \
             AND EXISTS (SELECT 1 FROM planned_calls p WHERE p.trunk = hop.trunk AND p.start_ms <= $1)",
        );
        Ok(query.bind(now_ms).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn due_plans(
        &self,
        trunk: &str,
        now_ms: i64,
        limit: usize,
    ) -> Result<Vec<PlannedRow>, Error> {
        let query = sqlx::query_as(
            "SELECT * FROM planned_calls WHERE trunk = $1 AND start_ms <= $2 ORDER BY start_ms, call_id LIMIT $3",
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(query.bind(trunk).bind(now_ms).bind(limit).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn expired_plans(
        &self,
        now_ms: i64,
        limit: usize,
    ) -> Result<Vec<PlannedRow>, Error> {
        let query = sqlx::query_as(
            "SELECT * FROM planned_calls WHERE expires_ms IS NOT NULL AND expires_ms <= $1 \
             ORDER BY expires_ms LIMIT $2",
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(query.bind(now_ms).bind(limit).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn next_plan_ms(&self, now_ms: i64) -> Result<Option<i64>, Error> {
        let (start, expiry): (Option<i64>, Option<i64>) = sqlx::query_as(
            "SELECT (SELECT min(start_ms) FROM planned_calls WHERE start_ms > $1), \
             (SELECT min(expires_ms) FROM planned_calls WHERE expires_ms > $1)",
        )
        .bind(now_ms)
        .fetch_one(&self.readers)
        .await?;
        Ok(start.into_iter().chain(expiry).min())
    }

    pub(in crate::store) async fn planned_before(&self, trunk: &str, start_ms: i64) -> Result<i64, Error> {
        let query =
            sqlx::query_scalar("SELECT count(*) FROM planned_calls WHERE trunk = $1 AND start_ms <= $2");
        Ok(query.bind(trunk).bind(start_ms).fetch_one(&self.readers).await?)
    }

    pub(in crate::store) async fn flow_use(&self, flow: &str) -> Result<FlowUse, Error> {
        let query = sqlx::query_as(
            "SELECT count(*) AS calls, coalesce(sum(ended_ms - answered_ms), 0) AS answered_ms FROM ( \
             SELECT flow, direction, answered_ms, ended_ms FROM calls ORDER BY created_ms DESC LIMIT $2) \
             WHERE flow = $1 AND direction = 'outbound' AND answered_ms IS NOT NULL AND ended_ms IS NOT NULL",
        );
        Ok(query.bind(flow).bind(LATEST_CALLS).fetch_one(&self.readers).await?)
    }
}

pub(super) async fn accept(
    connection: &mut SqliteConnection,
    writing: &Writing,
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
        return Ok(Acceptance::Listed(listed));
    }
    if let Some(key) = key {
        put_key(connection, key).await?;
    }
    let call_id = batch.call_id.clone();
    batch::write(connection, writing, batch).await?;
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
