//! The probability of a machine over time, as a curve for the record.

use super::evidence::Sample;
use super::fusion::Parts;
use crate::audio::level::SILENCE_DBFS;

/// One point this often, in ms.
const STEP_MS: u64 = 100;
/// The same after the decision.
const DECIDED_STEP_MS: u64 = 500;
/// Points kept: as long as a run may last, 15 s to the decision and 45 s after it.
const POINTS: usize = 244;

#[derive(Debug)]
pub(super) struct Curve {
    points: Vec<Sample>,
    /// Loudest frame since the last point.
    level_dbfs: f32,
}

impl Default for Curve {
    fn default() -> Self {
        Self { points: Vec::with_capacity(POINTS), level_dbfs: SILENCE_DBFS }
    }
}

impl Curve {
    /// A frame was this loud.
    pub(super) const fn heard(&mut self, level_dbfs: f32) {
        self.level_dbfs = self.level_dbfs.max(level_dbfs);
    }

    /// Adds a point at `now` ms of audio if one is due.
    pub(super) fn draw(&mut self, now: u64, is_decided: bool, parts: Parts) {
        let step = if is_decided { DECIDED_STEP_MS } else { STEP_MS };
        let due = self.points.last().is_none_or(|last| now >= last.at_ms + step);
        if due && self.points.len() < POINTS {
            let level_dbfs = std::mem::replace(&mut self.level_dbfs, SILENCE_DBFS);
            let (machine, acoustic) = (parts.machine(), parts.without_words());
            self.points.push(Sample { at_ms: now, machine, acoustic, parts, level_dbfs });
        }
    }

    pub(super) fn points(&self) -> &[Sample] {
        &self.points
    }
}
