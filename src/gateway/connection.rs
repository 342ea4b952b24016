//! Connections to the gateway, each with our patience. Every living client sends something at least every 25 s (the answer
//! to a ping); one that is silent for longer has vanished without a word, or never meant to ask.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::{TcpListener, TcpStream};

use super::departure::Departures;
use crate::net::watched::{Impatience, Patience, Watched};

/// What the gateway's clients may take.
pub(super) const PATIENCE: Patience = Patience {
    silence: Some(Duration::from_secs(90)),
    stall: Duration::from_secs(30),
    counter: "dering_gateway_connections_cut_total",
};

/// Accepts connections, each with our patience.
pub(super) struct Door {
    pub listener: TcpListener,
    pub patience: Patience,
}

impl Listener for Door {
    type Io = Watched<Watched<TcpStream, Impatience>, Departures>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let stream = Watched::new(stream, Impatience::new(self.patience));
        (Watched::new(stream, Departures::default()), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// Requests know what has left on the connection they came over.
impl Connected<IncomingStream<'_, Door>> for Departures {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().watch().clone()
    }
}
