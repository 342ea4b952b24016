//! Bodies of notifications: field names and case as in the samples of Kore's outbound-calling page.

use callcore::call::{Absence, Notice, NotificationState, Unseen};
use callcore::clock::CallTime;
use serde::Serialize;
use serde_json::{Value, json};

use super::bodies::{AmdEvent, AmdNotification, Answered, Completed, Failed, FlowNotification};
use super::wording::{code_of, reason, reason_code};
use crate::wallclock::iso;

/// The fields that every body has.
struct Common {
    conversation_id: String,
    sequence: u64,
    ring_duration_in_ms: u64,
    connect_duration_in_ms: u64,
    reason: String,
    reason_code: String,
    call_connect_time: String,
}

/// A body: the fields that all have, and its own.
macro_rules! body {
    ($common:expr => $body:ident { $($own:tt)* }) => {{
        let Common {
            conversation_id,
            sequence,
            ring_duration_in_ms,
            connect_duration_in_ms,
            reason,
            reason_code,
            call_connect_time,
        } = $common;
        json!($body {
            conversation_id,
            sequence,
            ring_duration_in_ms,
            connect_duration_in_ms,
            reason,
            reason_code,
            call_connect_time,
            $($own)*
        })
    }};
}

/// What a notification needs beside the notice itself.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub conversation_id: String,
    /// Whose secret signs it.
    pub app_id: String,
    pub session_id: Option<String>,
    /// Wall-clock time of [`CallTime::ZERO`], ms since 1970.
    pub began_ms: i64,
    /// 1, 2, 3 … within the call.
    pub sequence: u64,
}

impl Envelope {
    #[must_use]
    pub fn new(call_id: &str, app_id: &str, began_ms: i64) -> Self {
        Self {
            conversation_id: call_id.to_owned(),
            app_id: app_id.to_owned(),
            session_id: None,
            began_ms,
            sequence: 1,
        }
    }

    fn at(&self, at: CallTime) -> String {
        iso(self.began_ms + i64::try_from(at.as_ms()).unwrap_or(i64::MAX))
    }

    /// What every body says. `connected` is the `callConnectTime`.
    fn common(&self, notice: &Notice, (reason, reason_code): (&str, &str), connected: CallTime) -> Common {
        Common {
            conversation_id: self.conversation_id.clone(),
            sequence: self.sequence,
            ring_duration_in_ms: notice.ring_ms,
            connect_duration_in_ms: notice.connect_ms,
            reason: reason.to_owned(),
            reason_code: reason_code.to_owned(),
            call_connect_time: self.at(connected),
        }
    }

    /// The body of the post.
    #[must_use]
    pub fn body(&self, notice: &Notice) -> Value {
        const OK: (&str, &str) = ("200 OK", "OK");
        match &notice.state {
            NotificationState::Answered => {
                body!(self.common(notice, OK, notice.at) => Answered { status: "Answered" })
            }
            NotificationState::InProgress(event) => {
                body!(self.common(notice, OK, notice.at) => AmdNotification {
                    status: "Call-In-Progress",
                    machine_detection: event.kind.into(),
                    // Beyond Kore: what makes an AMD event orderable and explainable.
                    amd_sequence: event.seq.into(),
                    amd_decision_ms: event.at_ms,
                    amd_reason: event.reason.map(word),
                    amd_subtype: event.subtype.map(word),
                    amd_confidence: event.confidence.map(|sure| (f64::from(sure) * 1000.0).round() / 1000.0),
                    amd_speech_onset_ms: event.speech_onset_ms,
                    amd_speech_end_ms: event.speech_end_ms,
                    amd_greeting: event.greeting.clone(),
                    hint: event.hint.clone(),
                    language: event.language.as_ref().map(|language| language.to_lowercase()),
                    frequency: event.tone.as_ref().map(|tone| tone.hz[0].floor().into()),
                })
            }
            NotificationState::Event { event, data } => {
                body!(self.common(notice, OK, notice.at) => FlowNotification {
                    status: "Call-In-Progress",
                    event: event.clone(),
                    data: data.clone(),
                })
            }
            NotificationState::Completed { answered_at, ended, machine_detection, do_not_call } => {
                // Whole seconds that have passed, as the sample counts them.
                let seconds = notice.at.ms_since(*answered_at) / 1000;
                let words = ("200 OK", reason_code(*ended));
                body!(self.common(notice, words, *answered_at) => Completed {
                    status: "completed",
                    call_disconnect_time: self.at(notice.at),
                    call_duration: seconds,
                    duration: seconds,
                    session_id: self.session_id.clone(),
                    machine_detection: machine_detection.map(AmdEvent::from),
                    do_not_call: do_not_call.then_some(true),
                    detail: notice.unseen.map(sentence),
                })
            }
            NotificationState::Failed { cause } => {
                self.failed(notice, reason(*cause), notice.unseen.map(sentence))
            }
        }
    }

    fn failed(&self, notice: &Notice, reason: &str, detail: Option<String>) -> Value {
        body!(self.common(notice, (reason, code_of(reason)), notice.at) => Failed {
            status: "Failed",
            call_disconnect_time: self.at(notice.at),
            detail,
        })
    }

    /// The body for a call that nobody was dialled for: `reason` as in a SIP status, and one sentence of why.
    #[must_use]
    pub fn not_dialled(&self, notice: &Notice, reason: &str, why: &str) -> Value {
        self.failed(notice, reason, Some(why.to_owned()))
    }
}

