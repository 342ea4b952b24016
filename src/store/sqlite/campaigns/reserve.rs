//! The one transaction that reserves calls: everything that could stop one is asked here, and what is written is the attempt together
//! with the call and its plan. Whatever happens after the commit, the call is dialled once or never.

use callcore::campaign::{Decision, Facts, Reason, Rule, Rules, decide};
use futures_util::FutureExt;
use serde_json::json;
use sqlx_sqlite::SqliteConnection;

use super::places::{small, usage};
use crate::store::error::Error;
use crate::store::model::{Acceptance, PlaceState, Prepared, Reservation, Reserve, Reserved, Usage, column};
use crate::store::sqlite::batch::Writing;
use crate::store::sqlite::dialout::accept;
use crate::store::sqlite::engine::Engine;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

impl Engine {
    pub(in crate::store) async fn reserve(&self, asked: Reserve) -> Result<Vec<Reserved>, Error> {
        let writing = self.writing()?;
        self.write(move |connection| async move { reserve(connection, &writing, asked).await }.boxed()).await
    }
}

/// What a place is decided by, as far as its row and the lists say it.
#[derive(sqlx::FromRow)]
struct Found {
    digits: String,
    zone: Option<String>,
    consent_ms: Option<i64>,
    listed_ms: Option<i64>,
    suppressed_ms: Option<i64>,
    today: i64,
    attempts: i64,
}

async fn reserve(
    connection: &mut SqliteConnection,
    writing: &Writing,
    asked: Reserve,
) -> Result<Vec<Reserved>, Error> {
    let Reserve { campaign_id, revision, rules, now_ms, places } = asked;
    let stands: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM campaigns WHERE id = $1 AND state = 'running' AND revision = $2")
            .bind(&campaign_id)
            .bind(revision)
            .fetch_optional(&mut *connection)
            .await?;
    if stands.is_none() {
        return Ok(vec![Reserved::Missed; places.len()]);
    }
    let callers: Vec<String> = rules.caller_ids().map(str::to_owned).collect();
    let utc_day_ms = now_ms - now_ms.rem_euclid(DAY_MS);
    let mut used = usage(connection, &campaign_id, rules.own_day_begin(now_ms), utc_day_ms, &callers).await?;
    let mut done = Vec::with_capacity(places.len());
    for place in places {
        let id = place.place_id;
        let one = Attempted { campaign_id: &campaign_id, revision, rules: &rules, now_ms, callers: &callers };
        let reserved = one.reserve(connection, writing, place, &mut used).await?;
        match &reserved {
            Reserved::Waits { until_ms, reason } => {
                let due_ms = until_ms.unwrap_or(i64::MAX);
                put(connection, id, PlaceState::Waiting, due_ms, reason, now_ms).await?;
            }
            Reserved::Excluded(reason) => {
                let tried = reason.rule() == Rule::CapTotal;
                let state = if tried { PlaceState::Exhausted } else { PlaceState::Excluded };
                put(connection, id, state, now_ms, reason, now_ms).await?;
            }
            Reserved::Dialling { .. } | Reserved::Missed => {}
        }
        done.push(reserved);
    }
    Ok(done)
}

/// The reservation of one place.
struct Attempted<'a> {
    campaign_id: &'a str,
    revision: i64,
    rules: &'a Rules,
    now_ms: i64,
    callers: &'a [String],
}

