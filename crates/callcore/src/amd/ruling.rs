//! What a policy can decide, and where a run is when it does.

use super::event::{EventKind, Reason, Subtype};

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Deciding,
    /// A machine speaks, or has spoken and may go on.
    Greeting,
    /// `amd_machine_stopped_speaking` is out; only a beep is waited for.
    AwaitingBeep,
    Stopped,
}

/// One of the four decisions, and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ruling {
    pub(super) kind: EventKind,
    pub(super) reason: Reason,
    pub(super) subtype: Option<Subtype>,
    /// The phrase that told most.
    pub(super) hint: Option<String>,
    /// 0.0..=1.0.
    pub(super) confidence: f32,
}

impl Ruling {
    pub(super) const fn new(kind: EventKind, reason: Reason, confidence: f32) -> Self {
        Self { kind, reason, subtype: None, hint: None, confidence }
    }

    pub(super) const fn of(mut self, subtype: Subtype) -> Self {
        self.subtype = Some(subtype);
        self
    }

    pub(super) fn with(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

/// What is due.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Decide(Ruling),
    /// The machine has stopped speaking, and nothing more is waited for.
    StoppedSpeaking,
    Finish,
}