/// What was not seen, for whoever reads the notification.
fn sentence(unseen: Unseen) -> String {
    let absence = |absence| match absence {
        Absence::ServerStopped => "the server stopped",
        Absence::LineAway => "the line to the carrier was away",
    };
    match unseen {
        Unseen::Fate(why) => format!(
            "{} while this call was being dialled, and what became of it is not known: the callee may have answered. The \
             record of the call says so once the carrier has told it.",
            absence(why)
        ),
        Unseen::Conversation(why) => format!(
            "{} while this call was being dialled; by the carrier's record it was answered, and nobody spoke with the \
             callee.",
            absence(why)
        ),
        Unseen::Dialling => {
            "the server stopped before this call was dialled: nobody was called. Send the request again \
                             if the call is still wanted."
                .to_owned()
        }
    }
}

/// A value by the word that stands for it on the wire.
fn word(value: impl Serialize) -> String {
    json!(value).as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use callcore::amd::Event;
    use callcore::call::Ended;

    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            session_id: Some("685d41cd".into()),
            ..Envelope::new("433a9a58", "app", 1_750_942_153_257)
        }
    }

    fn notice(state: NotificationState, at: u64) -> Notice {
        Notice { state, at: CallTime::from_ms(at), ring_ms: 3381, connect_ms: 4343, unseen: None }
    }

    #[test]
    fn an_answer_reads_as_in_the_sample() {
        let body = envelope().body(&notice(NotificationState::Answered, 4343));
        let expected = json!({
            "conversationId": "433a9a58", "reason": "200 OK", "reasonCode": "OK",
            "callConnectTime": "2025-06-26T12:49:17.600Z", "ringDurationInMS": 3381,
            "connectDurationInMS": 4343, "status": "Answered", "sequence": 1
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_completed_call_carries_both_durations_and_who_ended_it() {
        let state = NotificationState::Completed {
            answered_at: CallTime::from_ms(4343),
            ended: Ended::ByBot,
            machine_detection: Some(callcore::amd::EventKind::MachineDetected),
            do_not_call: true,
        };
        let body = envelope().body(&notice(state, 113_894));
        assert_eq!(body["callDuration"], 109);
        assert_eq!(body["duration"], 109);
        assert_eq!(body["reasonCode"], "bot-disconnected");
        assert_eq!(body["machineDetection"], "amd_machine_detected");
        assert_eq!(body["callDisconnectTime"], "2025-06-26T12:51:07.151Z");
        assert_eq!(body["sessionId"], "685d41cd");
        assert_eq!(body["doNotCall"], true);
    }

    #[test]
    fn what_nobody_saw_is_told_in_a_sentence() {
        let unseen = |state, unseen| Notice { unseen: Some(unseen), ..notice(state, 9_000) };
        let completed = NotificationState::Completed {
            answered_at: CallTime::from_ms(4_000),
            ended: Ended::ByFault,
            machine_detection: None,
            do_not_call: false,
        };
        for (notice, told) in [
            (unseen(completed, Unseen::Conversation(Absence::LineAway)), "the line to the carrier was away"),
            (
                unseen(NotificationState::Failed { cause: 38 }, Unseen::Fate(Absence::ServerStopped)),
                "may have answered",
            ),
            (unseen(NotificationState::Failed { cause: 38 }, Unseen::Dialling), "nobody was called"),
        ] {
            let body = envelope().body(&notice);
            assert!(body["detail"].as_str().is_some_and(|detail| detail.contains(told)), "{body}");
        }
    }

    #[test]
    fn an_event_of_the_flows_own_carries_its_data() {
        let state = NotificationState::Event { event: "promised".into(), data: json!({ "amount": 7 }) };
        let body = envelope().body(&notice(state, 9_000));
        assert_eq!((&body["event"], &body["data"]["amount"]), (&json!("promised"), &json!(7)));
        assert_eq!(body["status"], "Call-In-Progress");
    }

    #[test]
    fn an_amd_event_carries_what_makes_it_orderable_and_explainable() {
        let event: Event = serde_json::from_value(json!({
            "seq": 2, "event": "amd_machine_detected", "t_ms": 2400, "reason": "hint", "subtype": "screening",
            "confidence": 0.97251, "speechOnsetMs": 500, "greeting": "state your name", "hint": "state your name",
            "language": "en-US"
        }))
        .unwrap();
        let body = envelope().body(&notice(NotificationState::InProgress(event), 6743));
        let expected = json!({
            "conversationId": "433a9a58", "reason": "200 OK", "reasonCode": "OK",
            "callConnectTime": "2025-06-26T12:49:20.000Z", "ringDurationInMS": 3381,
            "connectDurationInMS": 4343, "status": "Call-In-Progress", "sequence": 1,
            "machineDetection": "amd_machine_detected", "amdSequence": 2, "amdDecisionMs": 2400,
            "amdReason": "hint", "amdSubtype": "screening", "amdConfidence": 0.973, "amdSpeechOnsetMs": 500,
            "amdGreeting": "state your name", "hint": "state your name", "language": "en-us"
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_busy_line_fails_with_the_sip_words() {
        let body = envelope().body(&notice(NotificationState::Failed { cause: 17 }, 17_204));
        assert_eq!((&body["reason"], &body["reasonCode"]), (&json!("486 Busy Here"), &json!("Busy Here")));
        assert_eq!(body["status"], "Failed");
    }
}
