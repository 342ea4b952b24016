//! How calls are taken in: where, from whom, how many, and how long a peer may take.

use std::net::SocketAddr;
use std::time::Duration;

use super::access::Access;
use super::tls;
use crate::net::doors::Limits;

/// Connections that have not announced a call, at most.
pub const UNPROVEN: usize = 128;

/// How calls are taken in.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where carriers connect; the carrier's own default port is 4143.
    pub listen: SocketAddr,
    pub access: Access,
    /// With a certificate the port speaks `wss`, and only that.
    pub tls: Option<tls::Certificate>,
    /// Connections at once; further ones are closed before a word is said.
    pub max_connections: usize,
    /// Connections at once, in all and of one address, that have not announced a call yet. They make room for one
    /// another, so that who connects and says nothing keeps no caller out.
    pub unproven: Limits,
    pub waits: Waits,
}

impl Options {
    /// Options with the usual limits: 400 connections, [`UNPROVEN`] more without a call, and [`Waits::default`].
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        let (access, waits) = (Access::default(), Waits::default());
        let unproven = Limits { most: UNPROVEN, of_one_address: UNPROVEN / 2, unlimited: Vec::new() };
        Self { listen, access, tls: None, max_connections: 400, unproven, waits }
    }
}

/// How long a peer may take.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// For TLS and the WebSocket handshake together.
    pub handshake: Duration,
    /// From the handshake to `incoming_call`.
    pub first_message: Duration,
    /// From the end of a call to its `cdr`.
    pub cdr: Duration,
    /// Between two pings.
    pub ping: Duration,
    /// A peer that sends nothing for so long, not even pongs, is gone.
    pub silence: Duration,
    /// A peer that takes nothing off the wire for so long is gone.
    pub write: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            handshake: seconds(5),
            first_message: seconds(10),
            cdr: seconds(5),
            ping: Duration::from_millis(500),
            silence: seconds(25),
            write: seconds(5),
        }
    }
}
