//! Incoming calls that cannot be taken: hung up, and recorded with the reason.

use std::time::Duration;

use callcore::call::{CarrierCdr, Direction, Disposition, Fact, HangupBy};
use serde_json::json;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::{PORT, Route};
use crate::session::books::call_writer::keep;
use crate::session::books::closing::Closing;
use crate::session::handle::{Handle, Refusal};
use crate::store::{CallBatch, CallState, NewCall, NewEvent, Store};
use crate::telemetry::mask;
use crate::trunk::{IncomingCall, Leg, LegCommand, LegEvent};
use crate::wallclock::now_ms;

/// Calls turned away that may wait to be written down, beside those that run.
const WAITING: usize = 500;
/// How long the carrier's record of a refused call is waited for.
const RECORD_WAIT: Duration = Duration::from_secs(6);

/// Why a call was hung up before it was answered.
#[derive(Clone, Debug)]
pub(in crate::session) struct TurnedAway {
    /// The call's outcome in records and metrics.
    outcome: &'static str,
    /// See [`cause`].
    cause: u16,
    why: String,
    flow: String,
    app_id: String,
}

impl TurnedAway {
    pub(in crate::session) fn no_route(called: &str) -> Self {
        Self {
            outcome: "no_route",
            cause: 1,
            why: if called.is_empty() {
                "the carrier does not say which number was dialled: set `did` on its trunk, or `inbound.default_flow`"
                    .into()
            } else {
                format!("no inbound route is for the number {}", mask(called))
            },
            flow: String::new(),
            app_id: String::new(),
        }
    }

    pub(in crate::session) fn refused(route: &Route, refusal: &Refusal) -> Self {
        let (outcome, cause) = match refusal {
            Refusal::Full { .. } => ("lines_busy", 34),
            Refusal::Stopping => ("stopping", 27),
            Refusal::Flow(_)
            | Refusal::Variables(_)
            | Refusal::Language(_)
            | Refusal::UnknownTrunk { .. }
            | Refusal::NoLink { .. }
            | Refusal::Queue { .. }
            | Refusal::DoNotCall { .. }
            | Refusal::Expired { .. }
            | Refusal::KeyReused
            | Refusal::Unwritable(_)
            | Refusal::UnknownParams { .. }
            | Refusal::Number(_)
            | Refusal::Both(..)
            | Refusal::Store(_) => ("cannot_start", 44),
        };
        let (flow, app_id) = (route.flow.clone(), route.app_id.clone());
        Self { outcome, cause, why: refusal.to_string(), flow, app_id }
    }
}

impl Handle {
    /// Hangs a call up that nobody takes, and writes it down.
    pub(in crate::session) fn turn_away(&self, call: IncomingCall, leg: Leg, why: TurnedAway) {
        metrics::counter!("dering_inbound_turned_away_total", "reason" => why.outcome).increment(1);
        tracing::warn!(session = %leg.session_id, caller = %mask(&call.caller), called = %mask(&call.called),
            reason = why.outcome, why = %why.why, "an inbound call was hung up");
        if self.inner.tasks.len() > self.inner.options.max_calls + WAITING {
            // Dropping the leg hangs up.
            metrics::counter!("dering_inbound_turned_away_unwritten_total").increment(1);
            tracing::error!(
                "a call that was turned away is not written down: too many wait for the database"
            );
            return;
        }
        let store = self.inner.parts.store.clone();
        self.inner.tasks.spawn(async move { reject(&store, call, leg, &why).await });
    }
}

async fn reject(store: &Store, call: IncomingCall, mut leg: Leg, why: &TurnedAway) {
    let IncomingCall { caller, called, trunk, .. } = call;
    let began_ms = now_ms();
    // A leg that takes no command is gone already.
    let _gone = leg.commands.send(LegCommand::Refuse { cause: why.cause }).await;
    let call_id = Uuid::now_v7().to_string();
    let mut session_id = leg.session_id.clone();
    if !matches!(store.call_of_session(&session_id).await, Ok(None)) {
        session_id = format!("{session_id}~{call_id}");
    }
    let closing = Closing {
        call_id: &call_id,
        session_id: Some(&session_id),
        destination: &called,
        source: Some(caller.as_str()).filter(|caller| !caller.is_empty()),
        began_ms,
        answered_ms: None,
        ended_ms: now_ms(),
        disposition: Disposition::Failed,
        hangup_by: Some(HangupBy::Callee),
        cause: why.cause,
    };
    let mut batch = closing.batch(why.outcome);
    batch.new = Some(NewCall {
        app_id: why.app_id.clone(),
        bot_id: why.flow.clone(),
        trunk: trunk.unwrap_or_else(|| PORT.into()),
        target: called.clone(),
        caller: caller.clone(),
        state: CallState::Ended,
        flow: why.flow.clone(),
        flow_digest: String::new(),
        metadata: json!({}),
        notify_url: None,
        notify_headers: std::collections::BTreeMap::new(),
        direction: Direction::Inbound,
        created_ms: began_ms,
        ..NewCall::default()
    });
    batch.update.get_or_insert_default().session_id = Some(session_id.clone());
    batch.events.push(NewEvent {
        at_ms: began_ms,
        t_ms: 0,
        fact: Fact::TurnedAway { reason: why.outcome.into(), why: why.why.clone(), cause: why.cause },
    });
    keep(store, batch).await;
    // The carrier's own record goes before ours.
    let until = Instant::now() + RECORD_WAIT;
    while let Ok(Some(event)) = timeout_at(until, leg.events.recv()).await {
        if let LegEvent::Cdr(cdr) = event {
            let cdr = Some(CarrierCdr { session_id, ..cdr });
            return keep(store, CallBatch { call_id, cdr, ..CallBatch::default() }).await;
        }
    }
}
