//! The pictures of a connection: which way they go, and their packets.

use std::sync::Arc;
use std::time::Instant;

use rtp::vp8;
use str0m::Rtc;
use str0m::bwe::Bitrate;
use str0m::format::{Codec, PayloadParams};
use str0m::media::{KeyframeRequestKind, Mid, Pt};
use str0m::rtp::{RtpWrite, SeqNo};

use crate::offer::BadOffer;

/// A stream of VP8 that was agreed on.
#[derive(Debug)]
pub(crate) struct Pictures {
    mid: Mid,
    payload_type: u8,
    are_shown: bool,
    come: bool,
    /// The number of the next packet that is sent.
    next: u64,
}

impl Pictures {
    /// What was agreed on of this stream.
    pub(crate) fn agreed(rtc: &mut Rtc, mid: Mid) -> Result<Self, BadOffer> {
        let media = rtc.media(mid).ok_or(BadOffer::NoVp8)?;
        let (theirs, direction) = (media.remote_pts().to_vec(), media.direction());
        let is_vp8 =
            |params: &&PayloadParams| params.spec().codec == Codec::Vp8 && theirs.contains(&params.pt());
        let params = rtc.codec_config().params().iter().find(is_vp8).ok_or(BadOffer::NoVp8)?;
        let payload_type = *params.pt();
        Ok(Self {
            mid,
            payload_type,
            are_shown: direction.is_sending(),
            come: direction.is_receiving(),
            next: 1,
        })
    }

    pub(crate) const fn are_shown(&self) -> bool {
        self.are_shown
    }

    pub(crate) const fn come(&self) -> bool {
        self.come
    }

    pub(crate) const fn carries(&self, payload_type: u8) -> bool {
        self.payload_type == payload_type
    }

    /// Sends a frame in as many packets as it needs.
    pub(crate) fn send_frame(&mut self, rtc: &mut Rtc, frame: &[u8], timestamp: u32, now: Instant) {
        let payloads = vp8::payloads(frame);
        let last = payloads.len().saturating_sub(1);
        for (n, payload) in payloads.enumerate() {
            let packet = Packet { number: self.next, timestamp, marker: n == last, payload: payload.into() };
            self.send_packet(rtc, packet, now);
            self.next += 1;
        }
    }

    /// Sends a packet as it is, sent again where the browser misses it.
    pub(crate) fn send_packet(&self, rtc: &mut Rtc, packet: Packet, now: Instant) {
        let Packet { number, timestamp, marker, payload } = packet;
        let pt = Pt::new_with_value(self.payload_type);
        let write = RtpWrite::new(pt, SeqNo::from(number), timestamp, now, payload);
        if let Some(stream) = rtc.direct_api().stream_tx_by_mid(self.mid, None) {
            stream.write_rtp(write.marker(marker).nackable(true));
        }
    }

    /// Says how much may come, by REMB (draft-alvestrand-rmcat-remb-03).
    pub(crate) fn limit(&self, rtc: &mut Rtc, bits_per_second: u64) {
        if let Some(stream) = rtc.direct_api().stream_rx_by_mid(self.mid, None) {
            stream.request_remb(Bitrate::bps(bits_per_second));
        }
    }

    pub(crate) fn want_key_frame(&self, rtc: &mut Rtc) {
        if let Some(stream) = rtc.direct_api().stream_rx_by_mid(self.mid, None) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }
}

/// A packet of a camera, to be handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Counted on past 16 bits.
    pub number: u64,
    /// In ticks of [`vp8::CLOCK`].
    pub timestamp: u32,
    /// The last of its frame.
    pub marker: bool,
    /// As RFC 7741 writes it.
    pub payload: Arc<[u8]>,
}
