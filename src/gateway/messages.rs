//! The events of the wire as the service documents them, for Socket.IO and for plain WebSocket.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use callcore::call::DialStatus;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use socketioxide::SendError;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::handler::{FromMessageParts, Value as Packed};
use socketioxide::socket::Socket;

use super::cdr::Cdr;
use super::playout::Sounding;
use super::version::Version;

/// Who calls a client, and the number that was dialled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Incoming {
    pub caller: String,
    pub called: String,
}

/// What a client is told, audio apart.
#[derive(Clone, Debug)]
pub(super) enum Event {
    NewSession {
        session: Arc<str>,
        /// Who calls whom, where somebody calls the client.
        incoming: Option<Arc<Incoming>>,
    },
    RoomJoined {
        session: Arc<str>,
        joined: bool,
    },
    Status {
        session: Arc<str>,
        status: DialStatus,
    },
    Key {
        session: Arc<str>,
        key: char,
    },
    CheckPoint {
        session: Arc<str>,
        name: String,
    },
    /// How far the audio is that a client labelled so. No document has it; the carrier's own example waits for it.
    Sound {
        session: Arc<str>,
        label: Arc<str>,
        stage: Sounding,
    },
    Hangup {
        session: Arc<str>,
    },
    Cdr(Arc<Cdr>),
    /// Our addition: why an event of this client had no effect.
    Error {
        about: String,
        reason: String,
    },
}

/// 20 ms for a client, in the codec of its call.
#[derive(Clone, Debug)]
pub(super) struct Audio {
    pub session: Arc<str>,
    pub bytes: Bytes,
}

/// An event that wants an acknowledgement.
#[derive(Clone, Debug)]
pub(super) struct Question {
    socket: Arc<Socket>,
    id: Option<i64>,
}

impl FromMessageParts<LocalAdapter> for Question {
    type Error = Infallible;

    fn from_message_parts(
        socket: &Arc<Socket>,
        _: &mut Packed,
        id: &Option<i64>,
    ) -> Result<Self, Infallible> {
        Ok(Self { socket: Arc::clone(socket), id: *id })
    }
}

impl Question {
    /// Whether the client listens for the answer.
    pub(super) const fn is_asked(&self) -> bool {
        self.id.is_some()
    }

    /// Hands the answer to the connection; can be tried again after a failure.
    pub(super) fn answer(&self, ack: &Ack) -> Result<(), SendError> {
        let mut nothing = Packed::Bytes(Bytes::new());
        let Ok(sender) = AckSender::from_message_parts(&self.socket, &mut nothing, &self.id);
        sender.send(ack)
    }
}

/// Acknowledgement of `audio`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Ack {
    pub success: bool,
    pub error: Option<String>,
}

impl Event {
    /// Whether `version` has this event at all.
    pub(super) fn exists_in(&self, version: Version) -> bool {
        match self {
            Self::Status { status: DialStatus::Failed, .. } => version.tells_failure(),
            Self::Cdr(_) => version.has_records(),
            Self::Sound { .. } => version.acknowledges(),
            Self::NewSession { .. }
            | Self::RoomJoined { .. }
            | Self::Status { .. }
            | Self::Key { .. }
            | Self::CheckPoint { .. }
            | Self::Hangup { .. }
            | Self::Error { .. } => true,
        }
    }

    /// Its name on Socket.IO.
    const fn name(&self) -> &'static str {
        match self {
            Self::NewSession { .. } => "newSession",
            Self::RoomJoined { .. } => "roomJoined",
            Self::Status { .. } => "dialStatus",
            Self::Key { .. } => "dtmf",
            Self::CheckPoint { .. } => "checkPoint",
            Self::Sound { stage: Sounding::Started, .. } => "audioStarted",
            Self::Sound { stage: Sounding::Playing, .. } => "audioPlaying",
            Self::Sound { stage: Sounding::Completed, .. } => "audioCompleted",
            Self::Hangup { .. } => "hangup",
            Self::Cdr(_) => "cdr",
            Self::Error { .. } => "error",
        }
    }

    /// Its data on Socket.IO.
    fn data(&self) -> Value {
        match self {
            Self::NewSession { session, incoming: None } => json!({"sessionId": session, "type": "outbound"}),
            // No document says how the numbers are told: as on the inbound WebSocket.
            Self::NewSession { session, incoming: Some(incoming) } => json!({
                "sessionId": session, "type": "inbound",
                "callerId": incoming.caller, "didNumber": incoming.called,
            }),
            Self::RoomJoined { session, joined } => {
                json!({"sessionId": session, "status": if *joined { "success" } else { "failed" }})
            }
            Self::Status { session, status } => json!({"sessionId": session, "status": status}),
            Self::Key { session, key } => json!({"sessionId": session, "digit": key}),
            Self::CheckPoint { session, name } => json!({"sessionId": session, "name": name}),
            Self::Sound { session, label, .. } => json!({"sessionId": session, "label": label}),
            Self::Hangup { session } => json!({"sessionId": session}),
            Self::Cdr(cdr) => json!(**cdr),
            Self::Error { about, reason } => json!({"event": about, "message": reason}),
        }
    }

    /// Hands it to the Socket.IO connection.
    pub(super) fn emit(&self, socket: &SocketRef) -> Result<(), SendError> {
        socket.emit(self.name(), &self.data())
    }

    /// The text frame of a plain WebSocket; `None` where that wire has no such event.
    pub(super) fn frame(&self) -> Option<String> {
        let (name, data) = match self {
            Self::NewSession { .. } | Self::RoomJoined { .. } | Self::Sound { .. } => return None,
            Self::CheckPoint { name, .. } => ("CheckPoint", json!(name)),
            Self::Status { .. }
            | Self::Key { .. }
            | Self::Hangup { .. }
            | Self::Cdr(_)
            | Self::Error { .. } => (self.name(), self.data()),
        };
        Some(json!({"event": name, "data": data}).to_string())
    }
}

