//! The delivery worker: claims what is due, posts it, writes down what became of it.
//!
//! Order comes from the ledger, which hands out at most one notification of a call at a time. The worker
//! bounds posts in flight, in all and per endpoint, and sleeps until something falls due, something new
//! is committed ([`Handle::wake`]) or a post ends.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::post::Poster;
use super::{Error, Options};
use crate::store::{Claim, ClaimRequest, Store, Verdict, now_ms};

/// The longest sleep: a change of the wall clock is noticed after this.
const NAP: Duration = Duration::from_secs(60);
/// The wait after the database failed.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// Delivers webhooks.
#[derive(Debug)]
pub struct Outbox {
    store: Store,
    poster: Arc<Poster>,
    options: Options,
    wake: Arc<Notify>,
    stopping: CancellationToken,
    posts: JoinSet<()>,
    endpoints: HashMap<Id, String>,
    /// Dropped when the worker is, also when its runtime ends.
    _stopped: DropGuard,
}

/// The way to a running [`Outbox`]. Cheap to clone; dropping it does not stop the worker.
#[derive(Clone, Debug)]
pub struct Handle {
    wake: Arc<Notify>,
    stopping: CancellationToken,
    stopped: CancellationToken,
}

impl Handle {
    /// Says that notifications were committed. Never blocks; forgetting it only costs up to a minute.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Claims nothing more and waits for the posts in flight, at most [`Options::drain`]. What is cut
    /// off then is posted again by the next worker.
    pub async fn shutdown(&self) {
        self.stopping.cancel();
        self.stopped.cancelled().await;
    }
}

impl Outbox {
    /// Starts the worker on the current tokio runtime.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn start(store: Store, options: Options) -> Result<Handle, Error> {
        let poster = Arc::new(Poster::new(options.clone())?);
        let wake = Arc::new(Notify::new());
        let (stopping, stopped) = (CancellationToken::new(), CancellationToken::new());
        let outbox = Self {
            store,
            poster,
            options,
            wake: Arc::clone(&wake),
            stopping: stopping.clone(),
            posts: JoinSet::new(),
            endpoints: HashMap::new(),
            _stopped: stopped.clone().drop_guard(),
        };
        tokio::spawn(outbox.run());
        Ok(Handle { wake, stopping, stopped })
    }

    async fn run(mut self) {
        loop {
            let nap = self.claim().await;
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => break,
                Some(ended) = self.posts.join_next_with_id() => self.forget(ended),
                () = self.wake.notified() => {}
                () = tokio::time::sleep(nap) => {}
            }
            while let Some(ended) = self.posts.try_join_next_with_id() {
                self.forget(ended);
            }
        }
        let drained = async { while self.posts.join_next().await.is_some() {} };
        if tokio::time::timeout(self.options.drain, drained).await.is_err() {
            tracing::info!(
                posts = self.posts.len(),
                "webhooks in flight are cut off and will be posted again"
            );
        }
    }

    /// Claims what there is room for and sets it off. Returns how long nothing else can fall due.
    async fn claim(&mut self) -> Duration {
        let limit = self.options.concurrency.max(1).saturating_sub(self.posts.len());
        if limit == 0 {
            return NAP;
        }
        let mut in_flight = BTreeMap::new();
        for endpoint in self.endpoints.values() {
            *in_flight.entry(endpoint.clone()).or_default() += 1;
        }
        let now_ms = now_ms();
        let request = ClaimRequest {
            now_ms,
            lease_ms: i64::try_from(self.options.lease.as_millis()).unwrap_or(i64::MAX),
            limit,
            per_endpoint: self.options.per_endpoint.max(1),
            in_flight,
        };
        let claimed = match self.store.claim(request).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "webhooks wait because the database fails");
                return DATABASE_PAUSE;
            }
        };
        for claim in claimed.claims {
            let endpoint = claim.endpoint.clone();
            let post = deliver(self.store.clone(), Arc::clone(&self.poster), claim);
            let id = self.posts.spawn(post).id();
            self.endpoints.insert(id, endpoint);
        }
        metrics::gauge!("dering_webhook_in_flight").set(self.posts.len() as f64);
        claimed.next_due_ms.map_or(NAP, |due_ms| {
            Duration::from_millis(u64::try_from(due_ms.saturating_sub(now_ms)).unwrap_or(0)).min(NAP)
        })
    }

    fn forget(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a webhook post was lost; it is made again when its claim lapses");
                error.id()
            }
        };
        self.endpoints.remove(&id);
    }
}

async fn deliver(store: Store, poster: Arc<Poster>, claim: Claim) {
    let (attempt, verdict) = poster.attempt(&claim).await;
    let result = match verdict {
        Verdict::Delivered => "delivered",
        Verdict::Retry { .. } => "retry",
        Verdict::Dead => "dead",
    };
    metrics::counter!("dering_webhook_attempts_total", "result" => result).increment(1);
    metrics::histogram!("dering_webhook_seconds").record(attempt.duration_ms as f64 / 1000.0);
    let (call, id, kind) = (claim.call_id.as_str(), claim.id.as_str(), claim.kind.as_str());
    let error = attempt.error.as_deref().unwrap_or_default();
    match verdict {
        Verdict::Delivered => tracing::debug!(call.id = call, webhook.id = id, kind, "webhook delivered"),
        Verdict::Retry { .. } => {
            tracing::info!(call.id = call, webhook.id = id, kind, error, "webhook failed and is retried");
        }
        Verdict::Dead => tracing::warn!(call.id = call, webhook.id = id, kind, error, "webhook given up"),
    }
    match store.settle(claim.settlement(attempt, verdict)).await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(call.id = call, webhook.id = id, "webhook posted after its claim lapsed"),
        Err(error) => {
            tracing::error!(call.id = call, webhook.id = id, %error, "a webhook's fate was not kept");
        }
    }
}
