//! The carrier's side of the wire: a server of the Outgoing Call Service 1.0.3, 1.0.4 and 1.0.5 with simulated
//! callees.
//!
//! It knows nothing of sessions, flows or trunks: a client of the real service runs against it unchanged,
//! and ours is one of them. A call is placed by REST, followed and fed by Socket.IO, paced in real time, and
//! answered by a callee from a YAML file. Where `sip` is told to, SIP is another way in to the same callees.

pub mod callees;
pub mod cdr;
pub mod codec;
pub mod dial_in;
pub mod playout;
pub mod record;

mod accounts;
mod call;
mod call_task;
mod clients;
mod connection;
mod departure;
mod events;
mod messages;
mod mp3_frame;
mod outbox;
mod placing;
mod plain;
mod rest;
mod room;
mod shared;
mod sip;
mod version;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use socketioxide::SocketIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use tower_http::cors::CorsLayer;

pub use accounts::Account;
use callees::Callees;
pub use callees::JSON_SCHEMA as CALLEE_JSON_SCHEMA;
use connection::{Door, PATIENCE};
use departure::Departures;
use shared::{Host, Shared};
pub use shared::{Options, SipOptions};
pub use sip::SipStartError;
pub use version::{UnknownVersion, Version};

/// How long calls have to end in order when the gateway stops.
const GRACE: Duration = Duration::from_secs(5);

/// Of each connection, in bytes.
const SEND_BUFFER: u32 = 256 * 1024;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1_024;

/// How long clients have to take what waits for them then.
const DRAIN: Duration = Duration::from_secs(1);

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
    #[error("there is no account {name} whose version could be set")]
    NoSuchAccount { name: String },
    #[error(transparent)]
    Callees(#[from] callees::LoadError),
    #[error(transparent)]
    Sip(#[from] SipStartError),
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
        let (listener, address) = listen(options.listen).await?;
        let media = match options.media_listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let sip = match &options.sip {
            Some(sip) => Some(sip::Listener::open(sip, &options.accounts).await?),
            None => None,
        };
        let folder = options.callees.clone();
        let callees = tokio::task::spawn_blocking(move || callees::load_dir(&folder))
            .await
            .map_err(|error| Error::Listen { address, source: std::io::Error::other(error) })??;
        let shared = Arc::new(Shared::new(options, callees));
        let (layer, io) = events::layer();
        events::serve(&io, &shared);
        let media_port = media.as_ref().map(|(_, address)| address.port());
        let api =
            rest::router(Arc::clone(&shared), media_port).layer(layer.clone()).layer(Extension(Host::Api));
        let mut servers = vec![serve(&shared, listener, api)];
        let media_address = media.as_ref().map(|(_, address)| *address);
        if let Some((listener, _)) = media {
            let host = rest::media_router(Arc::clone(&shared)).layer(layer).layer(Extension(Host::Media));
            servers.push(serve(&shared, listener, host));
        }
        let sip_address = sip.as_ref().map(sip::Listener::address);
        if let Some(sip) = sip {
            tokio::spawn(sip.serve(Arc::clone(&shared)));
        }
        Ok(Running { address, media_address, sip_address, shared, io, servers })
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let listener = bind(address).map_err(|source| {
        if source.kind() == std::io::ErrorKind::AddrInUse {
            Error::InUse { address }
        } else {
            Error::Listen { address, source }
        }
    })?;
    let address = listener.local_addr().map_err(|source| Error::Listen { address, source })?;
    Ok((listener, address))
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Connections inherit it: audio is not to grow old in the kernel on its way to a slow client.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn serve(shared: &Arc<Shared>, listener: TcpListener, app: Router) -> JoinHandle<()> {
    let stopping = shared.stopping.clone();
    let door = Door { listener, patience: PATIENCE };
    tokio::spawn(async move {
        // Browsers may call from any page, as at the carrier: the token is what lets them in.
        let app = app.layer(CorsLayer::very_permissive()).into_make_service_with_connect_info::<Departures>();
        if let Err(error) = axum::serve(door, app).with_graceful_shutdown(stopping.cancelled_owned()).await {
            tracing::error!(%error, "the gateway has stopped serving");
        }
    })
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
    let exists = |name: &&String| options.accounts.iter().any(|account| account.name == **name);
    if let Some(name) = options.account_versions.keys().find(|name| !exists(name)) {
        return Err(Error::NoSuchAccount { name: name.clone() });
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
    media_address: Option<SocketAddr>,
    sip_address: Option<SocketAddr>,
    shared: Arc<Shared>,
    io: SocketIo,
    servers: Vec<JoinHandle<()>>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the media of 1.0.5 are served, when that is a host of its own.
    #[must_use]
    pub const fn media_address(&self) -> Option<SocketAddr> {
        self.media_address
    }

    /// Where it takes calls over SIP.
    #[must_use]
    pub const fn sip_address(&self) -> Option<SocketAddr> {
        self.sip_address
    }

    /// Whom it can reach.
    #[must_use]
    pub fn callees(&self) -> &Callees {
        &self.shared.callees
    }

    /// Makes the sound of the callee at `number` before anybody dials it; nothing when there is none.
    ///
    /// # Errors
    /// When a file cannot be read or a text not be spoken.
    pub async fn prepare(&self, number: &str) -> Result<(), callees::PrepareError> {
        if let Some(callee) = self.shared.callees.find(number) {
            callee.prepared(&self.shared.options.tts).await?;
        }
        Ok(())
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
        // The last events of the calls reach those who read.
        let drained = async {
            while !self.shared.clients.are_drained() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("some clients did not read the end of their calls");
        }
        self.io.close().await;
        for server in self.servers {
            if tokio::time::timeout(GRACE, server).await.is_err() {
                tracing::warn!("some connections did not end in time");
            }
        }
    }
}
