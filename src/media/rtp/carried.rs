//! The audio of one call whose packets somebody else encrypts, carries and reports on.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use rtp::sdp::{Agreement, Direction};
use rtp::{Formats, NoKey, Packet, Quality};
use tokio::time::Instant;

use super::exchange::{Event, Exchange};
use super::stream::{beginning, next_frame};
use crate::media::Full;

/// Stands for the peer, whose address is known to whoever carries the packets.
const ELSEWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

/// The media of one call. Who owns it calls [`Self::tick`] when [`Self::due`] has come, and drains [`Self::poll_event`] after
/// everything.
#[derive(Debug)]
pub struct CarriedStream {
    exchange: Box<Exchange>,
    due: Instant,
}

impl CarriedStream {
    /// Begins to send and to receive.
    #[must_use]
    pub fn begin(formats: Formats) -> Self {
        let agreement = Agreement {
            formats,
            address: ELSEWHERE,
            reports: ELSEWHERE,
            is_muxed: true,
            direction: Direction::SendRecv,
            packet_ms: None,
        };
        let due = Instant::now();
        Self { exchange: Box::new(Exchange::new(agreement, beginning(formats), due)), due }
    }

    /// When the next frame is due.
    #[must_use]
    pub const fn due(&self) -> Instant {
        self.due
    }

    /// The packet of the next 20 ms, to be carried to the peer.
    pub fn tick(&mut self) -> Option<&[u8]> {
        let due = next_frame(&mut self.exchange, &mut self.due, Instant::now());
        let (length, _) = due.packet?;
        self.exchange.packet.get(..length)
    }

    /// Takes in a packet of the peer's.
    pub fn receive(&mut self, packet: &Packet<'_>) {
        self.exchange.take(packet, Instant::now());
    }

    /// What has come of it.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.exchange.poll_event()
    }

    /// See [`RtpStream::play`](super::RtpStream::play).
    ///
    /// # Errors
    /// When it does not fit; then nothing of it is queued.
    pub fn play(&mut self, pcm: Bytes) -> Result<(), Full> {
        self.exchange.push(pcm)
    }

    /// See [`RtpStream::mark`](super::RtpStream::mark).
    ///
    /// # Errors
    /// When too many marks wait already.
    pub fn mark(&mut self, name: String) -> Result<(), Full> {
        self.exchange.mark(name)
    }

    /// See [`RtpStream::interrupt`](super::RtpStream::interrupt).
    pub fn interrupt(&mut self) {
        self.exchange.cut(Instant::now());
    }

    /// See [`RtpStream::press`](super::RtpStream::press).
    ///
    /// # Errors
    /// When it is no key, the peer takes none, or too many wait.
    pub fn press(&mut self, key: char, duration_ms: u32) -> Result<(), NoKey> {
        self.exchange.press(key, duration_ms)
    }

    /// When a packet of the peer's came last.
    #[must_use]
    pub fn heard_at(&self) -> Option<Instant> {
        self.exchange.heard_at()
    }

    /// How the call is doing.
    #[must_use]
    pub fn quality(&self) -> Quality {
        self.exchange.quality(Instant::now()).0
    }
}
