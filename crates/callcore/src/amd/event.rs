//! What the detector says, by the names that webhooks, flows and timelines know.

use serde::{Deserialize, Serialize};

use crate::detect::Tone;

/// The eight AMD events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    #[serde(rename = "amd_human_detected")]
    HumanDetected,
    #[serde(rename = "amd_machine_detected")]
    MachineDetected,
    #[serde(rename = "amd_no_speech_detected")]
    NoSpeechDetected,
    #[serde(rename = "amd_decision_timeout")]
    DecisionTimeout,
    #[serde(rename = "amd_tone_detected")]
    ToneDetected,
    #[serde(rename = "amd_machine_stopped_speaking")]
    MachineStoppedSpeaking,
    #[serde(rename = "amd_error")]
    Error,
    #[serde(rename = "amd_stopped")]
    Stopped,
}

impl EventKind {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HumanDetected => "amd_human_detected",
            Self::MachineDetected => "amd_machine_detected",
            Self::NoSpeechDetected => "amd_no_speech_detected",
            Self::DecisionTimeout => "amd_decision_timeout",
            Self::ToneDetected => "amd_tone_detected",
            Self::MachineStoppedSpeaking => "amd_machine_stopped_speaking",
            Self::Error => "amd_error",
            Self::Stopped => "amd_stopped",
        }
    }

    /// Whether this is one of the four decisions that exclude each other.
    #[must_use]
    pub const fn is_decision(self) -> bool {
        matches!(
            self,
            Self::HumanDetected | Self::MachineDetected | Self::NoSpeechDetected | Self::DecisionTimeout
        )
    }
}

/// Why a decision was taken. The names have spaces because receivers know them so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    #[serde(rename = "hint")]
    Hint,
    #[serde(rename = "long greeting")]
    LongGreeting,
    #[serde(rename = "short greeting")]
    ShortGreeting,
    #[serde(rename = "digit count")]
    DigitCount,
    #[serde(rename = "tone")]
    Tone,
    #[serde(rename = "sit")]
    Sit,
    #[serde(rename = "fax")]
    Fax,
    #[serde(rename = "timing")]
    Timing,
    #[serde(rename = "acoustic")]
    Acoustic,
    #[serde(rename = "screening")]
    Screening,
    #[serde(rename = "ivr")]
    Ivr,
    #[serde(rename = "unavailable")]
    Unavailable,
    #[serde(rename = "no speech")]
    NoSpeech,
    #[serde(rename = "timeout")]
    Timeout,
}

/// What kind of person or machine a decision names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subtype {
    Human,
    /// A mailbox that takes a message.
    Voicemail,
    /// A mailbox that takes none: full, or not set up.
    Unavailable,
    /// The network says why there is no call.
    Network,
    /// A menu of keys, or a queue.
    Ivr,
    /// An assistant asks who calls and why.
    Screening,
    Fax,
}

impl Subtype {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Voicemail => "voicemail",
            Self::Unavailable => "unavailable",
            Self::Network => "network",
            Self::Ivr => "ivr",
            Self::Screening => "screening",
            Self::Fax => "fax",
        }
    }
}

/// One AMD event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// 1, 2, 3 … within the call, so that a receiver can order what arrives out of order.
    pub seq: u32,
    #[serde(rename = "event")]
    pub kind: EventKind,
    /// Media time in ms from the moment of answer.
    #[serde(rename = "t_ms")]
    pub at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtype: Option<Subtype>,
    /// Calibrated probability of the decision, 0.0..=1.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// When the first speech began, measured, in ms from answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speech_onset_ms: Option<u64>,
    /// When the greeting's last word ended, measured, in ms from answer: the event itself comes only after
    /// the silence that proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speech_end_ms: Option<u64>,
    /// Transcript of the greeting so far, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greeting: Option<String>,
    /// The phrase in it that told most, normalised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The locale that its words were read in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The tone behind `amd_tone_detected` (its end is unknown while it sounds).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tone: Option<Tone>,
}
