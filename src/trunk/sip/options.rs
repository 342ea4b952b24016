//! How to reach a SIP server, and what we are to it.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use rtp::Law;
use tokio::sync::mpsc;

use super::trace::CallTrace;
use crate::media::rtp::NoPort;
use crate::sip::{Account, Server, SipError, Transport};
use crate::trunk::leg::Offer;

/// Everything a trunk needs to know.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names the trunk in logs and metrics.
    pub name: String,
    pub server: Server,
    pub transport: Transport,
    /// Where we listen for SIP; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Our address as the server sees it, where that is not our own.
    pub public_address: Option<IpAddr>,
    /// Answers a server that asks for a password.
    pub account: Option<Account>,
    /// Whether we register with that account.
    pub registers: bool,
    /// The host in our own address (`From`).
    pub from_domain: Server,
    /// Whether the caller goes into `P-Asserted-Identity`, too.
    pub asserts_caller: bool,
    /// What we speak, what we like best first; not empty.
    pub laws: Vec<Law>,
    /// Of RTP and RTCP; two for each call.
    pub ports: RangeInclusive<u16>,
    /// Networks beside the server's own addresses that may bring calls.
    pub allow: Vec<IpNet>,
    /// Hosts that a call may be redirected to (3xx).
    pub redirects: Vec<Server>,
    /// Between two questions whether the server is there; `None` asks never.
    pub ping: Option<Duration>,
    /// A call of which nothing has been heard for so long is lost.
    pub away_timeout: Duration,
    /// Where calls go that somebody places to us over this trunk; without it they are refused.
    pub offers: Option<mpsc::Sender<Offer>>,
    /// Where the messages of calls go that are over, and how their audio was; what finds no room there is dropped.
    pub traces: Option<mpsc::Sender<CallTrace>>,
}

/// Why a trunk could not be started. A server that cannot be reached is no such reason: it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Sip(#[from] SipError),
    #[error("trunk {name}: {source}")]
    Ports { name: String, source: NoPort },
}
