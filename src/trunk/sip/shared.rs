//! What all calls of a trunk share.

use std::net::SocketAddr;

use rtp::sdp::Negotiation;

use super::options::Options;
use super::task::{Common, Media};
use crate::media::rtp::RtpPorts;
use crate::sip::Endpoint;

/// What all calls of the trunk share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) endpoint: Endpoint,
    pub(super) ports: RtpPorts,
}

impl Shared {
    /// What each call has to know of the trunk.
    pub(super) fn common(&self) -> Common {
        Common {
            trunk: self.options.name.clone(),
            server: self.options.server.clone(),
            transport: self.options.transport,
            own: self.endpoint.address(),
            traces: self.options.traces.clone(),
        }
    }

    /// Ports for a call, and the description of them.
    pub(super) fn media(&self) -> Result<(Media, Negotiation), String> {
        let sockets = self.ports.open().map_err(|error| error.to_string())?;
        let address = SocketAddr::new(self.endpoint.address().ip(), sockets.address().port());
        // Positive in every reader's arithmetic.
        let id = u64::from(rand::random::<u32>());
        Ok((Media::Ports(sockets), Negotiation::new(address, self.options.laws.clone(), id)))
    }
}
