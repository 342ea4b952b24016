//! How much a camera may send. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// A camera that was told its limit may be this much above it, as browsers are for a while: a key frame is many packets at once.
const LENIENT: f64 = 1.25;
/// What a camera that sent less may send at once.
const SAVED: Duration = Duration::from_secs(2);
/// Of what was saved, so much must be there again before more is taken: pictures that are complete, not a part of each.
const RESUMES_AT: f64 = 0.5;

/// What a camera may send: a bucket that fills by the second.
#[derive(Debug)]
pub(super) struct Allowance {
    bytes_per_second: f64,
    left: f64,
    at: Instant,
    is_used_up: bool,
}

impl Allowance {
    /// Of a camera with a limit of `kbit`, 1,000 bits in a second.
    pub(super) fn new(kbit: u32, now: Instant) -> Self {
        let bytes_per_second = f64::from(kbit) * 125.0 * LENIENT;
        Self { bytes_per_second, left: bytes_per_second * SAVED.as_secs_f64(), at: now, is_used_up: false }
    }

    /// Whether a packet of so many bytes may pass.
    pub(super) fn takes(&mut self, bytes: usize, now: Instant) -> bool {
        let most = self.bytes_per_second * SAVED.as_secs_f64();
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.left = (self.left + elapsed * self.bytes_per_second).min(most);
        if self.is_used_up && self.left < most * RESUMES_AT {
            return false;
        }
        let bytes = bytes as f64;
        self.is_used_up = bytes > self.left;
        if !self.is_used_up {
            self.left -= bytes;
        }
        !self.is_used_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a camera with a limit of 800 kbit that sends `kbit` for 20 s, the share that passes.
    fn passes(kbit: usize) -> f64 {
        let mut now = Instant::now();
        let mut allowance = Allowance::new(800, now);
        let packets = kbit * 125 * 20 / 1_000;
        let passed = (0..packets).filter(|_| {
            now += Duration::from_secs(20) / u32::try_from(packets).unwrap();
            allowance.takes(1_000, now)
        });
        passed.count() as f64 / packets as f64
    }

    #[test]
    fn a_camera_within_its_limit_passes_whole_and_of_one_beyond_it_about_the_limit() {
        assert_eq!(passes(800), 1.0);
        assert_eq!(passes(1_000), 1.0, "a little more is forgiven");
        let share = passes(8_000);
        assert!((0.1..0.16).contains(&share), "{share}");
    }

    #[test]
    fn a_key_frame_at_once_passes() {
        let now = Instant::now();
        let mut allowance = Allowance::new(800, now);
        assert!((0..150).all(|_| allowance.takes(1_000, now)));
        assert!(allowance.takes(1_000, now + Duration::from_secs(1)));
    }
}
