//! Places as they are listed and counted.

use callcore::campaign::Reason;
use futures_util::FutureExt;
use serde_json::Value;
use sqlx::QueryBuilder;
use sqlx_sqlite::{Sqlite, SqliteConnection};

use super::life::keep_preflight;
use crate::store::error::Error;
use crate::store::model::{
    Actor, AttemptCount, AuditAction, NewAudit, Page, PlaceAttemptRow, PlaceCount, PlaceFilter, PlaceRow,
    Usage, ZoneCount, column,
};
use crate::store::sqlite::audit;
use crate::store::sqlite::engine::Engine;
use crate::store::sqlite::query::like;
use crate::wallclock::now_ms;

pub(super) const SELECT: &str = "SELECT p.*, c.name, c.external_id, c.variables, c.consent_ms FROM places p \
                      LEFT JOIN list_contacts c ON c.id = p.contact_id WHERE TRUE";

impl Engine {
    /// Places that no call was reserved for, counted by zone.
    pub(in crate::store) async fn place_zones(&self, campaign: &str) -> Result<Vec<ZoneCount>, Error> {
        let query = sqlx::query_as(
            "SELECT zone, count(*) AS places FROM places WHERE campaign_id = $1 AND state = 'waiting' GROUP BY zone",
        );
        Ok(query.bind(campaign).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn keep_preflight(
        &self,
        campaign: &str,
        revision: i64,
        found: Value,
        ready: bool,
    ) -> Result<bool, Error> {
        let campaign = campaign.to_owned();
        self.write(move |connection| {
            async move { keep_preflight(connection, &campaign, revision, found, ready).await }.boxed()
        })
        .await
    }

    pub(in crate::store) async fn due_places(
        &self,
        campaign: &str,
        now_ms: i64,
        limit: u32,
    ) -> Result<Vec<PlaceRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push(" AND p.campaign_id = ").push_bind(campaign.to_owned());
        query.push(" AND p.state = 'waiting' AND p.due_ms <= ").push_bind(now_ms);
        query.push(" ORDER BY p.due_ms, p.id LIMIT ").push_bind(i64::from(limit));
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn due_count(
        &self,
        campaign: &str,
        now_ms: i64,
        most: usize,
    ) -> Result<usize, Error> {
        let query = sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT 1 FROM places WHERE campaign_id = $1 AND state = 'waiting' AND due_ms <= $2 LIMIT $3)",
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let count: i64 = query.bind(campaign).bind(now_ms).bind(most).fetch_one(&self.readers).await?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    pub(in crate::store) async fn suppressed_ms(
        &self,
        digits: &str,
        lists: &[String],
    ) -> Result<Option<i64>, Error> {
        let query = sqlx::query_scalar(
            "SELECT min(i.ended_ms) FROM list_contacts s JOIN list_imports i ON i.id = s.import_id \
             WHERE s.digits = $1 AND s.list_id IN (SELECT value FROM json_each($2)) AND i.state = 'done'",
        );
        Ok(query.bind(digits).bind(serde_json::json!(lists)).fetch_one(&self.readers).await?)
    }

    pub(in crate::store) async fn next_due_ms(&self, campaign: &str) -> Result<Option<i64>, Error> {
        let query =
            sqlx::query_scalar("SELECT min(due_ms) FROM places WHERE campaign_id = $1 AND state = 'waiting'");
        Ok(query.bind(campaign).fetch_one(&self.readers).await?)
    }

    pub(in crate::store) async fn place(&self, campaign: &str, id: i64) -> Result<Option<PlaceRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push(" AND p.campaign_id = ").push_bind(campaign.to_owned()).push(" AND p.id = ").push_bind(id);
        Ok(query.build_query_as().fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn place_of_number(
        &self,
        campaign: &str,
        digits: &str,
    ) -> Result<Option<PlaceRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push(" AND p.campaign_id = ").push_bind(campaign.to_owned());
        query.push(" AND (p.digits = ").push_bind(digits.to_owned());
        query.push(" OR c.external_id = ").push_bind(digits.to_owned()).push(") LIMIT 1");
        Ok(query.build_query_as().fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn places(
        &self,
        campaign: &str,
        filter: &PlaceFilter,
        limit: u32,
    ) -> Result<Page<PlaceRow, i64>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push(" AND p.campaign_id = ").push_bind(campaign.to_owned());
        if let Some(state) = filter.state {
            query.push(" AND p.state = ").push_bind(state);
        }
        if let Some(rule) = &filter.rule {
            query.push(" AND p.rule = ").push_bind(rule.clone());
        }
        if let Some(outcome) = filter.outcome {
            query.push(" AND p.outcome = ").push_bind(outcome.as_str());
        }
        if let Some(digits) = &filter.digits {
            query.push(" AND p.digits LIKE ").push_bind(like(digits)).push(" ESCAPE '\\'");
        }
        query.push(" AND p.id > ").push_bind(filter.after.unwrap_or(0));
        query.push(" ORDER BY p.id LIMIT ").push_bind(i64::from(limit) + 1);
        if filter.skip > 0 {
            query.push(" OFFSET ").push_bind(filter.skip);
        }
        let rows = query.build_query_as().fetch_all(&self.readers).await?;
        Ok(Page::cut(rows, limit, |row: &PlaceRow| row.id))
    }

    pub(in crate::store) async fn place_attempts(&self, place: i64) -> Result<Vec<PlaceAttemptRow>, Error> {
        let query = sqlx::query_as(
            "SELECT call_id, caller, revision, flow_digest, canary, at_ms, ended_ms, outcome, minutes FROM attempts \
             WHERE place_id = $1 ORDER BY at_ms, id",
        );
        Ok(query.bind(place).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn attempts_at(&self, digits: &str, since_ms: i64) -> Result<u32, Error> {
        let query = sqlx::query_scalar(
            "SELECT count(*) FROM attempts WHERE digits = $1 AND counts = 1 AND at_ms >= $2",
        );
        Ok(small(query.bind(digits).bind(since_ms).fetch_one(&self.readers).await?))
    }

    pub(in crate::store) async fn exclude_place(
        &self,
        campaign: &str,
        id: i64,
        reason: Reason,
        actor: Actor,
    ) -> Result<bool, Error> {
        let campaign = campaign.to_owned();
        self.write(move |connection| {
            async move {
                let query = sqlx::query(
                    "UPDATE places SET state = 'excluded', rule = $3, reason = $4, changed_ms = $5 \
                     WHERE campaign_id = $1 AND id = $2 AND state = 'waiting'",
                );
                let query = query
                    .bind(&campaign)
                    .bind(id)
                    .bind(reason.rule().as_str())
                    .bind(column(&reason))
                    .bind(now_ms());
                let done = query.execute(&mut *connection).await?.rows_affected() == 1;
                if done {
                    let detail = serde_json::json!({ "place": id });
                    let entry = NewAudit::new(actor, AuditAction::CampaignExclude, campaign, detail);
                    audit::append(connection, entry).await?;
                }
                Ok(done)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn place_counts(&self, campaign: &str) -> Result<Vec<PlaceCount>, Error> {
        let query = sqlx::query_as(
            "SELECT state, rule, places FROM place_counts WHERE campaign_id = $1 AND places > 0 ORDER BY places DESC",
        );
        Ok(query.bind(campaign).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn attempt_counts(&self, campaign: &str) -> Result<Vec<AttemptCount>, Error> {
        let query = sqlx::query_as(
            "SELECT hour_ms, canary, flow_digest, outcome, attempts, minutes FROM attempt_counts \
             WHERE campaign_id = $1 AND attempts > 0 ORDER BY hour_ms, canary, flow_digest, outcome",
        );
        Ok(query.bind(campaign).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn campaign_usage(
        &self,
        campaign: &str,
        day_ms: i64,
        utc_day_ms: i64,
        callers: &[String],
    ) -> Result<Usage, Error> {
        let mut connection = self.readers.acquire().await.map_err(Error::failing)?;
        usage(&mut connection, campaign, day_ms, utc_day_ms, callers).await
    }
}

/// What of a campaign's limits is used up.
pub(super) async fn usage(
    connection: &mut SqliteConnection,
    campaign: &str,
    day_ms: i64,
    utc_day_ms: i64,
    callers: &[String],
) -> Result<Usage, Error> {
    let (today, in_all, calling): (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT coalesce(sum(minutes), 0) FROM campaign_minutes WHERE campaign_id = $1 AND day_ms >= $2), \
         (SELECT coalesce(sum(minutes), 0) FROM campaign_minutes WHERE campaign_id = $1), \
         (SELECT count(*) FROM attempts WHERE campaign_id = $1 AND ended_ms IS NULL)",
    )
    .bind(campaign)
    .bind(day_ms)
    .fetch_one(&mut *connection)
    .await?;
    let mut callers_today = Vec::with_capacity(callers.len());
    for caller in callers {
        let calls: i64 =
            sqlx::query_scalar("SELECT count(*) FROM attempts WHERE caller = $1 AND at_ms >= $2")
                .bind(caller)
                .bind(utc_day_ms)
                .fetch_one(&mut *connection)
                .await?;
        callers_today.push(small(calls));
    }
    // A call under way costs a minute at least.
    let (minutes_today, minutes_in_all) = (small(today + calling), small(in_all + calling));
    Ok(Usage { minutes_today, minutes_in_all, calling: small(calling), callers_today })
}

pub(super) fn small(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
