//! Backoff as data: how long to wait before the next attempt.

/// A capped exponential backoff: `first`, doubled each time, never above `cap` (milliseconds).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    pub first_ms: u64,
    pub cap_ms: u64,
}

impl Backoff {
    /// The wait before attempt `attempt` (0 = the first retry), spread by `jitter` in 0.0..=1.0 over
    /// the upper half of the interval, so that many clients do not return at once.
    #[must_use]
    pub fn delay_ms(self, attempt: u32, jitter: f64) -> u64 {
        let full = self
            .first_ms
            .saturating_mul(1_u64.checked_shl(attempt.min(32)).unwrap_or(u64::MAX))
            .min(self.cap_ms);
        let half = full / 2;
        half + (half as f64 * jitter.clamp(0.0, 1.0)) as u64
    }
}

/// A fixed list of waits, as webhook senders publish theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule(pub &'static [u64]);

impl Schedule {
    /// The wait in ms before attempt `attempt` (0 = the first one); `None` when the list is exhausted.
    /// `jitter` in 0.0..=1.0 adds up to 10 %.
    #[must_use]
    pub fn delay_ms(self, attempt: u32, jitter: f64) -> Option<u64> {
        let wait = *self.0.get(attempt as usize)?;
        Some(wait + (wait as f64 * 0.1 * jitter.clamp(0.0, 1.0)) as u64)
    }
}

/// Webhook deliveries: 0 s, 5 s, 30 s, 5 m, 30 m, 2 h, 5 h, 10 h, 10 h.
pub const WEBHOOK: Schedule =
    Schedule(&[0, 5_000, 30_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_cap_and_never_overflows() {
        let backoff = Backoff { first_ms: 200, cap_ms: 5_000 };
        assert_eq!(backoff.delay_ms(0, 1.0), 200);
        assert_eq!(backoff.delay_ms(2, 1.0), 800);
        assert_eq!(backoff.delay_ms(40, 1.0), 5_000);
        assert_eq!(backoff.delay_ms(u32::MAX, 0.0), 2_500);
    }

    #[test]
    fn a_schedule_ends() {
        assert_eq!(WEBHOOK.delay_ms(1, 0.0), Some(5_000));
        assert_eq!(WEBHOOK.delay_ms(9, 0.0), None);
    }
}
