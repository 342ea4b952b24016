//! The address of a server. All messages of a call go to the same one, as a CANCEL must go where its INVITE went, until
//! it answers nothing any more and the next one has its turn.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rsipstack::sip::{Host, HostWithPort};
use rsipstack::transport::SipAddr;
use rsipstack::transport::transport_layer::DomainResolver;
use tokio::time::Instant;

use super::guard::Guard;

/// How long an answer of the name service counts.
const KEPT: Duration = Duration::from_secs(300);

/// Names that are kept; beyond them those go whose answers are old.
const MOST_KNOWN: usize = 256;

#[derive(Debug, Default)]
struct Known {
    addresses: Vec<IpAddr>,
    until: Option<Instant>,
    /// Which of the addresses has its turn.
    turn: usize,
}

impl Known {
    fn current(&self) -> Option<IpAddr> {
        self.addresses.get(self.turn % self.addresses.len().max(1)).copied()
    }

    /// New addresses; the one in use stays in use if it is among them.
    fn replace(&mut self, mut addresses: Vec<IpAddr>, until: Instant) {
        addresses.sort_unstable();
        addresses.dedup();
        let current = self.current();
        self.turn = addresses.iter().position(|address| Some(*address) == current).unwrap_or(0);
        self.addresses = addresses;
        self.until = Some(until);
    }
}

/// Names to addresses, by the name service of the system (A and AAAA).
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    is_v4: bool,
    guard: Arc<Guard>,
    known: Arc<Mutex<HashMap<String, Known>>>,
}

impl Resolver {
    pub(super) fn new(is_v4: bool, guard: Arc<Guard>) -> Self {
        Self { is_v4, guard, known: Arc::default() }
    }

    /// The address of our server: it may begin something with us from now on.
    ///
    /// # Errors
    /// When the name service knows none of the kind that our socket has; the text says why.
    pub(super) async fn address(&self, host: &str) -> Result<IpAddr, String> {
        let address = self.look_up(host).await?;
        self.guard.admit([address]);
        let known = self.known.lock();
        self.guard.admit(known.get(host).into_iter().flat_map(|known| known.addresses.iter().copied()));
        Ok(address)
    }

    /// The address of a host, which may be anybody's: peers name hosts, too.
    async fn look_up(&self, host: &str) -> Result<IpAddr, String> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse() {
            return Ok(address);
        }
        let now = Instant::now();
        let fresh = {
            let known = self.known.lock();
            known
                .get(host)
                .filter(|known| known.until.is_some_and(|until| until > now))
                .and_then(Known::current)
        };
        if let Some(address) = fresh {
            return Ok(address);
        }
        let found = tokio::net::lookup_host((host, 0)).await;
        let mut known = self.known.lock();
        if known.len() >= MOST_KNOWN && !known.contains_key(host) {
            known.retain(|_, known| known.until.is_some_and(|until| until > now));
        }
        let known = known.entry(host.to_owned()).or_default();
        match found {
            Ok(found) => {
                let usable = |found: SocketAddr| (found.is_ipv4() == self.is_v4).then(|| found.ip());
                let addresses: Vec<_> = found.filter_map(usable).collect();
                known.replace(addresses, now + KEPT);
                known
                    .current()
                    .ok_or_else(|| format!("{host} has no address of the kind that is listened on"))
            }
            // Yesterday's address is better than none.
            Err(error) => known.current().ok_or_else(|| format!("{host} has no address: {error}")),
        }
    }

    /// The address in use answers nothing: the next one has its turn.
    pub(super) fn move_on(&self, host: &str) {
        if let Some(known) = self.known.lock().get_mut(host) {
            known.turn = known.turn.wrapping_add(1);
        }
    }
}

#[async_trait]
impl DomainResolver for Resolver {
    async fn resolve(&self, target: &SipAddr) -> Result<SipAddr, rsipstack::Error> {
        let host = target.addr.host.to_string();
        let address = self.look_up(&host).await.map_err(rsipstack::Error::DnsResolutionError)?;
        let kind = target.r#type.unwrap_or_default();
        let port = target.addr.port.unwrap_or_else(|| kind.default_port());
        let addr = HostWithPort { host: Host::IpAddr(address), port: Some(port) };
        Ok(SipAddr { r#type: Some(kind), addr })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_in_use_stays_until_it_is_moved_on_from() {
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        let mut known = Known::default();
        assert_eq!(known.current(), None);
        known.replace(vec![address(2), address(1)], Instant::now());
        assert_eq!(known.current(), Some(address(1)));
        known.turn += 1;
        known.replace(vec![address(3), address(2), address(1)], Instant::now());
        assert_eq!(known.current(), Some(address(2)), "another order of the answers changes nothing");
        known.replace(vec![address(4)], Instant::now());
        assert_eq!(known.current(), Some(address(4)), "it is gone");
    }
}