impl Attempted<'_> {
    async fn reserve(
        &self,
        connection: &mut SqliteConnection,
        writing: &Writing,
        place: Reservation,
        used: &mut Usage,
    ) -> Result<Reserved, Error> {
        let found: Option<Found> = sqlx::query_as(
            "SELECT p.digits, p.zone, c.consent_ms, p.attempts, \
             (SELECT d.at_ms FROM do_not_call d WHERE d.number = p.digits) AS listed_ms, \
             (SELECT min(i.ended_ms) FROM list_contacts s JOIN list_imports i ON i.id = s.import_id WHERE s.digits = p.digits \
             AND s.list_id IN (SELECT value FROM json_each($5)) AND i.state = 'done') AS suppressed_ms, \
             (SELECT count(*) FROM attempts a WHERE a.digits = p.digits AND a.counts = 1 AND a.at_ms >= $3) AS today \
             FROM places p LEFT JOIN list_contacts c ON c.id = p.contact_id \
             WHERE p.id = $1 AND p.campaign_id = $2 AND p.state = 'waiting' AND p.due_ms <= $4",
        )
        .bind(place.place_id)
        .bind(self.campaign_id)
        .bind(place.day_begin_ms)
        .bind(self.now_ms)
        .bind(json!(self.rules.settings().suppression_lists))
        .fetch_optional(&mut *connection)
        .await?;
        let Some(found) = found else { return Ok(Reserved::Missed) };
        let facts = Facts {
            digits: found.digits.clone(),
            zone: found.zone,
            consent_ms: found.consent_ms,
            listed_ms: found.listed_ms,
            suppressed_ms: found.suppressed_ms,
            today: small(found.today),
            in_all: small(found.attempts),
            minutes_today: used.minutes_today,
            minutes_in_all: used.minutes_in_all,
            callers_today: used.callers_today.clone(),
        };
        match decide(self.rules, &facts, self.now_ms) {
            Decision::Wait { until_ms, reason } => return Ok(Reserved::Waits { until_ms, reason }),
            Decision::Exclude(reason) => return Ok(Reserved::Excluded(reason)),
            // Another caller id has its turn now: the call is prepared anew.
            Decision::Dial { caller, .. } if caller != place.caller => return Ok(Reserved::Missed),
            Decision::Dial { .. } => {}
        }
        let dial_out = match place.call {
            Prepared::Ready(dial_out) => *dial_out,
            Prepared::Impossible { why } => return Ok(Reserved::Excluded(Reason::CannotDial { why })),
            Prepared::Stopped => return Ok(Reserved::Missed),
        };
        let call_id = dial_out.batch.call_id.clone();
        match accept(connection, writing, dial_out).await? {
            Acceptance::New => {}
            Acceptance::Again(_) | Acceptance::Reused | Acceptance::Listed(_) => return Ok(Reserved::Missed),
        }
        sqlx::query(
            "INSERT INTO attempts (campaign_id, place_id, call_id, digits, caller, revision, flow_digest, canary, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(self.campaign_id)
        .bind(place.place_id)
        .bind(&call_id)
        .bind(found.digits)
        .bind(&place.caller)
        .bind(self.revision)
        .bind(place.flow_digest)
        .bind(place.canary)
        .bind(self.now_ms)
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "UPDATE places SET state = 'calling', rule = 'calling', reason = '{\"rule\":\"calling\"}', \
             attempts = attempts + 1, changed_ms = $2 WHERE id = $1",
        )
        .bind(place.place_id)
        .bind(self.now_ms)
        .execute(&mut *connection)
        .await?;
        used.minutes_today += 1;
        used.minutes_in_all += 1;
        used.calling += 1;
        let at = self.callers.iter().position(|caller| Some(caller) == place.caller.as_ref());
        if let Some(calls) = at.and_then(|at| used.callers_today.get_mut(at)) {
            *calls += 1;
        }
        Ok(Reserved::Dialling { call_id })
    }
}

/// Writes where a place stands.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    id: i64,
    state: PlaceState,
    due_ms: i64,
    reason: &Reason,
    now_ms: i64,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE places SET state = $2, due_ms = $3, rule = $4, reason = $5, changed_ms = $6 WHERE id = $1",
    )
    .bind(id)
    .bind(state)
    .bind(due_ms)
    .bind(reason.rule().as_str())
    .bind(column(reason))
    .bind(now_ms)
    .execute(connection)
    .await?;
    Ok(())
}
