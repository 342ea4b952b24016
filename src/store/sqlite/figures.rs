//! Sums over calls, and what people say who answered.

use futures_util::FutureExt;
use serde_json::json;

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::model::{Actor, AuditAction, CallCounts, CallFigures, CallLabelRow, NewAudit};
use crate::store::sqlite::audit;
use crate::wallclock::now_ms;

impl Engine {
    pub(in crate::store) async fn call_figures(
        &self,
        since_ms: i64,
        until_ms: i64,
    ) -> Result<CallFigures, Error> {
        let counts: CallCounts = sqlx::query_as(
            "SELECT count(*) AS calls, count(ended_ms) AS ended, count(answered_ms) AS answered, \
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

    pub(in crate::store) async fn label_call(
        &self,
        call_id: &str,
        truth: &str,
        verdict: Option<String>,
        actor: Actor,
    ) -> Result<(), Error> {
        let (id, truth) = (call_id.to_owned(), truth.to_owned());
        self.write(move |connection| {
            async move {
                sqlx::query(
                    "INSERT INTO call_labels (call_id, truth, verdict, author, at_ms) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (call_id) DO UPDATE SET truth = $2, verdict = $3, author = $4, at_ms = $5",
                )
                .bind(&id)
                .bind(&truth)
                .bind(&verdict)
                .bind(&actor.name)
                .bind(now_ms())
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
