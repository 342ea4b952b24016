//! The time of one call.

use std::time::Duration;

use callcore::clock::CallTime;
use tokio::time::Instant;

use crate::wallclock::now_ms;

/// The call's time, tied to the wall clock once, at its beginning.
#[derive(Clone, Copy, Debug)]
pub(in crate::session) struct Clock {
    began: Instant,
    /// Wall-clock time of the beginning, ms since 1970.
    pub(in crate::session) began_ms: i64,
}

impl Clock {
    pub(in crate::session) fn start() -> Self {
        Self { began: Instant::now(), began_ms: now_ms() }
    }

    pub(in crate::session) fn now(&self) -> CallTime {
        self.at(Instant::now())
    }

    pub(in crate::session) fn at(&self, instant: Instant) -> CallTime {
        let since = instant.saturating_duration_since(self.began);
        CallTime::from_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    pub(in crate::session) fn instant(&self, at: CallTime) -> Instant {
        self.began + Duration::from_millis(at.as_ms())
    }

    pub(in crate::session) fn epoch_ms(&self, at: CallTime) -> i64 {
        self.began_ms + i64::try_from(at.as_ms()).unwrap_or(i64::MAX)
    }
}
