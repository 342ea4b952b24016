//! The events of the Outgoing Call Service, both ways, and what they mean for a leg. The only place that
//! knows their field names.

mod cdr;
mod plain;
mod sent;
mod text;

use std::borrow::Cow;

use bytes::Bytes;
use callcore::call::{CarrierCdr, DialStatus};
use serde::Deserialize;

pub(in crate::trunk) use cdr::WireCdr;
pub(super) use plain::{plain_command, read_plain};
pub(super) use sent::{AudioAck, Mark, Press, Room, Speech};
pub(super) use text::Text;

use super::packet::{Event, PacketError, Placeholder};
use crate::trunk::Codec;

/// Longest audio packet sent, in milliseconds: the documented optimum.
pub(super) const AUDIO_CHUNK_MS: usize = 160;

/// What the carrier says about one session.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Report {
    /// The session exists; its room can be joined.
    Announced,
    Joined,
    JoinRefused,
    Status(DialStatus),
    /// In the codec of the call.
    Audio(Bytes),
    Digit(char),
    CheckPoint(String),
    Hangup,
    Cdr(CarrierCdr),
}

/// Why an event is not passed on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReportError {
    #[error("unknown event")]
    Unknown,
    #[error(transparent)]
    Malformed(#[from] PacketError),
    #[error("unknown {field} {value:?}")]
    Value { field: &'static str, value: String },
    #[error("a packet of audio is too long")]
    TooLong,
}

/// Reads an event: the session it is about, and what it says.
///
/// # Errors
/// When the event is not part of the service, or lacks what it must have.
pub(super) fn read(event: &Event) -> Result<(Cow<'_, str>, Report), ReportError> {
    let data = &event.data;
    Ok(match event.name.as_str() {
        "newSession" => (data.arg::<Session<'_>>(0)?.session_id.0, Report::Announced),
        "roomJoined" => {
            let RoomJoined { session_id, status } = data.arg(0)?;
            let joined = status.0.eq_ignore_ascii_case("success");
            (session_id.0, if joined { Report::Joined } else { Report::JoinRefused })
        }
        "dialStatus" => {
            let DialStatusChanged { session_id, status } = data.arg(0)?;
            (session_id.0, Report::Status(dial_status(&status.0)?))
        }
        "audio" => {
            let Audio { session_id, audio_data, audio_format } = data.arg(0)?;
            let bytes = data.binary(audio_data)?;
            if data.is_cut() {
                return Err(ReportError::TooLong);
            }
            // 1.0.3 and 1.0.5 name no format: it is pcm16, or what was negotiated.
            if let Some(format) = audio_format
                && Codec::named(&format.0).is_none()
            {
                return Err(ReportError::Value { field: "audioFormat", value: format.0.into_owned() });
            }
            (session_id.0, Report::Audio(bytes.clone()))
        }
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

fn dial_status(text: &str) -> Result<DialStatus, ReportError> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "dialing" => DialStatus::Dialing,
        "ringing" => DialStatus::Ringing,
        "busy" => DialStatus::Busy,
        "connected" => DialStatus::Connected,
        "failed" => DialStatus::Failed,
        _ => return Err(ReportError::Value { field: "status", value: text.to_owned() }),
    })
}

fn key(text: &str) -> Result<char, ReportError> {
    let mut chars = text.trim().chars().map(|c| c.to_ascii_uppercase());
    match (chars.next(), chars.next()) {
        (Some(c @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(c),
        _ => Err(ReportError::Value { field: "digit", value: text.to_owned() }),
    }
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
    use crate::trunk::socketio::packet::{Decoder, Packet};

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
        assert!(matches!(
            read(&event("audio", &mp3, Some(b"x"))),
            Err(ReportError::Value { field: "audioFormat", .. })
        ));
        let text = json!({"sessionId": "s0", "audioData": "AAAA"});
        assert!(matches!(read(&event("audio", &text, None)), Err(ReportError::Malformed(_))));
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
