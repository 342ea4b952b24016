//! What we say to a carrier over Socket.IO, and how it acknowledges that.

use serde::{Deserialize, Serialize};

use crate::trunk::socketio::packet::Binary;

/// Payload of `joinRoom`, `interruption` and `hangup`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::trunk::socketio) struct Room<'a> {
    pub(in crate::trunk::socketio) session_id: &'a str,
}

/// Payload of `audio` towards the callee.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::trunk::socketio) struct Speech<'a> {
    pub(in crate::trunk::socketio) audio_data: Binary,
    pub(in crate::trunk::socketio) session_id: &'a str,
    /// 1.0.5 negotiates it before the call and has no such field any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::trunk::socketio) audio_format: Option<&'static str>,
}

/// Payload of `checkPoint`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::trunk::socketio) struct Mark<'a> {
    pub(in crate::trunk::socketio) session_id: &'a str,
    pub(in crate::trunk::socketio) name: &'a str,
}

/// Payload of `dtmf` towards the callee.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::trunk::socketio) struct Press<'a> {
    pub(in crate::trunk::socketio) session_id: &'a str,
    pub(in crate::trunk::socketio) digit: char,
    /// Milliseconds.
    pub(in crate::trunk::socketio) duration: u32,
}

/// How the carrier acknowledges audio.
#[derive(Debug, Deserialize)]
pub(in crate::trunk::socketio) struct AudioAck {
    pub(in crate::trunk::socketio) success: bool,
    #[serde(default)]
    pub(in crate::trunk::socketio) error: Option<String>,
}
