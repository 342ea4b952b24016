//! What goes to and fro in one call, without its sockets. Pure.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use callcore::audio::{FRAME_SAMPLES, Frame};
use rtp::sdp::Agreement;
use rtp::{NoKey, Options, PACKET_BYTES, Packet, Quality, Stream, is_rtcp};
use tokio::time::Instant;

use super::FRAME_TIME;
use super::latch::Latch;
use super::outgoing::Outgoing;
use crate::media::{Full, MediaTime};

/// Longest report that we write.
const REPORT_BYTES: usize = 200;
/// Frames whose samples share an allocation.
const FRAMES_AT_ONCE: usize = 48;
const FRAME_BYTES: usize = FRAME_SAMPLES * 2;
/// After so long without a packet, silence of ours is not handed on as if it came from the peer.
const UNHEARD: Duration = Duration::from_secs(5);

/// What a stream brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The next 20 ms of the peer's audio, pcm16. `at` runs with our play-out: it has a gap where nothing came for long.
    Audio { at: MediaTime, pcm: Bytes },
    /// A key that the peer pressed.
    Key(char),
    /// Everything before this mark has been sent in time, and the peer has been heard of after it had sounded.
    CheckPoint(String),
    /// By its reports the peer has got packets that were sent up to then.
    Delivered { sent_by: Instant },
}

/// What there is to be sent after a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Due {
    /// Length of the packet, and whereto.
    pub(super) packet: Option<(usize, SocketAddr)>,
    /// The same of a report, and whether it goes over the port of the audio.
    pub(super) report: Option<(usize, SocketAddr, bool)>,
}

/// Datagrams that were not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// From other addresses than the peer's.
    pub strangers: u64,
    /// Neither RTP nor RTCP.
    pub unreadable: u64,
}

#[derive(Debug)]
pub(super) struct Exchange {
    stream: Stream,
    agreement: Agreement,
    latch: Latch,
    /// Where the peer's reports come from, once they do.
    reports_from: Option<SocketAddr>,
    outgoing: Outgoing,
    began: Instant,
    /// When the first frame of the peer's was due.
    first: Option<Instant>,
    /// When anything of the peer's came last: a packet, or a report.
    heard_at: Option<Instant>,
    delivered: Option<Instant>,
    events: VecDeque<Event>,
    pcm: BytesMut,
    refused: Refused,
    pub(super) packet: [u8; PACKET_BYTES],
    pub(super) report: [u8; REPORT_BYTES],
}

impl Exchange {
    /// A call whose frames are due from `began` on.
    pub(super) fn new(agreement: Agreement, options: Options, began: Instant) -> Self {
        Self {
            stream: Stream::new(options),
            agreement,
            latch: Latch::new(agreement.address, began),
            reports_from: None,
            outgoing: Outgoing::new(began),
            began,
            first: None,
            heard_at: None,
            delivered: None,
            events: VecDeque::with_capacity(8),
            pcm: BytesMut::with_capacity(FRAMES_AT_ONCE * FRAME_BYTES),
            refused: Refused::default(),
            packet: [0; PACKET_BYTES],
            report: [0; REPORT_BYTES],
        }
    }

    pub(super) fn agree(&mut self, agreement: Agreement, now: Instant) {
        self.stream.set_formats(agreement.formats);
        self.latch.rename(agreement.address, now);
        if agreement.reports != self.agreement.reports {
            self.reports_from = None;
        }
        self.agreement = agreement;
    }

    pub(super) fn push(&mut self, pcm: Bytes) -> Result<(), Full> {
        self.outgoing.push(pcm)
    }

    pub(super) fn mark(&mut self, name: String) -> Result<(), Full> {
        self.outgoing.mark(name)
    }

    pub(super) fn cut(&mut self, now: Instant) {
        self.outgoing.cut(now);
    }

    pub(super) fn press(&mut self, key: char, duration_ms: u32) -> Result<(), NoKey> {
        self.stream.press(key, duration_ms)
    }

    pub(super) fn heard_at(&self) -> Option<Instant> {
        self.heard_at
    }

    /// When a packet of RTP came last: a peer whose audio is lost on the way still reports.
    pub(super) fn audio_at(&self) -> Option<Instant> {
        self.stream.heard_at().map(|at| self.began + at)
    }

    pub(super) fn quality(&self, now: Instant) -> (Quality, Refused) {
        (self.stream.quality(self.time(now)), self.refused)
    }

