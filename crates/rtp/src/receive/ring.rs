//! Decoded samples that wait to be played, by their extended time stamps.

/// Samples that fit: 512 ms, more than may ever wait and a burst ahead of it.
const CAPACITY: i64 = 4_096;

#[derive(Debug)]
pub(super) struct Ring {
    /// `None` where nothing has come.
    samples: Box<[Option<i16>]>,
    /// The first sample that is still to be played.
    next: i64,
}

/// Where audio lies in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Some of it is still to be played, and was taken.
    Ahead,
    /// What it would have been played with has been played.
    Past,
    /// Further ahead than anything that can wait.
    Beyond,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self { samples: vec![None; CAPACITY as usize].into_boxed_slice(), next: 0 }
    }

    /// Empties it; `next` is played next.
    pub(super) fn restart(&mut self, next: i64) {
        self.samples.fill(None);
        self.next = next;
    }

    pub(super) const fn next(&self) -> i64 {
        self.next
    }

    /// Where audio that begins at `at` would lie.
    pub(super) const fn place(&self, at: i64, samples: usize) -> Place {
        let end = at + samples as i64;
        if end <= self.next {
            Place::Past
        } else if end > self.next + CAPACITY {
            Place::Beyond
        } else {
            Place::Ahead
        }
    }

    /// Takes what of `samples` is still to be played. To be asked for its place before.
    pub(super) fn put(&mut self, at: i64, samples: &[i16]) {
        for (sample, at) in samples.iter().zip(at..).filter(|(_, at)| *at >= self.next) {
            self.samples[slot(at)] = Some(*sample);
        }
    }

    /// What has come for one of the next samples.
    pub(super) fn peek(&self, ahead: usize) -> Option<i16> {
        self.samples[slot(self.next + ahead as i64)]
    }

    /// Goes on without what lies before.
    pub(super) fn skip(&mut self, samples: i64) {
        if samples >= CAPACITY {
            return self.restart(self.next + samples);
        }
        for at in self.next..self.next + samples {
            self.samples[slot(at)] = None;
        }
        self.next += samples;
    }
}

const fn slot(at: i64) -> usize {
    at.rem_euclid(CAPACITY) as usize
}
