//! What the learned model sees: every 40 ms, the sound of the last two frames and the timing so far.
//!
//! Training measures its recordings with this very code (`examples/amd_features.rs`).

use super::timeline::Timeline;
use crate::audio::level::SILENCE_DBFS;
use crate::detect::{BANDS, Heard, Observation};

/// Numbers per step.
pub const INPUTS: usize = 2 * BANDS + TIMINGS;
/// Audio per step, in ms.
pub const STEP_MS: u64 = 40;
const TIMINGS: usize = 10;

/// The loudest speech before any was heard, dBFS: levels are told relative to it.
const PRIOR_PEAK_DBFS: f32 = -40.0;

/// Turns what an ear measures into the model's input, one step per two frames.
#[derive(Debug)]
pub struct Features {
    timeline: Timeline,
    peak_dbfs: f32,
    frames: u64,
    values: [f32; INPUTS],
}

impl Default for Features {
    fn default() -> Self {
        Self { timeline: Timeline::new(), peak_dbfs: PRIOR_PEAK_DBFS, frames: 0, values: [0.0; INPUTS] }
    }
}

impl Features {
    /// Takes one frame; on every second one the step's values are ready.
    pub fn observe(&mut self, observation: &Observation) -> Option<&[f32; INPUTS]> {
        self.timeline.observe(observation);
        if observation.speech {
            self.peak_dbfs = self.peak_dbfs.max(observation.level_dbfs);
        }
        let second = self.frames % 2 == 1;
        self.frames += 1;
        let half = if second { BANDS } else { 0 };
        for (slot, band) in self.values[half..half + BANDS].iter_mut().zip(&observation.bands_dbfs) {
            let relative = (band.max(SILENCE_DBFS) - self.peak_dbfs) / 20.0 + 1.0;
            *slot = if observation.tone { -2.0 } else { relative.clamp(-2.0, 1.5) };
        }
        if !second {
            return None;
        }
        self.timing(observation);
        Some(&self.values)
    }

    /// Takes something heard, after the frame that brought it.
    pub fn feed(&mut self, heard: &Heard) {
        self.timeline.feed(heard);
    }

    /// What seemed speech was none.
    pub(crate) fn forget(&mut self) {
        self.timeline.forget_speech();
    }

    /// What seemed speech before the last of it was none.
    pub(crate) fn forget_before(&mut self) {
        self.timeline.forget_before();
    }

    /// What was heard so far.
    pub(crate) const fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    fn timing(&mut self, observation: &Observation) {
        let line = &self.timeline;
        let now = line.now_ms();
        let since = |ms: Option<u64>| ms.map_or(0.0, |at| now.saturating_sub(at) as f32);
        let utterance = line
            .utterance_start_ms()
            .zip(line.speech_end_ms())
            .map_or(0.0, |(start, end)| end.saturating_sub(start) as f32);
        let values = [
            f32::from(u8::from(observation.speech)),
            (observation.level_dbfs - observation.noise_dbfs) / 20.0,
            (observation.noise_dbfs + 60.0) / 20.0,
            line.silence_ms() as f32 / 1000.0,
            since(line.onset_ms()) / 5000.0,
            utterance / 3000.0,
            line.speech_ms() as f32 / 5000.0,
            line.segments().len() as f32 / 4.0,
            line.onset_ms().map_or(-0.5, |ms| ms as f32 / 3000.0),
            line.longest_pause_ms() as f32 / 1000.0,
        ];
        for (slot, value) in self.values[2 * BANDS..].iter_mut().zip(values) {
            *slot = value.clamp(-1.0, 2.0);
        }
    }
}
