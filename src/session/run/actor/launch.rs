//! From the accepted request to the carrier's answer: prompts are made, a free line is waited for, the number
//! is dialled. A hang-up ends it at any point.

use std::time::Duration;

use callcore::call::{Fact, Wait};
use callcore::clock::CallTime;
use tokio::time::{Instant, timeout};

use super::{Actor, Control, Identity};
use crate::kore::Envelope;
use crate::session::books::batch_builder::BatchBuilder;
use crate::store::{self, CallBatch, Store};
use crate::trunk::{DialError, Leg, Order, QueuePosition, Slot, Ticket, Trunk};

/// For the dial request to be written down; a call that nobody will know of is not placed.
const WRITING: Duration = Duration::from_secs(10);

/// What comes first: the outcome, a place in the queue, or somebody who wants no call any more.
enum Step<T> {
    Done(T),
    HungUp(String, Option<store::Actor>),
    /// It is too late for the call.
    Expired,
}

/// The do-not-call list, for a call that waits: its number may come on it meanwhile.
pub(in crate::session) struct UnlessListed {
    /// `None`: the call is placed all the same.
    pub(in crate::session) number: Option<String>,
    pub(in crate::session) store: Store,
}

impl UnlessListed {
    /// Since when and why the number is on the list, if it is.
    async fn since(&self) -> Option<String> {
        match self.store.do_not_call(self.number.as_deref()?).await {
            Ok(listed) => listed.map(|listed| listed.since()),
            Err(error) => {
                tracing::error!(%error, "the do-not-call list could not be asked again; it was when the call was accepted");
                None
            }
        }
    }
}

/// What came of a call that was to be placed.
pub(in crate::session) enum Launched {
    /// The carrier's answer to the dial request.
    Asked(Result<Leg, DialError>),
    /// It expired while it waited for a line; nobody was dialled.
    Expired,
    /// The number came on the do-not-call list while the call waited; nobody was dialled.
    Listed { since: String },
}

/// A call waits for a line.
pub(in crate::session) fn queued(trunk: &Trunk, ahead: usize) -> Fact {
    let (trunk, limits) = (trunk.name(), trunk.limits());
    let because = Wait::Limits { calls: limits.calls, per_second: limits.per_second };
    Fact::Queued { trunk: trunk.to_owned(), ahead, because }
}

/// The carrier takes no call now: it waits on.
fn sent_back(trunk: &Trunk, why: &str, wait: Duration) -> Fact {
    let because = Wait::SentBack { why: why.to_owned(), retry_after_ms: wait.as_millis() as u64 };
    Fact::Queued { trunk: trunk.name().to_owned(), ahead: 0, because }
}

impl Identity {
    /// What the next notification begins with.
    pub(in crate::session) fn envelope(&self, began_ms: i64) -> Envelope {
        Envelope { sequence: 1 + self.told, ..Envelope::new(&self.call_id, &self.app_id, began_ms) }
    }
}

impl Actor {
    /// Places the call once `prepared` is done and the trunk has a line for it.
    pub(in crate::session) async fn launch(
        &mut self,
        trunk: &Trunk,
        mut ticket: Ticket,
        order: Order,
        prepared: impl Future<Output = ()>,
        unless_listed: &UnlessListed,
        expires: Option<Instant>,
    ) -> Launched {
        match self.unless_too_late(prepared, expires).await {
            Step::Done(()) => {}
            Step::HungUp(by, actor) => return self.cancelled(by, actor).await,
            Step::Expired => return Launched::Expired,
        }
        // What came too early for a line was told when it was accepted.
        let mut queued_at = ticket.ahead().map(|_| CallTime::ZERO);
        loop {
            let slot = match self.slot(trunk, &mut ticket, &mut queued_at, expires).await {
                Ok(slot) => slot,
                Err(launched) => return launched,
            };
            if let Some(since) = queued_at.take() {
                let now = self.clock.now();
                self.note(Fact::Dequeued { waited_ms: now.ms_since(since) }, None);
                if let Some(since) = unless_listed.since().await {
                    return Launched::Listed { since };
                }
            }
            // A server that is killed before the carrier answers must know later that it had asked.
            match self.unless_too_late(self.dialling(trunk.name()), expires).await {
                Step::Done(true) => {}
                Step::Done(false) => {
                    let reason = "the dial request could not be written down first".into();
                    return Launched::Asked(Err(DialError::Unavailable { reason }));
                }
                Step::HungUp(by, actor) => return self.cancelled(by, actor).await,
                Step::Expired => return Launched::Expired,
            }
            self.call.dialled(self.clock.now());
            match self.unless_too_late(trunk.place(order.clone(), slot), None).await {
                // It waits as it does for a free line.
                Step::Done(Err(DialError::Busy { reason, wait })) => {
                    tracing::info!(call.id = %self.identity.call_id, trunk = trunk.name(), reason,
                        wait_ms = wait.as_millis() as u64, "the carrier asks to wait");
                    ticket.again(wait);
                    queued_at = Some(self.clock.now());
                    self.note(sent_back(trunk, &reason, wait), None);
                }
                Step::Done(placed) => return Launched::Asked(placed),
                Step::HungUp(by, actor) => return self.cancelled(by, actor).await,
                Step::Expired => return Launched::Expired,
            }
        }
    }

