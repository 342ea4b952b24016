//! The events of Socket.IO, from the carrier to us.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::report::{Offered, Report, ReportError, dial_status, key};
use crate::media::Codec;
use crate::trunk::carrier_json::{Text, WireCdr};
use crate::trunk::ocs::packet::{Event, Placeholder};

/// Longest number or address that is taken, in characters.
const LONGEST_FIELD: usize = 256;

/// Reads an event: the session it is about, and what it says.
///
/// # Errors
/// When the event is not part of the service, or lacks what it must have.
pub(in crate::trunk::ocs) fn read(event: &Event) -> Result<(Cow<'_, str>, Report), ReportError> {
    let data = &event.data;
    Ok(match event.name.as_str() {
        "newSession" => {
            let fields: Map<String, Value> = data.arg(0)?;
            let is_offered = field(&fields, &["type"]).eq_ignore_ascii_case("inbound");
            let report = if is_offered { Report::Offered(offered(&fields)) } else { Report::Announced };
            (data.arg::<Session<'_>>(0)?.session_id.0, report)
        }
        "roomJoined" => {
            let RoomJoined { session_id, status } = data.arg(0)?;
            let joined = status.0.eq_ignore_ascii_case("success");
            (session_id.0, if joined { Report::Joined } else { Report::JoinRefused })
        }
        "dialStatus" => {
            let DialStatusChanged { session_id, status } = data.arg(0)?;
            (session_id.0, Report::Status(dial_status(&status.0)?))
        }
        // Whose audio it is can be read when the audio cannot: the call is to learn that it is deaf.
        "audio" => match audio(event) {
            Ok((session_id, bytes)) => (session_id.0, Report::Audio(bytes)),
            Err(error) => {
                let session_id = data.arg::<Session<'_>>(0)?.session_id.0;
                (session_id, Report::AudioUnreadable(error.to_string()))
            }
        },
        "dtmf" => {
            let Dtmf { session_id, digit } = data.arg(0)?;
            (session_id.0, Report::Digit(key(&digit.0)?))
        }
        "checkPoint" | "CheckPoint" => {
            let CheckPoint { session_id, name } = data.arg(0)?;
            (session_id.0, Report::CheckPoint(name.0.into_owned()))
        }
        "hangup" => (data.arg::<Session<'_>>(0)?.session_id.0, Report::Hangup),
        "cdr" => {
            let cdr = data.arg::<WireCdr<'_>>(0)?.into_cdr();
            (Cow::Owned(cdr.session_id.clone()), Report::Cdr(cdr))
        }
        _ => return Err(ReportError::Unknown),
    })
}

/// The numbers of a call that comes in: under the inbound WebSocket's names first, then under those of the record,
/// then under what others write.
fn offered(fields: &Map<String, Value>) -> Offered {
    let endpoint = field(fields, &["endpointUrl"]);
    Offered {
        caller: field(fields, &["callerId", "source", "caller", "from"]),
        called: field(fields, &["didNumber", "destination", "phoneNumber", "called", "to", "did"]),
        endpoint: (!endpoint.is_empty()).then_some(endpoint),
    }
}

/// The first of these fields that says something, as plain text within bounds.
fn field(fields: &Map<String, Value>, names: &[&str]) -> String {
    let said = names.iter().filter_map(|name| match fields.get(*name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    });
    let mut plain = said.map(|text| {
        let plain = text.trim().chars().filter(|c| !c.is_control());
        plain.take(LONGEST_FIELD).collect::<String>()
    });
    plain.find(|text| !text.is_empty()).unwrap_or_default()
}

fn audio(event: &Event) -> Result<(Text<'_>, Bytes), ReportError> {
    let data = &event.data;
    let Audio { session_id, audio_data, audio_format } = data.arg(0)?;
    let bytes = data.binary(audio_data)?;
    if data.is_cut() {
        return Err(ReportError::TooLong);
    }
    // 1.0.3 and 1.0.5 name no format: it is pcm16, or what was negotiated.
    if let Some(format) = audio_format
        && Codec::named(&format.0).is_none()
    {
        let value = format.0.chars().take(40).collect();
        return Err(ReportError::Value { field: "audioFormat", value });
    }
    Ok((session_id, bytes.clone()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    #[serde(borrow)]
    session_id: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoomJoined<'a> {
    #[serde(borrow)]
    session_id: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DialStatusChanged<'a> {
    #[serde(borrow)]
    session_id: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Audio<'a> {
    #[serde(borrow)]
    session_id: Text<'a>,
    audio_data: Placeholder,
    #[serde(borrow)]
    audio_format: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dtmf<'a> {
    #[serde(borrow)]
    session_id: Text<'a>,
    #[serde(borrow)]
    digit: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CheckPoint<'a> {
    #[serde(borrow)]
    session_id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
}

#[cfg(test)]
mod tests {
    use callcore::call::{DialStatus, Disposition, HangupBy};
    use serde_json::json;
    use tokio_tungstenite::tungstenite::Utf8Bytes;

    use super::*;
    use crate::trunk::ocs::packet::{Decoder, Packet};

    fn event(name: &str, payload: &serde_json::Value, attachment: Option<&'static [u8]>) -> Event {
        let kind = if attachment.is_some() { "451-" } else { "42" };
        let text = Utf8Bytes::from(format!("{kind}{}", json!([name, payload])));
        let mut decoder = Decoder::default();
        let mut packet = decoder.text(&text).expect("a packet");
        if let Some(bytes) = attachment {
            packet = decoder.binary(Bytes::from_static(bytes)).expect("its attachment");
        }
        match packet {
            Some(Packet::Event(event)) => event,
            other => panic!("{other:?}"),
        }
    }

    fn report(name: &str, payload: serde_json::Value) -> Report {
        let event = event(name, &payload, None);
        let (session, report) = read(&event).expect("a documented event");
        assert_eq!(session, "s0");
        report
    }

    #[test]
    fn documented_events_are_understood() {
        assert_eq!(report("newSession", json!({"sessionId": "s0", "type": "outbound"})), Report::Announced);
        let offered = |more: serde_json::Value| {
            let mut payload = json!({"sessionId": "s0", "type": "inbound"});
            if let (Some(all), Some(more)) = (payload.as_object_mut(), more.as_object()) {
                all.extend(more.clone());
            }
            let Report::Offered(offered) = report("newSession", payload) else { panic!("not a call to us") };
            (offered.caller, offered.called)
        };
        let both = ("628123".to_owned(), "+6221500".to_owned());
        assert_eq!(offered(json!({"callerId": 628123, "didNumber": " +6221500 "})), both);
        assert_eq!(offered(json!({"source": "628123", "destination": "+6221500", "x": {}})), both);
        let twice = json!({"callerId": "628123", "caller": {}, "didNumber": "+6221500", "destination": "0"});
        assert_eq!(offered(twice), both);
        assert_eq!(offered(json!({})), (String::new(), String::new()), "as the documents have it");
        assert_eq!(report("roomJoined", json!({"sessionId": "s0", "status": "success"})), Report::Joined);
        assert_eq!(report("roomJoined", json!({"sessionId": "s0", "status": "failed"})), Report::JoinRefused);
        let ringing = report("dialStatus", json!({"sessionId": "s0", "status": "Ringing"}));
        assert_eq!(ringing, Report::Status(DialStatus::Ringing));
        assert_eq!(report("dtmf", json!({"sessionId": "s0", "digit": "a"})), Report::Digit('A'));
        assert_eq!(report("dtmf", json!({"sessionId": "s0", "digit": 7, "x": {}})), Report::Digit('7'));
        let mark = report("checkPoint", json!({"sessionId": "s0", "name": "half \"way\""}));
        assert_eq!(mark, Report::CheckPoint("half \"way\"".into()));
        assert_eq!(report("hangup", json!({"sessionId": "s0"})), Report::Hangup);
    }

    #[test]
    fn audio_is_understood_with_and_without_a_format() {
        let placeholder = json!({"_placeholder": true, "num": 0});
        for extra in [json!({}), json!({"audioFormat": "pcm16"}), json!({"audioFormat": null})] {
            let mut payload = json!({"sessionId": "s0", "audioData": placeholder});
            if let (Some(all), Some(more)) = (payload.as_object_mut(), extra.as_object()) {
                all.extend(more.clone());
            }
            let event = event("audio", &payload, Some(b"\x1e\0"));
            let (_, report) = read(&event).expect("audio");
            assert_eq!(report, Report::Audio(Bytes::from_static(b"\x1e\0")));
        }
        let mp3 = json!({"sessionId": "s0", "audioData": placeholder, "audioFormat": "mp3"});
        let unreadable = |payload: &serde_json::Value, attachment| {
            let event = event("audio", payload, attachment);
            let (session, report) = read(&event).expect("whose it is can be read");
            let Report::AudioUnreadable(why) = report else { panic!("{report:?}") };
            assert_eq!(session, "s0");
            why
        };
        assert!(unreadable(&mp3, Some(&b"x"[..])).contains("audioFormat"));
        unreadable(&json!({"sessionId": "s0", "audioData": "AAAA"}), None);
        unreadable(&json!({"sessionId": "s0"}), None);
        assert!(read(&event("audio", &json!({"audioData": "AAAA"}), None)).is_err(), "nobody's");
    }

    #[test]
    fn events_that_make_no_sense_are_named() {
        assert!(matches!(read(&event("coffee", &json!({}), None)), Err(ReportError::Unknown)));
        let odd = [
            ("dialStatus", json!({"sessionId": "s0", "status": "Flying"})),
            ("dtmf", json!({"sessionId": "s0", "digit": "12"})),
            ("hangup", json!({"session": "s0"})),
            ("hangup", json!("s0")),
            ("cdr", json!(null)),
        ];
        for (name, payload) in odd {
            assert!(read(&event(name, &payload, None)).is_err(), "{name} {payload}");
        }
    }

    #[test]
    fn a_cdr_is_read_whether_its_numbers_are_numbers_or_strings() {
        let spelled = |code: serde_json::Value, seconds: serde_json::Value| {
            let Report::Cdr(cdr) = report(
                "cdr",
                json!({
                    "sessionId": "s0", "destination": "0811", "startTime": "2025-07-23T05:17:28.000Z",
                    "answerTime": "2025-07-23T05:17:34.000Z", "endTime": "2025-07-23T05:17:40.000Z",
                    "duration": seconds, "billableSeconds": 5, "disposition": "ANSWERED",
                    "hangupBy": "CALLEE", "hangupCauseCode": code, "hangupCauseText": "Call completed successfully",
                    "source": null,
                }),
            ) else {
                panic!("not a cdr")
            };
            cdr
        };
        let cdr = spelled(json!(16), json!(11));
        assert_eq!(cdr, spelled(json!("16"), json!("11")));
        assert_eq!((cdr.hangup_cause_code, cdr.duration, cdr.billable_seconds), (16, 11, 5));
        assert_eq!((cdr.disposition, cdr.hangup_by), (Disposition::Answered, Some(HangupBy::Callee)));
    }

    #[test]
    fn a_cdr_without_bounds_is_kept_within_them() {
        let long = "x\n\u{1b}[31m".repeat(1_000);
        let payload = json!({
            "sessionId": "s0", "destination": long, "startTime": long, "answerTime": long, "endTime": long,
            "duration": u64::MAX, "billableSeconds": 1e300, "disposition": long, "hangupBy": long,
            "hangupCauseCode": 1e9, "hangupCauseText": long, "source": long,
        });
        let Report::Cdr(cdr) = report("cdr", payload) else { panic!("not a cdr") };
        for text in [&cdr.destination, &cdr.start_time, &cdr.end_time, &cdr.hangup_cause_text] {
            assert!(text.chars().count() <= 256 && !text.chars().any(char::is_control));
        }
        assert!(cdr.source.is_some_and(|source| source.len() <= 256));
        assert!(cdr.answer_time.is_some_and(|time| time.len() <= 256));
        assert_eq!((cdr.duration, cdr.billable_seconds), (31_536_000, 31_536_000));
        assert_eq!((cdr.hangup_cause_code, cdr.hangup_by), (0, None));
    }

    #[test]
    fn a_cdr_with_little_in_it_is_filled_with_what_can_be_known() {
        let bare = |disposition: &str| {
            let payload = json!({
                "sessionId": "s0", "disposition": disposition, "hangupCauseCode": 17, "answerTime": null,
            });
            let Report::Cdr(cdr) = report("cdr", payload) else { panic!("not a cdr") };
            cdr
        };
        assert_eq!(bare("no_answer").disposition, Disposition::NoAnswer);
        assert_eq!(bare("?").disposition, Disposition::Failed);
        assert_eq!(bare("BUSY").hangup_cause_text, "Destination busy");
    }
}
