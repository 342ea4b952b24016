//! Writes down what a call does, in order, without ever holding the call up.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::outbox;
use crate::store::{CallBatch, Store};

/// Batches of one call that may wait for the database.
const WAITING: usize = 256;
/// Waits between tries when the database refuses, so that a full disk loses nothing at once.
const TRIES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];

/// The writing end of one call.
#[derive(Debug)]
pub(super) struct Scribe {
    batches: mpsc::Sender<CallBatch>,
    task: JoinHandle<()>,
}

impl Scribe {
    pub(super) fn start(store: Store, outbox: outbox::Handle) -> Self {
        let (batches, waiting) = mpsc::channel(WAITING);
        Self { batches, task: tokio::spawn(write(store, outbox, waiting)) }
    }

    /// Queues a batch; waits only when the database is far behind.
    pub(super) async fn write(&self, batch: CallBatch) {
        if self.batches.capacity() == 0 {
            metrics::counter!("dering_store_backpressure_total").increment(1);
        }
        if self.batches.send(batch).await.is_err() {
            tracing::error!("a call's record cannot be written: its writer is gone");
        }
    }

    /// Waits until everything is written.
    pub(super) async fn finish(self) {
        drop(self.batches);
        if self.task.await.is_err() {
            tracing::error!("the writer of a call's record failed");
        }
    }
}

async fn write(store: Store, outbox: outbox::Handle, mut waiting: mpsc::Receiver<CallBatch>) {
    while let Some(batch) = waiting.recv().await {
        let notifies = !batch.notifications.is_empty();
        keep(&store, batch).await;
        if notifies {
            outbox.wake();
        }
    }
}

async fn keep(store: &Store, batch: CallBatch) {
    for wait in TRIES {
        match store.record(batch.clone()).await {
            Ok(()) => return,
            Err(error) => {
                metrics::counter!("dering_store_write_failures_total").increment(1);
                tracing::warn!(call.id = %batch.call_id, %error, "a call's record could not be written; trying again");
                tokio::time::sleep(wait).await;
            }
        }
    }
    tracing::error!(call.id = %batch.call_id, "a part of a call's record is lost: the database refused it five times");
}
