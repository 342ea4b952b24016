//! A token bucket: so many requests at once, so many each second in the long run. Time is passed in.

use std::time::Duration;

use crate::store::Rate;

/// Billionths of a request, so that a slow rate loses nothing between two looks.
const WHOLE: u64 = 1_000_000_000;

/// What is left for one caller.
#[derive(Clone, Copy, Debug)]
pub(in crate::access) struct Bucket {
    level: u64,
    at: Duration,
}

/// Where a caller stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitStatus {
    /// Requests at once after a pause.
    pub limit: u32,
    /// Requests that are left now.
    pub remaining: u32,
    /// Until all of them are back, seconds, rounded up.
    pub reset_s: u64,
    /// Until the next one is let through, seconds, rounded up; 0 when one is left.
    pub retry_s: u64,
    /// The same in ms.
    pub retry_ms: u64,
}

impl Bucket {
    /// A full one.
    pub(in crate::access) fn new(rate: Rate, now: Duration) -> Self {
        Self { level: capacity(rate), at: now }
    }

    /// Takes one request out.
    ///
    /// # Errors
    /// When none is left; nothing is taken then.
    pub(in crate::access) fn take(
        &mut self,
        rate: Rate,
        now: Duration,
    ) -> Result<RateLimitStatus, RateLimitStatus> {
        self.refill(rate, now);
        if self.level < WHOLE {
            return Err(self.status(rate));
        }
        self.level -= WHOLE;
        Ok(self.status(rate))
    }

    /// Where the caller stands now; takes nothing.
    pub(in crate::access) fn look(&mut self, rate: Rate, now: Duration) -> RateLimitStatus {
        self.refill(rate, now);
        self.status(rate)
    }

    /// Time that runs backwards brings nothing. A rate that was changed holds from now on.
    fn refill(&mut self, rate: Rate, now: Duration) {
        let passed = now.saturating_sub(self.at);
        self.at = self.at.max(now);
        let gained = (passed.as_secs_f64() * rate.per_second * WHOLE as f64).round() as u64;
        self.level = self.level.saturating_add(gained).min(capacity(rate));
    }

    fn status(&self, rate: Rate) -> RateLimitStatus {
        let seconds = |level: u64| {
            let lacking = level.saturating_sub(self.level) as f64 / WHOLE as f64;
            lacking / rate.per_second
        };
        let until = |level: u64| seconds(level).ceil() as u64;
        RateLimitStatus {
            limit: rate.burst,
            remaining: u32::try_from(self.level / WHOLE).unwrap_or(u32::MAX),
            reset_s: until(capacity(rate)),
            retry_s: until(WHOLE),
            retry_ms: (seconds(WHOLE) * 1_000.0).ceil() as u64,
        }
    }
}

fn capacity(rate: Rate) -> u64 {
    u64::from(rate.burst.max(1)).saturating_mul(WHOLE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rates() -> impl Strategy<Value = Rate> {
        (0.01..5_000.0, 1_u32..10_000).prop_map(|(per_second, burst)| Rate { per_second, burst })
    }

    proptest! {
        #[test]
        fn no_more_than_the_burst_and_what_time_brought_is_ever_let_through(
            rate in rates(),
            pauses_us in prop::collection::vec(0_u64..2_000_000, 1..400),
        ) {
            let mut now = Duration::ZERO;
            let mut bucket = Bucket::new(rate, now);
            let mut admitted = 0_u32;
            for pause in pauses_us {
                now += Duration::from_micros(pause);
                admitted += u32::from(bucket.take(rate, now).is_ok());
            }
            let most = f64::from(rate.burst) + now.as_secs_f64() * rate.per_second;
            prop_assert!(f64::from(admitted) <= most + 1e-3, "{admitted} of {most}");
        }

        #[test]
        fn who_waits_as_told_is_let_through(rate in rates(), start_us in 0_u64..1_000_000) {
            let mut now = Duration::from_micros(start_us);
            let mut bucket = Bucket::new(rate, now);
            let refused = loop {
                match bucket.take(rate, now) {
                    Ok(status) => prop_assert!(status.remaining < status.limit),
                    Err(refused) => break refused,
                }
            };
            prop_assert_eq!(refused.remaining, 0);
            prop_assert!(refused.retry_s >= 1);
            now += Duration::from_secs(refused.retry_s);
            prop_assert!(bucket.take(rate, now).is_ok());
            let reset = bucket.look(rate, now).reset_s;
            prop_assert_eq!(bucket.look(rate, now + Duration::from_secs(reset)).remaining, rate.burst);
        }

        #[test]
        fn a_clock_that_jumps_back_brings_nothing(rate in rates(), jumps_us in prop::collection::vec(0_u64..10_000_000, 1..50)) {
            let latest = Duration::from_micros(*jumps_us.iter().max().unwrap());
            let mut bucket = Bucket::new(rate, Duration::ZERO);
            let admitted = jumps_us.iter().filter(|at| bucket.take(rate, Duration::from_micros(**at)).is_ok()).count();
            let most = f64::from(rate.burst) + latest.as_secs_f64() * rate.per_second;
            prop_assert!(admitted as f64 <= most + 1e-3);
        }
    }

    #[test]
    fn a_rate_that_is_lowered_holds_at_once() {
        let mut bucket = Bucket::new(Rate { per_second: 10.0, burst: 100 }, Duration::ZERO);
        let low = Rate { per_second: 0.5, burst: 2 };
        let status = bucket.take(low, Duration::ZERO).unwrap();
        assert_eq!(status, RateLimitStatus { limit: 2, remaining: 1, reset_s: 2, retry_s: 0, retry_ms: 0 });
        bucket.take(low, Duration::ZERO).unwrap();
        let refused = bucket.take(low, Duration::ZERO).unwrap_err();
        assert_eq!(
            refused,
            RateLimitStatus { limit: 2, remaining: 0, reset_s: 4, retry_s: 2, retry_ms: 2_000 }
        );
    }
}
