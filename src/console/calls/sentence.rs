//! What happened in a call, in one sentence.

use callcore::amd::EventKind;
use callcore::call::Direction;

use crate::console::frame::Frame;
use crate::console::when::length;
use crate::console::who::who_of_call;
use crate::store::CallRow;

/// What happened.
pub(super) fn sentence(frame: &Frame, call: &CallRow) -> String {
    let inbound = call.direction == Direction::Inbound;
    let number = frame.number(if inbound { &call.caller } else { &call.target });
    let number = number.as_str();
    let Some(ended) = call.ended_ms else {
        let key = format!("state_{}", call.state.as_str());
        return frame.tell("said_runs", &[("number", number), ("state", frame.say(&key))]);
    };
    let outcome = call.outcome.as_deref().unwrap_or_default().replace('_', " ");
    let Some(answered) = call.answered_ms else {
        let why = who_of_call(frame, call).word;
        return frame.tell(
            "said_unanswered",
            &[("number", number), ("why", &why.to_lowercase()), ("outcome", &outcome)],
        );
    };
    let who = match call.amd_event {
        Some(EventKind::HumanDetected) => frame.say("said_human").to_owned(),
        Some(EventKind::MachineDetected) => {
            frame.tell("said_machine", &[("kind", &who_of_call(frame, call).word.to_lowercase())])
        }
        Some(EventKind::NoSpeechDetected) => frame.say("said_nobody").to_owned(),
        _ => frame.say("said_somebody").to_owned(),
    };
    let rang = length(answered - call.began_ms.unwrap_or(call.created_ms));
    let talked = length(ended - answered);
    let key = if inbound { "said_inbound" } else { "said_answered" };
    let mut told = frame.tell(
        key,
        &[("number", number), ("who", &who), ("rang", &rang), ("talked", &talked), ("outcome", &outcome)],
    );
    if call.message_left == Some(true) {
        told.push(' ');
        told.push_str(frame.say("said_message"));
    }
    told
}
