//! Where browsers send to, and how many may call.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ::webrtc::NoIdentity;
use rtp::Law;

/// How calls in the browser are taken.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Our address as browsers see it, where that is not the one of `listen`.
    pub public_address: Option<IpAddr>,
    /// Takes TCP connections there, too, of browsers whose networks let no UDP through.
    pub tcp: bool,
    /// What we speak, what we like best first; not empty.
    pub laws: Vec<Law>,
    /// Calls at the same time.
    pub max_calls: usize,
    /// Of these, of one app, key or person.
    pub per_caller: usize,
    /// Of these, from one address.
    pub per_address: usize,
    /// What a camera may send, 1,000 bits in a second.
    pub camera_kbit: u32,
    /// People who watch cameras at the same time.
    pub max_watchers: usize,
    /// A browser that has not connected by then has no way to us, or was closed.
    pub connect_within: Duration,
    /// A call of which nothing has been heard for so long is lost.
    pub away_timeout: Duration,
}

impl Options {
    /// At `listen`, with everything else as usual.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            public_address: None,
            tcp: true,
            laws: vec![Law::Ulaw, Law::Alaw],
            max_calls: 100,
            per_caller: 50,
            per_address: 10,
            camera_kbit: 1_000,
            max_watchers: 50,
            connect_within: Duration::from_secs(20),
            away_timeout: Duration::from_secs(10),
        }
    }
}

/// Why no calls in the browser are taken.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "cannot listen for calls in the browser on {address}, UDP and, unless `webrtc.tcp` is false, TCP: {source}; choose another `webrtc.listen`"
    )]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Identity(#[from] NoIdentity),
}
