//! One configured trunk: a carrier with a name, limits, a queue and a caller id of its own.

use std::sync::Arc;

use callcore::call::CarrierCdr;

use super::carrier::{Carrier, RecordsError};
use super::leg::Leg;
use super::order::{DialError, Order};
use super::queue::{Limits, Queue, QueueFull, Slot, Ticket};
use super::reach::Reach;
use crate::cdr_wire::CdrQuery;
use crate::telemetry::Lateness;

/// What is settled for a trunk beside its carrier.
#[derive(Clone, Debug, Default)]
pub struct TrunkOptions {
    /// Names the trunk in requests, records, logs and metrics.
    pub name: String,
    pub limits: Limits,
    /// Shown to the callee when the request names no caller.
    pub caller_id: Option<String>,
    /// How late this process is: while that is too much, calls wait as for a line.
    pub lateness: Lateness,
}

/// A trunk as calls use it. Cheap to clone; every clone shares the same lines.
#[derive(Clone, Debug)]
pub struct Trunk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    limits: Limits,
    caller_id: Option<String>,
    carrier: Carrier,
    queue: Queue,
}

impl Trunk {
    #[must_use]
    pub fn new(carrier: impl Into<Carrier>, options: TrunkOptions) -> Self {
        let TrunkOptions { name, limits, caller_id, lateness } = options;
        let queue = Queue::new(name.clone(), limits, lateness);
        Self(Arc::new(Inner { name, limits, caller_id, carrier: carrier.into(), queue }))
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The kind of carrier it leads to, as the configuration names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.0.carrier.kind()
    }

    #[must_use]
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// Whether the carrier can be reached, as last seen.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.0.carrier.is_reachable()
    }

    /// Whether the carrier is within reach, and since when it is not.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.0.carrier.reach()
    }

    /// Whether the callee can be shown a number of our choice; true while that is not known.
    #[must_use]
    pub fn shows_caller(&self) -> bool {
        self.0.carrier.shows_caller()
    }

    /// Whether the carrier can be asked for the records of calls; true while that is not known.
    #[must_use]
    pub fn keeps_records(&self) -> bool {
        self.0.carrier.keeps_records()
    }

    /// Whether it rings links in browsers, and dials no numbers.
    #[must_use]
    pub fn rings_links(&self) -> bool {
        self.0.carrier.rings_links()
    }

    /// Calls that hold a line now, and calls that wait for one.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        self.0.queue.load()
    }

    /// Joins the queue; with a free line the first turn is to dial.
    ///
    /// # Errors
    /// When as many calls wait as may.
    pub fn enter(&self) -> Result<Ticket, QueueFull> {
        self.0.queue.enter()
    }

    /// Dials. The line is held until the carrier's side of the call is over, even if the leg is dropped.
    ///
    /// # Errors
    /// When the carrier cannot be reached, or refuses the call.
    pub async fn place(&self, order: Order, slot: Slot) -> Result<Leg, DialError> {
        let caller = order.caller.or_else(|| self.0.caller_id.clone());
        self.0.carrier.place(Order { caller, ..order }, Box::new(slot)).await
    }

    /// The call to `number`, as its [`Order`] has it, is over, and may never have been placed: a link stops ringing.
    pub fn call_is_over(&self, number: &str) {
        self.0.carrier.call_is_over(number);
    }

    /// Asks the carrier to bring no more calls, where it was asked to bring them. It takes two seconds at most.
    pub async fn leave(&self) {
        self.0.carrier.leave().await;
    }

    /// Ends all calls at once where they end with this program, and tells their peers. It takes two seconds at most.
    pub async fn cut(&self) {
        self.0.carrier.cut().await;
    }

    /// Has a call of an earlier run ended, in the background; a failure is logged.
    ///
    /// # Errors
    /// When the trunk has ended.
    pub async fn end(&self, session_id: &str) -> Result<(), DialError> {
        self.0.carrier.end(session_id).await
    }

    /// The carrier's record of a session; `None` when it has none, or not yet.
    ///
    /// # Errors
    /// When the carrier cannot be asked.
    pub async fn record(&self, session_id: &str) -> Result<Option<CarrierCdr>, RecordsError> {
        self.0.carrier.record(session_id).await
    }

    /// A page of the carrier's records.
    ///
    /// # Errors
    /// When the carrier cannot be asked, or refuses the query.
    pub async fn records(&self, query: &CdrQuery) -> Result<Vec<CarrierCdr>, RecordsError> {
        self.0.carrier.records(query).await
    }
}
