//! The outcome of a run as labels name it.

use std::fmt;
use std::str::FromStr;

use callcore::amd::{Event, EventKind, Subtype};
use serde::Serialize;

/// Who answered, as labels name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Human,
    Machine,
    NoSpeech,
    Fax,
    Undecided,
}

impl Verdict {
    pub const ALL: [Self; 5] = [Self::Human, Self::Machine, Self::NoSpeech, Self::Fax, Self::Undecided];

    pub(crate) const fn of(event: EventKind, fax: bool) -> Self {
        match event {
            EventKind::HumanDetected => Self::Human,
            EventKind::MachineDetected if fax => Self::Fax,
            EventKind::MachineDetected | EventKind::ToneDetected => Self::Machine,
            EventKind::NoSpeechDetected => Self::NoSpeech,
            EventKind::DecisionTimeout
            | EventKind::MachineStoppedSpeaking
            | EventKind::Error
            | EventKind::Stopped => Self::Undecided,
        }
    }

    /// The first event that says who answered, and when it came; a beep says a machine.
    pub(crate) fn of_events(events: &[Event]) -> (Self, Option<u64>) {
        let telling = |event: &&Event| event.kind.is_decision() || event.kind == EventKind::ToneDetected;
        match events.iter().find(telling) {
            Some(event) => (Self::of(event.kind, event.subtype == Some(Subtype::Fax)), Some(event.at_ms)),
            None => (Self::Undecided, None),
        }
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Machine => "machine",
            Self::NoSpeech => "no_speech",
            Self::Fax => "fax",
            Self::Undecided => "undecided",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Verdict {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == word)
            .ok_or_else(|| format!("the label \"{word}\" is none of human, machine, no_speech and fax"))
    }
}
