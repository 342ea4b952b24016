//! Sums over calls, and what people say who answered.

use futures_util::FutureExt;
use serde_json::json;

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::model::{
    Actor, AuditAction, CallCounts, CallFigures, CallLabelRow, LabelOrigin, LabelTally, LabelledCall,
    NewAudit, ShadowDifference, ShadowTally,
};
use crate::store::sqlite::audit;
use crate::wallclock::now_ms;

/// So many recordings are looked through for a call to listen to.
const FEW_RECORDINGS: i64 = 2_000;

impl Engine {
    pub(in crate::store) async fn call_figures(
        &self,
        since_ms: i64,
        until_ms: i64,
    ) -> Result<CallFigures, Error> {
        let counts: CallCounts = sqlx::query_as(
            "SELECT count(*) AS calls, count(coalesce(answered_ms, ended_ms)) AS settled, \
             count(answered_ms) AS answered, \
             count(*) FILTER (WHERE amd_event = 'amd_human_detected') AS people, \
             count(*) FILTER (WHERE amd_event = 'amd_machine_detected') AS machines, \
             count(*) FILTER (WHERE amd_event = 'amd_no_speech_detected') AS nobody, \
             count(*) FILTER (WHERE amd_event = 'amd_decision_timeout') AS undecided, \
             count(*) FILTER (WHERE message_left = 1) AS messages_left \
             FROM calls WHERE created_ms >= $1 AND created_ms < $2",
        )
        .bind(since_ms)
        .bind(until_ms)
        .fetch_one(&self.readers)
        .await?;
        let decided = counts.people + counts.machines + counts.nobody + counts.undecided;
        let verdict_median_ms = sqlx::query_scalar(
            "SELECT amd_ms FROM calls WHERE created_ms >= $1 AND created_ms < $2 AND amd_ms IS NOT NULL \
             ORDER BY amd_ms LIMIT 1 OFFSET $3",
        )
        .bind(since_ms)
        .bind(until_ms)
        .bind((decided - 1).max(0) / 2)
        .fetch_optional(&self.readers)
        .await?;
        let interruptions = sqlx::query_scalar(
            "SELECT count(*) FROM call_events WHERE kind = 'interruption' AND at_ms >= $1 AND at_ms < $2",
        )
        .bind(since_ms)
        .bind(until_ms)
        .fetch_one(&self.readers)
        .await?;
        Ok(CallFigures { counts, verdict_median_ms, interruptions })
    }

