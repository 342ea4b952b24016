//! What we say to a carrier over Socket.IO, and how it acknowledges that.

use serde::{Deserialize, Serialize};

use crate::trunk::ocs::packet::Binary;

/// Longest audio packet sent, in milliseconds: the documented optimum.
pub(in crate::trunk::ocs) const AUDIO_CHUNK_MS: usize = 160;

/// Payload of `joinRoom`, `interruption` and `hangup`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::trunk::ocs) struct Room<'a> {
    pub(in crate::trunk::ocs) session_id: &'a str,
}

/// Payload of `audio` towards the callee.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::trunk::ocs) struct Speech<'a> {
    pub(in crate::trunk::ocs) audio_data: Binary,
    pub(in crate::trunk::ocs) session_id: &'a str,
    /// 1.0.5 negotiates it before the call and has no such field any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::trunk::ocs) audio_format: Option<&'static str>,
}

/// Payload of `checkPoint`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::trunk::ocs) struct Mark<'a> {
    pub(in crate::trunk::ocs) session_id: &'a str,
    pub(in crate::trunk::ocs) name: &'a str,
}

/// Payload of `dtmf` towards the callee.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::trunk::ocs) struct Press<'a> {
    pub(in crate::trunk::ocs) session_id: &'a str,
    pub(in crate::trunk::ocs) digit: char,
    /// Milliseconds.
    pub(in crate::trunk::ocs) duration: u32,
}

/// How the carrier acknowledges audio.
#[derive(Debug, Deserialize)]
pub(in crate::trunk::ocs) struct AudioAck {
    pub(in crate::trunk::ocs) success: bool,
    #[serde(default)]
    pub(in crate::trunk::ocs) error: Option<String>,
}
