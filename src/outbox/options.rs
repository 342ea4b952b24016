//! How webhooks are delivered: every setting with its usual value.

use std::time::Duration;

use callcore::retry::{Schedule, WEBHOOK};

use super::breaker::BreakerOptions;
use crate::net::guard::{AddressPolicy, Hosts, NO_HOSTS};
use crate::wallclock::now_ms;

/// How webhooks are delivered.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which addresses may be posted to.
    pub policy: AddressPolicy,
    /// Where names are that are not looked up. Tests put names anywhere.
    pub hosts: Hosts,
    /// Waits before each attempt; a notification is dead when they are used up.
    pub schedule: Schedule,
    /// Posts in flight, 1 or more.
    pub concurrency: usize,
    /// Posts in flight to one scheme, host and port.
    pub per_endpoint: usize,
    /// Endpoints whose answers take longer, or that are silent for so long, share a part of the room.
    pub slow_after: Duration,
    /// When an endpoint that fails is left alone.
    pub breaker: BreakerOptions,
    /// From connecting to the end of the answer, redirects included.
    pub timeout: Duration,
    /// How long a crashed worker's claim holds others back. Longer than `timeout`.
    pub lease: Duration,
    /// How long [`super::Handle::shutdown`] waits for posts in flight.
    pub drain: Duration,
    /// The time of day, ms since 1970. Tests let days pass.
    pub now_ms: fn() -> i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            policy: AddressPolicy::Public,
            hosts: NO_HOSTS,
            schedule: WEBHOOK,
            concurrency: 256,
            per_endpoint: 32,
            slow_after: Duration::from_secs(1),
            breaker: BreakerOptions::default(),
            timeout: Duration::from_secs(10),
            lease: Duration::from_secs(30),
            drain: Duration::from_secs(5),
            now_ms,
        }
    }
}

impl Options {
    /// How long a notification is tried from its turn on, at most: the whole schedule with its jitter.
    /// One that waits that long for an endpoint out of order is given up.
    #[must_use]
    pub fn longest_ms(&self) -> i64 {
        let waits = (0..).map_while(|attempt| self.schedule.delay_ms(attempt, 1.0));
        i64::try_from(waits.sum::<u64>()).unwrap_or(i64::MAX)
    }
}

/// Why the outbox could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the HTTP client for webhooks cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
}
