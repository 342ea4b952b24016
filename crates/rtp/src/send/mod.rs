//! The sending half of a stream: one packet for each 20 ms.

mod keys;

use callcore::audio::{FRAME_SAMPLES, Frame};
use rtp_types::RtpPacketBuilder;

use crate::formats::Formats;
pub use keys::NoKey;
use keys::Presses;

/// Length of the longest packet that is sent: a header and 20 ms of G.711.
pub const PACKET_BYTES: usize = 12 + FRAME_SAMPLES;

/// Where the numbers of a stream begin. All three are to be random (RFC 3550, section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
}

/// See the module.
#[derive(Debug)]
pub struct Sender {
    formats: Formats,
    ssrc: u32,
    /// Of the next packet.
    sequence: u16,
    timestamp: u32,
    /// The next packet is the first after silence.
    marker: bool,
    presses: Presses,
    payload: Vec<u8>,
    packets: u32,
    octets: u32,
    /// Packets since the last pause.
    unbroken: u64,
}

impl Sender {
    #[must_use]
    pub fn new(formats: Formats, start: Start) -> Self {
        Self {
            formats,
            ssrc: start.ssrc,
            sequence: start.sequence,
            timestamp: start.timestamp,
            marker: true,
            presses: Presses::default(),
            payload: Vec::with_capacity(FRAME_SAMPLES),
            packets: 0,
            octets: 0,
            unbroken: 0,
        }
    }

    /// Writes packets by other numbers from now on, as a new agreement has them.
    pub const fn set_formats(&mut self, formats: Formats) {
        self.formats = formats;
    }

    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Presses a key once those before it have been, for 100 to 1,000 ms; other durations are brought there.
    ///
    /// # Errors
    /// When it is no key, none were agreed on, or too many wait.
    pub fn press(&mut self, key: char, duration_ms: u32) -> Result<(), NoKey> {
        if self.formats.sent_keys.is_none() {
            return Err(NoKey::NotAgreed);
        }
        self.presses.push(key, duration_ms)
    }

    /// Whether the next 20 ms belong to a key: audio is not heard then and may wait.
    #[must_use]
    pub fn is_pressing(&self) -> bool {
        self.formats.sent_keys.is_some() && self.presses.is_due()
    }

    /// Writes the packet of the next 20 ms, of a key or of `audio`; how long it is.
    pub fn next(&mut self, audio: &Frame, out: &mut [u8; PACKET_BYTES]) -> usize {
        let length = match (self.presses.advance(), self.formats.sent_keys) {
            (Some(part), Some(payload_type)) => {
                let began = self.timestamp.wrapping_sub(u32::from(part.since) * FRAME_SAMPLES as u32);
                self.write(payload_type, part.since == 0, began, &part.payload, out)
            }
            _ => {
                let mut payload = std::mem::take(&mut self.payload);
                payload.clear();
                self.formats.audio.law.encode(audio, &mut payload);
                let length =
                    self.write(self.formats.audio.payload_type, self.marker, self.timestamp, &payload, out);
                self.payload = payload;
                length
            }
        };
        self.marker = false;
        self.unbroken += 1;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
        length
    }

    /// Lets 20 ms pass in which nothing may be sent, as while the peer holds the call.
    pub const fn skip(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
        self.marker = true;
        self.unbroken = 0;
    }

