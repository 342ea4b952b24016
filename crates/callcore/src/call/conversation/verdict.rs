//! What the detector says, as a flow understands it.

use serde_json::json;

use crate::amd::{self, EventKind, Subtype};
use crate::flow::{AmdEvent, Outcome};

/// The event as a flow reads it.
pub(super) fn told(event: &amd::Event) -> AmdEvent {
    AmdEvent {
        name: event.kind.as_str(),
        decides: event.kind.is_decision(),
        reason: event.reason.and_then(|reason| json!(reason).as_str().map(str::to_owned)),
        greeting: event.greeting.clone(),
    }
}

/// The verdict as a flow branches on it.
pub(in super::super) const fn outcome_of(decision: EventKind, subtype: Option<Subtype>) -> Outcome {
    match (decision, subtype) {
        (EventKind::HumanDetected, _) => Outcome::Human,
        (EventKind::NoSpeechDetected, _) => Outcome::NoSpeech,
        (EventKind::MachineDetected, Some(Subtype::Fax)) => Outcome::Fax,
        (EventKind::MachineDetected, Some(Subtype::Screening)) => Outcome::Screening,
        (EventKind::MachineDetected, Some(Subtype::Ivr)) => Outcome::Ivr,
        (EventKind::MachineDetected, Some(Subtype::Unavailable | Subtype::Network)) => Outcome::Unavailable,
        (EventKind::MachineDetected, Some(Subtype::Voicemail | Subtype::Human) | None) => Outcome::Voicemail,
        (
            EventKind::DecisionTimeout
            | EventKind::ToneDetected
            | EventKind::MachineStoppedSpeaking
            | EventKind::Error
            | EventKind::Stopped,
            _,
        ) => Outcome::Timeout,
    }
}
