//! Time inside a call: a plain count of milliseconds that the edge hands in.

use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Milliseconds since the call was begun (the dial request, or the first event of an inbound call).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallTime(u64);

impl CallTime {
    pub const ZERO: Self = Self(0);

    /// The instant `ms` milliseconds after the call began.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the call began.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// Milliseconds from `earlier` to `self`; 0 when `earlier` is the later one.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for CallTime {
    type Output = Self;

    fn add(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl Sub<u64> for CallTime {
    type Output = Self;

    fn sub(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }
}

/// The earlier of two optional deadlines.
#[must_use]
pub fn soonest(a: Option<CallTime>, b: Option<CallTime>) -> Option<CallTime> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soonest_prefers_the_deadline_that_exists() {
        let at = CallTime::from_ms(20);
        assert_eq!(soonest(None, Some(at)), Some(at));
        assert_eq!(soonest(Some(CallTime::from_ms(30)), Some(at)), Some(at));
        assert_eq!(soonest(None, None), None);
    }
}
