//! The delivery worker: claims what is due, posts it, writes down what became of it.
//!
//! Order comes from the ledger, which hands out at most one notification of a call at a time. The worker
//! bounds posts in flight, in all and per endpoint, and sleeps until something falls due, something new
//! is committed ([`Handle::wake`]) or a post ends. Each round settles every post that ended and claims what
//! there is room for in one transaction, so that the more there is to do the less each costs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::breaker::BreakerState;
use super::health::Health;
use super::options::{Error, Options};
use super::post::{Posted, Poster};
use super::trial::Trial;
use crate::bus::{Bus, Message, WakeUps};
use crate::store::{Claim, ClaimRequest, DeliveryOutcome, DeliveryRound, Settlement, Store};
use crate::telemetry::traces::{self, AttemptTrace};

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
    shared: Arc<Shared>,
    wake_ups: WakeUps,
    stopping: CancellationToken,
    posts: JoinSet<Post>,
    /// Where each post goes, in case its task is lost.
    endpoints: HashMap<Id, String>,
    health: Health,
    /// Ends that are not written down yet.
    settlements: Vec<Settlement>,
    /// Dropped when the worker is, also when its runtime ends.
    _stopped: DropGuard,
}

/// A post that has ended.
#[derive(Debug)]
struct Post {
    claim: Claim,
    posted: Posted,
}

#[derive(Debug, Default)]
struct Shared {
    /// Endpoints that are to be tried although their breaker is open.
    wanted: Mutex<BTreeSet<String>>,
    /// Endpoints that are held back or being tried.
    troubled: AtomicUsize,
    /// Endpoints that refused what was posted last.
    refusing: AtomicUsize,
}

/// The way to a running [`Outbox`]. Cheap to clone; dropping it does not stop the worker.
#[derive(Clone, Debug)]
pub struct Handle {
    bus: Bus,
    shared: Arc<Shared>,
    trial: Trial,
    stopping: CancellationToken,
    stopped: CancellationToken,
}

impl Handle {
    /// Endpoints that are held back or being tried.
    #[must_use]
    pub fn troubled(&self) -> usize {
        self.shared.troubled.load(Ordering::Relaxed)
    }

    /// Endpoints that answer and refused what was posted last, within a day.
    #[must_use]
    pub fn refusing(&self) -> usize {
        self.shared.refusing.load(Ordering::Relaxed)
    }

    /// What posts examples, as the worker posts notifications.
    #[must_use]
    pub const fn trial(&self) -> &Trial {
        &self.trial
    }

    /// Says that notifications were committed. Never blocks; forgetting it only costs up to a minute.
    pub fn wake(&self) {
        self.bus.publish(Message::NotificationsDue);
    }

    /// Has endpoints tried at once although their breaker is open: somebody wants something sent there.
    pub fn try_now(&self, endpoints: impl IntoIterator<Item = String>) {
        let mut wanted = self.shared.wanted.lock();
        wanted.extend(endpoints);
        drop(wanted);
        self.wake();
    }

