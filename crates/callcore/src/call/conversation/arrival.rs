//! When a frame was really heard. The carrier makes one every 20 ms; the network brings them late and in bunches.

use crate::audio::frame::FRAME_MS;
use crate::clock::CallTime;

/// The quickest way through the network is looked for over one to two of these, ms. A longer stall, or a pause in
/// which the carrier sends nothing, is believed after it.
const SPAN_MS: u64 = 500;

/// Tells the call time of each frame by the least delay of late.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Frames so far, ms.
    media_ms: u64,
    /// Least `now - media_ms` of this span and of the one before.
    least: [u64; 2],
    since_ms: u64,
}

impl Arrival {
    /// Frames count from `now`.
    pub(super) const fn new(now: CallTime) -> Self {
        Self { media_ms: 0, least: [u64::MAX; 2], since_ms: now.as_ms() }
    }

    /// A frame came; the call time at which its audio ended, ms, never after `now`.
    pub(super) fn frame(&mut self, now: CallTime) -> u64 {
        self.media_ms += FRAME_MS;
        let now_ms = now.as_ms();
        if now_ms.saturating_sub(self.since_ms) >= SPAN_MS {
            self.least = [u64::MAX, self.least[0]];
            self.since_ms = now_ms;
        }
        self.least[0] = self.least[0].min(now_ms.saturating_sub(self.media_ms));
        self.media_ms.saturating_add(self.least[0].min(self.least[1])).min(now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of frames that come at these call times, ms.
    fn told(arrivals: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut arrival = Arrival::new(CallTime::from_ms(1_000));
        arrivals.into_iter().map(|at| arrival.frame(CallTime::from_ms(at))).collect()
    }

    #[test]
    fn frames_on_time_are_told_as_they_come() {
        let times: Vec<u64> = (1..200).map(|n| 1_000 + n * 20).collect();
        assert_eq!(told(times.clone()), times);
    }

    #[test]
    fn a_bunch_after_a_stall_keeps_the_times_at_which_it_was_made() {
        let made: Vec<u64> = (1..200).map(|n| 1_000 + n * 20).collect();
        let late = |at: u64| if (1_500..1_900).contains(&at) { 1_900 } else { at };
        assert_eq!(told(made.iter().map(|at| late(*at))), made);
    }

    #[test]
    fn a_pause_of_the_carrier_is_believed_within_a_second() {
        let before = (1..100).map(|n| 1_000 + n * 20);
        let after = (0..100).map(|n| 8_000 + n * 20);
        let told = told(before.chain(after.clone()));
        assert_eq!(told[99 + 50..], after.skip(50).collect::<Vec<_>>());
    }

    #[test]
    fn more_frames_than_time_are_never_told_from_the_future() {
        let arrivals = std::iter::repeat_n(1_100, 50);
        assert!(told(arrivals).into_iter().all(|at| at <= 1_100));
    }
}
