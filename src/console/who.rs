//! Who answered, as people see it: a sign, a word and a kind.

use callcore::amd::{EventKind, Subtype};
use serde::Serialize;

use super::frame::Frame;
use crate::store::CallRow;

/// Who answered. Empty while nobody knows.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Who {
    /// `human`, `machine`, `nobody`, `unsure` or `failed`: for the colour.
    class: &'static str,
    /// The same as a shape.
    sign: &'static str,
    pub(super) word: String,
}

/// Who answered by an event of detection.
pub(super) fn who_of_event(frame: &Frame, event: EventKind, subtype: Option<Subtype>) -> Who {
    let (class, sign, key) = match event {
        EventKind::HumanDetected => ("human", "●", "who_human"),
        EventKind::MachineDetected => ("machine", "▲", "who_machine"),
        EventKind::NoSpeechDetected => ("nobody", "○", "who_nobody"),
        EventKind::DecisionTimeout => ("unsure", "◐", "who_unsure"),
        EventKind::ToneDetected
        | EventKind::MachineStoppedSpeaking
        | EventKind::Error
        | EventKind::Stopped => return Who::default(),
    };
    let kind = subtype.filter(|kind| !matches!((event, kind), (EventKind::HumanDetected, Subtype::Human)));
    let key = kind.map_or_else(|| key.to_owned(), |kind| format!("who_{}", kind.as_str()));
    Who { class, sign, word: frame.say(&key).to_owned() }
}

/// Who answered a call, or why nobody did.
pub(super) fn who_of_call(frame: &Frame, call: &CallRow) -> Who {
    if let Some(event) = call.amd_event {
        return who_of_event(frame, event, call.amd_subtype);
    }
    match (call.ended_ms, call.answered_ms, call.disposition) {
        (Some(_), None, Some(disposition)) => {
            let key = format!("disposition_{}", disposition.as_str().to_lowercase().replace(' ', "_"));
            Who { class: "failed", sign: "✕", word: frame.say(&key).to_owned() }
        }
        (Some(_), None, None) => {
            Who { class: "failed", sign: "✕", word: frame.say("who_not_dialled").to_owned() }
        }
        _ => Who::default(),
    }
}
