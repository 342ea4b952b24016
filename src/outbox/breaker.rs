//! When an endpoint that fails is left alone, and when it is tried again. Pure: time and chance are
//! arguments.
//!
//! Failures in a row open the breaker. While it is open nothing is posted there, and nothing waits for it
//! but its own notifications. After a pause it is half open: one post at a time tries. The first good
//! answer closes it; a failure opens it again, for longer.

use callcore::retry::Backoff;

/// When breakers open, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerOptions {
    /// Failures in a row that open it, 1 or more.
    pub failures: i64,
    /// The pauses, each longer than the one before.
    pub pause: Backoff,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self { failures: 10, pause: Backoff { first_ms: 30_000, cap_ms: 600_000 } }
    }
}

/// How an endpoint may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    Closed,
    /// Nothing is posted.
    Open,
    /// One post at a time.
    HalfOpen,
}

impl BreakerState {
    /// What an endpoint whose breaker is open until `open_until_ms`, if it is, is at `now_ms`.
    #[must_use]
    pub const fn of(open_until_ms: Option<i64>, now_ms: i64) -> Self {
        match open_until_ms {
            None => Self::Closed,
            Some(until) if until > now_ms => Self::Open,
            Some(_) => Self::HalfOpen,
        }
    }

    /// As the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// The breaker of one endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    /// In a row.
    pub(super) failures: i64,
    /// How often it has opened in a row.
    pub(super) trips: i64,
    pub(super) open_until_ms: Option<i64>,
}

impl Breaker {
    pub(super) const fn state(self, now_ms: i64) -> BreakerState {
        BreakerState::of(self.open_until_ms, now_ms)
    }

    pub(super) const fn succeeded(&mut self) {
        *self = Self { failures: 0, trips: 0, open_until_ms: None };
    }

    /// `jitter` in 0.0..=1.0.
    pub(super) fn failed(&mut self, options: BreakerOptions, now_ms: i64, jitter: f64) {
        self.failures += 1;
        // Posts that were on their way when it opened tell nothing new.
        let opens = match self.state(now_ms) {
            BreakerState::Closed => self.failures >= options.failures.max(1),
            BreakerState::HalfOpen => true,
            BreakerState::Open => false,
        };
        if opens {
            let pause = options.pause.delay_ms(u32::try_from(self.trips).unwrap_or(u32::MAX), jitter);
            self.open_until_ms = Some(now_ms.saturating_add_unsigned(pause));
            self.trips += 1;
        }
    }

    /// Somebody wants it tried now.
    pub(super) fn try_now(&mut self, now_ms: i64) {
        self.open_until_ms = self.open_until_ms.map(|until| until.min(now_ms));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPTIONS: BreakerOptions =
        BreakerOptions { failures: 3, pause: Backoff { first_ms: 1_000, cap_ms: 8_000 } };

    fn tripped() -> Breaker {
        let mut breaker = Breaker::default();
        (0..3).for_each(|_| breaker.failed(OPTIONS, 0, 1.0));
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_one_good_answer_forgets_them() {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            breaker.failed(OPTIONS, 0, 1.0);
            breaker.failed(OPTIONS, 0, 1.0);
            assert_eq!(breaker.state(0), BreakerState::Closed);
            breaker.succeeded();
        }
        assert_eq!(tripped().state(999), BreakerState::Open);
        assert_eq!(tripped().state(1_000), BreakerState::HalfOpen);
    }

    #[test]
    fn each_failed_try_makes_the_pause_longer_up_to_its_limit() {
        let (mut breaker, mut now) = (tripped(), 1_000);
        for pause in [2_000, 4_000, 8_000, 8_000] {
            breaker.failed(OPTIONS, now, 1.0);
            assert_eq!(breaker.open_until_ms, Some(now + pause));
            now += pause;
        }
        breaker.succeeded();
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn posts_that_were_on_their_way_do_not_prolong_the_pause() {
        let mut breaker = tripped();
        let before = breaker.open_until_ms;
        breaker.failed(OPTIONS, 500, 1.0);
        assert_eq!(breaker.open_until_ms, before);
    }

    #[test]
    fn it_may_be_tried_at_once_on_demand() {
        let mut breaker = tripped();
        breaker.try_now(10);
        assert_eq!(breaker.state(10), BreakerState::HalfOpen);
        let mut well = Breaker::default();
        well.try_now(10);
        assert_eq!(well.state(10), BreakerState::Closed);
    }

    proptest! {
        #[test]
        fn whatever_happens_it_is_tried_again_within_the_longest_pause(
            steps in prop::collection::vec((any::<bool>(), 0_i64..20_000, 0.0..=1.0_f64), 1..60)
        ) {
            let (mut breaker, mut now) = (Breaker::default(), 0);
            for (good, later, jitter) in steps {
                now += later;
                if good { breaker.succeeded() } else { breaker.failed(OPTIONS, now, jitter) }
                prop_assert!(breaker.state(now + 8_000) != BreakerState::Open);
                prop_assert_eq!(breaker.state(now) == BreakerState::Closed, breaker.open_until_ms.is_none());
            }
        }
    }
}
