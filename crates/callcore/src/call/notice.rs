//! What the caller's `notifyUrl` is told, before a dialect puts it into words.

use serde_json::Value;

use super::ending::Ended;
use crate::amd;
use crate::clock::CallTime;

/// One notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub state: NotificationState,
    /// When it happened.
    pub at: CallTime,
    /// From ringing to answer, or to the end of a call that was never answered, ms.
    pub ring_ms: u64,
    /// From the dial request to answer (or end), ms.
    pub connect_ms: u64,
    pub unseen: Option<Unseen>,
}

/// What nobody on our side saw of a call that was being dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// What became of it: the callee may have answered.
    Fate(Absence),
    /// The carrier's record says that it was answered: nobody spoke with the callee.
    Conversation(Absence),
    /// It was accepted and never dialled.
    Dialling,
}

/// Why nobody saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    ServerStopped,
    LineAway,
}

/// Which status the notification carries.
#[derive(Clone, Debug, PartialEq)]
pub enum NotificationState {
    Answered,
    /// An AMD event, while the call is in progress.
    InProgress(amd::Event),
    /// An event of the flow's own.
    Event {
        event: String,
        data: Value,
    },
    /// The call was answered and is over.
    Completed {
        answered_at: CallTime,
        ended: Ended,
        /// The decisive AMD event.
        machine_detection: Option<amd::EventKind>,
        /// The callee asked never to be called again.
        do_not_call: bool,
    },
    /// The call was never answered; `cause` as in [`super::cause`].
    Failed {
        cause: u16,
    },
}

impl NotificationState {
    /// Whether a subscription of AMD events can leave this notification out.
    #[must_use]
    pub const fn amd_event(&self) -> Option<amd::EventKind> {
        match self {
            Self::InProgress(event) => Some(event.kind),
            Self::Answered | Self::Event { .. } | Self::Completed { .. } | Self::Failed { .. } => None,
        }
    }
}
