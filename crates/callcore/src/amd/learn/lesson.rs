//! What the detector knew of a call from moment to moment.

use crate::amd::judge::Judge;
use crate::amd::thresholds::DecisionThresholds;
use crate::amd::transcript::{TranscriptEvidence, continuous_since};
use crate::amd::weights::Weights;
use crate::detect::{Heard, Observation, ToneKind};

/// One moment this often, ms: the network steps every 40 ms, and what is known changes more slowly.
const STEP_MS: u64 = 160;
/// Less speech than this is no answer yet, ms.
const LEAST_SAID_MS: u64 = 200;
/// After this silence somebody is named in any case, and this long after the first word, ms.
const LATE_MS: u64 = 2_200;
const LONGEST_MS: u64 = 10_000;

/// One moment of a call: what the weights are multiplied with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    inputs: [f32; Weights::COUNT],
    fixed: f32,
}

impl Moment {
    pub(super) const fn inputs(&self) -> &[f32; Weights::COUNT] {
        &self.inputs
    }

    /// Log-odds that no weight touches.
    pub(super) const fn fixed(&self) -> f32 {
        self.fixed
    }
}

/// A call of which it is known who answered.
#[derive(Clone, Debug)]
pub struct Lesson {
    is_machine: bool,
    moments: Vec<Moment>,
}

impl Lesson {
    #[must_use]
    pub const fn is_machine(&self) -> bool {
        self.is_machine
    }

    /// Whether the call says nothing that could be weighed: nobody spoke, or a tone decided at once.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.moments.is_empty()
    }

    pub(super) fn moments(&self) -> &[Moment] {
        &self.moments
    }

    #[cfg(test)]
    pub(super) fn of_moments(is_machine: bool, moments: Vec<([f32; Weights::COUNT], f32)>) -> Self {
        let moments = moments.into_iter().map(|(inputs, fixed)| Moment { inputs, fixed }).collect();
        Self { is_machine, moments }
    }
}

/// Hears a call as the detector does, and writes down what there was to weigh until a verdict would have fallen in any case.
#[derive(Debug)]
pub struct Pupil {
    judge: Judge,
    transcript: TranscriptEvidence,
    moments: Vec<Moment>,
    next_ms: u64,
    is_over: bool,
}

impl Pupil {
    /// `locale`: the language of the callee for words, such as `id`; without it every language is read.
    #[must_use]
    pub fn new(locale: Option<&str>) -> Self {
        Self {
            judge: Judge::new(DecisionThresholds::default(), false),
            transcript: TranscriptEvidence::new(locale),
            moments: Vec::new(),
            next_ms: 0,
            is_over: false,
        }
    }

    /// Takes one measured frame. Then give [`Pupil::feed`] what the same frame brought.
    pub fn observe(&mut self, observation: &Observation) {
        if self.is_over || self.judge.observe(observation).is_none() || self.judge.hears_music() {
            return;
        }
        let timeline = self.judge.timeline();
        let (now, Some(onset)) = (timeline.now_ms(), timeline.onset_ms()) else { return };
        if now < self.next_ms || timeline.speech_ms() < LEAST_SAID_MS {
            return;
        }
        self.next_ms = now + STEP_MS;
        self.is_over = timeline.silence_ms() >= LATE_MS || now >= onset + LONGEST_MS;
        let (inputs, fixed) = self.judge.measured().inputs();
        self.moments.push(Moment { inputs, fixed });
    }

    /// Takes something heard; a tone that names a machine by itself ends the lesson.
    pub fn feed(&mut self, heard: &Heard) {
        self.judge.feed(heard);
        if let Heard::ToneStarted(tone) = heard {
            self.is_over |= matches!(
                tone.kind,
                ToneKind::Beep | ToneKind::Sit | ToneKind::FaxCalling | ToneKind::FaxAnswer
            );
        }
    }

    /// Takes a piece of transcript.
    pub fn transcript(&mut self, text: &str, is_final: bool) {
        let timeline = self.judge.timeline();
        let since = continuous_since(timeline.segments());
        self.transcript.feed(text, is_final, timeline.now_ms(), since);
        let log_odds = self.transcript.reading().log_odds;
        self.judge.hear_words(log_odds, is_final && !text.trim().is_empty());
    }

    /// The lesson, for somebody who knows who answered.
    #[must_use]
    pub fn learn(self, is_machine: bool) -> Lesson {
        Lesson { is_machine, moments: self.moments }
    }
}
