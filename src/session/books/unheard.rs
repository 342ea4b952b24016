//! Calls that were being dialled when the server stopped. The callee may have answered since, and only the carrier knows:
//! the last notification waits for its record, for a bounded time.

use std::time::Duration;

use callcore::call::CarrierCdr;
use tokio::time::{Instant, timeout_at};

use crate::bus::Message;
use crate::session::books::call_writer::keep;
use crate::session::books::last_lines::{LastKnown, last_lines};
use crate::session::books::late_record::{Question, record_of_unseen};
use crate::store::{CallRow, Error, Store};
use crate::trunk::Trunk;

/// The longest that a last notification is held back for the carrier's record.
pub(super) const HELD_BACK: Duration = Duration::from_secs(15);
/// Waits before each question; the last one stays.
const WAITS: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(3)];

/// A call that the carrier was asked to place, and of which no answer was seen.
#[derive(Debug)]
pub(super) struct Unheard {
    call: CallRow,
    /// When it was last known to go on, ms since 1970.
    known_ms: i64,
    question: Question,
}

impl Unheard {
    pub(super) const fn new(call: CallRow, known_ms: i64, question: Question) -> Self {
        Self { call, known_ms, question }
    }

    pub(super) const fn call(&self) -> &CallRow {
        &self.call
    }

    /// Writes its last lines, by the carrier's record where there is one.
    ///
    /// # Errors
    /// When the database fails: the call stays open, and the next start closes it.
    pub(super) async fn close(&self, store: &Store, record: Option<CarrierCdr>) -> Result<(), Error> {
        let known = match record {
            Some(record) => LastKnown::Recorded(Box::new(record)),
            None => LastKnown::Unheard { known_ms: self.known_ms },
        };
        keep(store, last_lines(store, &self.call, known).await?).await;
        store.bus().publish(Message::NotificationsDue);
        Ok(())
    }

    async fn close_logged(&self, store: &Store, record: Option<CarrierCdr>) {
        if let Err(error) = self.close(store, record).await {
            tracing::error!(
                call.id = %self.call.id, %error,
                "a call that the last stop cut off could not be closed; the next start closes it"
            );
        }
    }
}

/// Closes each of `calls` by its record as soon as the carrier gives it. Those without one after [`HELD_BACK`] are told
/// with what is not known of them; their records are put into the books when they come.
pub(super) async fn close_by_records(trunk: Trunk, store: Store, calls: Vec<Unheard>) {
    let until = Instant::now() + HELD_BACK;
    let mut open = calls;
    for wait in WAITS.into_iter().chain(std::iter::repeat(WAITS[WAITS.len() - 1])) {
        if open.is_empty() || Instant::now() >= until || !trunk.keeps_records() {
            break;
        }
        tokio::time::sleep(wait).await;
        let mut unrecorded = Vec::new();
        for call in open {
            match timeout_at(until, call.question.ask(&trunk, &store)).await {
                Ok(Ok(Some(record))) => call.close_logged(&store, Some(record)).await,
                Ok(Ok(None)) | Err(_) => unrecorded.push(call),
                Ok(Err(error)) => {
                    tracing::debug!(call.id = %call.call.id, %error, "the carrier gives no record yet");
                    unrecorded.push(call);
                }
            }
        }
        open = unrecorded;
    }
    for call in open {
        call.close_logged(&store, None).await;
        let (call_id, question) = (call.call.id, call.question);
        tokio::spawn(record_of_unseen(trunk.clone(), store.clone(), call_id, question));
    }
}
