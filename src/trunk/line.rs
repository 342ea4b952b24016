//! One configured trunk: a way to a carrier with a name, limits, a queue and a caller id of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use callcore::call::CarrierCdr;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::gate::{Answer, Full, Gate, Limits};
use super::socketio::{CdrPage, Link, RestError, SocketIoTrunk, Version};
use super::{DialError, Leg, Order};
use crate::cdr_wire::CdrQuery;
use crate::telemetry::Lateness;

/// While timers are later than this, one more call would harm those that are there.
const MAX_LATENESS: Duration = Duration::from_millis(250);
/// How soon a call that waits for that looks again.
const LATE_WAIT: Duration = Duration::from_millis(250);

/// What is settled for a trunk beside the way to its carrier.
#[derive(Clone, Debug, Default)]
pub struct LineOptions {
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
pub struct Line {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: LineOptions,
    trunk: SocketIoTrunk,
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    gate: Gate,
    /// Wakes each call that waits.
    bells: HashMap<u64, Arc<Notify>>,
}

/// Whether a call may dial.
#[derive(Debug)]
pub enum Turn {
    /// Not yet: so many calls dial first.
    Queued {
        ahead: usize,
    },
    Dial(Slot),
}

/// A line in use, until it is dropped.
#[derive(Debug)]
pub struct Slot(Arc<Inner>);

impl Drop for Slot {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.gate.release();
        queue.ring_first();
        self.0.show(&queue);
    }
}

/// A place in the queue of a trunk, given up when it is dropped.
#[derive(Debug)]
pub struct Ticket {
    inner: Arc<Inner>,
    id: u64,
    since: Instant,
    bell: Arc<Notify>,
    ahead: Option<usize>,
    again: Option<Instant>,
    told: Option<usize>,
    used: bool,
}

impl Line {
    #[must_use]
    pub fn new(trunk: SocketIoTrunk, options: LineOptions) -> Self {
        let queue = Mutex::new(Queue { gate: Gate::new(options.limits), bells: HashMap::new() });
        Self { inner: Arc::new(Inner { options, trunk, queue }) }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.options.name
    }

    /// The kind of carrier it leads to.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        "outgoing-call-service"
    }

    #[must_use]
    pub fn limits(&self) -> Limits {
        self.inner.options.limits
    }

    /// The connection to the carrier, as last seen.
    #[must_use]
    pub fn link(&self) -> Link {
        self.inner.trunk.link()
    }

    /// The carrier's version, as configured or found out; `None` while nobody knows.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.inner.trunk.version()
    }

    /// Calls that hold a line now, and calls that wait for one.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        let queue = self.inner.queue();
        (queue.gate.busy(), queue.gate.waiting())
    }

    /// Joins the queue; with a free line the first turn is to dial.
    ///
    /// # Errors
    /// When as many calls wait as may.
    pub fn enter(&self) -> Result<Ticket, Full> {
        let now = Instant::now();
        let mut queue = self.inner.queue();
        let ahead = queue.gate.ahead(now);
        let id = queue.gate.enter(now).inspect_err(|_| {
            metrics::counter!("dering_trunk_queue_refused_total", "trunk" => self.name().to_owned())
                .increment(1);
        })?;
        let bell = Arc::new(Notify::new());
        queue.bells.insert(id, Arc::clone(&bell));
        self.inner.show(&queue);
        drop(queue);
        let inner = Arc::clone(&self.inner);
        Ok(Ticket { inner, id, since: now, bell, ahead, again: None, told: None, used: false })
    }

    /// Dials. The line is held until the carrier's side of the call is over, whoever holds the leg.
    ///
    /// # Errors
    /// When the carrier cannot be reached, or refuses the call.
    pub async fn place(&self, order: Order, slot: Slot) -> Result<Leg, DialError> {
        let caller = order.caller.or_else(|| self.inner.options.caller_id.clone());
        self.inner.trunk.place_holding(Order { caller, ..order }, Some(Box::new(slot))).await
    }

    /// Has a call of an earlier run ended, over REST and in the background; a failure is logged.
    ///
    /// # Errors
    /// When the trunk has ended.
    pub async fn end(&self, session_id: &str) -> Result<(), DialError> {
        self.inner.trunk.end(session_id).await
    }

    /// The carrier's record of a session; `None` when it has none, or not yet.
    ///
    /// # Errors
    /// When the carrier cannot be asked.
    pub async fn cdr(&self, session_id: &str) -> Result<Option<CarrierCdr>, RestError> {
        self.inner.trunk.cdr(session_id).await
    }

    /// A page of the carrier's records.
    ///
    /// # Errors
    /// When the carrier cannot be asked, or refuses the query.
    pub async fn cdrs(&self, query: &CdrQuery) -> Result<CdrPage, RestError> {
        self.inner.trunk.cdrs(query).await
    }
}