    pub(in crate::store) async fn call_label(&self, call_id: &str) -> Result<Option<CallLabelRow>, Error> {
        let query =
            sqlx::query_as("SELECT truth, verdict, author, at_ms FROM call_labels WHERE call_id = $1");
        Ok(query.bind(call_id).fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn label_tallies(&self) -> Result<Vec<LabelTally>, Error> {
        // Labels are few and lead: a cross join is not turned round.
        let query = sqlx::query_as(
            "SELECT c.flow, c.trunk, l.drawn_truth IS NOT NULL AS drawn, coalesce(l.drawn_truth, l.truth) AS truth, \
             c.amd_event, count(*) AS calls FROM call_labels l CROSS JOIN calls c ON c.id = l.call_id \
             GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2",
        );
        Ok(query.fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn shadow_tallies(
        &self,
        set: &str,
        calls: u32,
    ) -> Result<Vec<ShadowTally>, Error> {
        let query = sqlx::query_as(
            "SELECT c.amd_event, s.event, l.drawn_truth IS NOT NULL AS drawn, coalesce(l.drawn_truth, l.truth) AS truth, \
             count(*) AS calls FROM (SELECT call_id, event FROM amd_shadow WHERE params = $1 ORDER BY rowid DESC LIMIT $2) s \
             CROSS JOIN calls c ON c.id = s.call_id LEFT JOIN call_labels l ON l.call_id = s.call_id \
             GROUP BY 1, 2, 3, 4 ORDER BY 1, 2",
        );
        Ok(query.bind(set).bind(i64::from(calls)).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn shadow_differences(
        &self,
        set: &str,
        calls: u32,
        limit: u32,
    ) -> Result<Vec<ShadowDifference>, Error> {
        let query = sqlx::query_as(
            "SELECT s.call_id, c.amd_event, c.amd_ms, s.event, s.at_ms, coalesce(l.drawn_truth, l.truth) AS truth \
             FROM (SELECT rowid, call_id, event, at_ms FROM amd_shadow WHERE params = $1 ORDER BY rowid DESC LIMIT $2) s \
             CROSS JOIN calls c ON c.id = s.call_id LEFT JOIN call_labels l ON l.call_id = s.call_id \
             WHERE c.amd_event IS NOT s.event ORDER BY s.rowid DESC LIMIT $3",
        );
        let query = query.bind(set).bind(i64::from(calls)).bind(i64::from(limit));
        Ok(query.fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn labelled_calls(
        &self,
        drawn: bool,
        limit: u32,
    ) -> Result<Vec<LabelledCall>, Error> {
        let query = sqlx::query_as(
            "SELECT l.call_id, coalesce(l.drawn_truth, l.truth) AS truth, c.amd_event, c.amd_subtype, \
             CASE c.direction WHEN 'inbound' THEN c.caller ELSE c.target END AS number, r.path \
             FROM call_labels l CROSS JOIN calls c ON c.id = l.call_id \
             LEFT JOIN recordings r ON r.call_id = l.call_id AND r.deleted_ms IS NULL \
             WHERE $1 = 0 OR l.drawn_truth IS NOT NULL ORDER BY l.at_ms DESC, l.call_id DESC LIMIT $2",
        );
        Ok(query.bind(drawn).bind(i64::from(limit)).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn draw_call(&self, after: Option<&str>) -> Result<Option<String>, Error> {
        let place = after.map(|id| (id.get(24..).unwrap_or_default(), id)).unwrap_or_default();
        let kept: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT 1 FROM recordings WHERE deleted_ms IS NULL LIMIT $1)",
        )
        .bind(FEW_RECORDINGS + 1)
        .fetch_one(&self.readers)
        .await?;
        // Where few recordings are kept they lead: among all calls one of theirs would be looked for long.
        let query = sqlx::query_scalar(if kept <= FEW_RECORDINGS {
            "SELECT c.id FROM recordings r CROSS JOIN calls c ON c.id = r.call_id WHERE r.deleted_ms IS NULL \
             AND c.answered_ms IS NOT NULL AND c.amd_event IS NOT NULL \
             AND (substr(c.id, 25), c.id) > ($1, $2) AND c.ended_ms IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM call_labels l WHERE l.call_id = c.id AND l.drawn_truth IS NOT NULL) \
             ORDER BY substr(c.id, 25), c.id LIMIT 1"
        } else {
            "SELECT c.id FROM calls c WHERE c.answered_ms IS NOT NULL AND c.amd_event IS NOT NULL \
             AND (substr(c.id, 25), c.id) > ($1, $2) AND c.ended_ms IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM call_labels l WHERE l.call_id = c.id AND l.drawn_truth IS NOT NULL) \
             AND EXISTS (SELECT 1 FROM recordings r WHERE r.call_id = c.id AND r.deleted_ms IS NULL) \
             ORDER BY substr(c.id, 25), c.id LIMIT 1"
        });
        Ok(query.bind(place.0).bind(place.1).fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn label_call(
        &self,
        call_id: &str,
        truth: &str,
        verdict: Option<String>,
        origin: LabelOrigin,
        actor: Actor,
    ) -> Result<(), Error> {
        let (id, truth) = (call_id.to_owned(), truth.to_owned());
        self.write(move |connection| {
            async move {
                sqlx::query(
                    "INSERT INTO call_labels (call_id, truth, verdict, author, at_ms, drawn_truth) \
                     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (call_id) DO UPDATE SET \
                     truth = $2, verdict = $3, author = $4, at_ms = $5, \
                     drawn_truth = CASE WHEN drawn_truth IS NULL THEN $6 ELSE $2 END",
                )
                .bind(&id)
                .bind(&truth)
                .bind(&verdict)
                .bind(&actor.name)
                .bind(now_ms())
                .bind((origin == LabelOrigin::Drawn).then_some(&truth))
                .execute(&mut *connection)
                .await?;
                let detail = json!({ "truth": truth, "verdict": verdict });
                audit::append(connection, NewAudit::new(actor, AuditAction::CallLabel, id, detail)).await
            }
            .boxed()
        })
        .await
    }
}
