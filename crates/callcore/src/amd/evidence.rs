//! The record behind a verdict, for people and for replay.

use serde::Serialize;

use super::event::Event;
use super::options::Timers;
use super::timeline::Segment;
use crate::detect::Tone;

/// Everything a verdict rests on. Times are ms of audio from answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// Media time heard.
    pub heard_ms: u64,
    pub segments: Vec<Segment>,
    pub tones: Vec<Tone>,
    /// Level of the loudest speech frame and of the line between, dBFS.
    pub speech_dbfs: f32,
    pub noise_dbfs: f32,
    /// Probability that a machine answered, every 100 ms of audio until the decision.
    pub machine_probability: Vec<Sample>,
    pub timers: Timers,
    /// Transcript pieces heard, final ones joined.
    pub transcript: String,
    pub decision: Option<Event>,
    /// What the watch after a human verdict heard that speaks against it.
    pub revised: bool,
}

/// One point of the probability curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    pub at_ms: u64,
    pub machine: f32,
}
