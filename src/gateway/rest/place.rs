//! `POST /pbx/call`: what a client may ask for, checked.

use serde_json::{Map, Value};

use crate::gateway::codec::Format;
use crate::gateway::placing::PlaceRequest;
use crate::gateway::version::Version;

/// Longest time an unanswered call may be left ringing, in seconds.
const MAX_TIMEOUT: u64 = 3_600;
/// Longest caller id, in characters.
const MAX_CALLER_ID: usize = 64;

/// A field that cannot be accepted, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub field: &'static str,
    pub reason: String,
}

fn wrong(field: &'static str, reason: impl Into<String>) -> Wrong {
    Wrong { field, reason: reason.into() }
}

/// Reads what is asked for. Versions before 1.0.5 know nothing but the number; unknown fields are ignored. The
/// types are checked by hand, to name the field that is wrong.
pub(super) fn read(body: &Map<String, Value>, version: Version) -> Result<PlaceRequest, Wrong> {
    let field = |name| body.get(name).unwrap_or(&Value::Null);
    let number = number("phoneNumber", field("phoneNumber"))?;
    let mut request = PlaceRequest { number, ..PlaceRequest::default() };
    if version.negotiates() {
        request.timeout = ring("timeout", field("timeout"))?;
        request.caller_id = caller_id(field("callerId"))?;
        let audio = field("audio");
        if !matches!(audio, Value::Null | Value::Object(_)) {
            return Err(wrong("audio", "Audio must be an object with input and output"));
        }
        request.codecs.input = codec("audio.input", &audio["input"])?;
        request.codecs.output = codec("audio.output", &audio["output"])?;
    }
    Ok(request)
}

/// A text, or a number, as some clients send it.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null => Some(String::new()),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn number(field: &'static str, value: &Value) -> Result<String, Wrong> {
    let invalid = || wrong(field, "Invalid phone number format");
    let number = text(value).ok_or_else(invalid)?;
    if number.is_empty() {
        return Err(wrong(field, "Phone number is required"));
    }
    if is_dialable(&number) { Ok(number) } else { Err(invalid()) }
}

/// A number as anybody writes it, on one line. A carrier takes also those that nobody has, and says so in the call.
fn is_dialable(number: &str) -> bool {
    number.len() <= 40
        && callcore::number::read(number, None).map_or_else(|bad| bad.written().is_some(), |_| true)
}

/// How long an unanswered call may ring, in seconds.
pub(super) fn ring(field: &'static str, value: &Value) -> Result<Option<u64>, Wrong> {
    let text = text(value).unwrap_or_else(|| "?".to_owned());
    if text.is_empty() {
        return Ok(None);
    }
    // JSON knows one kind of number: 30.0 is 30.
    let text = text.strip_suffix(".0").unwrap_or(&text);
    let seconds = text.parse().ok().filter(|seconds| (1..=MAX_TIMEOUT).contains(seconds));
    let name = if field == "timeout" { "Timeout" } else { "Ring" };
    let problem =
        || wrong(field, format!("{name} must be a whole number of seconds from 1 to {MAX_TIMEOUT}"));
    seconds.map(Some).ok_or_else(problem)
}

pub(super) fn caller_id(value: &Value) -> Result<Option<String>, Wrong> {
    let problem =
        || wrong("callerId", format!("Caller ID must be a text of at most {MAX_CALLER_ID} characters"));
    let id = text(value).ok_or_else(problem)?;
    if id.chars().count() > MAX_CALLER_ID || id.chars().any(char::is_control) {
        return Err(problem());
    }
    Ok((!id.is_empty()).then_some(id))
}