    /// Waits for the call's turn to dial; otherwise what became of it.
    async fn slot(
        &mut self,
        trunk: &Trunk,
        ticket: &mut Ticket,
        queued_at: &mut Option<CallTime>,
        expires: Option<Instant>,
    ) -> Result<Slot, Launched> {
        loop {
            match self.unless_too_late(ticket.turn(), expires).await {
                Step::Done(Ok(QueuePosition::Dial(slot))) => return Ok(slot),
                Step::Done(Ok(QueuePosition::Queued { ahead })) if queued_at.is_none() => {
                    *queued_at = Some(self.clock.now());
                    self.note(queued(trunk, ahead), None);
                }
                Step::Done(Ok(QueuePosition::Queued { ahead })) => {
                    self.uses.live_calls.moved_up(&self.identity.call_id, ahead)
                }
                Step::Done(Err(error)) => return Err(Launched::Asked(Err(error))),
                Step::HungUp(by, actor) => return Err(self.cancelled(by, actor).await),
                Step::Expired => return Err(Launched::Expired),
            }
        }
    }

    /// Runs `work`, unless a hang-up or `expires` comes first; then it is dropped.
    async fn unless_too_late<T>(
        &mut self,
        work: impl Future<Output = T>,
        expires: Option<Instant>,
    ) -> Step<T> {
        let late = async {
            match expires {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            done = work => Step::Done(done),
            Some(Control::HangUp { by, actor }) = self.control.recv() => Step::HungUp(by, actor),
            () = late => Step::Expired,
        }
    }

    /// Writes down that the carrier is asked from here on.
    fn dialling(&self, trunk: &str) -> impl Future<Output = bool> + use<> {
        let fact = Fact::Dialling { trunk: trunk.to_owned() };
        self.uses.live_calls.note(&self.identity.call_id, &fact);
        let mut builder = BatchBuilder::new(&self.identity.call_id, self.clock);
        builder.fact(fact, self.clock.now());
        let written = builder.into_batch().map(|batch| self.uses.writer.written(batch));
        async move {
            match written {
                Some(written) => timeout(WRITING, written).await.unwrap_or(false),
                None => true,
            }
        }
    }

    async fn cancelled(&mut self, by: String, actor: Option<store::Actor>) -> Launched {
        self.note(Fact::HangupRequested { by: by.clone() }, actor);
        Launched::Asked(Err(DialError::Cancelled { by }))
    }

    /// Ends a call that nobody was dialled for.
    pub(in crate::session) async fn end_undialled(self, batch: CallBatch) {
        if let Some(update) = &batch.update {
            self.ended().tell_undialled(update);
        }
        self.uses.writer.write(batch);
        self.uses.writer.finish().await;
        self.uses.live_calls.remove(&self.identity.call_id);
    }

    /// A line of the timeline before the call itself has begun.
    fn note(&mut self, fact: Fact, actor: Option<store::Actor>) {
        self.uses.live_calls.note(&self.identity.call_id, &fact);
        let mut builder = BatchBuilder::new(&self.identity.call_id, self.clock);
        builder.fact(fact, self.clock.now());
        if let Some(actor) = actor {
            builder.asked_to_end(actor);
        }
        if let Some(batch) = builder.into_batch() {
            self.uses.writer.write(batch);
        }
    }
}