    /// Posts what is due now, once each, for at most [`Options::drain`]. What is cut off then, or falls due later, is
    /// posted by the next worker.
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
        let shared = Arc::new(Shared::default());
        let bus = store.bus().clone();
        let (stopping, stopped) = (CancellationToken::new(), CancellationToken::new());
        let trial = Trial::of(Arc::clone(&poster));
        let outbox = Self {
            store,
            poster,
            health: Health::new(options.breaker, Vec::new()),
            options,
            shared: Arc::clone(&shared),
            wake_ups: bus.notifications_due(),
            stopping: stopping.clone(),
            posts: JoinSet::new(),
            endpoints: HashMap::new(),
            settlements: Vec::new(),
            _stopped: stopped.clone().drop_guard(),
        };
        tokio::spawn(outbox.run());
        Ok(Handle { bus, shared, trial, stopping, stopped })
    }

    async fn run(mut self) {
        match self.store.endpoint_health().await {
            Ok(known) => self.health = Health::new(self.options.breaker, known),
            Err(error) => {
                tracing::warn!(%error, "the health of webhook endpoints is not known and is learnt anew")
            }
        }
        loop {
            let nap = self.round(self.options.concurrency.max(1)).await;
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => break,
                Some(ended) = self.posts.join_next_with_id() => self.ended(ended),
                () = self.wake_ups.next() => {}
                () = tokio::time::sleep(nap) => {}
            }
            while let Some(ended) = self.posts.try_join_next_with_id() {
                self.ended(ended);
            }
        }
        self.drain().await;
    }

    /// Posts what is due, waits for the posts in flight and writes their ends down.
    async fn drain(&mut self) {
        let deadline = tokio::time::Instant::now() + self.options.drain;
        loop {
            self.round(self.options.concurrency.max(1)).await;
            if self.posts.is_empty() {
                break;
            }
            match tokio::time::timeout_at(deadline, self.posts.join_next_with_id()).await {
                Ok(Some(ended)) => self.ended(ended),
                Ok(None) | Err(_) => break,
            }
            while let Some(ended) = self.posts.try_join_next_with_id() {
                self.ended(ended);
            }
        }
        while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, self.posts.join_next_with_id()).await {
            self.ended(ended);
        }
        self.round(0).await;
        if !self.posts.is_empty() {
            let posts = self.posts.len();
            tracing::info!(posts, "webhooks in flight are cut off and will be posted again");
        }
    }

    /// Settles what ended, claims what there is room for and sets it off. Returns how long nothing else can
    /// fall due.
    async fn round(&mut self, concurrency: usize) -> Duration {
        let now_ms = (self.options.now_ms)();
        let wanted = std::mem::take(&mut *self.shared.wanted.lock());
        for endpoint in wanted {
            self.health.try_now(&endpoint, now_ms);
        }
        let round = DeliveryRound {
            settlements: self.settlements.clone(),
            health: self.health.news(now_ms),
            request: self.request(concurrency, now_ms),
        };
        let claimed = match self.store.settle_and_claim(round).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "webhooks wait because the database fails");
                return DATABASE_PAUSE;
            }
        };
        self.settlements.clear();
        if claimed.stale > 0 {
            tracing::warn!(posts = claimed.stale, "webhooks were posted after their claim had lapsed");
        }
        if claimed.expired > 0 {
            metrics::counter!("dering_webhook_expired_total").increment(claimed.expired);
            tracing::warn!(
                webhooks = claimed.expired,
                "webhooks given up: their endpoint was out of order all the time"
            );
        }
        for claim in claimed.claims {
            let (endpoint, poster) = (claim.endpoint.clone(), Arc::clone(&self.poster));
            self.health.begun(&endpoint, now_ms);
            let post = async move {
                let posted = poster.attempt(&claim).await;
                Post { claim, posted }
            };
            let id = self.posts.spawn(post).id();
            self.endpoints.insert(id, endpoint);
        }
        metrics::gauge!("dering_webhook_in_flight").set(self.posts.len() as f64);
        let troubled = self.health.troubled();
        self.shared.troubled.store(troubled, Ordering::Relaxed);
        metrics::gauge!("dering_webhook_breakers_open").set(troubled as f64);
        let refusing = self.health.refusing(now_ms);
        self.shared.refusing.store(refusing, Ordering::Relaxed);
        metrics::gauge!("dering_webhook_refusing_endpoints").set(refusing as f64);
        let next_ms = claimed.next_due_ms.into_iter().chain(self.health.next_try_ms(now_ms)).min();
        next_ms.map_or(NAP, |due_ms| {
            Duration::from_millis(u64::try_from(due_ms.saturating_sub(now_ms)).unwrap_or(0)).min(NAP)
        })
    }

    fn request(&self, concurrency: usize, now_ms: i64) -> ClaimRequest {
        let ceilings = self.health.ceilings(now_ms);
        let held_back = ceilings.values().any(|ceiling| *ceiling == 0);
        let slow_after_ms = i64::try_from(self.options.slow_after.as_millis()).unwrap_or(i64::MAX);
        let (quick, slow) = self.health.paces(slow_after_ms, now_ms);
        metrics::gauge!("dering_webhook_slow_endpoints").set(slow.len() as f64);
        ClaimRequest {
            quick,
            slow,
            now_ms,
            lease_ms: i64::try_from(self.options.lease.as_millis()).unwrap_or(i64::MAX),
            limit: concurrency.saturating_sub(self.posts.len()),
            per_endpoint: self.options.per_endpoint.max(1),
            in_flight: self.health.in_flight(),
            ceilings,
            expire_before_ms: held_back.then(|| now_ms.saturating_sub(self.options.longest_ms())),
        }
    }

    fn ended(&mut self, ended: Result<(Id, Post), JoinError>) {
        let (id, post) = match ended {
            Ok((id, post)) => (id, Some(post)),
            Err(error) => {
                tracing::error!(%error, "a webhook post was lost; it is made again when its claim lapses");
                (error.id(), None)
            }
        };
        if let Some(endpoint) = self.endpoints.remove(&id) {
            self.health.ended(&endpoint, (self.options.now_ms)());
        }
        if let Some(post) = post {
            self.learn(post);
        }
    }

    fn learn(&mut self, post: Post) {
        let Post { claim, posted: Posted { attempt, outcome, condition, .. } } = post;
        let result = tell(&claim, attempt.error.as_deref().unwrap_or_default(), outcome);
        let now_ms = attempt.at_ms.saturating_add(attempt.duration_ms);
        traces::attempt(&AttemptTrace {
            about: &claim.call_id,
            webhook_id: &claim.id,
            kind: &claim.kind,
            endpoint: &claim.endpoint,
            status: attempt.status,
            result,
            began_ms: attempt.at_ms,
            ended_ms: now_ms,
        });
        metrics::histogram!("dering_webhook_seconds").record(attempt.duration_ms as f64 / 1000.0);
        if outcome == DeliveryOutcome::Delivered {
            let lag_ms = now_ms.saturating_sub(claim.created_ms);
            metrics::histogram!("dering_webhook_lag_seconds").record(lag_ms as f64 / 1000.0);
        }
        let changed =
            self.health.told(&claim.endpoint, condition, attempt.duration_ms, now_ms, rand::random());
        let endpoint = claim.endpoint.as_str();
        match changed {
            Some(BreakerState::Open) => {
                tracing::warn!(endpoint, "a webhook endpoint fails and is left alone for a while");
            }
            Some(BreakerState::Closed) => tracing::info!(endpoint, "a webhook endpoint works again"),
            Some(BreakerState::HalfOpen) | None => {}
        }
        self.settlements.push(claim.settlement(attempt, outcome));
    }
}

fn tell(claim: &Claim, error: &str, outcome: DeliveryOutcome) -> &'static str {
    let (call, id, kind) = (claim.call_id.as_str(), claim.id.as_str(), claim.kind.as_str());
    let result = match outcome {
        DeliveryOutcome::Delivered => {
            tracing::debug!(call.id = call, webhook.id = id, kind, "webhook delivered");
            "delivered"
        }
        DeliveryOutcome::Retry { .. } => {
            tracing::info!(call.id = call, webhook.id = id, kind, error, "webhook failed and is retried");
            "retry"
        }
        DeliveryOutcome::Dead(reason) => {
            let reason = reason.as_str();
            tracing::warn!(call.id = call, webhook.id = id, kind, reason, error, "webhook given up");
            "dead"
        }
    };
    metrics::counter!("dering_webhook_attempts_total", "result" => result).increment(1);
    result
}
