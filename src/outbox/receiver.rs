//! The other end: an HTTP receiver that checks each signature and keeps what it got, in order. The demo
//! and `dering webhook listen` run it; integrators may read it as an example.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use parking_lot::Mutex;
use secrecy::SecretString;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::sign::{
    self, SAVG_SIGNATURE, StandardHeaders, VerifyError, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP,
};
use crate::wallclock::now_ms;

/// Receipts kept; the oldest go first.
const KEPT: usize = 20_000;
/// How long [`Receiver::stop`] waits for connections to finish.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// One post that arrived.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Counts all posts from 1.
    pub number: u64,
    pub at_ms: i64,
    /// `webhook-id`, empty if missing.
    pub id: String,
    /// `conversationId` of the body, empty if missing.
    pub conversation_id: String,
    pub headers: BTreeMap<String, String>,
    /// The exact text; parse it only after the signature held.
    pub body: String,
    /// What is wrong with a signature; `None` when all hold.
    pub problem: Option<VerifyError>,
    /// A post with this `webhook-id` came before.
    pub duplicate: bool,
}

impl Receipt {
    /// Whether every signature holds.
    #[must_use]
    pub const fn valid(&self) -> bool {
        self.problem.is_none()
    }
}

/// What was received. Clones share it; it outlives the [`Receiver`]s that fill it, so one that is
/// stopped and started again goes on in the same inbox.
#[derive(Clone, Debug)]
pub struct Inbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    secrets: Vec<SecretString>,
    kept: Mutex<Kept>,
    count: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    receipts: VecDeque<Receipt>,
    ids: HashSet<String>,
}

impl Inbox {
    /// An empty inbox that accepts signatures made with any of `secrets`.
    #[must_use]
    pub fn new(secrets: Vec<SecretString>) -> Self {
        Self(Arc::new(Shared { secrets, kept: Mutex::default(), count: watch::Sender::new(0) }))
    }

    /// Routes that file every post, whatever its path: 200 when the signatures hold, else 401.
    pub fn router(&self) -> Router {
        Router::new().fallback(post(receive)).with_state(self.clone())
    }

    /// Receipts of one conversation in order of arrival.
    #[must_use]
    pub fn of(&self, conversation_id: &str) -> Vec<Receipt> {
        self.select(|receipt| receipt.conversation_id == conversation_id)
    }

    /// Receipts behind `number` (0 for all kept) in order of arrival.
    #[must_use]
    pub fn after(&self, number: u64) -> Vec<Receipt> {
        self.select(|receipt| receipt.number > number)
    }

    /// Waits until something arrives behind `number`, then returns it.
    pub async fn arrived_after(&self, number: u64) -> Vec<Receipt> {
        // The sender lives in self, so the wait cannot end in an error.
        self.0.count.subscribe().wait_for(|count| *count > number).await.ok();
        self.after(number)
    }

    fn select(&self, wanted: impl Fn(&Receipt) -> bool) -> Vec<Receipt> {
        let kept = self.0.kept.lock();
        kept.receipts.iter().filter(|receipt| wanted(receipt)).cloned().collect()
    }

    /// Files a post; its number, and what is wrong with a signature.
    pub fn file(&self, headers: &HeaderMap, body: &Bytes) -> (u64, Option<VerifyError>) {
        let at_ms = now_ms();
        let problem = check(&self.0.secrets, headers, body, at_ms / 1000).err();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut receipt = Receipt {
            number: 0,
            at_ms,
            id: text(WEBHOOK_ID).to_owned(),
            conversation_id: json["conversationId"].as_str().unwrap_or_default().to_owned(),
            headers: headers.keys().map(|name| (name.to_string(), text(name.as_str()).to_owned())).collect(),
            body: String::from_utf8_lossy(body).into_owned(),
            problem: problem.clone(),
            duplicate: false,
        };
        let mut kept = self.0.kept.lock();
        receipt.duplicate = !receipt.id.is_empty() && !kept.ids.insert(receipt.id.clone());
        let mut number = 0;
        self.0.count.send_modify(|count| {
            *count += 1;
            number = *count;
            receipt.number = number;
            if kept.receipts.len() == KEPT
                && let Some(oldest) = kept.receipts.pop_front()
            {
                kept.ids.remove(&oldest.id);
            }
            kept.receipts.push_back(receipt);
        });
        (number, problem)
    }
}

async fn receive(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    match inbox.file(&headers, &body).1 {
        None => (StatusCode::OK, String::new()),
        Some(problem) => (StatusCode::UNAUTHORIZED, problem.to_string()),
    }
}

/// Checks both signatures of a post received at `now_s`.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(
    secrets: &[SecretString],
    headers: &HeaderMap,
    body: &[u8],
    now_s: i64,
) -> Result<(), VerifyError> {
    let text = |name: &'static str| {
        let value = headers.get(name).ok_or(VerifyError::Missing(name))?;
        value.to_str().map_err(|_| VerifyError::Malformed(name))
    };
    sign::verify_savg(secrets, text(SAVG_SIGNATURE)?, body, now_s)?;
    let headers = StandardHeaders {
        id: text(WEBHOOK_ID)?,
        timestamp: text(WEBHOOK_TIMESTAMP)?,
        signature: text(WEBHOOK_SIGNATURE)?,
    };
    sign::verify_standard(secrets, headers, body, now_s)
}

/// A running HTTP server in front of an [`Inbox`].
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    stopping: CancellationToken,
    server: JoinHandle<()>,
}

impl Receiver {
    /// Serves `router` (see [`Inbox::router`]) on `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start(router: Router, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stopping = CancellationToken::new();
        let stop = stopping.clone().cancelled_owned();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
                tracing::error!(%error, "the webhook receiver ended");
            }
        });
        Ok(Self { address, stopping, server })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL to give as `notifyUrl`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/notify", self.address)
    }

    /// Closes the port and idle connections; waits a moment for posts being answered.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if tokio::time::timeout(STOP_TIMEOUT, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}
