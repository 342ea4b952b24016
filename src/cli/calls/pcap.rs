//! SIP messages as a capture file, for Wireshark: each a datagram of UDP (libpcap's classic format, link type 101, raw IP).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use serde_json::Value;

use super::shown::text;

/// Microseconds, little-endian (the format of `pcap-savefile(5)`).
const MAGIC: u32 = 0xa1b2_c3d4;
const LONGEST: u32 = 65_535;
/// Packets begin with their IP header.
const RAW_IP: u32 = 101;
const UDP: u8 = 17;
const HOPS: u8 = 64;
/// Stands for an end that is not known (RFC 5737: for examples).
const UNKNOWN: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 5_060);

/// The capture of what the API told of a call.
pub(super) fn capture(told: &Value) -> Vec<u8> {
    let own: SocketAddr = text(told, "own").parse().unwrap_or(UNKNOWN);
    let mut out = Vec::new();
    out.extend(MAGIC.to_le_bytes());
    out.extend(2_u16.to_le_bytes());
    out.extend(4_u16.to_le_bytes());
    out.extend([0; 8]);
    out.extend(LONGEST.to_le_bytes());
    out.extend(RAW_IP.to_le_bytes());
    for message in told["messages"].as_array().into_iter().flatten() {
        let peer: SocketAddr = text(message, "peer").parse().unwrap_or(UNKNOWN);
        let ends = if message["isOurs"] == true { (own, peer) } else { (peer, own) };
        let packet = packet(ends, text(message, "text").as_bytes());
        let at_ms = message["atMs"].as_u64().unwrap_or_default();
        out.extend(((at_ms / 1_000) as u32).to_le_bytes());
        out.extend(((at_ms % 1_000 * 1_000) as u32).to_le_bytes());
        let length = (packet.len() as u32).to_le_bytes();
        out.extend(length);
        out.extend(length);
        out.extend(packet);
    }
    out
}

/// A datagram with its headers (RFC 791, RFC 8200, RFC 768). Both ends get addresses of one kind.
fn packet((from, to): (SocketAddr, SocketAddr), payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(LONGEST as usize - 100)];
    let length = (8 + payload.len()) as u16;
    let mut datagram = Vec::with_capacity(payload.len() + 8);
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend(length.to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut header = vec![0x45, 0];
            header.extend((20 + length).to_be_bytes());
            header.extend([0, 0, 0x40, 0, HOPS, UDP, 0, 0]);
            header.extend(from.octets());
            header.extend(to.octets());
            let sum = checksum(&[&header]);
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            // Without a checksum, which IPv4 allows.
            header.into_iter().chain(datagram).collect()
        }
        (from, to) => {
            let (from, to) = (wide(from), wide(to));
            let pseudo = [&from.octets()[..], &to.octets()[..]].concat();
            let rest = [u32::from(length).to_be_bytes(), u32::from(UDP).to_be_bytes()].concat();
            let sum = match checksum(&[&pseudo, &rest, &datagram]) {
                0 => u16::MAX,
                sum => sum,
            };
            datagram[6..8].copy_from_slice(&sum.to_be_bytes());
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(length.to_be_bytes());
            header.extend([UDP, HOPS]);
            header.extend(pseudo);
            header.into_iter().chain(datagram).collect()
        }
    }
}

fn wide(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// The Internet checksum (RFC 1071). Every part but the last has an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u32 =
        words.map(|word| (u32::from(word[0]) << 8) | u32::from(word.get(1).copied().unwrap_or(0))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !(((folded & 0xffff) + (folded >> 16)) as u16)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_capture_has_a_datagram_for_each_message_with_its_ends_and_its_time() {
        let told = json!({ "own": "127.0.0.1:5070", "messages": [
            { "atMs": 1_700_000_000_123_u64, "isOurs": true, "peer": "192.0.2.9:5060", "text": "INVITE" },
            { "atMs": 1_700_000_000_456_u64, "isOurs": false, "peer": "[2001:db8::1]:5060", "text": "SIP/2.0 200 OK" },
        ] });
        let bytes = capture(&told);
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        assert_eq!((word(0), word(20)), (MAGIC, RAW_IP));
        assert_eq!((word(24), word(28), word(32)), (1_700_000_000, 123_000, 20 + 8 + 6));
        let first = &bytes[40..40 + 34];
        assert_eq!((&first[12..16], &first[16..20]), (&[127, 0, 0, 1][..], &[192, 0, 2, 9][..]));
        assert_eq!((&first[20..22], &first[28..]), (&5_070_u16.to_be_bytes()[..], &b"INVITE"[..]));
        assert_eq!(checksum(&[&first[..20]]), 0, "a header with its checksum sums up to nothing");
        let second = &bytes[40 + 34 + 16..];
        assert_eq!((second[0], second.len()), (0x60, 40 + 8 + 14));
        assert!(second.ends_with(b"SIP/2.0 200 OK"));
    }
}
