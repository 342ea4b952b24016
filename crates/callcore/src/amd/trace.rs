//! What a call's detector was fed besides the audio, so that its recording replays to the same events.
//!
//! The recording holds what the callee said. It does not show which of it the echo guard took for our own voice,
//! where lost packets left gaps that the detector never heard, when the clock went on without audio, or when
//! words arrived. A trace does, in a few hundred bytes per call.

use serde::{Deserialize, Serialize};

use super::options::Options;

/// Inputs kept besides frames; a call with more is not traced further.
const MOST_INPUTS: usize = 600;
/// Stretches kept of either kind.
const MOST_RUNS: usize = 2_000;
/// Characters kept of all words together.
const MOST_TEXT: usize = 40_000;

/// Something the detector was told between two frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Told {
    /// The time since the answer, ms, while no audio came.
    Clock(u64),
    /// Words of the recogniser.
    #[serde(rename_all = "camelCase")]
    Words {
        text: String,
        #[serde(rename = "final")]
        is_final: bool,
    },
    /// No verdict is needed any more.
    Stop,
    /// The audio has a gap here, in which a tone sounded.
    Gap,
}

/// One input, after so many frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    pub after: u64,
    pub told: Told,
}

/// The trace of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trace {
    pub options: Options,
    /// Frames that were fed.
    pub frames: u64,
    /// First frame and number of frames in a row that were taken for our own voice.
    pub echo: Vec<(u64, u64)>,
    pub inputs: Vec<Input>,
    /// From a frame on, where it stands in the recording, in samples; the frames after it follow one another.
    pub audio: Vec<(u64, u64)>,
    /// Whether nothing is missing up to the end of the run.
    pub complete: bool,
    #[serde(skip)]
    text: usize,
}

impl Trace {
    /// A trace of a run with `options` that has heard nothing.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, complete: true, ..Self::default() }
    }

    /// One frame was fed.
    pub fn frame(&mut self, echo: bool) {
        if !self.complete {
            return;
        }
        if echo {
            let room = self.echo.len() < MOST_RUNS;
            match self.echo.last_mut().filter(|(first, count)| *first + *count == self.frames) {
                Some((_, count)) => *count += 1,
                None if room => self.echo.push((self.frames, 1)),
                None => self.complete = false,
            }
        }
        self.frames += 1;
    }

    /// Something else was told.
    pub fn tell(&mut self, told: Told) {
        if let Told::Words { text, .. } = &told {
            self.text += text.len();
        }
        if !self.complete {
            return;
        }
        if self.inputs.len() == MOST_INPUTS || self.text > MOST_TEXT {
            self.complete = false;
            return;
        }
        self.inputs.push(Input { after: self.frames, told });
    }

    /// Frame `frame` begins at sample `at` of the recording.
    pub fn place(&mut self, frame: u64, at: u64, frame_samples: u64) {
        let follows =
            self.audio.last().is_some_and(|(first, start)| start + (frame - first) * frame_samples == at);
        if !follows && self.audio.len() < MOST_RUNS {
            self.audio.push((frame, at));
        }
    }

    /// Keeps nothing from `frame` on: the recording does not hold what was heard then.
    pub fn cut(&mut self, frame: u64) {
        if frame >= self.frames {
            return;
        }
        (self.frames, self.complete) = (frame, false);
        self.inputs.retain(|input| input.after < frame);
        self.audio.retain(|(first, _)| *first < frame);
        self.echo.retain_mut(|(first, count)| {
            *count = (*count).min(frame.saturating_sub(*first));
            *first < frame
        });
    }

    /// Keeps nothing from the first words on.
    pub fn cut_before_words(&mut self) {
        let first = self.inputs.iter().find(|input| matches!(input.told, Told::Words { .. }));
        if let Some(after) = first.map(|input| input.after) {
            self.inputs.retain(|input| input.after < after);
            self.cut(after);
        }
    }

    /// Whether frame `frame` was taken for our own voice.
    pub(super) fn is_echo(&self, frame: u64) -> bool {
        let next = self.echo.partition_point(|(first, _)| *first <= frame);
        next.checked_sub(1).is_some_and(|n| frame < self.echo[n].0 + self.echo[n].1)
    }

    /// Where frame `frame` begins in the recording, in samples.
    pub(super) fn at(&self, frame: u64, frame_samples: u64) -> u64 {
        let next = self.audio.partition_point(|(first, _)| *first <= frame);
        let (first, start) = next.checked_sub(1).map_or((0, 0), |n| self.audio[n]);
        start + (frame - first) * frame_samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_kept_as_stretches_and_found_again() {
        let mut trace = Trace::new(Options::default());
        for n in 0..100 {
            trace.frame((10..20).contains(&n) || n == 50);
            trace.place(n, n * 160 + if n >= 30 { 4_000 } else { 0 }, 160);
        }
        assert_eq!((trace.echo.as_slice(), trace.audio.len()), (&[(10, 10), (50, 1)][..], 2));
        let echoes = (0..100).filter(|n| trace.is_echo(*n)).count();
        assert_eq!((echoes, trace.at(29, 160), trace.at(31, 160)), (11, 4_640, 8_960));
        trace.tell(Told::Stop);
        trace.cut(15);
        assert_eq!((trace.frames, trace.complete, trace.inputs.len()), (15, false, 0));
        assert_eq!((trace.echo, trace.audio), (vec![(10, 5)], vec![(0, 0)]));
    }

    #[test]
    fn a_call_that_is_told_without_end_is_traced_up_to_there() {
        let mut trace = Trace::new(Options::default());
        for n in 0..5_000 {
            trace.frame(n % 2 == 0);
            trace.tell(Told::Clock(n));
        }
        assert!(!trace.complete && trace.inputs.len() == MOST_INPUTS && trace.echo.len() <= MOST_RUNS);
    }
}
