//! What the carrier says about the audio it was sent. Never waited for: pace comes from the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::sync::mpsc;

use super::client::{AckError, AckResult, AckWatch};
use super::messages::{AudioAck, Report};
use super::websocket::{Heard, Told};

/// Unanswered requests after which a carrier counts as one that acknowledges nothing.
const GIVE_UP_AFTER: u32 = 25;

/// Longest reason of a refusal that is kept, in characters.
const LONGEST_REASON: usize = 200;

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

    /// What the connection reports to, about audio of `session`; the session's room hears of refusals.
    pub(super) fn watch(self: &Arc<Self>, session: &Arc<str>, told: &mpsc::Sender<Told>) -> AckWatch {
        let (log, session, told) = (Arc::clone(self), Arc::clone(session), told.clone());
        Arc::new(move |result| {
            if let Some(reason) = log.note(result) {
                // One that finds no room is followed by others.
                let _told = told.try_send((Arc::clone(&session), Heard::Said(Report::AudioRefused(reason))));
            }
        })
    }

    /// Counts an acknowledgement; why the audio was refused, if it was.
    fn note(&self, result: AckResult) -> Option<String> {
        let mut refused = None;
        let outcome = match result {
            Ok(data) => {
                self.answered.store(true, Ordering::Relaxed);
                match data.arg::<AudioAck>(0) {
                    Ok(AudioAck { success: true, .. }) => "accepted",
                    Ok(AudioAck { success: false, error }) => {
                        let reason = error.as_deref().unwrap_or("no reason given");
                        self.refusal(reason);
                        refused = Some(reason.chars().take(LONGEST_REASON).collect());
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
        refused
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
