//! The port: who gets in, how many, and the end of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection;
use super::options::Options;
use super::port::{FULL, Port};
use super::tls::{Certificate, TlsError};
use crate::net::doors::Doors;
use crate::trunk::leg::Offer;

/// Calls that may wait to be looked at.
const OFFERS: usize = 256;
/// How long connections have to say goodbye when the port closes.
const GRACE: Duration = Duration::from_secs(5);

/// Why the port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen for inbound calls on {address}: {source}; choose another `inbound.listen`")]
    Listen { address: SocketAddr, source: std::io::Error },
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
    /// Opens the port; calls come out of the receiver. Dropping it hangs up every call.
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
        let port = Arc::new(Port::new(options, offers, stopping.clone()));
        let listening = tokio::spawn(listen(listener, port, connections.clone()));
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

async fn listen(listener: TcpListener, port: Arc<Port>, connections: TaskTracker) {
    let doors = Doors::new(port.options.unproven.clone());
    loop {
        let accepted = tokio::select! {
            () = port.stopping.cancelled() => return,
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
        if !port.options.access.admits(peer.ip()) {
            port.refused("address", peer, "its address is not in inbound.allow");
            continue;
        }
        if port.places.available_permits() == 0 {
            port.refused("connections", peer, FULL);
            continue;
        }
        // Nobody behind these doors is ever at work, so there is always room in the end.
        let Some(place) = doors.enter(peer.ip()).await else { continue };
        keep_quick(&stream);
        connections.spawn(connection::serve(stream, peer, Arc::clone(&port), place));
    }
}

fn keep_quick(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
}
