//! The port as its connections see it: what they share, who may hold which session id, and complaints.

use std::collections::HashSet;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::options::Options;
use crate::trunk::leg::Offer;

/// Complaints about peers are logged this often at most; all are counted.
const COMPLAINT: Duration = Duration::from_secs(5);
pub(super) const FULL: &str = "there are inbound.max_connections already";

/// What all connections share.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) options: Options,
    pub(super) offers: mpsc::Sender<Offer>,
    pub(super) stopping: CancellationToken,
    /// Of connections that have announced a call.
    pub(super) places: Semaphore,
    sessions: Mutex<HashSet<String>>,
    complained: Mutex<Option<Instant>>,
}

impl Port {
    pub(super) fn new(options: Options, offers: mpsc::Sender<Offer>, stopping: CancellationToken) -> Self {
        let places = Semaphore::new(options.max_connections);
        Self { options, offers, stopping, places, sessions: Mutex::default(), complained: Mutex::default() }
    }

    /// Notes a connection that led to no call.
    pub(super) fn refused(&self, reason: &'static str, peer: SocketAddr, why: &str) {
        metrics::counter!("dering_inbound_refused_total", "reason" => reason).increment(1);
        if self.may_complain() {
            tracing::warn!(%peer, reason, why, "an inbound connection was refused");
        }
    }

    /// Notes a message that means nothing here.
    pub(super) fn odd(&self, peer: SocketAddr, error: &impl Display) {
        if self.may_complain() {
            tracing::warn!(%peer, %error, "a message of the carrier is ignored");
        }
    }

    fn may_complain(&self) -> bool {
        let mut last = self.complained.lock();
        let may = last.is_none_or(|last| last.elapsed() >= COMPLAINT);
        if may {
            *last = Some(Instant::now());
        }
        may
    }

    /// Takes a session id for as long as the claim lives; another one where it is empty or taken.
    pub(super) fn claim(self: &Arc<Self>, wanted: String) -> Claim {
        let mut sessions = self.sessions.lock();
        let session_id = if wanted.is_empty() {
            Uuid::now_v7().to_string()
        } else if sessions.contains(&wanted) {
            format!("{wanted}~{}", Uuid::now_v7().simple())
        } else {
            wanted
        };
        sessions.insert(session_id.clone());
        metrics::gauge!("dering_inbound_calls_live").set(sessions.len() as f64);
        Claim { port: Arc::clone(self), session_id }
    }
}

/// A session id that no other live call has.
#[derive(Debug)]
pub(super) struct Claim {
    port: Arc<Port>,
    session_id: String,
}

impl Claim {
    pub(super) fn session_id(&self) -> &str {
        &self.session_id
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut sessions = self.port.sessions.lock();
        sessions.remove(&self.session_id);
        metrics::gauge!("dering_inbound_calls_live").set(sessions.len() as f64);
    }
}
