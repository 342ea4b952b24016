//! The record behind a verdict, for people and for replay.

use serde::{Deserialize, Serialize};

use super::event::{Event, EventKind, Subtype};
use super::fusion::Parts;
use super::options::{Profile, Timers};
use super::phrases::Hit;
use super::review::Revision;
use super::thresholds::DecisionThresholds;
use super::timeline::{Segment, Timeline};
use crate::detect::Tone;

/// Everything a verdict rests on. Times are ms of audio from answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// Media time heard.
    pub heard_ms: u64,
    pub profile: Profile,
    pub segments: Vec<Segment>,
    pub tones: Vec<Tone>,
    /// Stretches of music, in which nothing is speech.
    pub music: Vec<Segment>,
    /// Level of the loudest speech frame and of the line between, dBFS.
    pub speech_dbfs: f32,
    pub noise_dbfs: f32,
    /// Probability that a machine answered and what it is made of, every 100 ms of audio until the decision,
    /// then every 500 ms until the run ends.
    pub machine_probability: Vec<Sample>,
    pub timers: Timers,
    pub params: DecisionThresholds,
    /// The timing when the decision was taken.
    pub measures: Option<Measures>,
    /// What each kind of evidence said then, as log-odds of a machine.
    pub parts: Option<Parts>,
    /// When a person was likely enough to be spoken to, before the verdict; `None` when the verdict came first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likely_human_ms: Option<u64>,
    /// When that became doubtful again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubted_ms: Option<u64>,
    /// Transcript pieces heard, final ones joined.
    pub transcript: String,
    /// The pieces as they came, with the log-odds of a machine from all words so far.
    pub words: Vec<Piece>,
    /// Phrases found in them.
    pub phrases: Vec<Hit>,
    pub decision: Option<Event>,
    /// What kind it is by all that is known: later words refine what the decision said.
    pub subtype: Option<Subtype>,
    /// What parameters that are tried in shadow would have said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowVerdict>,
    /// What was learned after the decision.
    #[serde(rename = "findings")]
    pub revisions: Vec<Revision>,
    /// Whether something heard after the decision speaks against it.
    pub revised: bool,
}

/// What a set of parameters would have decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShadowVerdict {
    pub set: String,
    /// `None`: nothing up to the end of the call.
    pub event: Option<EventKind>,
    pub subtype: Option<Subtype>,
    /// Ms of audio since the answer.
    pub at_ms: Option<u64>,
}

/// One point of the probability curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    pub at_ms: u64,
    /// By all that was known.
    pub machine: f32,
    /// Without the words.
    pub acoustic: f32,
    /// What it is made of, as log-odds of a machine.
    #[serde(flatten)]
    pub parts: Parts,
    /// Loudest frame since the point before, dBFS.
    pub level_dbfs: f32,
}

/// A piece of transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    pub at_ms: u64,
    pub text: String,
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Log-odds of a machine, by all words up to here.
    #[serde(default)]
    pub log_odds: f32,
}

/// The timing that the judge looks at, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Measures {
    /// When the first speech began.
    pub onset_ms: Option<u64>,
    /// Speech in all.
    pub speech_ms: u64,
    /// From the start of the last utterance to its end so far.
    pub utterance_ms: u64,
    /// Since the last speech.
    pub silence_ms: u64,
    pub longest_pause_ms: u64,
    /// Stretches of speech.
    pub stretches: usize,
}

impl Measures {
    pub(super) fn of(timeline: &Timeline) -> Self {
        let utterance = timeline.utterance_start_ms().zip(timeline.speech_end_ms());
        Self {
            onset_ms: timeline.onset_ms(),
            speech_ms: timeline.speech_ms(),
            utterance_ms: utterance.map_or(0, |(start, end)| end.saturating_sub(start)),
            silence_ms: timeline.silence_ms(),
            longest_pause_ms: timeline.longest_pause_ms(),
            stretches: timeline.segments().len(),
        }
    }
}