    fn write(
        &mut self,
        payload_type: u8,
        marker: bool,
        timestamp: u32,
        payload: &[u8],
        out: &mut [u8; PACKET_BYTES],
    ) -> usize {
        let packet = RtpPacketBuilder::<&[u8], &[u8]>::new()
            .payload_type(payload_type)
            .marker_bit(marker)
            .sequence_number(self.sequence)
            .timestamp(timestamp)
            .ssrc(self.ssrc)
            .payload(payload);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u32);
        // It is refused for a payload type above 127 only, which no description can name.
        packet.write_into(out).unwrap_or(0)
    }

    /// Packets and octets of payload that were sent, as reports count them.
    pub(crate) const fn sent(&self) -> (u32, u32) {
        (self.packets, self.octets)
    }

    /// The time stamp of the next packet.
    pub(crate) const fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// How many packets were sent after the one of this number; `None` when it was sent before the last pause, or not
    /// yet.
    pub(crate) fn sent_since(&self, number: u32) -> Option<u64> {
        let since = u64::from(self.sequence.wrapping_sub(1).wrapping_sub(number as u16));
        (since < self.unbroken).then_some(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::Law;
    use crate::packet::Packet;

    const AT: Start = Start { ssrc: 7, sequence: 65_535, timestamp: u32::MAX - 159 };

    fn sender() -> Sender {
        Sender::new(Formats::new(Law::Alaw, Some(101)), AT)
    }

    fn sent<T>(sender: &mut Sender, read: impl Fn(Packet<'_>) -> T) -> T {
        let mut out = [0; PACKET_BYTES];
        let length = sender.next(&[0; FRAME_SAMPLES], &mut out);
        read(Packet::parse(&out[..length]).expect("ours"))
    }

    #[test]
    fn audio_goes_on_in_sequence_and_time_past_their_wraps_with_one_marker() {
        let mut sender = sender();
        let read = |p: Packet<'_>| (p.payload_type, p.marker, p.sequence, p.timestamp, p.payload.len());
        assert_eq!(sent(&mut sender, read), (8, true, 65_535, u32::MAX - 159, 160));
        assert_eq!(sent(&mut sender, read), (8, false, 0, 0, 160));
        sender.skip();
        assert_eq!(sent(&mut sender, read), (8, true, 1, 320, 160), "time passes while nothing is sent");
    }

    #[test]
    fn a_key_has_one_time_stamp_a_growing_duration_and_three_ends() {
        let mut sender = sender();
        sender.press('#', 100).expect("a key");
        let read = |p: Packet<'_>| {
            let [code, flags, high, low] = p.payload.try_into().expect("four bytes");
            (p.payload_type, p.marker, p.timestamp, code, flags, u16::from_be_bytes([high, low]))
        };
        let packets: Vec<_> = (0..7).map(|_| sent(&mut sender, read)).collect();
        let at = AT.timestamp;
        let durations = [160, 320, 480, 640, 800, 800, 800];
        for (n, (packet, duration)) in packets.into_iter().zip(durations).enumerate() {
            let end = if n < 4 { 0 } else { 0x80 };
            assert_eq!(packet, (101, n == 0, at, 11, end | 10, duration), "packet {n}");
        }
        assert!(!sender.is_pressing());
        assert_eq!(sent(&mut sender, |p| (p.payload_type, p.timestamp)), (8, at.wrapping_add(7 * 160)));
    }

    #[test]
    fn the_next_key_waits_a_tenth_of_a_second_and_durations_are_brought_into_range() {
        let mut sender = sender();
        for duration in [1, 5_000] {
            sender.press('5', duration).expect("a key");
        }
        let types: Vec<u8> = (0..65).map(|_| sent(&mut sender, |p| p.payload_type)).collect();
        let keys = |from: usize, to: usize| types[from..to].iter().all(|t| *t == 101);
        assert!(keys(0, 7) && keys(10, 62), "{types:?}");
        assert!(types[7..10].iter().chain(&types[62..]).all(|t| *t == 8), "{types:?}");
    }

    #[test]
    fn what_cannot_be_pressed_is_refused() {
        assert_eq!(sender().press('x', 100), Err(NoKey::Unknown('x')));
        let mut mute = Sender::new(Formats::new(Law::Ulaw, None), AT);
        assert_eq!(mute.press('1', 100), Err(NoKey::NotAgreed));
        let mut sender = sender();
        let taken = (0..100).filter(|_| sender.press('1', 100).is_ok()).count();
        assert_eq!(taken, 64);
    }

    #[test]
    fn it_is_known_how_long_ago_a_packet_was_sent() {
        let mut sender = sender();
        for _ in 0..3 {
            sent(&mut sender, |_| ());
        }
        assert_eq!((sender.sent_since(65_535), sender.sent_since(0x1_0001)), (Some(2), Some(0)));
        assert_eq!(sender.sent_since(2), None, "not yet");
        sender.skip();
        assert_eq!(sender.sent_since(1), None);
    }
}
