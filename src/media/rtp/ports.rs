//! The ports of the streams: a range, two for each call (RFC 3550, section 11: RTP on the even one, reports on the next).

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::Arc;

use parking_lot::Mutex;

/// Why a call gets no ports.
#[derive(Debug, thiserror::Error)]
pub enum NoPort {
    #[error("no two ports next to each other are in {first}-{last}: choose a larger range")]
    Range { first: u16, last: u16 },
    #[error("no port is free in {first}-{last}: allow for more ports, or for fewer calls")]
    NoneFree { first: u16, last: u16 },
    #[error("the ports of a call cannot be opened on {address}: {source}")]
    Open { address: SocketAddr, source: io::Error },
}

/// A range as people write it, `20000-29999`, above the ports of the system.
#[must_use]
pub fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first >= 1_024 && last > first).then_some(first..=last)
}

/// Gives ports to calls. Cheap to clone; clones share the range.
#[derive(Clone, Debug)]
pub struct RtpPorts(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ip: IpAddr,
    /// Even.
    first: u16,
    /// Which pairs are taken, and where to go on looking: a port rests as long as possible, so that what is still under way to
    /// it finds nobody.
    pairs: Mutex<Pairs>,
}

#[derive(Debug)]
struct Pairs {
    taken: Vec<bool>,
    next: usize,
}

/// Two ports of ours, free again when dropped.
#[derive(Debug)]
pub struct Sockets {
    pub(super) audio: tokio::net::UdpSocket,
    pub(super) reports: tokio::net::UdpSocket,
    address: SocketAddr,
    _lease: Lease,
}

#[derive(Debug)]
struct Lease {
    shared: Arc<Shared>,
    pair: usize,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.pairs.lock().taken[self.pair] = false;
    }
}

impl RtpPorts {
    /// Ports of `range` on the local address `ip`.
    ///
    /// # Errors
    /// When no two of them are next to each other, the first one even.
    pub fn new(ip: IpAddr, range: RangeInclusive<u16>) -> Result<Self, NoPort> {
        let (first, last) = (*range.start(), *range.end());
        let even = first.checked_add(first % 2).filter(|even| *even >= first.max(2));
        let pairs = even.map_or(0, |even| (usize::from(last) + 1).saturating_sub(usize::from(even)) / 2);
        match even.filter(|_| pairs > 0) {
            Some(first) => {
                let pairs = Mutex::new(Pairs { taken: vec![false; pairs], next: 0 });
                Ok(Self(Arc::new(Shared { ip, first, pairs })))
            }
            None => Err(NoPort::Range { first, last }),
        }
    }

    /// How many calls can have ports at the same time.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.pairs.lock().taken.len()
    }

    /// Opens two ports. Those that other programs have are passed over.
    ///
    /// # Errors
    /// When none are free, or the address is none of this machine.
    pub fn open(&self) -> Result<Sockets, NoPort> {
        let capacity = self.capacity();
        for _ in 0..capacity {
            let Some(lease) = self.lease() else { break };
            let address = SocketAddr::new(self.0.ip, self.0.first + 2 * lease.pair as u16);
            match bind(address) {
                Ok((audio, reports)) => return Ok(Sockets { audio, reports, address, _lease: lease }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(source) => return Err(NoPort::Open { address, source }),
            }
        }
        let first = self.0.first;
        Err(NoPort::NoneFree { first, last: first + (2 * capacity - 1) as u16 })
    }

    /// The next pair that no call has.
    fn lease(&self) -> Option<Lease> {
        let mut pairs = self.0.pairs.lock();
        let count = pairs.taken.len();
        let pair = (0..count).map(|n| (pairs.next + n) % count).find(|pair| !pairs.taken[*pair])?;
        pairs.taken[pair] = true;
        pairs.next = (pair + 1) % count;
        Some(Lease { shared: Arc::clone(&self.0), pair })
    }
}

fn bind(address: SocketAddr) -> io::Result<(tokio::net::UdpSocket, tokio::net::UdpSocket)> {
    let open = |address: SocketAddr| {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(socket)
    };
    Ok((open(address)?, open(SocketAddr::new(address.ip(), address.port() + 1))?))
}

impl Sockets {
    /// Where we receive RTP.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn each_call_gets_an_even_port_and_the_one_after_it_until_none_is_free() {
        let ports = RtpPorts::new(LOOPBACK, 41_001..=41_007).expect("a range");
        let calls: Vec<Sockets> = std::iter::from_fn(|| ports.open().ok()).collect();
        // Another program may have one.
        assert!((2..=3).contains(&calls.len()), "{calls:?}");
        for call in &calls {
            assert_eq!(call.address().port() % 2, 0);
            let reports = call.reports.local_addr().expect("bound").port();
            assert_eq!(reports, call.address().port() + 1);
        }
        let full = ports.open().expect_err("full").to_string();
        assert!(full.contains("no port is free in 41002-41007"), "{full}");
        drop(calls);
        assert!(ports.open().is_ok());
    }

    #[tokio::test]
    async fn a_port_rests_before_it_is_used_again() {
        let ports = RtpPorts::new(LOOPBACK, 41_100..=41_199).expect("a range");
        let first = ports.open().expect("ports").address();
        assert_ne!(ports.open().expect("ports").address(), first);
    }

    #[test]
    fn a_range_without_a_pair_is_refused() {
        for range in [5_001..=5_002, 5_000..=5_000, 65_535..=65_535, 0..=1] {
            let told = RtpPorts::new(LOOPBACK, range.clone()).expect_err("no pair").to_string();
            assert!(told.contains("choose a larger range"), "{range:?}: {told}");
        }
        assert_eq!(RtpPorts::new(LOOPBACK, 1_024..=65_535).expect("most").capacity(), 32_256);
    }
}
