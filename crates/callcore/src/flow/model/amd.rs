//! Who or what answered, as a flow branches on it, and how the flow wants answering machines detected.

use serde::{Deserialize, Serialize};

/// The `amd:` part of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AmdSettings {
    pub mode: MachineDetection,
    /// When the call may begin to speak; `None` leaves it to the mode.
    pub greet: Option<Greet>,
    pub timers: TimerOverrides,
    /// The flow says nothing before the verdict is in.
    pub waits_for_verdict: bool,
}

/// What happens about answering machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineDetection {
    /// Detect, and hang up on a machine.
    Disconnect,
    /// Detect, and let the flow decide.
    Detect,
    #[default]
    Disabled,
}

/// When a flow that waits for the verdict may begin to speak to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Greet {
    /// As soon as a person is likely. What was said is taken back when it turns out to be a machine.
    Early,
    /// Only when a person is certain.
    Sure,
}

impl Greet {
    /// What holds under `mode` when nobody says anything else.
    #[must_use]
    pub const fn usual(mode: MachineDetection) -> Self {
        match mode {
            MachineDetection::Disconnect | MachineDetection::Detect => Self::Early,
            MachineDetection::Disabled => Self::Sure,
        }
    }
}

/// The AMD timers as far as the flow sets them, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerOverrides {
    pub no_speech_timeout_ms: Option<u64>,
    pub decision_timeout_ms: Option<u64>,
    pub tone_timeout_ms: Option<u64>,
    pub greeting_completion_timeout_ms: Option<u64>,
}

impl TimerOverrides {
    /// These timers, and those of `other` where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            no_speech_timeout_ms: self.no_speech_timeout_ms.or(other.no_speech_timeout_ms),
            decision_timeout_ms: self.decision_timeout_ms.or(other.decision_timeout_ms),
            tone_timeout_ms: self.tone_timeout_ms.or(other.tone_timeout_ms),
            greeting_completion_timeout_ms: self
                .greeting_completion_timeout_ms
                .or(other.greeting_completion_timeout_ms),
        }
    }
}

/// Who or what answered, as a flow branches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Human,
    Voicemail,
    Screening,
    Ivr,
    /// A network announcement, or a mailbox that takes no message.
    Unavailable,
    Fax,
    NoSpeech,
    /// No decision in time.
    Timeout,
}

/// The verdicts by the name a flow gives them.
pub(crate) const OUTCOMES: [(&str, Outcome); 8] = [
    ("human", Outcome::Human),
    ("voicemail", Outcome::Voicemail),
    ("screening", Outcome::Screening),
    ("ivr", Outcome::Ivr),
    ("unavailable", Outcome::Unavailable),
    ("fax", Outcome::Fax),
    ("no_speech", Outcome::NoSpeech),
    ("timeout", Outcome::Timeout),
];

pub(crate) const OUTCOME_NAMES: [&str; 8] =
    ["human", "voicemail", "screening", "ivr", "unavailable", "fax", "no_speech", "timeout"];

/// The kinds of people and machines, as webhooks name them and `amd.subtype` tells.
pub(crate) const SUBTYPE_NAMES: [&str; 7] =
    ["human", "voicemail", "unavailable", "network", "ivr", "screening", "fax"];

/// The machines that `machine:` stands for where they have no branch of their own.
pub(crate) const MACHINES: [Outcome; 4] =
    [Outcome::Voicemail, Outcome::Screening, Outcome::Ivr, Outcome::Unavailable];

/// The verdict of that name.
pub(crate) fn outcome_named(name: &str) -> Option<Outcome> {
    OUTCOMES.iter().find(|(known, _)| *known == name).map(|(_, outcome)| *outcome)
}

impl Outcome {
    /// The name a flow and a record give it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        OUTCOMES.iter().find(|(_, outcome)| *outcome == self).map_or("", |(name, _)| name)
    }

    /// Whether a machine with a greeting answered.
    #[must_use]
    pub fn is_machine(self) -> bool {
        MACHINES.contains(&self)
    }
}
