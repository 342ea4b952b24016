//! The port: who gets in, how many, and the end of it.

use std::collections::HashSet;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::Options;
use super::connection;
use super::tls::{Certificate, TlsError};
use crate::net::doors::Doors;
use crate::trunk::Offer;

/// Calls that may wait to be looked at.
const OFFERS: usize = 256;
/// Complaints about peers are logged this often at most; all are counted.
const COMPLAINT: Duration = Duration::from_secs(5);
pub(super) const FULL: &str = "there are inbound.max_connections already";
/// How long connections have to say goodbye when the port closes.
const GRACE: Duration = Duration::from_secs(5);

/// Why the port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen for inbound calls on {address}: {source}; choose another `inbound.listen`")]
    Listen { address: SocketAddr, source: std::io::Error },
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) offers: mpsc::Sender<Offer>,
    pub(super) stopping: CancellationToken,
    /// Of connections that have announced a call.
    pub(super) places: Semaphore,
    sessions: Mutex<HashSet<String>>,
    complained: Mutex<Option<Instant>>,
}

impl Shared {
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
        let mut last = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|last| last.elapsed() >= COMPLAINT);
        if may {
            *last = Some(Instant::now());
        }
        may
    }

    /// Takes a session id for as long as the claim lives; another one where it is empty or taken.
    pub(super) fn claim(self: &Arc<Self>, wanted: String) -> Claim {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let session_id = if wanted.is_empty() {
            Uuid::now_v7().to_string()
        } else if sessions.contains(&wanted) {
            format!("{wanted}~{}", Uuid::now_v7().simple())
        } else {
            wanted
        };
        sessions.insert(session_id.clone());
        metrics::gauge!("dering_inbound_calls_live").set(sessions.len() as f64);
        Claim { shared: Arc::clone(self), session_id }
    }
}

/// A session id that no other live call has.
#[derive(Debug)]
pub(super) struct Claim {
    shared: Arc<Shared>,
    session_id: String,
}

impl Claim {
    pub(super) fn session_id(&self) -> &str {
        &self.session_id
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut sessions = self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&self.session_id);
        metrics::gauge!("dering_inbound_calls_live").set(sessions.len() as f64);
    }
}

/// The open port.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    certificate: Option<Certificate>,
    stopping: CancellationToken,
    connections: TaskTracker,
    listening: JoinHandle<()>,
}

impl Server {
    /// Opens the port; calls come out of the receiver. Whoever drops it has every call hung up.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub async fn start(options: Options) -> Result<(Self, mpsc::Receiver<Offer>), StartError> {
        let address = options.listen;
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        if options.access.is_open() && !address.ip().is_loopback() {
            tracing::warn!(%address, "whoever reaches this port can place calls: set inbound.secret or inbound.allow");
        }
        tracing::info!(%address, tls = options.tls.is_some(), "inbound calls are taken");
        let (offers, calls) = mpsc::channel(OFFERS);
        let stopping = CancellationToken::new();
        let connections = TaskTracker::new();
        let certificate = options.tls.clone();
        let shared = Arc::new(Shared {
            places: Semaphore::new(options.max_connections),
            options,
            offers,
            stopping: stopping.clone(),
            sessions: Mutex::default(),
            complained: Mutex::default(),
        });
        let listening = tokio::spawn(listen(listener, shared, connections.clone()));
        Ok((Self { address, certificate, stopping, connections, listening }, calls))
    }

    /// Where carriers connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reads the certificate again, if there is one; whether there is.
    ///
    /// # Errors
    /// When it cannot be used; then the old one stays.
    pub fn read_certificate(&self) -> Result<bool, TlsError> {
        self.certificate.as_ref().map_or(Ok(false), |certificate| certificate.read_again().map(|()| true))
    }

    /// Hangs up what still lives and closes the port.
    pub async fn shutdown(self) {
        self.stopping.cancel();
        let _ended = self.listening.await;
        self.connections.close();
        if tokio::time::timeout(GRACE, self.connections.wait()).await.is_err() {
            tracing::warn!("some inbound connections were cut");
        }
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>, connections: TaskTracker) {
    let doors = Doors::new(shared.options.unproven.clone());
    loop {
        let accepted = tokio::select! {
            () = shared.stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: it passes when a call ends.
                tracing::error!(%error, "an inbound connection could not be accepted");
                sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        if !shared.options.access.admits(peer.ip()) {
            shared.refused("address", peer, "its address is not in inbound.allow");
            continue;
        }
        if shared.places.available_permits() == 0 {
            shared.refused("connections", peer, FULL);
            continue;
        }
        // Nobody behind these doors is ever at work, so there is always room in the end.
        let Some(place) = doors.enter(peer.ip()).await else { continue };
        keep_quick(&stream);
        connections.spawn(connection::serve(stream, peer, Arc::clone(&shared), place));
    }
}

fn keep_quick(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
}
