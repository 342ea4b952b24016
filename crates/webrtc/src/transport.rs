//! Where the two sides are (RFC 8445, section 4: a transport address).

use std::net::SocketAddr;

use str0m::net::{Protocol, Transmit};

/// How datagrams travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    Udp,
    /// Each datagram behind its length (RFC 4571), over a connection that the browser opens (RFC 6544).
    Tcp,
}

impl Transport {
    /// As it is written in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }

    pub(crate) const fn protocol(self) -> Protocol {
        match self {
            Self::Udp => Protocol::Udp,
            Self::Tcp => Protocol::Tcp,
        }
    }
}

/// Where a datagram comes from, or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransportAddress {
    pub transport: Transport,
    pub address: SocketAddr,
}

impl TransportAddress {
    /// The browser's end of a TCP connection.
    #[must_use]
    pub const fn tcp(address: SocketAddr) -> Self {
        Self { transport: Transport::Tcp, address }
    }
}

impl From<SocketAddr> for TransportAddress {
    /// A UDP address.
    fn from(address: SocketAddr) -> Self {
        Self { transport: Transport::Udp, address }
    }
}

impl From<&Transmit> for TransportAddress {
    /// Where it goes.
    fn from(transmit: &Transmit) -> Self {
        let transport = match transmit.proto {
            Protocol::Udp => Transport::Udp,
            Protocol::Tcp | Protocol::SslTcp | Protocol::Tls => Transport::Tcp,
        };
        Self { transport, address: transmit.destination }
    }
}

/// Where a server waits for browsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// As browsers see it.
    pub address: SocketAddr,
    /// It takes TCP connections there, too, for networks that let no UDP through.
    pub tcp: bool,
}

impl From<SocketAddr> for Listening {
    /// UDP alone.
    fn from(address: SocketAddr) -> Self {
        Self { address, tcp: false }
    }
}
