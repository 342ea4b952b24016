//! What is told of each call that ended: a line of the log, and figures.

use callcore::call::{Direction, Summary};
use callcore::clock::CallTime;

use crate::store::CallUpdate;
use crate::telemetry::mask;
use crate::telemetry::traces::{self, CallTrace};

/// Which call it was.
#[derive(Clone, Copy, Debug)]
pub(in crate::session) struct EndedCall<'a> {
    pub(in crate::session) call_id: &'a str,
    pub(in crate::session) direction: Direction,
    /// The other party's.
    pub(in crate::session) number: &'a str,
    pub(in crate::session) flow: &'a str,
    pub(in crate::session) trunk: Option<&'a str>,
    /// Wall clock of the call's beginning, ms since 1970.
    pub(in crate::session) began_ms: i64,
}

/// Where nobody decided who answered.
const NO_VERDICT: &str = "none";

impl EndedCall<'_> {
    /// A call that was dialled, or came in.
    pub(in crate::session) fn tell(&self, summary: &Summary) {
        let verdict = summary.amd.as_ref().filter(|event| event.kind.is_decision());
        let named = verdict.map_or(NO_VERDICT, |event| event.kind.as_str());
        if let Some(verdict) = verdict {
            let took = verdict.at_ms as f64 / 1_000.0;
            metrics::histogram!("dering_amd_verdict_seconds", "event" => named).record(took);
        }
        let talked = summary.answered_at.map_or(0, |at| summary.ended_at.as_ms().saturating_sub(at.as_ms()));
        if let Some(answered_at) = summary.answered_at {
            metrics::histogram!("dering_call_answer_seconds").record(answered_at.as_ms() as f64 / 1_000.0);
            metrics::histogram!("dering_call_talk_seconds").record(talked as f64 / 1_000.0);
        }
        let disposition = summary.disposition.as_str();
        self.count(disposition, named, &summary.outcome);
        tracing::info!(
            call.id = self.call_id,
            direction = self.direction.as_str(),
            number = mask(self.number),
            flow = self.flow,
            trunk = self.trunk,
            disposition,
            cause = summary.cause,
            verdict = named,
            outcome = summary.outcome,
            talk_s = talked as f64 / 1_000.0,
            "call ended"
        );
        let wall = |at: CallTime| self.began_ms.saturating_add_unsigned(at.as_ms());
        traces::call(&CallTrace {
            call_id: self.call_id,
            direction: self.direction.as_str(),
            flow: self.flow,
            trunk: self.trunk,
            disposition,
            verdict: named,
            outcome: &summary.outcome,
            began_ms: self.began_ms,
            answered_ms: summary.answered_at.map(wall),
            ended_ms: wall(summary.ended_at),
        });
    }

    /// A call that nobody was dialled for.
    pub(in crate::session) fn tell_undialled(&self, update: &CallUpdate) {
        let disposition = update.disposition.map_or("", |disposition| disposition.as_str());
        let outcome = update.outcome.as_deref().unwrap_or_default();
        self.count(disposition, NO_VERDICT, outcome);
        tracing::info!(
            call.id = self.call_id,
            direction = self.direction.as_str(),
            number = mask(self.number),
            flow = self.flow,
            trunk = self.trunk,
            disposition,
            outcome,
            "call ended: it was not dialled"
        );
    }

    fn count(&self, disposition: &'static str, verdict: &'static str, outcome: &str) {
        metrics::counter!(
            "dering_calls_ended_total",
            "flow" => self.flow.to_owned(), "disposition" => disposition, "verdict" => verdict, "outcome" => outcome.to_owned()
        )
        .increment(1);
    }
}