    /// Takes in what came to the port of the audio.
    pub(super) fn receive(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) {
        if is_rtcp(datagram) {
            return self.receive_report(datagram, from, now);
        }
        let Ok(packet) = Packet::parse(datagram) else { return self.unreadable() };
        if !self.latch.admits(from, now) {
            return self.stranger();
        }
        self.take(&packet, now);
    }

    /// Takes in a packet that is known to be the peer's.
    pub(super) fn take(&mut self, packet: &Packet<'_>, now: Instant) {
        self.stream.receive(packet, self.time(now));
        self.heard_at = Some(now);
        while let Some(key) = self.stream.poll_key() {
            self.events.push_back(Event::Key(key));
        }
    }

    /// Takes in what came to the port of the reports.
    pub(super) fn receive_report(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) {
        if !self.latch.admits_report(from) {
            return self.stranger();
        }
        if self.stream.receive_report(datagram, self.time(now)).is_err() {
            return self.unreadable();
        }
        self.reports_from = Some(from);
        self.heard_at = Some(now);
        let sent_by = self.stream.delivered().map(|at| self.began + at);
        if let Some(sent_by) = sent_by.filter(|at| self.delivered.is_none_or(|before| *at > before)) {
            self.delivered = Some(sent_by);
            self.events.push_back(Event::Delivered { sent_by });
        }
    }

    fn stranger(&mut self) {
        self.refused.strangers += 1;
        metrics::counter!("dering_rtp_dropped_total", "reason" => "stranger").increment(1);
    }

    fn unreadable(&mut self) {
        self.refused.unreadable += 1;
        metrics::counter!("dering_rtp_dropped_total", "reason" => "unreadable").increment(1);
    }

    /// Does what is due every 20 ms: hands on the peer's next frame, and writes ours.
    pub(super) fn tick(&mut self, due: Instant) -> Due {
        let now = self.time(due);
        let mut frame = [0; FRAME_SAMPLES];
        self.stream.play(&mut frame, now);
        if self.stream.heard_at().is_some_and(|at| now.saturating_sub(at) < UNHEARD) {
            let first = *self.first.get_or_insert(due);
            let since = due.saturating_duration_since(first).as_millis() as u64;
            let at = MediaTime::from_samples(since * 8);
            self.pcm.reserve(FRAME_BYTES);
            self.pcm.extend(frame.iter().flat_map(|sample| sample.to_le_bytes()));
            self.events.push_back(Event::Audio { at, pcm: self.pcm.split().freeze() });
        }
        while let Some(name) = self.outgoing.poll_mark(due, self.heard_at, self.delivered) {
            self.events.push_back(Event::CheckPoint(name));
        }
        Due { packet: self.write_packet(&mut frame, due), report: self.write_report(now) }
    }

    fn write_packet(&mut self, frame: &mut Frame, due: Instant) -> Option<(usize, SocketAddr)> {
        if !self.agreement.direction.has_send() || self.latch.address().ip().is_unspecified() {
            self.stream.skip();
            return None;
        }
        if !self.stream.is_pressing() {
            self.outgoing.take(frame, due);
        }
        let length = self.stream.send(frame, self.time(due), &mut self.packet);
        Some((length, self.latch.address()))
    }

    fn write_report(&mut self, now: Duration) -> Option<(usize, SocketAddr, bool)> {
        if now < self.stream.report_due() {
            return None;
        }
        let to = self.reports_to();
        let length = self.stream.report(now, &mut self.report);
        (!to.ip().is_unspecified()).then_some((length, to, self.agreement.is_muxed))
    }

    fn reports_to(&self) -> SocketAddr {
        let peer = self.latch.address();
        if self.agreement.is_muxed {
            return peer;
        }
        self.reports_from.unwrap_or_else(|| {
            if self.latch.is_as_named() {
                self.agreement.reports
            } else {
                SocketAddr::new(peer.ip(), peer.port().saturating_add(1))
            }
        })
    }

    /// Lets frames pass that nobody had time for.
    pub(super) fn skip(&mut self, frames: u32) {
        for _ in 0..frames {
            self.stream.skip();
        }
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn time(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let counts = self.stream.quality(self.time(Instant::now())).counts;
        for (result, count) in [("received", counts.received), ("lost", counts.lost), ("late", counts.late)] {
            metrics::counter!("dering_rtp_packets_total", "result" => result).increment(count);
        }
    }
}

/// How many whole frames lie in a time.
pub(super) fn frames_in(time: Duration) -> u32 {
    u32::try_from(time.as_millis() / FRAME_TIME.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
