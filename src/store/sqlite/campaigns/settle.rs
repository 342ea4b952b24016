//! What came of attempts: read from the books of their calls, and written down once.

use callcore::campaign::Outcome;
use futures_util::FutureExt;
use sqlx::Row;
use sqlx_sqlite::{SqliteConnection, SqliteRow};

use super::places::small;
use super::report::count;
use super::reserve::put;
use crate::store::error::Error;
use crate::store::model::{EndedAttempt, Settled, read};
use crate::store::sqlite::engine::Engine;
use crate::wallclock::now_ms;

impl Engine {
    pub(in crate::store) async fn ended_attempts(&self, limit: u32) -> Result<Vec<EndedAttempt>, Error> {
        let rows = sqlx::query(
            "SELECT a.id, a.campaign_id, a.place_id, a.call_id, a.at_ms, p.zone, c.trunk, l.list_id, c.ended_ms, c.answered_ms, c.disposition, \
             coalesce(c.cause_code, 0) AS cause, c.amd_event, c.amd_subtype, c.outcome, \
             coalesce(c.message_left, 0) AS message_left, \
             (SELECT r.hangup_by FROM cdrs r WHERE r.call_id = c.id ORDER BY r.created_ms DESC LIMIT 1) AS hung_up_by, \
             EXISTS (SELECT 1 FROM do_not_call d WHERE d.call_id = c.id) AS opted_out \
             FROM attempts a JOIN calls c ON c.id = a.call_id JOIN places p ON p.id = a.place_id \
             LEFT JOIN list_contacts l ON l.id = p.contact_id WHERE a.ended_ms IS NULL AND c.ended_ms IS NOT NULL LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        let mut ended = Vec::with_capacity(rows.len());
        for row in rows {
            let mut attempt = attempt(&row)?;
            let before: Vec<(String, i64)> = sqlx::query_as(
                "SELECT outcome, count(*) FROM attempts WHERE place_id = $1 AND outcome IS NOT NULL GROUP BY outcome",
            )
            .bind(attempt.place_id)
            .fetch_all(&self.readers)
            .await?;
            attempt.before =
                before.into_iter().filter_map(|(name, n)| Some((Outcome::named(&name)?, small(n)))).collect();
            ended.push(attempt);
        }
        Ok(ended)
    }

    pub(in crate::store) async fn latest_ended_attempts(
        &self,
        campaign: &str,
        since_ms: i64,
        limit: u32,
    ) -> Result<Vec<(Outcome, i64, i64)>, Error> {
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT outcome, at_ms, ended_ms FROM (SELECT outcome, at_ms, ended_ms FROM attempts WHERE campaign_id = $1 \
             AND at_ms >= $2 AND ended_ms IS NOT NULL AND outcome IS NOT NULL ORDER BY at_ms DESC, id DESC LIMIT $3) \
             ORDER BY ended_ms",
        )
        .bind(campaign)
        .bind(since_ms)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        let known =
            |(outcome, began, ended): (String, i64, i64)| Some((Outcome::named(&outcome)?, began, ended));
        Ok(rows.into_iter().filter_map(known).collect())
    }

    pub(in crate::store) async fn open_calls(&self, campaign: &str) -> Result<Vec<String>, Error> {
        let query =
            sqlx::query_scalar("SELECT call_id FROM attempts WHERE campaign_id = $1 AND ended_ms IS NULL");
        Ok(query.bind(campaign).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn settle_attempts(&self, settled: Vec<Settled>) -> Result<u64, Error> {
        self.write(move |connection| {
            async move {
                let mut done = 0;
                for one in settled {
                    done += u64::from(settle(connection, one).await?);
                }
                Ok(done)
            }
            .boxed()
        })
        .await
    }
}

fn attempt(row: &SqliteRow) -> Result<EndedAttempt, sqlx::Error> {
    let text = |column: &str| row.try_get::<Option<String>, _>(column);
    Ok(EndedAttempt {
        id: row.try_get("id")?,
        campaign_id: row.try_get("campaign_id")?,
        place_id: row.try_get("place_id")?,
        call_id: row.try_get("call_id")?,
        at_ms: row.try_get("at_ms")?,
        zone: text("zone")?,
        trunk: row.try_get("trunk")?,
        list_id: text("list_id")?,
        ended_ms: row.try_get("ended_ms")?,
        answered_ms: row.try_get("answered_ms")?,
        disposition: text("disposition")?.as_deref().map(read).transpose()?,
        cause: u16::try_from(row.try_get::<i64, _>("cause")?).unwrap_or(0),
        verdict: text("amd_event")?.as_deref().map(read).transpose()?,
        subtype: text("amd_subtype")?.as_deref().map(read).transpose()?,
        outcome: text("outcome")?,
        message_left: row.try_get("message_left")?,
        hung_up_by: text("hung_up_by")?.as_deref().map(read).transpose()?,
        opted_out: row.try_get("opted_out")?,
        before: Vec::new(),
    })
}

/// False when it was settled before.
async fn settle(connection: &mut SqliteConnection, one: Settled) -> Result<bool, Error> {
    let counts = one.outcome.counts();
    let done = sqlx::query(
        "UPDATE attempts SET ended_ms = $2, minutes = $4, counts = $5, outcome = $3 WHERE id = $1 AND ended_ms IS NULL",
    )
    .bind(one.attempt)
    .bind(one.ended_ms)
    .bind(one.outcome.as_str())
    .bind(one.minutes)
    .bind(counts)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("UPDATE places SET outcome = $2, attempts = attempts - iif($3, 0, 1) WHERE id = $1")
        .bind(one.place_id)
        .bind(one.outcome.as_str())
        .bind(counts)
        .execute(&mut *connection)
        .await?;
    put(connection, one.place_id, one.state, one.due_ms, &one.reason, now_ms()).await?;
    count(connection, &one).await?;
    if one.minutes > 0 {
        sqlx::query(
            "INSERT INTO campaign_minutes (campaign_id, day_ms, minutes) VALUES ($1, $2, $3) \
             ON CONFLICT (campaign_id, day_ms) DO UPDATE SET minutes = minutes + excluded.minutes",
        )
        .bind(one.campaign_id)
        .bind(one.day_ms)
        .bind(one.minutes)
        .execute(connection)
        .await?;
    }
    Ok(true)
}
