//! Where the gateway speaks SIP.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

/// Where the gateway speaks SIP.
#[derive(Clone, Debug)]
pub struct SipOptions {
    /// Over UDP; port 0 takes any free port.
    pub listen: SocketAddr,
    /// Ports for audio, two for each call.
    pub rtp_ports: RangeInclusive<u16>,
}
