//! Places that change by the thousand: taken over from lists, decided zone by zone, excluded, closed. Each commit takes a chunk, so that
//! calls which are written down meanwhile wait a moment only.

use callcore::campaign::{Listed, Reason, Rule, Scope};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use sqlx_sqlite::SqliteConnection;

use crate::store::error::Error;
use crate::store::model::{Exclusions, PlaceState, ZoneCount, ZoneVerdict, column};
use crate::store::sqlite::engine::Engine;
use crate::wallclock::now_ms;

/// Rows of one commit.
const CHUNK: i64 = 20_000;

/// Ids behind `after`, up to `last`.
#[derive(Clone, Copy, Debug)]
struct Range {
    after: i64,
    last: i64,
}

impl Engine {
    pub(in crate::store) async fn list_zones(&self, lists: &[String]) -> Result<Vec<ZoneCount>, Error> {
        let query = sqlx::query_as(
            "SELECT zone, count(*) AS places FROM list_contacts \
             WHERE list_id IN (SELECT value FROM json_each($1)) GROUP BY zone",
        );
        Ok(query.bind(json!(lists)).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn fill_places(
        &self,
        campaign: &str,
        lists: &[String],
        verdicts: &[ZoneVerdict],
    ) -> Result<u64, Error> {
        let verdicts: Vec<_> = verdicts
            .iter()
            .filter(|verdict| verdict.state == PlaceState::Waiting)
            .map(|verdict| {
                let reason = serde_json::to_string(&verdict.reason).unwrap_or_default();
                json!({
                    "zone": verdict.zone.as_deref().unwrap_or_default(), "due_ms": verdict.due_ms,
                    "rule": verdict.reason.rule().as_str(), "reason": reason,
                })
            })
            .collect();
        let verdicts = json!(verdicts);
        let mut added = 0;
        for list in lists {
            let mut after = 0_i64;
            while let Some(last) = self.list_chunk_end(list, after).await? {
                let (campaign, list, verdicts) = (campaign.to_owned(), list.clone(), verdicts.clone());
                let counted = campaign.clone();
                added += self
                    .write(move |connection| {
                        async move {
                            let query = sqlx::query(
                                "WITH verdicts AS MATERIALIZED (SELECT value ->> 'zone' AS zone, value ->> 'due_ms' AS due_ms, \
                                 value ->> 'rule' AS rule, value ->> 'reason' AS reason FROM json_each($6)) \
                                 INSERT INTO places (campaign_id, contact_id, number, digits, zone, state, due_ms, rule, \
                                 reason, changed_ms) SELECT $1, c.id, c.number, c.digits, c.zone, 'waiting', coalesce(v.due_ms, 0), \
                                 coalesce(v.rule, 'due'), coalesce(v.reason, '{\"rule\":\"due\"}'), $5 \
                                 FROM list_contacts c LEFT JOIN verdicts v ON v.zone = coalesce(c.zone, '') \
                                 WHERE c.list_id = $2 AND c.id > $3 AND c.id <= $4 \
                                 AND c.import_id IN (SELECT i.id FROM list_imports i WHERE i.list_id = $2 AND i.state = 'done') \
                                 ORDER BY c.id ON CONFLICT (campaign_id, digits) DO NOTHING",
                            );
                            let query = query.bind(campaign).bind(list).bind(after).bind(last);
                            let query = query.bind(now_ms()).bind(verdicts);
                            let before = last_place(connection).await?;
                            let added = query.execute(&mut *connection).await?.rows_affected();
                            if added > 0 {
                                count_since(connection, &counted, before).await?;
                            }
                            Ok(added)
                        }
                        .boxed()
                    })
                    .await?;
                after = last;
            }
        }
        Ok(added)
    }

    async fn list_chunk_end(&self, list: &str, after: i64) -> Result<Option<i64>, Error> {
        let query = sqlx::query_scalar(
            "SELECT max(id) FROM (SELECT id FROM list_contacts WHERE list_id = $1 AND id > $2 ORDER BY id LIMIT $3)",
        );
        Ok(query.bind(list).bind(after).bind(CHUNK).fetch_one(&self.readers).await?)
    }

    /// Does `work` with the places of a campaign that are in `state`, a commit for each chunk; how many rows it changed in all.
    async fn in_chunks<F>(&self, campaign: &str, state: PlaceState, work: F) -> Result<u64, Error>
    where
        F: for<'c> Fn(&'c mut SqliteConnection, Range) -> BoxFuture<'c, Result<u64, Error>>
            + Clone
            + Send
            + 'static,
    {
        let (mut changed, mut after) = (0, 0_i64);
        loop {
            let last: Option<i64> = sqlx::query_scalar(
                "SELECT max(id) FROM (SELECT id FROM places WHERE campaign_id = $1 AND state = $2 AND id > $3 \
                 ORDER BY id LIMIT $4)",
            )
            .bind(campaign)
            .bind(state)
            .bind(after)
            .bind(CHUNK)
            .fetch_one(&self.readers)
            .await?;
            let Some(last) = last else { return Ok(changed) };
            let (work, range) = (work.clone(), Range { after, last });
            changed += self.write(move |connection| work(connection, range)).await?;
            after = last;
        }
    }

    pub(in crate::store) async fn drop_unlisted_places(
        &self,
        campaign: &str,
        lists: &[String],
    ) -> Result<u64, Error> {
        let mut dropped = 0;
        for state in [PlaceState::Waiting, PlaceState::Excluded] {
            let (id, lists) = (campaign.to_owned(), json!(lists));
            dropped += self
                .in_chunks(campaign, state, move |connection, range| {
                    let (id, lists) = (id.clone(), lists.clone());
                    async move {
                        let query = sqlx::query(
                            "DELETE FROM places WHERE campaign_id = $1 AND state = $2 AND id > $3 AND id <= $4 AND attempts = 0 \
                             AND NOT EXISTS (SELECT 1 FROM list_contacts c WHERE c.id = places.contact_id \
                             AND c.list_id IN (SELECT value FROM json_each($5))) \
                             AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.place_id = places.id)",
                        );
                        let query = query.bind(id).bind(state).bind(range.after).bind(range.last).bind(lists);
                        Ok(query.execute(connection).await?.rows_affected())
                    }
                    .boxed()
                })
                .await?;
        }
        Ok(dropped)
    }

    pub(in crate::store) async fn exclude_places(
        &self,
        campaign: &str,
        exclusions: &Exclusions,
    ) -> Result<(), Error> {
        self.decide_excluded_anew(campaign).await?;
        self.exclude(campaign, exclusions).await
    }

    async fn exclude(&self, campaign: &str, exclusions: &Exclusions) -> Result<(), Error> {
        let (id, exclusions) = (campaign.to_owned(), exclusions.clone());
        self.in_chunks(campaign, PlaceState::Waiting, move |connection, range| {
            let (id, exclusions) = (id.clone(), exclusions.clone());
            async move {
                let mut excluded = exclude_listed(connection, &id, range).await?;
                if !exclusions.suppression_lists.is_empty() {
                    excluded +=
                        exclude_suppressed(connection, &id, range, &exclusions.suppression_lists).await?;
                }
                for begin in &exclusions.never_call {
                    excluded += exclude_beginning(connection, &id, range, begin).await?;
                }
                if let Some(since_ms) = exclusions.consent_since_ms {
                    excluded += exclude_without_consent(connection, &id, range, since_ms).await?;
                }
                Ok(excluded)
            }
            .boxed()
        })
        .await?;
        Ok(())
    }

    /// Lets places that a rule excluded be decided by the rules as they are now: somebody may have come off a list since.
    async fn decide_excluded_anew(&self, campaign: &str) -> Result<(), Error> {
        let id = campaign.to_owned();
        self.in_chunks(campaign, PlaceState::Excluded, move |connection, range| {
            let id = id.clone();
            async move {
                let query = sqlx::query(
                    "UPDATE places SET state = 'waiting', due_ms = 0, rule = 'due', reason = '{\"rule\":\"due\"}', changed_ms = $4 \
                     WHERE campaign_id = $1 AND state = 'excluded' AND id > $2 AND id <= $3 AND rule NOT IN ($5, $6)",
                );
                let query = query.bind(id).bind(range.after).bind(range.last).bind(now_ms());
                let query = query.bind(Rule::ExcludedBy.as_str()).bind(Rule::Stopped.as_str());
                Ok(query.execute(connection).await?.rows_affected())
            }
            .boxed()
        })
        .await?;
        Ok(())
    }

    pub(in crate::store) async fn decide_zone(
        &self,
        campaign: &str,
        verdict: ZoneVerdict,
    ) -> Result<u64, Error> {
        let mut moved = 0;
        loop {
            let (campaign, verdict) = (campaign.to_owned(), verdict.clone());
            let part = self
                .write(move |connection| {
                    async move {
                        let query = sqlx::query(
                            "UPDATE places SET state = $3, due_ms = $4, rule = $5, reason = $6, changed_ms = $7 WHERE id IN ( \
                             SELECT id FROM places WHERE campaign_id = $1 AND zone IS $2 AND state = 'waiting' \
                             AND due_ms < $4 AND rule NOT IN ('retry_wait', 'callback_at', 'cap_day') LIMIT $8)",
                        );
                        let query = query.bind(campaign).bind(verdict.zone).bind(verdict.state).bind(verdict.due_ms);
                        let query = query.bind(verdict.reason.rule().as_str()).bind(column(&verdict.reason));
                        let query = query.bind(now_ms()).bind(CHUNK);
                        Ok(query.execute(connection).await?.rows_affected())
                    }
                    .boxed()
                })
                .await?;
            moved += part;
            if part < CHUNK.unsigned_abs() {
                return Ok(moved);
            }
        }
    }

    pub(in crate::store) async fn decide_anew(
        &self,
        campaign: &str,
        exclusions: &Exclusions,
        revision: i64,
    ) -> Result<u64, Error> {
        let mut anew = 0;
        for state in [PlaceState::Excluded, PlaceState::Exhausted, PlaceState::Waiting] {
            let id = campaign.to_owned();
            anew += self
                .in_chunks(campaign, state, move |connection, range| {
                    let id = id.clone();
                    async move {
                        let query = sqlx::query(
                            "UPDATE places SET state = 'waiting', due_ms = $5, rule = 'due', reason = '{\"rule\":\"due\"}', \
                             changed_ms = $5 WHERE campaign_id = $1 AND state = $2 AND id > $3 AND id <= $4 \
                             AND (state = 'excluded' AND rule <> 'excluded_by' OR state = 'exhausted' AND rule = 'cap_total' \
                             OR state = 'waiting' AND rule NOT IN ('due', 'retry_wait', 'callback_at'))",
                        );
                        let query = query.bind(id).bind(state).bind(range.after).bind(range.last).bind(now_ms());
                        Ok(query.execute(connection).await?.rows_affected())
                    }
                    .boxed()
                })
                .await?;
        }
        self.exclude(campaign, exclusions).await?;
        let id = campaign.to_owned();
        self.write(move |connection| {
            async move {
                let query =
                    sqlx::query("UPDATE campaigns SET decided_revision = $2 WHERE id = $1 AND revision = $2");
                query.bind(id).bind(revision).execute(connection).await?;
                Ok(())
            }
            .boxed()
        })
        .await?;
        Ok(anew)
    }

    pub(in crate::store) async fn campaigns_to_close(&self) -> Result<Vec<String>, Error> {
        let query = sqlx::query_scalar(
            "SELECT DISTINCT c.id FROM campaigns c JOIN place_counts n ON n.campaign_id = c.id \
             WHERE c.state IN ('done', 'stopped') AND n.state = 'waiting' AND n.places > 0",
        );
        Ok(query.fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn close_places(&self, campaign: &str) -> Result<u64, Error> {
        let id = campaign.to_owned();
        self.in_chunks(campaign, PlaceState::Waiting, move |connection, range| {
            let id = id.clone();
            async move {
                let query = sqlx::query(
                    "UPDATE places SET state = 'excluded', rule = 'stopped', reason = '{\"rule\":\"stopped\"}', changed_ms = $4 \
                     WHERE campaign_id = $1 AND state = 'waiting' AND id > $2 AND id <= $3",
                );
                let query = query.bind(id).bind(range.after).bind(range.last).bind(now_ms());
                Ok(query.execute(connection).await?.rows_affected())
            }
            .boxed()
        })
        .await
    }

    /// Takes out all places and attempts of a campaign, which nobody can launch meanwhile.
    pub(super) async fn empty_campaign(&self, campaign: &str) -> Result<(), Error> {
        for rows in [
            "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE campaign_id = $1 LIMIT $2)",
            "DELETE FROM places WHERE id IN (SELECT id FROM places WHERE campaign_id = $1 LIMIT $2)",
        ] {
            loop {
                let id = campaign.to_owned();
                let part = self
                    .write(move |connection| {
                        async move {
                            let query = sqlx::query(rows).bind(id).bind(CHUNK);
                            Ok(query.execute(connection).await?.rows_affected())
                        }
                        .boxed()
                    })
                    .await?;
                if part < CHUNK.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(())
    }
}

async fn last_place(connection: &mut SqliteConnection) -> Result<i64, Error> {
    let query = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM places");
    Ok(query.fetch_one(connection).await?)
}

/// Counts the places that were added behind the place `before`.
async fn count_since(connection: &mut SqliteConnection, campaign: &str, before: i64) -> Result<(), Error> {
    let query = sqlx::query(
        "INSERT INTO place_counts (campaign_id, state, rule, places) \
         SELECT campaign_id, state, rule, count(*) FROM places WHERE +campaign_id = $1 AND id > $2 GROUP BY state, rule \
         ON CONFLICT (campaign_id, state, rule) DO UPDATE SET places = places + excluded.places",
    );
    query.bind(campaign).bind(before).execute(connection).await?;
    Ok(())
}

async fn exclude_listed(
    connection: &mut SqliteConnection,
    campaign: &str,
    range: Range,
) -> Result<u64, Error> {
    let query = sqlx::query(
        "UPDATE places SET state = 'excluded', rule = $5, changed_ms = $4, \
         reason = json_object('rule', $5, 'scope', 'all', 'since_ms', \
         (SELECT d.at_ms FROM do_not_call d WHERE d.number = places.digits)) \
         WHERE campaign_id = $1 AND state = 'waiting' AND id > $2 AND id <= $3 \
         AND EXISTS (SELECT 1 FROM do_not_call d WHERE d.number = places.digits)",
    );
    let query = query.bind(campaign).bind(range.after).bind(range.last).bind(now_ms());
    Ok(query.bind(Rule::DoNotCall.as_str()).execute(connection).await?.rows_affected())
}

async fn exclude_suppressed(
    connection: &mut SqliteConnection,
    campaign: &str,
    range: Range,
    lists: &[String],
) -> Result<u64, Error> {
    let query = sqlx::query(
        "UPDATE places SET state = 'excluded', rule = $5, changed_ms = $4, \
         reason = json_object('rule', $5, 'since_ms', \
         (SELECT min(i.ended_ms) FROM list_contacts s JOIN list_imports i ON i.id = s.import_id WHERE s.digits = places.digits \
         AND s.list_id IN (SELECT value FROM json_each($6)) AND i.state = 'done')) \
         WHERE campaign_id = $1 AND state = 'waiting' AND id > $2 AND id <= $3 \
         AND EXISTS (SELECT 1 FROM list_contacts s JOIN list_imports i ON i.id = s.import_id WHERE s.digits = places.digits \
         AND s.list_id IN (SELECT value FROM json_each($6)) AND i.state = 'done')",
    );
    let query = query.bind(campaign).bind(range.after).bind(range.last).bind(now_ms());
    Ok(query.bind(Rule::Suppressed.as_str()).bind(json!(lists)).execute(connection).await?.rows_affected())
}

async fn exclude_beginning(
    connection: &mut SqliteConnection,
    campaign: &str,
    range: Range,
    begin: &str,
) -> Result<u64, Error> {
    let reason = Reason::DoNotCall(Listed { scope: Scope::Pattern, since_ms: None });
    let query = sqlx::query(
        "UPDATE places SET state = 'excluded', rule = $5, changed_ms = $4, reason = $6 \
         WHERE campaign_id = $1 AND state = 'waiting' AND id > $2 AND id <= $3 AND digits >= $7 AND digits < $7 || ':'",
    );
    let query = query.bind(campaign).bind(range.after).bind(range.last).bind(now_ms());
    let query = query.bind(reason.rule().as_str()).bind(column(&reason)).bind(begin);
    Ok(query.execute(connection).await?.rows_affected())
}

async fn exclude_without_consent(
    connection: &mut SqliteConnection,
    campaign: &str,
    range: Range,
    since_ms: i64,
) -> Result<u64, Error> {
    let query = sqlx::query(
        "UPDATE places SET state = 'excluded', rule = 'no_consent', changed_ms = $4, \
         reason = json_object('rule', 'no_consent', 'given_ms', \
         (SELECT c.consent_ms FROM list_contacts c WHERE c.id = places.contact_id)) \
         WHERE campaign_id = $1 AND state = 'waiting' AND id > $2 AND id <= $3 AND NOT EXISTS (SELECT 1 FROM list_contacts c \
         WHERE c.id = places.contact_id AND c.consent_ms > $5)",
    );
    let query = query.bind(campaign).bind(range.after).bind(range.last).bind(now_ms());
    Ok(query.bind(since_ms).execute(connection).await?.rows_affected())
}
