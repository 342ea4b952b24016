//! An example of every notification about a call, for those who try a receiver.

use callcore::amd::{Event, EventKind, Reason, Subtype};
use callcore::call::{Ended, Notice, NotificationState};
use callcore::clock::CallTime;
use callcore::detect::{Tone, ToneKind};
use serde_json::{Value, json};

use super::Envelope;

/// What stands in the place of the call that there is none of.
const CALL: &str = "dering-test";
const RING_MS: u64 = 3_381;
const ANSWER_MS: u64 = 4_343;
const BUSY: u16 = 17;

/// The kind of each, as the ledger has it, and its body, as of `now_ms`.
pub(crate) fn examples(app_id: &str, now_ms: i64) -> Vec<(String, Value)> {
    let states = [
        NotificationState::Answered,
        detected(EventKind::HumanDetected, 1_180, Some((Reason::ShortGreeting, Subtype::Human))),
        detected(EventKind::MachineDetected, 2_620, Some((Reason::LongGreeting, Subtype::Voicemail))),
        detected(EventKind::NoSpeechDetected, 5_000, Some((Reason::NoSpeech, Subtype::Human))),
        detected(EventKind::DecisionTimeout, 15_000, None),
        detected(EventKind::ToneDetected, 9_120, None),
        detected(EventKind::MachineStoppedSpeaking, 8_900, None),
        detected(EventKind::Error, 400, None),
        detected(EventKind::Stopped, 13_500, None),
        NotificationState::Event {
            event: "payment_promised".to_owned(),
            data: json!({ "day": "2026-12-04" }),
        },
        NotificationState::Completed {
            answered_at: CallTime::from_ms(ANSWER_MS),
            ended: Ended::ByBot,
            machine_detection: Some(EventKind::HumanDetected),
            do_not_call: false,
        },
        NotificationState::Failed { cause: BUSY },
    ];
    let length_ms = 45_000;
    let began_ms = now_ms - i64::try_from(length_ms).unwrap_or_default();
    let mut envelope = Envelope::new(CALL, app_id, began_ms);
    let told = states.into_iter().map(|state| {
        let at_ms = match &state {
            NotificationState::Answered => ANSWER_MS,
            NotificationState::InProgress(event) => ANSWER_MS + event.at_ms,
            NotificationState::Event { .. } => 31_000,
            NotificationState::Completed { .. } | NotificationState::Failed { .. } => length_ms,
        };
        let kind = match &state {
            NotificationState::InProgress(event) => Some(event.kind.as_str().to_owned()),
            NotificationState::Event { event, .. } => Some(event.clone()),
            NotificationState::Answered
            | NotificationState::Completed { .. }
            | NotificationState::Failed { .. } => None,
        };
        let notice = Notice {
            state,
            at: CallTime::from_ms(at_ms),
            ring_ms: RING_MS,
            connect_ms: ANSWER_MS,
            unseen: None,
        };
        let body = envelope.body(&notice);
        envelope.sequence += 1;
        (kind.unwrap_or_else(|| body["status"].as_str().unwrap_or_default().to_owned()), body)
    });
    told.collect()
}

fn detected(kind: EventKind, at_ms: u64, told: Option<(Reason, Subtype)>) -> NotificationState {
    let tone = Tone { kind: ToneKind::Beep, start_ms: at_ms, end_ms: None, hz: [1_000.0, 0.0] };
    NotificationState::InProgress(Event {
        seq: 1,
        kind,
        at_ms,
        reason: told.map(|(reason, _)| reason),
        subtype: told.map(|(_, subtype)| subtype),
        confidence: told.map(|_| 0.97),
        speech_onset_ms: told.map(|_| 320),
        speech_end_ms: None,
        greeting: None,
        hint: None,
        language: None,
        tone: (kind == EventKind::ToneDetected).then_some(tone),
    })
}