impl Inner {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, queue: &Queue) {
        let name = &self.options.name;
        metrics::gauge!("dering_trunk_lines_busy", "trunk" => name.clone()).set(queue.gate.busy() as f64);
        metrics::gauge!("dering_trunk_calls_queued", "trunk" => name.clone())
            .set(queue.gate.waiting() as f64);
    }
}

impl Queue {
    fn ring_first(&self) {
        if let Some(bell) = self.gate.first().and_then(|id| self.bells.get(&id)) {
            bell.notify_one();
        }
    }
}

impl Ticket {
    /// How many calls were to dial before this one when it came; `None` when it need not have waited.
    #[must_use]
    pub const fn ahead(&self) -> Option<usize> {
        self.ahead
    }

    /// The carrier sent the call back and takes none for `wait`: it waits on where it stood.
    pub fn again(&mut self, wait: Duration) {
        let now = Instant::now();
        let mut queue = self.inner.queue();
        queue.gate.hold(now + wait);
        queue.gate.back(self.id, self.since);
        queue.bells.insert(self.id, Arc::clone(&self.bell));
        (self.used, self.told, self.again) = (false, None, None);
        self.inner.show(&queue);
        drop(queue);
        metrics::counter!("dering_trunk_sent_back_total", "trunk" => self.inner.options.name.clone())
            .increment(1);
    }

    /// Waits until the call may dial, or stands elsewhere in the queue than last told.
    ///
    /// # Errors
    /// [`DialError::NoLine`] when it has waited for too long.
    pub async fn turn(&mut self) -> Result<Turn, DialError> {
        loop {
            if let Some(again) = self.again.take() {
                tokio::select! {
                    () = self.bell.notified() => {}
                    () = sleep_until(again) => {}
                }
            }
            let now = Instant::now();
            let mut queue = self.inner.queue();
            if self.inner.options.lateness.now() > MAX_LATENESS {
                queue.gate.hold(now + LATE_WAIT);
            }
            match queue.gate.ask(self.id, now) {
                Answer::Dial => {
                    self.used = true;
                    queue.bells.remove(&self.id);
                    // The next one learns when it may dial.
                    queue.ring_first();
                    self.inner.show(&queue);
                    drop(queue);
                    let trunk = self.inner.options.name.clone();
                    metrics::histogram!("dering_trunk_queue_seconds", "trunk" => trunk)
                        .record((now - self.since).as_secs_f64());
                    return Ok(Turn::Dial(Slot(Arc::clone(&self.inner))));
                }
                Answer::Wait { ahead, again } => {
                    self.again = Some(again);
                    if self.told != Some(ahead) {
                        self.told = Some(ahead);
                        return Ok(Turn::Queued { ahead });
                    }
                }
                Answer::TooLate => {
                    metrics::counter!("dering_trunk_queue_given_up_total",
                        "trunk" => self.inner.options.name.clone())
                    .increment(1);
                    return Err(DialError::NoLine { waited: now - self.since });
                }
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.used {
            return;
        }
        let mut queue = self.inner.queue();
        queue.gate.leave(self.id);
        queue.bells.remove(&self.id);
        queue.ring_first();
        self.inner.show(&queue);
    }
}