/// `audio` to a client. The format is named in 1.0.4 only.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AudioOut<'a> {
    session_id: &'a str,
    audio_data: &'a Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_format: Option<&'static str>,
}

impl Audio {
    /// Hands it to the Socket.IO connection of a client that speaks `version`.
    pub(super) fn emit(&self, socket: &SocketRef, version: Version) -> Result<(), SendError> {
        let audio_format = version.names_format().then_some("pcm16");
        let audio = AudioOut { session_id: &self.session, audio_data: &self.bytes, audio_format };
        socket.emit("audio", &audio)
    }
}

/// `auth` of a new connection.
#[derive(Debug, Deserialize)]
pub(super) struct Auth {
    pub token: String,
}

/// `joinRoom`, `interruption`, `hangup`: a session and nothing else. Unknown fields are ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionOnly {
    pub session_id: String,
}

/// Longest label of audio that is told again, in characters.
const MAX_LABEL: usize = 256;

/// `audio` from a client.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AudioIn {
    pub session_id: String,
    pub audio_data: Bytes,
    pub audio_format: Option<String>,
    /// What the client calls this audio. No document has it.
    label: Option<Value>,
}

impl AudioIn {
    /// The client's name for this audio, within bounds; empty without one.
    pub(super) fn label(&self) -> String {
        match &self.label {
            Some(Value::String(text)) => text.chars().take(MAX_LABEL).collect(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => String::new(),
        }
    }
}

/// `checkPoint` from a client.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckPointIn {
    pub session_id: String,
    pub name: String,
}

/// `dtmf` from a client.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DtmfIn {
    pub session_id: String,
    #[serde(flatten)]
    pub press: Press,
}

/// A key press; `duration` in milliseconds.
#[derive(Debug, Deserialize)]
pub(super) struct Press {
    digit: Digit,
    duration: Option<f64>,
}

/// A key, sent as a text or as a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Digit {
    Text(String),
    Number(u8),
}

/// Length of a key press when the client names none, in milliseconds.
const DEFAULT_KEY_MS: f64 = 200.0;

impl Press {
    /// A key that was pressed for as long as it takes.
    pub(super) fn of(key: char) -> Self {
        Self { digit: Digit::Text(key.to_string()), duration: None }
    }

    /// The single key meant.
    pub(super) fn key(&self) -> Option<char> {
        match &self.digit {
            Digit::Text(text) => {
                let mut chars = text.trim().chars();
                chars.next().filter(|_| chars.next().is_none())
            }
            Digit::Number(number) => char::from_digit(u32::from(*number), 10),
        }
    }

    pub(super) fn length_ms(&self) -> u64 {
        self.duration.unwrap_or(DEFAULT_KEY_MS).clamp(0.0, 5_000.0) as u64
    }
}

/// A text frame of a plain WebSocket.
#[derive(Debug, Deserialize)]
pub(super) struct TextFrame {
    pub event: String,
    #[serde(default)]
    pub data: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_websocket_has_its_own_spelling() {
        let session: Arc<str> = "s1".into();
        let read =
            |event: Event| event.frame().map(|text| serde_json::from_str::<Value>(&text).expect("JSON"));
        let point = Event::CheckPoint { session: Arc::clone(&session), name: "end".into() };
        assert_eq!(read(point), Some(json!({"event": "CheckPoint", "data": "end"})));
        let key = Event::Key { session: Arc::clone(&session), key: '5' };
        assert_eq!(read(key), Some(json!({"event": "dtmf", "data": {"sessionId": "s1", "digit": "5"}})));
        assert_eq!(Event::RoomJoined { session, joined: true }.frame(), None);
    }

    #[test]
    fn each_version_has_only_its_own_events() {
        let failed = Event::Status { session: "s1".into(), status: DialStatus::Failed };
        let busy = Event::Status { session: "s1".into(), status: DialStatus::Busy };
        let stage = Sounding::Started;
        let sound = Event::Sound { session: "s1".into(), label: "greeting".into(), stage };
        let known = |event: &Event| Version::ALL.map(|version| event.exists_in(version));
        assert_eq!((known(&failed), known(&busy)), ([false, true, true], [true; 3]));
        assert_eq!(known(&sound), [true, true, false], "where audio is acknowledged");
    }

    #[test]
    fn keys_come_as_text_or_number_and_lengths_are_kept_sane() {
        let press = |data: Value| serde_json::from_value::<Press>(data).expect("a press");
        assert_eq!(press(json!({"digit": 7})).key(), Some('7'));
        assert_eq!(press(json!({"digit": " # "})).key(), Some('#'));
        assert_eq!(press(json!({"digit": "12"})).key(), None);
        assert_eq!(press(json!({"digit": 99})).key(), None);
        assert_eq!(press(json!({"digit": 1, "duration": -1e300})).length_ms(), 0);
        assert_eq!(press(json!({"digit": 1, "duration": 1e300})).length_ms(), 5_000);
        assert_eq!(press(json!({"digit": 1})).length_ms(), 200);
    }
}
