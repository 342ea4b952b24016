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
    points: Vec<Point>,
    /// Loudest frame since the last point.
    level_dbfs: f32,
}

/// What a sample is made from.
#[derive(Clone, Copy, Debug)]
struct Point {
    at_ms: u32,
    parts: Parts,
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

    /// Whether a point is due at `now` ms of audio.
    pub(super) fn is_due(&self, now: u64, is_decided: bool) -> bool {
        let step = if is_decided { DECIDED_STEP_MS } else { STEP_MS };
        self.points.len() < POINTS
            && self.points.last().is_none_or(|last| now >= u64::from(last.at_ms) + step)
    }

    /// Adds a point at `now` ms of audio.
    pub(super) fn draw(&mut self, now: u64, parts: Parts) {
        let level_dbfs = std::mem::replace(&mut self.level_dbfs, SILENCE_DBFS);
        self.points.push(Point { at_ms: u32::try_from(now).unwrap_or(u32::MAX), parts, level_dbfs });
    }

    /// The curve as the record has it.
    pub(super) fn samples(&self) -> Vec<Sample> {
        let sample = |point: &Point| Sample {
            at_ms: u64::from(point.at_ms),
            machine: point.parts.machine(),
            acoustic: point.parts.without_words(),
            parts: point.parts,
            level_dbfs: point.level_dbfs,
        };
        self.points.iter().map(sample).collect()
    }
}
