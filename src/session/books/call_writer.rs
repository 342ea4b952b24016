//! Writes down what a call does, in order, without ever holding up the call.
//!
//! While the database cannot be written, a call's lines are kept here and retried until they are written or the server stops.
//! Their number is bounded: beyond the limit details are dropped, never the state, the record or a notification.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use callcore::call::Fact;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::outbox;
use crate::store::{CallBatch, Error, NewEvent, Store};
use crate::wallclock::now_ms;

/// Events and words of one call that may wait for the database; some minutes of a lively call.
const DETAILS: usize = 2_000;
/// Notifications of one call that may wait; a flow that sends more while nothing can be written has a fault.
const NOTIFICATIONS: usize = 1_000;
/// Waits between tries while the database refuses; the last one stays.
const WAITS: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];
/// Tries of a batch that is refused for what it says, and not because nothing can be written.
const TRIES: usize = 5;

/// The writing end of one call.
#[derive(Debug)]
pub(in crate::session) struct CallWriter {
    pile: Arc<Pile>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Pile {
    waiting: Mutex<Waiting>,
    news: Notify,
    /// How many batches are dealt with.
    done: watch::Sender<u64>,
}

/// What is not handed to the database yet.
#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<CallBatch>,
    /// How many there have been.
    added: u64,
    details: usize,
    notifications: usize,
    /// Details that were dropped and are not told of yet.
    dropped: usize,
    finished: bool,
}

impl Waiting {
    fn add(&mut self, mut batch: CallBatch) {
        let details = batch.events.len() + batch.transcripts.len();
        if self.details + details > DETAILS {
            batch.events.clear();
            batch.transcripts.clear();
            self.dropped += details;
            metrics::counter!("dering_store_details_dropped_total").increment(details as u64);
        }
        let room = NOTIFICATIONS.saturating_sub(self.notifications);
        if batch.notifications.len() > room {
            let lost = batch.notifications.len() - room;
            metrics::counter!("dering_store_notifications_dropped_total").increment(lost as u64);
            tracing::error!(call.id = %batch.call_id, lost, "notifications are lost: too many wait for the database");
            batch.notifications.truncate(room);
        }
        self.details += batch.events.len() + batch.transcripts.len();
        self.notifications += batch.notifications.len();
        self.batches.push_back(batch);
        self.added += 1;
    }

    fn take(&mut self) -> Option<CallBatch> {
        let mut batch = self.batches.pop_front()?;
        self.details -= batch.events.len() + batch.transcripts.len();
        self.notifications -= batch.notifications.len();
        if self.batches.is_empty() && self.dropped > 0 {
            let why = "the database could not be written for too long".into();
            let fact = Fact::LinesLost { lost: self.dropped, why };
            let t_ms = batch.events.last().map_or(0, |event| event.t_ms);
            batch.events.push(NewEvent { at_ms: now_ms(), t_ms, fact });
            self.dropped = 0;
        }
        Some(batch)
    }
}

impl CallWriter {
    pub(in crate::session) fn start(store: Store, outbox: outbox::Handle) -> Self {
        let pile = Arc::new(Pile::default());
        let task = tokio::spawn(write(store, outbox, Arc::clone(&pile)));
        Self { pile, task }
    }

    /// Takes a batch to be written.
    pub(in crate::session) fn write(&self, batch: CallBatch) {
        self.pile.waiting.lock().add(batch);
        self.pile.news.notify_one();
    }

    /// Takes a batch, and tells when it is on the disk with everything before it; false when the writer is gone.
    pub(in crate::session) fn written(&self, batch: CallBatch) -> impl Future<Output = bool> + use<> {
        let number = {
            let mut waiting = self.pile.waiting.lock();
            waiting.add(batch);
            waiting.added
        };
        self.pile.news.notify_one();
        let mut done = self.pile.done.subscribe();
        async move { done.wait_for(|done| *done >= number).await.is_ok() }
    }

    /// Waits until everything is written.
    pub(in crate::session) async fn finish(mut self) {
        self.pile.finish();
        if (&mut self.task).await.is_err() {
            tracing::error!("the writer of a call's record failed");
        }
    }
}

impl Drop for CallWriter {
    /// What waits is written all the same.
    fn drop(&mut self) {
        self.pile.finish();
    }
}

impl Pile {
    fn finish(&self) {
        self.waiting.lock().finished = true;
        self.news.notify_one();
    }
}

async fn write(store: Store, outbox: outbox::Handle, pile: Arc<Pile>) {
    loop {
        let (next, finished) = {
            let mut waiting = pile.waiting.lock();
            (waiting.take(), waiting.finished)
        };
        let Some(batch) = next else {
            if finished {
                return;
            }
            pile.news.notified().await;
            continue;
        };
        let notifies = !batch.notifications.is_empty();
        keep(&store, batch).await;
        pile.done.send_modify(|done| *done += 1);
        if notifies {
            outbox.wake();
        }
    }
}

/// Has a batch written, however long the disk is full. What is left when the server stops is lost, and logged.
pub(in crate::session) async fn keep(store: &Store, batch: CallBatch) {
    let mut tries = 0;
    loop {
        let error = match store.record(batch.clone()).await {
            Ok(()) => return,
            Err(error) => error,
        };
        metrics::counter!("dering_store_write_failures_total").increment(1);
        tries += 1;
        if matches!(error, Error::Closed) || (!error.is_passing() && tries >= TRIES) {
            tracing::error!(call.id = %batch.call_id, %error, "a part of a call's record is lost: the database refused it");
            return;
        }
        if tries == 1 {
            tracing::warn!(call.id = %batch.call_id, %error, "a call's record could not be written; it is kept and tried again");
        }
        let wait = WAITS.get(tries - 1).or(WAITS.last()).copied().unwrap_or_default();
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use crate::store::{CallUpdate, NewNotification};

    use super::*;

    fn batch(events: usize) -> CallBatch {
        let event = NewEvent { at_ms: 1, t_ms: 1, fact: Fact::Resumed {} };
        let notification = NewNotification {
            app_id: "a".into(),
            kind: "answered".into(),
            url: "http://x".into(),
            headers: std::collections::BTreeMap::new(),
            body: "{}".into(),
        };
        CallBatch {
            call_id: "c1".into(),
            update: Some(CallUpdate::default()),
            events: vec![event; events],
            notifications: vec![notification],
            ..CallBatch::default()
        }
    }

    #[test]
    fn what_waits_is_bounded_and_details_go_before_states_and_notifications() {
        let mut waiting = Waiting::default();
        for _ in 0..30 {
            waiting.add(batch(100));
        }
        assert_eq!((waiting.details, waiting.batches.len()), (DETAILS, 30));
        let all: Vec<CallBatch> = std::iter::from_fn(|| waiting.take()).collect();
        assert!(all.iter().all(|batch| batch.update.is_some() && batch.notifications.len() == 1));
        let lost: Vec<usize> = all
            .iter()
            .flat_map(|batch| &batch.events)
            .filter_map(|event| if let Fact::LinesLost { lost, .. } = event.fact { Some(lost) } else { None })
            .collect();
        assert_eq!(lost, [1_000]);
        assert_eq!((waiting.details, waiting.notifications), (0, 0));
    }

    #[test]
    fn notifications_are_bounded_too() {
        let mut waiting = Waiting::default();
        for _ in 0..NOTIFICATIONS + 5 {
            waiting.add(batch(0));
        }
        assert_eq!(waiting.notifications, NOTIFICATIONS);
    }
}
