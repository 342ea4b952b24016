//! Whose packets belong to a stream (symmetric RTP, RFC 4961): behind a translation of addresses a peer sends from
//! elsewhere than it says. Pure.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;

/// So many packets of one address in a row make it the peer's, where the peer sends nothing from the address it named.
const PROOF: u32 = 3;
/// A peer that names a public address has so long to send from it before somebody else is believed.
const ITS_TURN: Duration = Duration::from_secs(1);
/// An address that was learnt and sends nothing for so long may have moved: a translation of addresses was renewed.
const MOVED: Duration = Duration::from_secs(2);

/// The address of the other end of a stream.
#[derive(Debug)]
pub(super) struct Latch {
    /// As the session description has it.
    named: SocketAddr,
    named_at: Instant,
    learnt: Option<SocketAddr>,
    /// When the address that was learnt sent something last.
    heard_at: Instant,
    /// An address that may become the peer's, and its packets so far.
    candidate: Option<(SocketAddr, u32)>,
}

impl Latch {
    pub(super) const fn new(named: SocketAddr, now: Instant) -> Self {
        Self { named, named_at: now, learnt: None, heard_at: now, candidate: None }
    }

    /// A new description names the peer's address: it may have moved.
    pub(super) fn rename(&mut self, named: SocketAddr, now: Instant) {
        if named != self.named {
            *self = Self::new(named, now);
        }
    }

    /// Whether an RTP packet from this address is the peer's. The first address that is believed stays the only one while
    /// it sends, but the one that the peer named is always believed.
    pub(super) fn admits(&mut self, from: SocketAddr, now: Instant) -> bool {
        if self.learnt == Some(from) || from == self.named {
            self.learnt = Some(from);
            self.heard_at = now;
            return true;
        }
        if !self.may_be(from.ip(), now) {
            return false;
        }
        let packets = match self.candidate {
            Some((address, packets)) if address == from => packets + 1,
            _ => 1,
        };
        self.candidate = Some((from, packets));
        if packets < PROOF {
            return false;
        }
        (self.learnt, self.heard_at, self.candidate) = (Some(from), now, None);
        true
    }

    /// Whether the peer may be at an address that nobody named.
    fn may_be(&self, from: IpAddr, now: Instant) -> bool {
        match self.learnt {
            Some(_) => now.saturating_duration_since(self.heard_at) >= MOVED,
            None => {
                let is_translated = is_private(self.named.ip()) && !is_private(from);
                is_translated
                    || from == self.named.ip()
                    || now.saturating_duration_since(self.named_at) >= ITS_TURN
            }
        }
    }

    /// Whether reports from this address are the peer's: they come from another port.
    pub(super) fn admits_report(&self, from: SocketAddr) -> bool {
        from.ip() == self.address().ip() || from.ip() == self.named.ip()
    }

    /// Where the peer is.
    pub(super) fn address(&self) -> SocketAddr {
        self.learnt.unwrap_or(self.named)
    }

    /// Whether the peer is where it said.
    pub(super) fn is_as_named(&self) -> bool {
        self.address() == self.named
    }
}

/// Whether an address means nothing elsewhere: who names it is behind a translation of addresses.
const fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && second >= 64 && second < 128;
            address.is_private() || address.is_loopback() || address.is_link_local() || is_shared
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> SocketAddr {
        address.parse().expect("an address")
    }

    #[test]
    fn a_peer_behind_a_translation_is_learnt_from_its_third_packet_and_then_alone() {
        let now = Instant::now();
        let mut latch = Latch::new(at("10.0.0.5:4000"), now);
        let (peer, stranger) = (at("203.0.113.5:62000"), at("198.51.100.1:4000"));
        assert_eq!([peer, peer, stranger, peer].map(|from| latch.admits(from, now)), [false; 4]);
        assert_eq!(latch.address(), at("10.0.0.5:4000"), "nothing is sent to a stranger");
        assert_eq!([peer, peer, stranger].map(|from| latch.admits(from, now)), [false, true, false]);
        assert_eq!((latch.address(), latch.is_as_named()), (peer, false));
        assert!(latch.admits_report(at("203.0.113.5:62001")) && !latch.admits_report(stranger));
    }

    #[test]
    fn a_stranger_is_not_believed_while_a_peer_with_a_public_address_has_its_turn() {
        let now = Instant::now();
        let mut latch = Latch::new(at("203.0.113.5:4000"), now);
        let (stranger, other_port) = (at("198.51.100.1:4000"), at("203.0.113.5:62000"));
        assert_eq!([stranger; 5].map(|from| latch.admits(from, now)), [false; 5]);
        assert_eq!([other_port; 3].map(|from| latch.admits(from, now)), [false, false, true]);
        let mut latch = Latch::new(at("203.0.113.5:4000"), now);
        let later = now + ITS_TURN;
        assert_eq!([stranger; 3].map(|from| latch.admits(from, later)), [false, false, true]);
        assert!(latch.admits(at("203.0.113.5:4000"), later) && !latch.admits(stranger, later));
    }

    #[test]
    fn a_peer_that_has_moved_is_found_again_and_one_that_sends_is_not_displaced() {
        let now = Instant::now();
        let mut latch = Latch::new(at("10.0.0.5:4000"), now);
        let (before, after) = (at("203.0.113.5:62000"), at("203.0.113.5:62007"));
        let sent = [before; 3].map(|from| latch.admits(from, now));
        assert_eq!(sent, [false, false, true]);
        let soon = now + MOVED / 2;
        assert_eq!([after; 4].map(|from| latch.admits(from, soon)), [false; 4]);
        let later = now + MOVED;
        assert_eq!([after; 3].map(|from| latch.admits(from, later)), [false, false, true]);
        assert_eq!(latch.address(), after);
    }

    #[test]
    fn the_same_address_again_changes_nothing_and_another_one_all() {
        let now = Instant::now();
        let mut latch = Latch::new(at("203.0.113.5:4000"), now);
        assert!(latch.admits(at("203.0.113.5:4000"), now));
        latch.rename(at("203.0.113.5:4000"), now + ITS_TURN);
        assert_eq!([at("198.51.100.1:4000"); 3].map(|from| latch.admits(from, now)), [false; 3]);
        latch.rename(at("203.0.113.9:4000"), now);
        assert_eq!(latch.address(), at("203.0.113.9:4000"));
    }
}
