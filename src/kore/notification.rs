//! Bodies of notifications: field names and case as in the samples of Kore's outbound-calling page.

use callcore::amd::Event;
use callcore::call::{Notice, NotificationState};
use callcore::clock::CallTime;
use serde_json::{Map, Value, json};

use super::wording::{code_of, reason, reason_code};
use crate::wallclock::iso;

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

    /// The body of the post.
    #[must_use]
    pub fn body(&self, notice: &Notice) -> Value {
        let mut body = Map::new();
        body.insert("conversationId".into(), json!(self.conversation_id));
        let mut put = |key: &str, value: Value| body.insert(key.into(), value);
        put("ringDurationInMS", json!(notice.ring_ms));
        put("connectDurationInMS", json!(notice.connect_ms));
        put("sequence", json!(self.sequence));
        let ok = |put: &mut dyn FnMut(&str, Value) -> Option<Value>| {
            put("reason", json!("200 OK"));
            put("reasonCode", json!("OK"));
            put("callConnectTime", json!(self.at(notice.at)));
        };
        match &notice.state {
            NotificationState::Answered => {
                ok(&mut put);
                put("status", json!("Answered"));
            }
            NotificationState::InProgress(event) => {
                ok(&mut put);
                put("status", json!("Call-In-Progress"));
                put("machineDetection", json!(event.kind));
                amd_details(event, &mut put);
            }
            NotificationState::Event { event, data } => {
                ok(&mut put);
                put("status", json!("Call-In-Progress"));
                put("event", json!(event));
                put("data", data.clone());
            }
            NotificationState::Completed { answered_at, ended, machine_detection, do_not_call } => {
                // Whole seconds that have passed, as the sample counts them.
                let seconds = notice.at.ms_since(*answered_at) / 1000;
                put("reason", json!("200 OK"));
                put("reasonCode", json!(reason_code(*ended)));
                put("callConnectTime", json!(self.at(*answered_at)));
                put("callDisconnectTime", json!(self.at(notice.at)));
                put("callDuration", json!(seconds));
                put("duration", json!(seconds));
                put("status", json!("completed"));
                if let Some(kind) = machine_detection {
                    put("machineDetection", json!(kind));
                }
                if let Some(session_id) = &self.session_id {
                    put("sessionId", json!(session_id));
                }
                if *do_not_call {
                    put("doNotCall", json!(true));
                }
            }
            NotificationState::Failed { cause: code } => {
                let reason = reason(*code);
                put("reason", json!(reason));
                put("reasonCode", json!(code_of(reason)));
                put("callConnectTime", json!(self.at(notice.at)));
                put("callDisconnectTime", json!(self.at(notice.at)));
                put("status", json!("Failed"));
            }
        }
        Value::Object(body)
    }

    /// The body for a call that nobody was dialled for: `reason` as in a SIP status, and one sentence of why.
    #[must_use]
    pub fn not_dialled(&self, notice: &Notice, reason: &str, why: &str) -> Value {
        let mut body = self.body(notice);
        body["reason"] = json!(reason);
        body["reasonCode"] = json!(code_of(reason));
        body["detail"] = json!(why);
        body
    }
}

/// Beyond Kore: what makes an AMD event orderable and explainable.
fn amd_details(event: &Event, put: &mut dyn FnMut(&str, Value) -> Option<Value>) {
    put("amdSequence", json!(event.seq));
    put("amdDecisionMs", json!(event.at_ms));
    if let Some(reason) = event.reason {
        put("amdReason", json!(reason));
    }
    if let Some(subtype) = event.subtype {
        put("amdSubtype", json!(subtype));
    }
    if let Some(confidence) = event.confidence {
        put("amdConfidence", json!((f64::from(confidence) * 1000.0).round() / 1000.0));
    }
    if let Some(onset) = event.speech_onset_ms {
        put("amdSpeechOnsetMs", json!(onset));
    }
    if let Some(end) = event.speech_end_ms {
        put("amdSpeechEndMs", json!(end));
    }
    if let Some(greeting) = &event.greeting {
        put("amdGreeting", json!(greeting));
    }
    if let Some(hint) = &event.hint {
        put("hint", json!(hint));
    }
    if let Some(language) = &event.language {
        put("language", json!(language.to_lowercase()));
    }
    if let Some(tone) = &event.tone {
        put("frequency", json!(tone.hz[0].floor()));
    }
}

#[cfg(test)]
mod tests {
    use callcore::call::Ended;

    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            session_id: Some("685d41cd".into()),
            ..Envelope::new("433a9a58", "app", 1_750_942_153_257)
        }
    }

    fn notice(state: NotificationState, at: u64) -> Notice {
        Notice { state, at: CallTime::from_ms(at), ring_ms: 3381, connect_ms: 4343 }
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
