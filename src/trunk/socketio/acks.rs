//! What the carrier says about the audio it was sent. Never waited for: pace comes from the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::client::{AckError, AckResult, AckWatch};
use super::messages::AudioAck;

/// Unanswered requests after which a carrier counts as one that acknowledges nothing.
const GIVE_UP_AFTER: u32 = 25;

/// Counts acknowledgements of one trunk, and finds out whether there are any.
#[derive(Debug)]
pub(super) struct AckLog {
    trunk: String,
    answered: AtomicBool,
    refused: AtomicBool,
    missed: AtomicU32,
}

impl AckLog {
    pub(super) fn new(trunk: String) -> Arc<Self> {
        Arc::new(Self {
            trunk,
            answered: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            missed: AtomicU32::new(0),
        })
    }

    /// Whether to go on asking.
    pub(super) fn is_wanted(&self) -> bool {
        self.answered.load(Ordering::Relaxed) || self.missed.load(Ordering::Relaxed) < GIVE_UP_AFTER
    }

    /// What the connection reports to.
    pub(super) fn watch(self: &Arc<Self>) -> AckWatch {
        let log = Arc::clone(self);
        Arc::new(move |result| log.note(result))
    }

    fn note(&self, result: AckResult) {
        let outcome = match result {
            Ok(data) => {
                self.answered.store(true, Ordering::Relaxed);
                match data.arg::<AudioAck>(0) {
                    Ok(AudioAck { success: true, .. }) => "accepted",
                    Ok(AudioAck { success: false, error }) => {
                        self.refusal(error.as_deref().unwrap_or("no reason given"));
                        "refused"
                    }
                    Err(error) => {
                        tracing::debug!(trunk = self.trunk, %error, "an acknowledgement of audio is malformed");
                        "malformed"
                    }
                }
            }
            Err(AckError::Timeout) => {
                self.missed.fetch_add(1, Ordering::Relaxed);
                "missing"
            }
            Err(AckError::Disconnected) => "disconnected",
            Err(AckError::TooMany) => "not_awaited",
        };
        metrics::counter!(
            "dering_trunk_audio_acks_total", "trunk" => self.trunk.clone(), "outcome" => outcome
        )
        .increment(1);
    }

    fn refusal(&self, reason: &str) {
        if self.refused.swap(true, Ordering::Relaxed) {
            tracing::debug!(trunk = self.trunk, reason, "the carrier refuses audio");
        } else {
            tracing::warn!(
                trunk = self.trunk,
                reason,
                "the carrier refuses audio; later refusals are counted only"
            );
        }
    }
}