fn codec(field: &'static str, value: &Value) -> Result<Format, Wrong> {
    let name = text(value).unwrap_or_else(|| "?".to_owned());
    if name.is_empty() {
        return Ok(Format::PCM16);
    }
    let known = Format::named(&name).filter(|format| *format != Format::Mp3);
    known.ok_or_else(|| wrong(field, "Audio codec must be one of ulaw, alaw, pcm16"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::gateway::room::Codecs;
    use crate::media::Codec;

    fn ask(body: Value, version: Version) -> Result<PlaceRequest, &'static str> {
        read(body.as_object().expect("an object"), version).map_err(|wrong| wrong.field)
    }

    #[test]
    fn numbers_as_people_write_them_are_dialable_and_others_are_not() {
        for number in ["+15550001", "089608675796", "(021) 555-123", "911"] {
            assert!(is_dialable(number), "{number}");
        }
        for number in ["", "12", "call me", "++155500", "1234567890123456789012", "155+50001", "-12345e3"] {
            assert!(!is_dialable(number), "{number}");
        }
    }

    #[test]
    fn a_call_of_1_0_5_carries_its_wishes_and_the_defaults_are_pcm16() {
        let full = json!({"phoneNumber": 89608675796_u64, "timeout": "30", "callerId": 62215550, "x": 1,
                          "audio": {"input": "mulaw", "output": "alaw"}});
        let codecs = Codecs { input: Format::Plain(Codec::Ulaw), output: Format::Plain(Codec::Alaw) };
        let request = PlaceRequest {
            number: "89608675796".into(),
            timeout: Some(30),
            caller_id: Some("62215550".into()),
            codecs,
            session: None,
        };
        assert_eq!(ask(full.clone(), Version::V1_0_5), Ok(request.clone()));
        let bare = PlaceRequest { number: request.number, ..PlaceRequest::default() };
        assert_eq!(
            ask(full, Version::V1_0_4),
            Ok(bare.clone()),
            "older versions ignore what they do not know"
        );
        let nulls = json!({"phoneNumber": "89608675796", "timeout": null, "callerId": null, "audio": null});
        assert_eq!(ask(nulls, Version::V1_0_5), Ok(bare));
    }

    #[test]
    fn seconds_may_be_written_with_a_point() {
        let request = ask(json!({"phoneNumber": "911", "timeout": 30.0}), Version::V1_0_5).unwrap();
        assert_eq!(request.timeout, Some(30));
    }

    #[test]
    fn the_field_that_is_wrong_is_named() {
        for (field, body) in [
            ("phoneNumber", json!({})),
            ("phoneNumber", json!({"phoneNumber": ["1"]})),
            ("timeout", json!({"phoneNumber": "911", "timeout": 0})),
            ("timeout", json!({"phoneNumber": "911", "timeout": 1.5})),
            ("timeout", json!({"phoneNumber": "911", "timeout": true})),
            ("callerId", json!({"phoneNumber": "911", "callerId": "x".repeat(65)})),
            ("callerId", json!({"phoneNumber": "911", "callerId": {}})),
            ("audio", json!({"phoneNumber": "911", "audio": "ulaw"})),
            ("audio.input", json!({"phoneNumber": "911", "audio": {"input": "mp3"}})),
            ("audio.output", json!({"phoneNumber": "911", "audio": {"output": "opus"}})),
        ] {
            assert_eq!(ask(body.clone(), Version::V1_0_5), Err(field), "{body}");
        }
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,30}".prop_map(Value::from),
            "[+0-9]{0,22}".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            let key = prop_oneof![Just("input"), Just("output"), Just("x")].prop_map(str::to_owned);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::hash_map(key, inner, 0..3).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_request_is_granted_within_bounds_or_refused(
            number in anything(), timeout in anything(), caller in anything(), audio in anything(),
        ) {
            let body = json!({"phoneNumber": number, "timeout": timeout, "callerId": caller, "audio": audio});
            for version in Version::ALL {
                if let Ok(request) = ask(body.clone(), version) {
                    prop_assert!(is_dialable(&request.number));
                    prop_assert!(request.timeout.is_none_or(|t| (1..=MAX_TIMEOUT).contains(&t)));
                    prop_assert!(request.codecs.input != Format::Mp3 && request.codecs.output != Format::Mp3);
                }
            }
        }
    }
}
