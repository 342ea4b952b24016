//! One RTP packet (RFC 3550, section 5.1).

use rtp_types::RtpPacket;

/// A datagram that is no RTP packet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no RTP packet: {why}")]
pub struct Malformed {
    why: String,
}

/// What we use of a packet. Contributing sources, a header extension and padding may be there and are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// 0 to 127.
    pub payload_type: u8,
    pub marker: bool,
    pub sequence: u16,
    /// In samples of 8 kHz.
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// When its version is not 2, or its header, extension or padding reach past its end.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let packet = RtpPacket::parse(datagram).map_err(|error| Malformed { why: error.to_string() })?;
        let from = packet.payload_offset();
        let payload = datagram.get(from..from + packet.payload_len()).unwrap_or_default();
        Ok(Self {
            payload_type: packet.payload_type(),
            marker: packet.marker_bit(),
            sequence: packet.sequence_number(),
            timestamp: packet.timestamp(),
            ssrc: packet.ssrc(),
            payload,
        })
    }
}

/// Whether a datagram on a port that carries both is RTCP (RFC 5761, section 4: packet types 192 to 223, which no RTP
/// packet with a legal payload type looks like).
#[must_use]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, ..] if first >> 6 == 2)
}

/// The number that continues `newest` by the 16 bits that the wire carries: the nearest one, before or after.
pub(crate) fn extend_sequence(newest: i64, sequence: u16) -> i64 {
    let ahead = sequence.wrapping_sub(newest as u16) as i16;
    newest + i64::from(ahead)
}

/// As [`extend_sequence`], of a time stamp.
pub(crate) fn extend_timestamp(newest: i64, timestamp: u32) -> i64 {
    let ahead = timestamp.wrapping_sub(newest as u32) as i32;
    newest + i64::from(ahead)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_surrounds_the_payload_is_skipped() {
        // Padding, extension of one word, one contributing source, marker, payload type 8.
        let mut datagram = vec![0xb1, 0x88, 0x12, 0x34, 0, 0, 0, 160, 0, 0, 0, 7, 0, 0, 0, 9];
        datagram.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
        datagram.extend([0xd5, 0xd5, 0xd5, 0, 0, 3]);
        let packet = Packet::parse(&datagram).unwrap();
        assert_eq!((packet.payload_type, packet.marker, packet.sequence), (8, true, 0x1234));
        assert_eq!((packet.timestamp, packet.ssrc, packet.payload), (160, 7, &[0xd5; 3][..]));
    }

    #[test]
    fn garbage_is_refused_with_a_sentence() {
        let told = |datagram: &[u8]| Packet::parse(datagram).unwrap_err().to_string();
        assert!(told(b"").starts_with("this is no RTP packet"));
        assert!(told(b"OPTIONS sip:a@b SIP/2.0").starts_with("this is no RTP packet"));
        let mut padded = [0; 14];
        padded[..2].copy_from_slice(&[0xa0, 0]);
        padded[13] = 200;
        assert!(told(&padded).starts_with("this is no RTP packet"), "more padding than packet");
    }

    #[test]
    fn numbers_go_on_past_their_wrap_in_both_directions() {
        assert_eq!(extend_sequence(65_535, 1), 65_537);
        assert_eq!(extend_sequence(65_537, 65_535), 65_535);
        assert_eq!(extend_timestamp(0xffff_ff00, 0x100), 0x1_0000_0100);
        assert_eq!(extend_timestamp(0, 0xffff_ffff), -1);
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(datagram in prop::collection::vec(any::<u8>(), 0..200)) {
            let _read = Packet::parse(&datagram);
            let _is = is_rtcp(&datagram);
        }
    }
}
