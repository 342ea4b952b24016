//! When audio was spoken, on the clock of the leg that brought it.
//!
//! A wire with time stamps (RTP) gives this time itself. One without them has it derived: audio follows the audio
//! before it, however late it arrives and in whatever bursts, until it comes so late that the sender must have been
//! silent. Then the clock moves on to where the arrival says.

use std::time::Duration;

use callcore::audio::frame::{SAMPLE_RATE, ms_to_samples};
use tokio::time::Instant;

/// Audio that comes later than this behind what came before was not held up: nothing was sent for a while.
const GAP_MS: u64 = 100;
/// Of pcm16.
const BYTES_PER_SAMPLE: u64 = 2;

/// A time on a leg's media clock, in samples of 8 kHz since its first audio. Times of different legs have nothing to
/// do with each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MediaTime(u64);

impl MediaTime {
    /// The first sample of a leg.
    pub const ZERO: Self = Self(0);

    #[must_use]
    pub const fn from_samples(samples: u64) -> Self {
        Self(samples)
    }

    #[must_use]
    pub const fn samples(self) -> u64 {
        self.0
    }
}

/// The media clock of a leg whose wire has no time stamps.
#[derive(Clone, Debug, Default)]
pub struct MediaClock {
    /// When the first sample was spoken, as far as is known.
    began: Option<Instant>,
    /// Where the next audio goes unless there is a gap, in bytes: a chunk may end within a sample.
    next: u64,
}

impl MediaClock {
    /// When the first sample of `bytes` of pcm16 was spoken that arrive at `now`. Audio that is dropped later counts
    /// too: it was spoken.
    pub fn stamp(&mut self, bytes: usize, now: Instant) -> MediaTime {
        let bytes = bytes as u64;
        let length = duration(bytes);
        let began = *self.began.get_or_insert_with(|| now.checked_sub(length).unwrap_or(now));
        let spoken = samples(now.saturating_duration_since(began).saturating_sub(length));
        let expected = self.next / BYTES_PER_SAMPLE;
        if spoken > expected + ms_to_samples(GAP_MS) as u64 {
            self.next = spoken * BYTES_PER_SAMPLE;
        }
        let at = MediaTime(self.next / BYTES_PER_SAMPLE);
        self.next += bytes;
        at
    }
}

fn duration(bytes: u64) -> Duration {
    Duration::from_micros(bytes * 1_000_000 / (BYTES_PER_SAMPLE * u64::from(SAMPLE_RATE)))
}

fn samples(time: Duration) -> u64 {
    u64::try_from(time.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: usize = 320;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn audio_that_comes_in_a_burst_follows_what_came_before() {
        let (mut clock, start) = (MediaClock::default(), Instant::now());
        let stamps = [0, 20, 95, 95, 95, 100].map(|ms| clock.stamp(FRAME, at(start, ms)).samples());
        assert_eq!(stamps, [0, 160, 320, 480, 640, 800]);
    }

    #[test]
    fn after_a_gap_the_clock_goes_on_where_the_audio_arrives() {
        let (mut clock, start) = (MediaClock::default(), Instant::now());
        assert_eq!(clock.stamp(FRAME, start), MediaTime::ZERO);
        assert_eq!(clock.stamp(FRAME, at(start, 120)).samples(), 160, "80 ms late are not silence");
        assert_eq!(clock.stamp(FRAME, at(start, 1_020)).samples(), 8 * 1_020);
        assert_eq!(clock.stamp(FRAME, at(start, 1_020)).samples(), 8 * 1_020 + 160);
    }

    #[test]
    fn a_sample_that_is_cut_in_two_is_counted_once() {
        let (mut clock, start) = (MediaClock::default(), Instant::now());
        let stamps = [3, 1, 4].map(|bytes| clock.stamp(bytes, start).samples());
        assert_eq!(stamps, [0, 1, 2]);
    }

    proptest! {
        /// However packets are cut and held up: no time is given twice, and none is left out but for silence.
        #[test]
        fn times_never_overlap(packets in prop::collection::vec((1_usize..2_000, 0_u64..400), 1..60)) {
            let (mut clock, mut now, mut end) = (MediaClock::default(), Instant::now(), 0);
            for (count, wait) in packets {
                now += Duration::from_millis(wait);
                let at = clock.stamp(count * 2, now).samples();
                prop_assert!(at == end || at > end + 800, "{at} after {end}");
                end = at + count as u64;
            }
        }
    }
}
