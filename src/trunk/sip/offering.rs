//! Calls that the server brings: they ring until somebody takes them.

use std::sync::Weak;

use callcore::call::Direction;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::call::SipCall;
use super::shared::Shared;
use super::task::{COMMANDS, CallTask, EVENTS, Pickup};
use super::trace::Silences;
use crate::sip::Incoming;
use crate::telemetry::mask;
use crate::trunk::leg::{Abilities, IncomingCall, Leg, Offer};
use crate::trunk::record::Record;
use crate::wallclock::now_ms;

/// Refuses a call whose media we cannot speak.
const NOT_ACCEPTABLE: u16 = 488;
/// Refuses a call that nobody has time for.
const UNAVAILABLE: u16 = 503;

/// Hands on every call that comes in, until the trunk ends.
pub(super) async fn offer_all(
    shared: Weak<Shared>,
    mut calls: mpsc::Receiver<Incoming>,
    offers: mpsc::Sender<Offer>,
) {
    while let Some(incoming) = calls.recv().await {
        let Some(shared) = shared.upgrade() else { return };
        offer(&shared, incoming, &offers);
    }
}

fn offer(shared: &Shared, incoming: Incoming, offers: &mpsc::Sender<Offer>) {
    let Incoming { caller, called, to, offer, answering, call, .. } = incoming;
    // A server that we registered at calls the account, and says in `To` which of its numbers was dialled.
    let is_ours = shared.options.account.as_ref().is_some_and(|account| account.user == called);
    let called = if is_ours && !to.is_empty() { to } else { called };
    let trunk = shared.options.name.clone();
    let session_id = call.id().to_owned();
    tracing::info!(trunk, session = session_id, caller = %mask(&caller), called = %mask(&called), "a call comes in");
    let (media, mut negotiation) = match shared.media() {
        Ok(media) => media,
        Err(error) => {
            tracing::warn!(trunk, error, "a call that comes in gets no ports");
            return answering.refuse(UNAVAILABLE);
        }
    };
    let (sdp, agreed) = match offer {
        None => (negotiation.offer(), None),
        Some(offer) => match negotiation.answer(&offer) {
            Ok((answer, agreed)) => (answer, Some(agreed)),
            Err(error) => {
                tracing::warn!(trunk, %error, "a call that comes in has no media that we speak");
                return answering.refuse(NOT_ACCEPTABLE);
            }
        },
    };
    let source = (!caller.is_empty()).then(|| caller.clone());
    let record = Record::new(session_id.clone(), called.clone(), source, Direction::Inbound, now_ms());
    let (tell, events) = mpsc::channel(EVENTS);
    let (command, commands) = mpsc::channel(COMMANDS);
    let (pickup, wanted) = oneshot::channel();
    let mut machine = SipCall::new(record, shared.options.away_timeout, Instant::now());
    machine.ringing();
    let task = CallTask {
        common: shared.common(),
        call,
        machine,
        negotiation,
        media,
        pickup: Some(Pickup { wanted: Some(wanted), answering, rings_at: Pickup::rings_at(), sdp, agreed }),
        tell,
        commands,
        _held: None,
        silences: Silences::default(),
        transfer: None,
    };
    let leg = Leg {
        session_id: session_id.clone(),
        abilities: Abilities { transfer: true },
        events,
        commands: command,
    };
    let call = IncomingCall { session_id, caller, called, trunk: Some(trunk.clone()) };
    tokio::spawn(task.run());
    if offers.try_send(Offer { call, leg, pickup }).is_err() {
        tracing::warn!(trunk, "nobody here takes calls now: one is hung up");
    }
}
