//! What the delivery worker claims, and what it says became of it.
//!
//! A claim is a lease. A worker that dies leaves its claims behind and they fall due again; each claim
//! carries a fence, so a worker that lost its lease cannot settle what another one sends.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;
use sqlx::FromRow;

use super::deliveries::EndpointHealth;
use super::state::DeadReason;

/// What a worker has room for.
#[derive(Clone, Debug, Default)]
pub struct ClaimRequest {
    pub now_ms: i64,
    /// How long a claim holds.
    pub lease_ms: i64,
    /// Claims in all.
    pub limit: usize,
    /// Claims of one endpoint, those in flight included.
    pub per_endpoint: usize,
    /// Endpoints that answer quickly. All others share a part of the room, so that slow ones together cannot take
    /// everything.
    pub quick: BTreeSet<String>,
    /// Endpoints that answer slowly. Who is neither here nor in `quick` has never answered.
    pub slow: BTreeSet<String>,
    /// Posts in flight by endpoint.
    pub in_flight: BTreeMap<String, usize>,
    /// Endpoints that may have fewer than `per_endpoint`; 0 for one that is held back.
    pub ceilings: BTreeMap<String, usize>,
    /// What became due before this and waits for an endpoint that is held back is given up.
    pub expire_before_ms: Option<i64>,
}

/// Claims, and when to look again.
#[derive(Debug, Default)]
pub struct Claimed {
    pub claims: Vec<Claim>,
    /// The next time at which a notification falls due or a lease lapses.
    pub next_due_ms: Option<i64>,
    /// Notifications that were given up because their time ran out.
    pub expired: u64,
    /// Settlements that came too late: another worker has taken over.
    pub stale: u64,
}

/// A notification to send now.
#[derive(Debug, FromRow)]
pub struct Claim {
    /// Stays the same in every attempt.
    pub id: String,
    pub call_id: String,
    /// From 1 within a call.
    pub seq: i64,
    pub app_id: String,
    pub kind: String,
    pub url: String,
    /// Scheme, host and port of `url`.
    pub endpoint: String,
    #[sqlx(skip)]
    pub headers: BTreeMap<String, String>,
    #[sqlx(rename = "headers")]
    pub(in crate::store) sealed_headers: String,
    pub body: String,
    pub created_ms: i64,
    /// Attempts that were made before, since it was last asked for.
    #[sqlx(rename = "tried")]
    pub attempts: i64,
    #[sqlx(rename = "claims")]
    pub(in crate::store) fence: i64,
    /// The app's active secrets, newest first; empty when the app is gone.
    #[sqlx(skip)]
    pub secrets: Vec<SecretString>,
}

/// One post and its answer.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    pub at_ms: i64,
    pub duration_ms: i64,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The start of the answer's body.
    pub response: Option<String>,
    pub error: Option<String>,
}

/// What follows from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    Delivered,
    Retry { due_ms: i64 },
    Dead(DeadReason),
}

/// The end of a claim.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub(in crate::store) id: String,
    pub(in crate::store) call_id: String,
    pub(in crate::store) url: String,
    pub(in crate::store) fence: i64,
    pub(in crate::store) attempt: Attempt,
    pub(in crate::store) outcome: DeliveryOutcome,
    /// Whether the caller's own headers were on it.
    pub(in crate::store) headed: bool,
}

impl Claim {
    /// What to hand to [`crate::store::Store::settle_and_claim`] after `attempt`.
    #[must_use]
    pub fn settlement(&self, attempt: Attempt, outcome: DeliveryOutcome) -> Settlement {
        let (id, call_id, url) = (self.id.clone(), self.call_id.clone(), self.url.clone());
        let headed = !self.headers.is_empty();
        Settlement { id, call_id, url, fence: self.fence, attempt, outcome, headed }
    }
}

/// What one round of the delivery worker writes down and asks for.
#[derive(Clone, Debug, Default)]
pub struct DeliveryRound {
    /// Attempts that were made, with what follows from each. A delivered or dead notification makes way
    /// for the next one of its call.
    pub settlements: Vec<Settlement>,
    /// Endpoints whose health changed.
    pub health: Vec<EndpointHealth>,
    pub request: ClaimRequest,
}
