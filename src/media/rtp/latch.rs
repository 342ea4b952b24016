//! Whose packets belong to a stream (symmetric RTP, RFC 4961): behind a translation of addresses a peer sends from
//! elsewhere than it says. Pure.

use std::net::SocketAddr;

/// So many packets of one address in a row make it the peer's, where the peer sends nothing from the address it named.
const PROOF: u32 = 3;

/// The address of the other end of a stream.
#[derive(Debug)]
pub(super) struct Latch {
    /// As the session description has it.
    named: SocketAddr,
    learnt: Option<SocketAddr>,
    /// An address that may become the peer's, and its packets so far.
    candidate: Option<(SocketAddr, u32)>,
}

impl Latch {
    pub(super) const fn new(named: SocketAddr) -> Self {
        Self { named, learnt: None, candidate: None }
    }

    /// A new description names the peer's address: it may have moved.
    pub(super) fn rename(&mut self, named: SocketAddr) {
        if named != self.named {
            *self = Self::new(named);
        }
    }

    /// Whether an RTP packet from this address is the peer's. The first address that is believed stays the only one, but
    /// the one that the peer named is always believed.
    pub(super) fn admits(&mut self, from: SocketAddr) -> bool {
        if self.learnt == Some(from) {
            return true;
        }
        if from == self.named {
            self.learnt = Some(from);
            return true;
        }
        if self.learnt.is_some() {
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
        (self.learnt, self.candidate) = (Some(from), None);
        true
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> SocketAddr {
        address.parse().expect("an address")
    }

    #[test]
    fn a_peer_behind_a_translation_is_learnt_from_its_third_packet_and_then_alone() {
        let mut latch = Latch::new(at("10.0.0.5:4000"));
        let (peer, stranger) = (at("203.0.113.5:62000"), at("198.51.100.1:4000"));
        assert_eq!([peer, peer, stranger, peer].map(|from| latch.admits(from)), [false; 4]);
        assert_eq!(latch.address(), at("10.0.0.5:4000"), "nothing is sent to a stranger");
        assert_eq!([peer, peer, stranger].map(|from| latch.admits(from)), [false, true, false]);
        assert_eq!((latch.address(), latch.is_as_named()), (peer, false));
        assert!(latch.admits_report(at("203.0.113.5:62001")) && !latch.admits_report(stranger));
    }

    #[test]
    fn the_address_that_was_named_is_believed_at_once_and_over_any_other() {
        let mut latch = Latch::new(at("203.0.113.5:4000"));
        let stranger = at("198.51.100.1:4000");
        for _ in 0..3 {
            latch.admits(stranger);
        }
        assert_eq!(latch.address(), stranger);
        assert!(latch.admits(at("203.0.113.5:4000")) && !latch.admits(stranger));
        latch.rename(at("203.0.113.5:4000"));
        assert!(!latch.admits(stranger), "the same address again changes nothing");
        latch.rename(at("203.0.113.9:4000"));
        assert_eq!(latch.address(), at("203.0.113.9:4000"));
    }
}
