//! The events of the inbound WebSocket, both ways. The only place that knows their field names.

use callcore::call::CarrierCdr;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::trunk::carrier_json::WireCdr;

/// Longest tone the wire allows, ms.
const LONGEST_TONE_MS: u32 = 1_000;
/// Longest identifier or number that is taken, in characters.
const LONGEST_FIELD: usize = 128;

/// What the carrier says in text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Report {
    IncomingCall(Announcement),
    Digit(char),
    Hangup,
    Cdr(Box<CarrierCdr>),
}

/// The fields of `incoming_call`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Announcement {
    pub(super) caller: String,
    pub(super) called: String,
    pub(super) session_id: String,
}

/// Why a text message says nothing to us.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReportError {
    #[error("a text message is not a JSON object with an \"event\"")]
    NotAnEvent,
    #[error("the event {0:?} is unknown")]
    Unknown(String),
    #[error("the event {event:?} is malformed: {reason}")]
    Malformed { event: &'static str, reason: String },
}

impl ReportError {
    /// A word for metrics.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::NotAnEvent => "not_an_event",
            Self::Unknown(_) => "unknown_event",
            Self::Malformed { .. } => "malformed_event",
        }
    }
}

/// Reads one text message.
///
/// # Errors
/// When it is no event of this wire, or lacks what it must have.
pub(super) fn read(text: &str) -> Result<Report, ReportError> {
    let mut fields: Map<String, Value> = serde_json::from_str(text).map_err(|_| ReportError::NotAnEvent)?;
    let Some(Value::String(event)) = fields.remove("event") else {
        return Err(ReportError::NotAnEvent);
    };
    match event.as_str() {
        "incoming_call" => announcement(&fields).map(Report::IncomingCall),
        "dtmf" => digit(&fields).map(Report::Digit),
        "hangup" => Ok(Report::Hangup),
        "cdr" => {
            // A connection is one call: whose record it is needs no telling, and is not for the peer to choose.
            fields.insert("sessionId".into(), "".into());
            let record = Value::Object(fields);
            let record = WireCdr::deserialize(&record)
                .map_err(|error| ReportError::Malformed { event: "cdr", reason: error.to_string() })?;
            Ok(Report::Cdr(Box::new(record.into_cdr())))
        }
        _ => Err(ReportError::Unknown(event.chars().take(40).collect())),
    }
}

fn announcement(fields: &Map<String, Value>) -> Result<Announcement, ReportError> {
    let field = |name: &str| {
        let text = scalar(fields.get(name)).unwrap_or_default();
        if text.chars().count() > LONGEST_FIELD || text.chars().any(char::is_control) {
            let reason = format!("{name} is longer than {LONGEST_FIELD} characters or not plain text");
            return Err(ReportError::Malformed { event: "incoming_call", reason });
        }
        Ok(text)
    };
    let (caller, called, session_id) = (field("callerId")?, field("didNumber")?, field("sessionId")?);
    if called.is_empty() {
        let reason = "it has no didNumber".into();
        return Err(ReportError::Malformed { event: "incoming_call", reason });
    }
    Ok(Announcement { caller, called, session_id })
}

