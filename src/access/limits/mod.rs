//! How many requests a client may send, and the headers that say so.
//!
//! The headers `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` are those of the IETF draft
//! "RateLimit header fields for HTTP" up to version 07, which most servers send and most clients read. Later versions
//! merge them into `RateLimit` and `RateLimit-Policy`; the draft is not an RFC, so these stay until it is.

mod bucket;
mod logins;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderName, HeaderValue};
use parking_lot::{Mutex, RwLock};

use self::bucket::Bucket;
pub use self::bucket::RateLimitStatus;
pub(super) use self::logins::Logins;
use crate::store::Rate;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// A bucket for each app and key that was ever admitted, so there are no more of them than of those.
#[derive(Debug)]
pub(super) struct Rates {
    begun: Instant,
    buckets: RwLock<HashMap<String, Arc<Mutex<Bucket>>>>,
}

impl Default for Rates {
    fn default() -> Self {
        Self { begun: Instant::now(), buckets: RwLock::default() }
    }
}

impl Rates {
    /// Since the server began.
    pub(super) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Takes a request out of the bucket of `actor`.
    pub(super) fn take(&self, actor: &str, rate: Rate) -> Result<RateLimitStatus, RateLimitStatus> {
        let now = self.now();
        let known = self.buckets.read().get(actor).cloned();
        let bucket = known.unwrap_or_else(|| {
            let mut buckets = self.buckets.write();
            let fresh = || Arc::new(Mutex::new(Bucket::new(rate, now)));
            Arc::clone(buckets.entry(actor.to_owned()).or_insert_with(fresh))
        });
        bucket.lock().take(rate, now)
    }
}

impl RateLimitStatus {
    /// The headers that tell a caller where it stands.
    #[must_use]
    pub fn headers(self) -> [(HeaderName, HeaderValue); 3] {
        [(LIMIT, self.limit.into()), (REMAINING, self.remaining.into()), (RESET, self.reset_s.into())]
    }

    /// How long a caller that was refused waits, seconds, at least 1.
    #[must_use]
    pub fn wait_s(self) -> u64 {
        self.retry_s.max(1)
    }
}
