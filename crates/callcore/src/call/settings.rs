//! What is fixed before a call begins.

use serde::{Deserialize, Serialize};

use crate::amd::{self, Timers};
use crate::flow::{Greet, MachineDetection, TimerOverrides};
use crate::playback;

/// Who called whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// We called; the other party is the callee.
    #[default]
    Outbound,
    /// Somebody called us; the other party is the caller.
    Inbound,
}

impl Direction {
    /// The word for it in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
        }
    }

    /// What the person or machine at the other end is called.
    #[must_use]
    pub const fn other_party(self) -> &'static str {
        match self {
            Self::Outbound => "callee",
            Self::Inbound => "caller",
        }
    }
}

/// Settings of one call, resolved from the dial request, the flow and the trunk.
#[derive(Clone, Debug)]
pub struct Settings {
    pub direction: Direction,
    pub machine_detection: MachineDetection,
    /// When a flow that waits for the verdict begins to speak; without detection nothing is waited for.
    pub greet: Greet,
    pub amd: amd::Options,
    pub playback: playback::Options,
    /// An unanswered call is given up after this long, ms from the dial request.
    pub ring_timeout_ms: u64,
    /// A call is ended after this long, ms from the answer.
    pub max_call_ms: u64,
    /// Silence that ends the callee's utterance, ms.
    pub end_silence_ms: u64,
    /// Whether a recogniser is there to turn utterances into words.
    pub recognises: bool,
    /// Whether it hears nothing but the answers of questions: then its words say nothing of who speaks, and no
    /// interruption waits for them.
    pub hears_answers_only: bool,
    /// Whether it is also asked while the callee still talks.
    pub interim: bool,
    /// How long the words of an utterance are waited for after its end, ms. What was heard of it meanwhile
    /// counts then, or it was said without words.
    pub words_wait_ms: u64,
}

/// The detector's timers: `wanted` where it says something, else the defaults.
#[must_use]
pub fn amd_timers(wanted: TimerOverrides) -> Timers {
    let last = Timers::default();
    Timers {
        no_speech_timeout_ms: wanted.no_speech_timeout_ms.unwrap_or(last.no_speech_timeout_ms),
        decision_timeout_ms: wanted.decision_timeout_ms.unwrap_or(last.decision_timeout_ms),
        tone_timeout_ms: wanted.tone_timeout_ms.unwrap_or(last.tone_timeout_ms),
        greeting_completion_timeout_ms: wanted
            .greeting_completion_timeout_ms
            .unwrap_or(last.greeting_completion_timeout_ms),
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            direction: Direction::Outbound,
            machine_detection: MachineDetection::Detect,
            greet: Greet::usual(MachineDetection::Detect),
            amd: amd::Options::default(),
            playback: playback::Options::default(),
            ring_timeout_ms: 60_000,
            max_call_ms: 30 * 60_000,
            end_silence_ms: 700,
            recognises: false,
            hears_answers_only: false,
            interim: false,
            words_wait_ms: 4_000,
        }
    }
}
