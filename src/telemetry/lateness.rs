//! How late this process is: whether the machine has too much to do for one more call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// The lateness of timers, smoothed over about a second. Cheap to clone; the watch ends with the last clone.
#[derive(Clone, Debug, Default)]
pub struct Lateness(Arc<AtomicU64>);

impl Lateness {
    /// Begins to watch.
    #[must_use]
    pub fn watch() -> Self {
        let lateness = Self::default();
        let seen = Arc::downgrade(&lateness.0);
        tokio::spawn(async move {
            let mut level = Smooth::default();
            loop {
                let due = Instant::now() + LOOK;
                sleep_until(due).await;
                let Some(seen) = seen.upgrade() else { return };
                let micros = level.push(due.elapsed());
                seen.store(micros, Ordering::Relaxed);
                metrics::gauge!("dering_lateness_seconds").set(micros as f64 / 1e6);
            }
        });
        lateness
    }

    /// How late timers are.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }

    /// One that says so, for tests.
    #[must_use]
    pub fn fixed(late: Duration) -> Self {
        Self(Arc::new(AtomicU64::new(u64::try_from(late.as_micros()).unwrap_or(u64::MAX))))
    }
}

/// A single late timer says little, a second of them all.
#[derive(Debug, Default)]
struct Smooth(u64);

impl Smooth {
    fn push(&mut self, late: Duration) -> u64 {
        let late = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        // A stall of a second counts once, not for as long as it lasted.
        let late = late.min(1_000_000);
        self.0 = (self.0 * 15 + late) / 16;
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stall_is_forgiven_and_a_second_of_lateness_is_not() {
        let mut level = Smooth::default();
        assert!(level.push(Duration::from_secs(3)) < 100_000);
        for _ in 0..20 {
            level.push(Duration::from_millis(1));
        }
        assert!(level.0 < 20_000);
        for _ in 0..20 {
            level.push(Duration::from_millis(400));
        }
        assert!(level.0 > 250_000, "{}", level.0);
    }
}
