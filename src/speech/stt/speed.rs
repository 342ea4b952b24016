//! How quick a recogniser is here, and so how long a call waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What is waited for a recogniser that nobody has measured.
pub(super) const UNKNOWN: Duration = Duration::from_millis(3_500);
/// However quick one is, a busy moment may make it wait; however slow, nobody holds the line for longer.
pub(super) const LEAST: Duration = Duration::from_millis(2_500);
const MOST: Duration = Duration::from_secs(12);
/// So much longer than usual is no sign of anything yet.
const TIMES: u32 = 3;
const MARGIN: Duration = Duration::from_millis(500);

/// What finished utterances took, on average. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Speed(Arc<Measured>);

#[derive(Debug, Default)]
struct Measured {
    /// Microseconds for an utterance; 0: not known.
    usual: AtomicU64,
    /// Milliseconds for a second of speech and one, at the last trial; 0: there was none.
    trial: AtomicU64,
}

impl Speed {
    /// An utterance was recognised in `took`.
    pub(super) fn measured(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let usual = self.0.usual.load(Ordering::Relaxed);
        // A lost update of another call's is no loss.
        self.0.usual.store(if usual == 0 { took } else { usual / 8 * 7 + took / 8 }, Ordering::Relaxed);
    }

    /// Recognising `speech_ms` of speech took so long, with nothing else to do.
    pub(super) fn tried(&self, took: Duration, speech_ms: u64) {
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if let Some(cost) = took.saturating_mul(1_000).checked_div(speech_ms) {
            self.0.trial.store(cost.saturating_add(1), Ordering::Relaxed);
        }
    }

    /// What a second of speech takes here, ms, by the last trial.
    #[must_use]
    pub fn ms_per_second(&self) -> Option<u64> {
        self.0.trial.load(Ordering::Relaxed).checked_sub(1)
    }

    fn usual(&self) -> Option<Duration> {
        Some(self.0.usual.load(Ordering::Relaxed)).filter(|usual| *usual > 0).map(Duration::from_micros)
    }

    /// How long a call waits for the words of an utterance that is over.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.usual().map_or(UNKNOWN, |usual| (usual.saturating_mul(TIMES) + MARGIN).clamp(LEAST, MOST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(times_ms: &[u64]) -> u64 {
        let speed = Speed::default();
        for ms in times_ms {
            speed.measured(Duration::from_millis(*ms));
        }
        speed.limit().as_millis() as u64
    }

    #[test]
    fn a_slow_recogniser_is_waited_for_longer_and_none_for_ever() {
        assert_eq!(limit(&[]), 3_500);
        assert_eq!(limit(&[150]), 2_500);
        assert_eq!(limit(&[1_500]), 5_000);
        assert_eq!(limit(&[9_000]), 12_000);
    }

    #[test]
    fn one_slow_moment_changes_little_and_a_slow_hour_much() {
        let quick = [400_u64; 8];
        let once = limit(&[&quick[..], &[6_000]].concat());
        assert!((2_500..4_500).contains(&once), "{once}");
        assert!(limit(&[&quick[..], &[3_000; 30]].concat()) > 9_000);
    }
}
