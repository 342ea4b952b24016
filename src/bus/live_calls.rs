//! What is known of a call while it runs, for people who watch.

use std::collections::BTreeMap;
use std::sync::Arc;

use callcore::amd::EventKind;
use callcore::call::{DialStatus, Fact};
use callcore::detect::ToneKind;
use callcore::flow::Note;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It waits for a free line of its trunk.
    Queued,
    Placing,
    Dialing,
    Ringing,
    Answered,
    Ended,
}

impl Phase {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Placing => "placing",
            Self::Dialing => "dialing",
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Ended => "ended",
        }
    }
}

/// One call as a watcher sees it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveCall {
    pub call_id: String,
    pub flow: String,
    #[serde(skip)]
    pub number: String,
    pub phase: Phase,
    pub amd: Option<EventKind>,
    /// The latest thing worth telling, in a few words.
    pub latest: String,
}

impl LiveCall {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a watcher is told of what can be said in a few words"
    )]
    fn note(&mut self, fact: &Fact) {
        match fact {
            Fact::DialStatus { status } => {
                self.phase = match status {
                    DialStatus::Dialing => Phase::Dialing,
                    DialStatus::Ringing => Phase::Ringing,
                    DialStatus::Connected => Phase::Answered,
                    DialStatus::Busy | DialStatus::Failed => self.phase,
                };
                self.latest = status.as_str().to_lowercase();
            }
            Fact::Queued { ahead, .. } => {
                self.phase = Phase::Queued;
                self.latest = waiting(*ahead);
            }
            Fact::Dequeued { .. } => {
                self.phase = Phase::Placing;
                self.latest.clear();
            }
            Fact::Amd(event) => {
                if event.kind.is_decision() {
                    self.amd = Some(event.kind);
                }
                self.latest = event.kind.as_str().trim_start_matches("amd_").replace('_', " ");
            }
            Fact::EarlyTone { tone: ToneKind::Busy, .. } => self.latest = "a busy tone".into(),
            Fact::EarlyTone { tone: ToneKind::Sit, .. } => {
                self.latest = "the network announces something".into()
            }
            Fact::LikelyHuman { .. } => self.latest = "a person is likely".into(),
            Fact::FalseStart { .. } => self.latest = "began too early".into(),
            Fact::Flow(Note::Checkpoint { name, .. }) => self.latest = format!("heard \"{name}\""),
            Fact::Interruption { .. } => self.latest = "interrupted by the callee".into(),
            Fact::Digit { .. } => self.latest = "a key was pressed".into(),
            Fact::Ended { outcome, .. } => {
                self.phase = Phase::Ended;
                self.latest = outcome.replace('_', " ");
            }
            Fact::CarrierLost { .. } => self.latest = "the carrier is gone".into(),
            _ => {}
        }
    }
}

fn waiting(ahead: usize) -> String {
    match ahead {
        0 => "next to be dialled".into(),
        1 => "1 call is dialled before it".into(),
        ahead => format!("{ahead} calls are dialled before it"),
    }
}

/// The live calls of this process.
#[derive(Clone, Debug)]
pub struct LiveCalls {
    calls: Arc<Mutex<BTreeMap<String, LiveCall>>>,
    changes: watch::Sender<u64>,
}

impl Default for LiveCalls {
    fn default() -> Self {
        Self { calls: Arc::default(), changes: watch::Sender::new(0) }
    }
}

impl LiveCalls {
    pub(crate) fn add(&self, call: LiveCall) {
        self.change(|calls| {
            calls.insert(call.call_id.clone(), call);
        });
    }

    pub(crate) fn note(&self, call_id: &str, fact: &Fact) {
        self.change(|calls| {
            if let Some(call) = calls.get_mut(call_id) {
                call.note(fact);
            }
        });
    }

    /// A call in the queue of its trunk has moved up.
    pub(crate) fn moved_up(&self, call_id: &str, ahead: usize) {
        self.change(|calls| {
            if let Some(call) = calls.get_mut(call_id) {
                call.latest = waiting(ahead);
            }
        });
    }

    pub(crate) fn remove(&self, call_id: &str) {
        self.change(|calls| {
            calls.remove(call_id);
        });
    }

    pub(crate) fn all(&self) -> Vec<LiveCall> {
        self.calls.lock().values().cloned().collect()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn change(&self, with: impl FnOnce(&mut BTreeMap<String, LiveCall>)) {
        with(&mut self.calls.lock());
        self.changes.send_modify(|version| *version += 1);
    }
}
