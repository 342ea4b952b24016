//! How much a caller may ask, and what it is told about it.
//!
//! The headers `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` are those of the IETF draft
//! "RateLimit header fields for HTTP" up to version 07, which most servers send and most clients read. Later versions
//! fold them into `RateLimit` and `RateLimit-Policy`; the draft is not an RFC, so those are left alone until it is.

mod bucket;
mod logins;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use self::bucket::Bucket;
pub(crate) use self::bucket::Standing;
pub(crate) use self::logins::Logins;
use super::error::{Code, Problem};
use crate::store::Rate;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// A bucket for each app and key that was ever admitted, so there are no more of them than of those.
#[derive(Debug)]
pub(crate) struct Rates {
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
    pub(crate) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Takes a request out of the bucket of `actor`.
    pub(crate) fn take(&self, actor: &str, rate: Rate) -> Result<Standing, Standing> {
        let now = self.now();
        let known = self.buckets.read().unwrap_or_else(PoisonError::into_inner).get(actor).cloned();
        let bucket = known.unwrap_or_else(|| {
            let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
            let fresh = || Arc::new(Mutex::new(Bucket::new(rate, now)));
            Arc::clone(buckets.entry(actor.to_owned()).or_insert_with(fresh))
        });
        bucket.lock().unwrap_or_else(PoisonError::into_inner).take(rate, now)
    }
}

impl Standing {
    /// Tells the caller where it stands.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, self.limit.into());
        headers.insert(REMAINING, self.remaining.into());
        headers.insert(RESET, self.reset_s.into());
    }

    /// The answer to one request too many.
    pub(crate) fn refusal(self) -> Problem {
        let wait = self.retry_s.max(1);
        let detail = format!("more requests than this app or key may make; try again in {wait} s");
        too_many(&detail, wait)
            .with_header(LIMIT, self.limit.into())
            .with_header(REMAINING, self.remaining.into())
            .with_header(RESET, self.reset_s.into())
    }
}

/// 429 with the time to wait.
pub(crate) fn too_many(detail: &str, wait_s: u64) -> Problem {
    Problem::new(Code::RateLimited, detail).with_header(RETRY_AFTER, HeaderValue::from(wait_s))
}
