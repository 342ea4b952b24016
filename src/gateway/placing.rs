//! How calls begin: those that an account places, and those that are placed to it.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::accounts::Holder;
use super::call::{Call, Setup};
use super::call_task;
use super::callees::Callee;
use super::messages::Incoming;
use super::room::{Codecs, Room};
use super::shared::Shared;
use crate::telemetry::mask;
use crate::wallclock;

/// A call as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PlaceRequest {
    pub number: String,
    /// Of an unanswered call, in seconds.
    pub timeout: Option<u64>,
    pub caller_id: Option<String>,
    pub codecs: Codecs,
    /// The caller's name for the session; one that is live already is not taken.
    pub session: Option<Arc<str>>,
}

/// A call to the clients of an account, as it was asked for.
#[derive(Debug)]
pub(super) struct RingIn {
    pub incoming: Incoming,
    pub caller: Arc<Callee>,
    /// How long it rings, in seconds.
    pub ring: Option<u64>,
}

impl Shared {
    /// Places a call. Every client of the account is told when `answered` says that whoever asked for it knows
    /// its session, or never will. `None` when no line is free.
    pub(super) fn place(
        self: &Arc<Self>,
        holder: Holder,
        request: PlaceRequest,
        answered: oneshot::Receiver<()>,
    ) -> Option<Arc<str>> {
        let named = request.session.filter(|session| !self.rooms.is_live(session));
        let session = named.unwrap_or_else(|| uuid::Uuid::now_v7().to_string().into());
        let callee = self.callees.find(&request.number);
        let number = mask(&request.number);
        let call = Call::new(Setup {
            session_id: session.to_string(),
            number: request.number,
            source: holder.version.negotiates().then_some(request.caller_id),
            started: wallclock::now_ms(),
            far_end: callee.as_ref().map(|callee| (callee.file.outcome, callee.ring_ms())),
            is_incoming: false,
            timeout_ms: request.timeout.map(|seconds| seconds.saturating_mul(1_000)),
            join_wait_ms: u64::try_from(self.options.join_wait.as_millis()).unwrap_or(u64::MAX),
            queue_limit_ms: self.options.queue_limit_ms,
            seed: self.next_seed(),
        });
        let room = Arc::new(Room::new(Arc::clone(&session), holder, request.codecs, call));
        if self.stopping.is_cancelled() || !self.rooms.open(Arc::clone(&room), self.options.max_calls) {
            return None;
        }
        tracing::info!(%session, account = self.accounts.name(holder.account), version = %holder.version,
            %number, callee = callee.as_ref().map_or("none", |c| &c.name), "a call is placed");
        self.calls.spawn(call_task::run(Arc::clone(self), room, callee, answered));
        Some(session)
    }

    /// Has somebody call the clients of the account, who are told at once. `None` when no line is free.
    pub(super) fn ring_in(self: &Arc<Self>, holder: Holder, asked: RingIn) -> Option<Arc<str>> {
        let session: Arc<str> = uuid::Uuid::now_v7().to_string().into();
        let RingIn { incoming, caller, ring } = asked;
        let call = Call::new(Setup {
            session_id: session.to_string(),
            number: incoming.called.clone(),
            source: holder.version.negotiates().then(|| Some(incoming.caller.clone())),
            started: wallclock::now_ms(),
            far_end: None,
            is_incoming: true,
            timeout_ms: ring.map(|seconds| seconds.saturating_mul(1_000)),
            join_wait_ms: 0,
            queue_limit_ms: self.options.queue_limit_ms,
            seed: self.next_seed(),
        });
        tracing::info!(%session, account = self.accounts.name(holder.account), version = %holder.version,
            caller = %mask(&incoming.caller), called = %mask(&incoming.called), "somebody rings in");
        let room = Room::new(Arc::clone(&session), holder, Codecs::default(), call).incoming(incoming);
        let room = Arc::new(room);
        if self.stopping.is_cancelled() || !self.rooms.open(Arc::clone(&room), self.options.max_calls) {
            return None;
        }
        let (left, answered) = oneshot::channel();
        // The client that asked is not the one that joins.
        drop(left);
        self.calls.spawn(call_task::run(Arc::clone(self), room, Some(caller), answered));
        Some(session)
    }
}
