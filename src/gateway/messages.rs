//! The events of the wire, as the service documents them (version 1.0.4).

use bytes::Bytes;
use callcore::call::DialStatus;
use serde::{Deserialize, Serialize};

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

/// `audio` from a client.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AudioIn {
    pub session_id: String,
    pub audio_data: Bytes,
    pub audio_format: Option<String>,
}

/// `checkPoint`, both ways.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckPoint {
    pub session_id: String,
    pub name: String,
}

/// `dtmf` from a client; `duration` in milliseconds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DtmfIn {
    pub session_id: String,
    pub digit: Digit,
    pub duration: Option<f64>,
}

/// A key, sent as a text or as a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Digit {
    Text(String),
    Number(u8),
}

impl Digit {
    /// The single key meant.
    pub(super) fn key(&self) -> Option<char> {
        match self {
            Self::Text(text) => {
                let mut chars = text.trim().chars();
                chars.next().filter(|_| chars.next().is_none())
            }
            Self::Number(number) => char::from_digit(u32::from(*number), 10),
        }
    }
}

/// Acknowledgement of `audio`.
#[derive(Debug, Serialize)]
pub(super) struct Ack {
    pub success: bool,
    pub error: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewSession<'a> {
    pub session_id: &'a str,
    pub r#type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomJoined<'a> {
    pub session_id: &'a str,
    pub status: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DialStatusOut<'a> {
    pub session_id: &'a str,
    pub status: DialStatus,
}

/// `audio` to a client: 20 ms of little-endian pcm16, 8 kHz mono.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AudioOut<'a> {
    pub session_id: &'a str,
    pub audio_data: Bytes,
    pub audio_format: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DtmfOut<'a> {
    pub session_id: &'a str,
    pub digit: char,
}

/// `hangup` to a client.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HangupOut<'a> {
    pub session_id: &'a str,
}
