//! From the accepted request to the carrier's answer: prompts are made, a free line is waited for, the number
//! is dialled. A hang-up ends it at any point.

use callcore::call::Fact;
use serde_json::json;

use super::actor::{Actor, Control};
use super::ledger::Ledger;
use crate::trunk::{DialError, Leg, Line, Order, Ticket, Turn};

/// What comes first: the outcome, a place in the queue, or somebody who wants no call any more.
enum Step<T> {
    Done(T),
    HungUp(String),
}

impl Actor {
    /// Places the call once `prepared` is done and the trunk has a line for it.
    pub(super) async fn launch(
        &mut self,
        line: &Line,
        mut ticket: Ticket,
        order: Order,
        prepared: impl Future<Output = ()>,
    ) -> Result<Leg, DialError> {
        if let Step::HungUp(by) = self.unless_hung_up(prepared).await {
            return self.cancelled(by).await;
        }
        let mut queued_at = None;
        let slot = loop {
            match self.unless_hung_up(ticket.turn()).await {
                Step::Done(Ok(Turn::Dial(slot))) => break slot,
                Step::Done(Ok(Turn::Queued { ahead })) if queued_at.is_none() => {
                    queued_at = Some(self.clock.now());
                    let (trunk, limits) = (line.name(), line.limits());
                    let detail = json!({
                        "trunk": trunk, "ahead": ahead, "calls": limits.calls, "perSecond": limits.per_second,
                    });
                    self.note(Fact::new("queued", detail)).await;
                }
                Step::Done(Ok(Turn::Queued { ahead })) => self.board.moved_up(&self.call_id, ahead),
                Step::Done(Err(error)) => return Err(error),
                Step::HungUp(by) => return self.cancelled(by).await,
            }
        };
        if let Some(since) = queued_at {
            let now = self.clock.now();
            self.note(Fact::new("dequeued", json!({ "waitedMs": now.ms_since(since) }))).await;
            self.call.dialled(now);
        }
        match self.unless_hung_up(line.place(order, slot)).await {
            Step::Done(placed) => placed,
            Step::HungUp(by) => self.cancelled(by).await,
        }
    }

    /// Runs `work`, unless a hang-up comes first; then it is dropped.
    async fn unless_hung_up<T>(&mut self, work: impl Future<Output = T>) -> Step<T> {
        tokio::select! {
            done = work => Step::Done(done),
            Some(Control::HangUp { by }) = self.control.recv() => Step::HungUp(by),
        }
    }

    async fn cancelled(&mut self, by: String) -> Result<Leg, DialError> {
        self.note(Fact::new("hangup_requested", json!({ "by": by }))).await;
        Err(DialError::Cancelled { by })
    }

    /// A line of the timeline before the call itself has begun.
    async fn note(&mut self, fact: Fact) {
        self.board.note(&self.call_id, &fact);
        let mut ledger = Ledger::new(&self.call_id, self.clock);
        ledger.fact(fact, self.clock.now());
        if let Some(batch) = ledger.into_batch() {
            self.scribe.write(batch).await;
        }
    }
}
