//! The tones of a telephone line, by type.

use serde::{Deserialize, Serialize};

/// What a tone means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToneKind {
    /// A voicemail beep.
    Beep,
    /// Special information tones before a network announcement.
    Sit,
    /// Fax calling tone, 1100 Hz.
    FaxCalling,
    /// Fax or modem answer tone, 2100 Hz.
    FaxAnswer,
    Ringback,
    Busy,
    /// A key pressed, in band.
    Dtmf(char),
}

/// One tone, in media time (ms of audio heard).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tone {
    pub kind: ToneKind,
    pub start_ms: u64,
    /// `None` while it sounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<u64>,
    /// One or two frequencies in Hz; the second is 0.0 for a single tone.
    pub hz: [f32; 2],
}
