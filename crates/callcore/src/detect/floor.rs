//! The running noise floor of a line: the least level of the last seconds.

/// Frames in one slot: 200 ms.
const SLOT_FRAMES: u32 = 10;
/// Slots kept: 2.4 s, longer than most speech goes without a dip.
const SLOTS: usize = 12;
/// The floor before anything is known, in dBFS: speech from the first sample must stand above it.
const PRIOR_DBFS: f32 = -52.0;
/// The least of many noisy readings lies below their mean by about this much, in dB.
const BIAS_DB: f32 = 1.5;

/// Follows the noise floor in dBFS. A rise shows after at most 2.4 s, a fall at once.
#[derive(Clone, Debug)]
pub(crate) struct NoiseFloor {
    slots: [f32; SLOTS],
    filled: usize,
    at: usize,
    least: f32,
    frames: u32,
    recent: [f32; 3],
}

impl NoiseFloor {
    pub(crate) fn new() -> Self {
        Self { slots: [0.0; SLOTS], filled: 0, at: 0, least: f32::MAX, frames: 0, recent: [f32::NAN; 3] }
    }

    /// Takes the level of one frame in dBFS.
    pub(crate) fn push(&mut self, level_dbfs: f32) {
        self.recent.rotate_left(1);
        self.recent[2] = level_dbfs;
        let smooth = if self.recent[0].is_nan() { level_dbfs } else { self.recent.iter().sum::<f32>() / 3.0 };
        self.least = self.least.min(smooth);
        self.frames += 1;
        if self.frames == SLOT_FRAMES {
            self.slots[self.at] = self.least;
            self.at = (self.at + 1) % SLOTS;
            self.filled = (self.filled + 1).min(SLOTS);
            (self.least, self.frames) = (f32::MAX, 0);
        }
    }

    /// The floor now, in dBFS.
    pub(crate) fn dbfs(&self) -> f32 {
        let known = self.slots[..self.filled].iter().copied().fold(self.least, f32::min);
        let known = if known == f32::MAX { PRIOR_DBFS } else { known + BIAS_DB };
        // A call may begin in the middle of a word; until half a second is known the floor is no higher
        // than a usual line's.
        if self.filled < 2 { known.min(PRIOR_DBFS) } else { known }
    }
}