fn digit(fields: &Map<String, Value>) -> Result<char, ReportError> {
    let text = scalar(fields.get("digit")).unwrap_or_default();
    let mut keys = text.chars().map(|key| key.to_ascii_uppercase());
    match (keys.next(), keys.next()) {
        (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(key),
        _ => Err(ReportError::Malformed { event: "dtmf", reason: "its digit is no key".into() }),
    }
}

/// Carriers write numbers as texts and as numbers.
fn scalar(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn answer() -> String {
    json!({ "event": "answer" }).to_string()
}

pub(super) fn interrupt() -> String {
    json!({ "event": "interrupt" }).to_string()
}

pub(super) fn hangup() -> String {
    json!({ "event": "hangup" }).to_string()
}

/// A key for the caller to hear; `None` for one that this wire cannot send.
pub(super) fn dtmf(digit: char, duration_ms: u32) -> Option<String> {
    let sendable = matches!(digit, '0'..='9' | '*' | '#');
    let duration = duration_ms.min(LONGEST_TONE_MS);
    sendable.then(|| json!({ "event": "dtmf", "digit": digit.to_string(), "duration": duration }).to_string())
}

#[cfg(test)]
mod tests {
    use callcore::call::{Disposition, HangupBy};
    use proptest::prelude::*;

    use super::*;

    /// Any scalar, list or map that a broken carrier may put into a field.
    fn value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        prop_oneof![4 => scalar.clone(), 1 => prop::collection::vec(scalar, 0..3).prop_map(Value::from)]
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_stumble(text in ".{0,200}") {
            let _read = read(&text);
        }

        #[test]
        fn no_value_of_a_field_makes_the_reader_stumble(
            event in prop::sample::select(vec!["incoming_call", "dtmf", "hangup", "cdr"]),
            fields in prop::collection::btree_map(
                prop::sample::select(vec![
                    "callerId", "didNumber", "sessionId", "digit", "startTime", "answerTime", "endTime",
                    "duration", "billableSeconds", "disposition", "hangupBy", "hangupCauseCode", "source",
                ]),
                value(),
                0..8,
            ),
        ) {
            let mut message = json!(fields);
            message["event"] = event.into();
            if let Ok(Report::IncomingCall(call)) = read(&message.to_string()) {
                prop_assert!(!call.called.is_empty() && call.called.chars().count() <= LONGEST_FIELD);
            }
        }
    }

    #[test]
    fn the_corpus_of_the_fuzz_target_is_read_line_by_line() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/wire");
        let files =
            std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        let understood = |bytes: Vec<u8>| {
            String::from_utf8_lossy(&bytes).lines().filter(|line| read(line).is_ok()).count()
        };
        assert!(files.map(understood).sum::<usize>() >= 3);
    }

    #[test]
    fn an_incoming_call_may_write_its_numbers_as_numbers() {
        let text =
            r#"{"event":"incoming_call","callerId":6281234,"didNumber":" +6221500 ","sessionId":"s1"}"#;
        let Announcement { caller, called, session_id } = match read(text) {
            Ok(Report::IncomingCall(call)) => call,
            other => panic!("{other:?}"),
        };
        assert_eq!((caller.as_str(), called.as_str(), session_id.as_str()), ("6281234", "+6221500", "s1"));
    }

    #[test]
    fn a_record_is_read_with_its_cause_as_a_number_or_as_a_text() {
        for code in ["16", "\"16\""] {
            let text = format!(
                r#"{{"event":"cdr","sessionId":"of somebody else","destination":"+6221500","duration":12.7,
                "billableSeconds":"9","answerTime":"2026-11-21T00:00:00.000Z","disposition":"ANSWERED",
                "hangupBy":"CALLER","hangupCauseCode":{code},"source":null}}"#
            );
            let Ok(Report::Cdr(cdr)) = read(&text) else { panic!("{:?}", read(&text)) };
            assert_eq!((cdr.hangup_cause_code, cdr.duration, cdr.billable_seconds), (16, 12, 9));
            assert_eq!((cdr.disposition, cdr.hangup_by), (Disposition::Answered, Some(HangupBy::Caller)));
            assert_eq!(cdr.session_id, "", "whose it is, the connection says");
        }
    }

    #[test]
    fn what_is_no_event_of_this_wire_is_named() {
        for (text, kind) in [
            ("", "not_an_event"),
            ("[1,2]", "not_an_event"),
            ("{\"event\":3}", "not_an_event"),
            ("{\"event\":\"dance\"}", "unknown_event"),
            ("{\"event\":\"dtmf\",\"digit\":\"12\"}", "malformed_event"),
            ("{\"event\":\"dtmf\"}", "malformed_event"),
            ("{\"event\":\"incoming_call\",\"callerId\":\"1\"}", "malformed_event"),
            ("{\"event\":\"incoming_call\",\"didNumber\":\"1\\n2\"}", "malformed_event"),
            ("{\"event\":\"cdr\",\"duration\":[]}", "malformed_event"),
        ] {
            assert_eq!(read(text).map_err(|error| error.kind()), Err(kind), "{text}");
        }
    }

    #[test]
    fn a_tone_is_kept_within_a_second_and_to_the_keys_of_the_wire() {
        assert_eq!(dtmf('5', 4_000).as_deref(), Some(r#"{"digit":"5","duration":1000,"event":"dtmf"}"#));
        assert_eq!(dtmf('A', 200), None);
    }
}
