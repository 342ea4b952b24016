//! Waiting for a line of a trunk: places in its queue, and lines in use.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::dial_queue::{Answer, DialQueue, Limits, QueueFull};
use crate::telemetry::Lateness;
use crate::trunk::order::DialError;

/// While timers are later than this, one more call would harm those that are there.
const MAX_LATENESS: Duration = Duration::from_millis(250);
/// How soon a call that waits for that looks again.
const LATE_WAIT: Duration = Duration::from_millis(250);

/// The queue of one trunk. Cheap to clone; every clone shares the same lines.
#[derive(Clone, Debug)]
pub(in crate::trunk) struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Of the trunk, in metrics.
    name: String,
    lateness: Lateness,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    queue: DialQueue,
    /// Wakes each call that waits.
    wakers: HashMap<u64, Arc<Notify>>,
}

/// Whether a call may dial.
#[derive(Debug)]
pub enum QueuePosition {
    /// Not yet: so many calls dial first.
    Queued {
        ahead: usize,
    },
    Dial(Slot),
}

/// A line in use, until it is dropped.
#[derive(Debug)]
pub struct Slot(Arc<Shared>);

impl Drop for Slot {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.queue.release();
        waiting.wake_next();
        self.0.show(&waiting);
    }
}

/// A place in the queue of a trunk, given up when it is dropped.
#[derive(Debug)]
pub struct Ticket {
    shared: Arc<Shared>,
    id: u64,
    since: Instant,
    waker: Arc<Notify>,
    ahead: Option<usize>,
    again: Option<Instant>,
    told: Option<usize>,
    used: bool,
}

impl Queue {
    pub(in crate::trunk) fn new(name: String, limits: Limits, lateness: Lateness) -> Self {
        let waiting = Mutex::new(Waiting { queue: DialQueue::new(limits), wakers: HashMap::new() });
        // Alerts see the first event of those only that were 0 before.
        metrics::counter!("dering_trunk_queue_given_up_total", "trunk" => name.clone()).increment(0);
        metrics::counter!("dering_trunk_queue_refused_total", "trunk" => name.clone()).increment(0);
        Self(Arc::new(Shared { name, lateness, waiting }))
    }

    /// Calls that hold a line now, and calls that wait for one.
    pub(in crate::trunk) fn load(&self) -> (usize, usize) {
        let waiting = self.0.lock();
        (waiting.queue.busy(), waiting.queue.waiting())
    }

    /// Joins the queue; with a free line the first turn is to dial.
    ///
    /// # Errors
    /// When as many calls wait as may.
    pub(in crate::trunk) fn enter(&self) -> Result<Ticket, QueueFull> {
        let now = Instant::now();
        let shared = &self.0;
        let mut waiting = shared.lock();
        let ahead = waiting.queue.ahead(now);
        let id = waiting.queue.enter(now).inspect_err(|_| {
            metrics::counter!("dering_trunk_queue_refused_total", "trunk" => shared.name.clone())
                .increment(1);
        })?;
        let waker = Arc::new(Notify::new());
        waiting.wakers.insert(id, Arc::clone(&waker));
        shared.show(&waiting);
        drop(waiting);
        let shared = Arc::clone(shared);
        Ok(Ticket { shared, id, since: now, waker, ahead, again: None, told: None, used: false })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }

    fn show(&self, waiting: &Waiting) {
        let (busy, queued) = (waiting.queue.busy() as f64, waiting.queue.waiting() as f64);
        metrics::gauge!("dering_trunk_lines_busy", "trunk" => self.name.clone()).set(busy);
        metrics::gauge!("dering_trunk_calls_queued", "trunk" => self.name.clone()).set(queued);
    }
}

impl Waiting {
    fn wake_next(&self) {
        if let Some(waker) = self.queue.next_in_line().and_then(|id| self.wakers.get(&id)) {
            waker.notify_one();
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
        let mut waiting = self.shared.lock();
        waiting.queue.hold(now + wait);
        waiting.queue.put_back(self.id, self.since);
        waiting.wakers.insert(self.id, Arc::clone(&self.waker));
        (self.used, self.told, self.again) = (false, None, None);
        self.shared.show(&waiting);
        drop(waiting);
        metrics::counter!("dering_trunk_sent_back_total", "trunk" => self.shared.name.clone()).increment(1);
    }

    /// Waits until the call may dial, or stands elsewhere in the queue than last told.
    ///
    /// # Errors
    /// [`DialError::NoLine`] when it has waited for too long.
    pub async fn turn(&mut self) -> Result<QueuePosition, DialError> {
        loop {
            if let Some(again) = self.again.take() {
                tokio::select! {
                    () = self.waker.notified() => {}
                    () = sleep_until(again) => {}
                }
            }
            let now = Instant::now();
            let mut waiting = self.shared.lock();
            if self.shared.lateness.now() > MAX_LATENESS {
                waiting.queue.hold(now + LATE_WAIT);
            }
            match waiting.queue.ask(self.id, now) {
                Answer::Dial => {
                    self.used = true;
                    waiting.wakers.remove(&self.id);
                    // The next one learns when it may dial.
                    waiting.wake_next();
                    self.shared.show(&waiting);
                    drop(waiting);
                    let trunk = self.shared.name.clone();
                    metrics::histogram!("dering_trunk_queue_seconds", "trunk" => trunk)
                        .record((now - self.since).as_secs_f64());
                    return Ok(QueuePosition::Dial(Slot(Arc::clone(&self.shared))));
                }
                Answer::Wait { ahead, again } => {
                    self.again = Some(again);
                    if self.told != Some(ahead) {
                        self.told = Some(ahead);
                        return Ok(QueuePosition::Queued { ahead });
                    }
                }
                Answer::TooLate => {
                    let trunk = self.shared.name.clone();
                    metrics::counter!("dering_trunk_queue_given_up_total", "trunk" => trunk).increment(1);
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
        let mut waiting = self.shared.lock();
        waiting.queue.leave(self.id);
        waiting.wakers.remove(&self.id);
        waiting.wake_next();
        self.shared.show(&waiting);
    }
}
