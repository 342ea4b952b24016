//! How a call wants its detection: timers and thresholds.

use serde::{Deserialize, Serialize};

use super::thresholds::DecisionThresholds;

/// The four AMD timers, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Timers {
    /// Without any speech for this long after answer: `amd_no_speech_detected`.
    pub no_speech_timeout_ms: u64,
    /// Without a decision for this long after answer: `amd_decision_timeout`.
    pub decision_timeout_ms: u64,
    /// How long to listen for a beep.
    pub tone_timeout_ms: u64,
    /// Silence after a machine's greeting that makes it `amd_machine_stopped_speaking`.
    pub greeting_completion_timeout_ms: u64,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            no_speech_timeout_ms: 5_000,
            decision_timeout_ms: 15_000,
            tone_timeout_ms: 20_000,
            greeting_completion_timeout_ms: 2_000,
        }
    }
}

/// Whose event semantics a run follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Audio and any other evidence there is decide, with the known faults of jambonz mended.
    #[default]
    #[serde(rename = "kore")]
    Evidence,
    /// jambonz as it is: transcripts alone decide, the tone timer runs from answer, errors stay silent.
    JambonzStrict,
}

/// Settings of one detection run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    pub profile: Profile,
    pub timers: Timers,
    /// Words of continuous speech that make a machine; `None` leaves it to the evidence.
    pub threshold_word_count: Option<u32>,
    pub params: DecisionThresholds,
    /// A recogniser listens: its words are waited for, at most for `params.words_wait_ms`.
    pub awaits_words: bool,
    /// The callee's language and region, such as `id` or `en-AU`, for the words; `None` reads any language.
    pub locale: Option<String>,
    pub strict: Strict,
    /// Other parameters that are tried beside `params`, without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowSet>,
}

/// A set of parameters that is to be tried in shadow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShadowSet {
    /// Its name, as the settings have it.
    pub name: String,
    pub params: DecisionThresholds,
}

/// What only profile `jambonz-strict` has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Strict {
    /// Phrases that make a machine wherever they stand in a transcript, in any case.
    pub hints: Vec<String>,
    /// This many digits without anything between make a machine; 0 leaves the rule out.
    pub digit_count: u32,
}
