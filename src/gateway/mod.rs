//! The carrier's side of the wire: a server of the Outgoing Call Service 1.0.4 with simulated callees.
//!
//! It knows nothing of sessions, flows or trunks: a client of the real service runs against it unchanged,
//! and ours is one of them. A call is placed by REST, followed and fed by Socket.IO, paced in real time, and
//! answered by a callee from a YAML file.

pub mod callees;
pub mod cdr;
pub mod codec;
pub mod dial_in;
pub mod playout;
pub mod record;

mod accounts;
mod call;
mod events;
mod messages;
mod mp3_frame;
mod rest;
mod room;
mod shared;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use socketioxide::SocketIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use accounts::Account;
use callees::Callees;
pub use shared::Options;
use shared::Shared;

/// How long calls have to end in order when the gateway stops.
const GRACE: Duration = Duration::from_secs(5);

/// Why a gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{address} is already in use: stop the program that listens there, or choose another port for the gateway"
    )]
    InUse { address: SocketAddr },
    #[error("the gateway cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the gateway needs at least one account with a token")]
    NoAccount,
    #[error("the account {name} has an empty token")]
    EmptyToken { name: String },
    #[error("two accounts of the gateway have the same token")]
    SharedToken,
    #[error(transparent)]
    Callees(#[from] callees::LoadError),
    #[error("the recordings folder {} cannot be used: {source}", path.display())]
    Recordings { path: PathBuf, source: std::io::Error },
}

/// Starts gateways.
#[derive(Debug)]
pub struct Gateway;

impl Gateway {
    /// Listens and serves until [`Running::shutdown`].
    ///
    /// # Errors
    /// When the address is taken or not ours, an account has no usable token, a callee file is wrong, or
    /// the recordings folder cannot be made.
    pub async fn start(options: Options) -> Result<Running, Error> {
        check(&options)?;
        let address = options.listen;
        let listener = TcpListener::bind(address).await.map_err(|source| {
            if source.kind() == std::io::ErrorKind::AddrInUse {
                Error::InUse { address }
            } else {
                Error::Listen { address, source }
            }
        })?;
        let address = listener.local_addr().map_err(|source| Error::Listen { address, source })?;
        let folder = options.callees.clone();
        let callees = tokio::task::spawn_blocking(move || callees::load_dir(&folder))
            .await
            .map_err(|error| Error::Listen { address, source: std::io::Error::other(error) })??;
        let shared = Arc::new(Shared::new(options, callees));
        let (layer, io) = events::layer();
        events::serve(&io, &shared);
        let app = rest::router(Arc::clone(&shared), io.clone()).layer(layer);
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection keeps its delay");
            }
        });
        let stopping = shared.stopping.clone();
        let server = tokio::spawn(async move {
            let stopped = stopping.cancelled_owned();
            if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the gateway has stopped serving");
            }
        });
        Ok(Running { address, shared, io, server })
    }
}

fn check(options: &Options) -> Result<(), Error> {
    use secrecy::ExposeSecret;

    if options.accounts.is_empty() {
        return Err(Error::NoAccount);
    }
    for (place, account) in options.accounts.iter().enumerate() {
        let token = account.token.expose_secret();
        if token.trim().is_empty() {
            return Err(Error::EmptyToken { name: account.name.clone() });
        }
        if options.accounts[..place].iter().any(|other| other.token.expose_secret() == token) {
            return Err(Error::SharedToken);
        }
    }
    if let Some(path) = &options.recordings {
        std::fs::create_dir_all(path).map_err(|source| Error::Recordings { path: path.clone(), source })?;
    }
    Ok(())
}

/// A gateway that serves. Dropping it leaves it running.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    shared: Arc<Shared>,
    io: SocketIo,
    server: JoinHandle<()>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whom it can reach.
    #[must_use]
    pub fn callees(&self) -> &Callees {
        &self.shared.callees
    }

    /// Calls that are live now.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.shared.rooms.len()
    }

    /// Where the recording of a session is once its `cdr` event was sent; `None` when nothing is recorded.
    #[must_use]
    pub fn recording(&self, session_id: &str) -> Option<PathBuf> {
        self.shared.options.recordings.as_deref().map(|folder| record::wav_path(folder, session_id))
    }

    /// Ends every call, tells the clients, completes the recordings and stops.
    pub async fn shutdown(self) {
        self.shared.stopping.cancel();
        self.shared.calls.close();
        if tokio::time::timeout(GRACE, self.shared.calls.wait()).await.is_err() {
            tracing::warn!("some calls did not end in time");
        }
        self.io.close().await;
        if tokio::time::timeout(GRACE, self.server).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
    }
}
