//! The other end, for tests of every package: a browser that offers audio, without IO and without a clock.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use rtp::Law;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, SeqNo};
use str0m::{Candidate, Event, Input, Rtc};

use crate::identity::Identity;
use crate::peer::{Gone, Output, Received, config};

/// A browser.
pub struct Browser {
    rtc: Rtc,
    address: SocketAddr,
    mid: Mid,
    pending: Option<SdpPendingOffer>,
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Browser {
    /// A browser at `address` that speaks these laws, and its offer.
    ///
    /// # Panics
    /// When the library makes no offer.
    #[expect(clippy::expect_used, reason = "for tests")]
    #[must_use]
    pub fn offering(identity: &Identity, address: SocketAddr, laws: &[Law], now: Instant) -> (Self, String) {
        let mut rtc = config(identity, laws).build(now);
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp).expect("a candidate"));
        let mut changes = rtc.sdp_api();
        let mid = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = changes.apply().expect("an offer");
        (Self { rtc, address, mid, pending: Some(pending) }, offer.to_sdp_string())
    }

    /// Takes the answer.
    ///
    /// # Errors
    /// When it is none, or none to this offer.
    pub fn accept(&mut self, answer: &str) -> Result<(), Gone> {
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|error| Gone::new(&error))?;
        let pending = self.pending.take().ok_or_else(|| Gone::new(&"it has an answer"))?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(|error| Gone::new(&error))
    }

    /// Sends a packet of 20 ms.
    pub fn say(&mut self, payload_type: u8, sequence: u64, payload: &[u8], now: Instant) {
        self.say_at(payload_type, (sequence, sequence * 160), payload, now);
    }

    /// Sends a packet with this number and time, which is in samples.
    pub fn say_at(&mut self, payload_type: u8, (sequence, time): (u64, u64), payload: &[u8], now: Instant) {
        let pt = Pt::new_with_value(payload_type);
        let timestamp = time as u32;
        let write = RtpWrite::new(pt, SeqNo::from(sequence), timestamp, now, payload.to_vec());
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(self.mid, None) {
            stream.write_rtp(write);
        }
        let _due = self.handle_timeout(now);
    }

    /// As [`crate::Peer::receive`].
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn receive(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Result<(), Gone> {
        let Ok(receive) = Receive::new(Protocol::Udp, from, self.address, datagram) else { return Ok(()) };
        self.rtc.handle_input(Input::Receive(now, receive)).map_err(|error| Gone::new(&error))
    }

    /// As [`crate::Peer::handle_timeout`].
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Gone> {
        self.rtc.handle_input(Input::Timeout(now)).map_err(|error| Gone::new(&error))
    }

    /// Says goodbye, as a page that is closed does.
    ///
    /// # Errors
    /// When there is nobody to say it to.
    pub fn close(&mut self) -> Result<(), Gone> {
        self.rtc.close().map_err(|error| Gone::new(&error))
    }

    /// As [`crate::Peer::poll`].
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn poll(&mut self) -> Result<Output, Gone> {
        loop {
            match self.rtc.poll_output().map_err(|error| Gone::new(&error))? {
                str0m::Output::Timeout(at) => return Ok(Output::Wait(at)),
                str0m::Output::Transmit(transmit) => {
                    return Ok(Output::Send { to: transmit.destination, datagram: transmit.contents.into() });
                }
                str0m::Output::Event(Event::Connected) => return Ok(Output::Connected),
                str0m::Output::Event(Event::RtpPacket(packet)) => {
                    return Ok(Output::Packet(Received::new(packet)));
                }
                str0m::Output::Event(Event::Closed) => return Ok(Output::Closed),
                str0m::Output::Event(_) => {}
            }
        }
    }
}
