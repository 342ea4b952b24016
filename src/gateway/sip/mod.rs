//! The gateway over SIP: each INVITE to a number is a call to its callee, as a call placed by REST is.
//!
//! Callers prove to know the token of an account, whose name is their user name (digest authentication). The caller is the
//! one client in the room of its call: it hears what other clients are sent, and what it says and presses goes the same
//! way as theirs.

mod call;
mod transfer;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::accounts::Account;
use super::shared::{Shared, SipOptions};
use crate::media::rtp::{NoPort, RtpPorts};
use crate::sip::{self, Admission, Endpoint, Incoming, SipError, Transport};

/// Names the gateway to callers that it asks for a password, and its endpoint in logs.
const NAME: &str = "gateway";

/// Why the gateway cannot speak SIP.
#[derive(Debug, thiserror::Error)]
pub enum SipStartError {
    #[error(transparent)]
    Endpoint(#[from] SipError),
    #[error("the gateway has no ports for audio over SIP: {0}")]
    Ports(#[from] NoPort),
}

/// The gateway's SIP, until it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    endpoint: Endpoint,
    ports: RtpPorts,
    calls: mpsc::Receiver<Incoming>,
}

impl Listener {
    pub(super) async fn open(options: &SipOptions, accounts: &[Account]) -> Result<Self, SipStartError> {
        let ports = RtpPorts::new(options.listen.ip(), options.rtp_ports.clone())?;
        let known =
            |account: &Account| sip::Account { user: account.name.clone(), password: account.token.clone() };
        let (endpoint, calls) = Endpoint::open(sip::Options {
            name: NAME.to_owned(),
            listen: options.listen,
            transport: Transport::Udp,
            public_address: None,
            server: None,
            account: None,
            admission: Admission::Accounts {
                realm: NAME.to_owned(),
                accounts: accounts.iter().map(known).collect(),
            },
        })
        .await?;
        Ok(Self { endpoint, ports, calls })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.endpoint.address()
    }

    /// Takes calls until the gateway stops. Those that run then are ended with the others.
    pub(super) async fn serve(mut self, shared: Arc<Shared>) {
        let own: IpAddr = self.address().ip();
        loop {
            tokio::select! {
                incoming = self.calls.recv() => {
                    let Some(incoming) = incoming else { return };
                    shared.calls.spawn(call::run(Arc::clone(&shared), self.ports.clone(), own, incoming));
                }
                () = shared.stopping.cancelled() => return,
            }
        }
    }
}
