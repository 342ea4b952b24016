//! Why SIP does not do what it was asked for.

use std::net::SocketAddr;

use super::address::{BadAddress, Transport};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum SipError {
    #[error("{name} cannot listen for SIP on {listen} ({transport}): {reason}; choose another `listen`", transport = transport.as_str())]
    Listen { name: String, listen: SocketAddr, transport: Transport, reason: String },
    #[error(transparent)]
    Address(#[from] BadAddress),
    #[error("the SIP server cannot be found: {0}")]
    NoAddress(String),
    #[error("the SIP server takes no connection: {0}")]
    NoConnection(String),
    #[error("the SIP request cannot be made: {0}")]
    Request(String),
}
