use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::testing::Browser;

const LAWS: [Law; 2] = [Law::Ulaw, Law::Alaw];

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn ours() -> SocketAddr {
    at("192.0.2.1:4000")
}

fn theirs() -> SocketAddr {
    at("198.51.100.7:50000")
}

fn identity() -> Identity {
    Identity::new(7).unwrap()
}

fn offering(laws: &[Law], now: Instant) -> (Browser, String) {
    Browser::offering(&identity(), theirs(), laws, now)
}

/// A call over a network that loses nothing.
struct Call {
    peer: Peer,
    browser: Browser,
    now: Instant,
    told: Vec<Output>,
    heard: Vec<Output>,
}

impl Call {
    fn new(laws: &[Law]) -> Self {
        let now = Instant::now();
        let (mut browser, offer) = offering(laws, now);
        let (peer, answer) = Peer::answer(&identity(), ours(), &LAWS, &offer, now).unwrap();
        browser.accept(&answer).unwrap();
        Self { peer, browser, now, told: Vec::new(), heard: Vec::new() }
    }

    fn connected() -> Self {
        let mut call = Self::new(&LAWS);
        call.pass(2_000);
        for told in [&call.told, &call.heard] {
            assert!(told.iter().any(|told| matches!(told, Output::Connected)), "{told:?}");
        }
        call.told.clear();
        call.heard.clear();
        call
    }

    fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        loop {
            match self.peer.poll().unwrap() {
                Output::Wait(_) => return sent,
                Output::Send { to, datagram } => {
                    assert_eq!(to, theirs());
                    sent.push(datagram);
                }
                told @ (Output::Connected | Output::Packet(_) | Output::Away | Output::Closed) => {
                    self.told.push(told)
                }
            }
        }
    }

    fn drain_browser(&mut self) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        loop {
            match self.browser.poll().unwrap() {
                Output::Wait(_) => return sent,
                Output::Send { datagram, .. } => sent.push(datagram),
                told @ (Output::Connected | Output::Packet(_) | Output::Away | Output::Closed) => {
                    self.heard.push(told)
                }
            }
        }
    }

    /// Lets time pass, ms.
    fn pass(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            self.now += Duration::from_millis(10);
            self.browser.handle_timeout(self.now).unwrap();
            self.peer.handle_timeout(self.now).unwrap();
            for _ in 0..10 {
                for datagram in self.drain() {
                    self.browser.receive(&datagram, ours(), self.now).unwrap();
                }
                for datagram in self.drain_browser() {
                    self.peer.receive(&datagram, theirs(), self.now).unwrap();
                }
            }
        }
    }
}

fn packets(told: &[Output]) -> Vec<(u8, u16, Vec<u8>)> {
    let packets =
        told.iter().filter_map(|told| if let Output::Packet(it) = told { Some(it.packet()) } else { None });
    packets.map(|packet| (packet.payload_type, packet.sequence, packet.payload.to_vec())).collect()
}

#[test]
fn a_browser_is_heard_and_hears_us_and_keys_come_through() {
    let mut call = Call::connected();
    let formats = call.peer.formats();
    assert_eq!((formats.audio, formats.received_keys), (Coding::of(Law::Ulaw), Some(KEYS)));
    let start = rtp::Start { ssrc: 1, sequence: 65_534, timestamp: 0 };
    let mut sender = rtp::Sender::new(formats, start);
    let mut datagram = [0; rtp::PACKET_BYTES];
    for n in 0..4_u8 {
        call.browser.say(0, u64::from(n) + 1, &[n; 160], call.now);
        let length = sender.next(&[1_000; 160], &mut datagram);
        call.peer.send(&datagram[..length], call.now).unwrap();
        call.pass(20);
    }
    let key = [5, 0x8a, 0, 160];
    call.browser.say(KEYS, 5, &key, call.now);
    call.pass(20);
    let mut wanted: Vec<(u8, u16, Vec<u8>)> =
        (0..4_u8).map(|n| (0, u16::from(n) + 1, vec![n; 160])).collect();
    wanted.push((KEYS, 5, key.to_vec()));
    assert_eq!(packets(&call.told), wanted);
    let heard = packets(&call.heard);
    let sequences: Vec<u16> = heard.iter().map(|(_, sequence, _)| *sequence).collect();
    assert_eq!(sequences, [65_534, 65_535, 0, 1]);
    assert!(heard.iter().all(|(_, _, payload)| *payload == datagram[12..172]));
}

#[test]
fn the_law_is_the_one_that_the_browser_has() {
    assert_eq!(Call::new(&[Law::Alaw]).peer.formats().audio, Coding::of(Law::Alaw));
}

#[test]
fn a_goodbye_of_either_side_is_understood() {
    let is_closed = |told: &[Output]| told.iter().any(|told| matches!(told, Output::Closed));
    let mut call = Call::connected();
    call.peer.close().unwrap();
    call.pass(200);
    assert!(is_closed(&call.heard), "{:?}", call.heard);
    let mut call = Call::connected();
    call.browser.close().unwrap();
    call.pass(200);
    assert!(is_closed(&call.told), "{:?}", call.told);
}

#[test]
fn a_browser_that_is_heard_of_no_more_is_away() {
    let mut call = Call::connected();
    for _ in 0..600 {
        call.now += Duration::from_millis(100);
        call.peer.handle_timeout(call.now).unwrap();
        call.drain();
    }
    assert!(call.told.iter().any(|told| matches!(told, Output::Away)), "{:?}", call.told);
}

#[test]
fn a_stranger_is_neither_answered_nor_heard() {
    let mut call = Call::connected();
    let stranger = at("203.0.113.66:1234");
    let audio = [0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    for datagram in [&audio[..], b"\x00\x01\x00\x00", b"garbage", &[22; 40], &[]] {
        call.peer.receive(datagram, stranger, call.now).unwrap();
    }
    assert!(call.drain().is_empty());
    assert_eq!(packets(&call.told), []);
}

#[test]
fn a_call_is_found_by_the_name_in_its_requests() {
    let mut call = Call::new(&LAWS);
    call.now += Duration::from_millis(100);
    call.browser.handle_timeout(call.now).unwrap();
    let sent = call.drain_browser();
    assert!(!sent.is_empty());
    for datagram in sent {
        assert_eq!(user_of(&datagram).as_deref(), Some(call.peer.user()));
    }
    assert_eq!(user_of(&[0x80; 40]), None);
}

#[test]
fn an_offer_that_cannot_be_answered_is_refused_with_a_sentence() {
    let now = Instant::now();
    let (_, good) = offering(&LAWS, now);
    let told = |offer: &str| Peer::answer(&identity(), ours(), &LAWS, offer, now).unwrap_err().to_string();
    let opus = good.replace("a=rtpmap:0 PCMU/8000", "a=rtpmap:96 opus/48000/2");
    let opus =
        opus.replace("a=rtpmap:8 PCMA/8000", "a=rtpmap:97 opus/48000/2").replace("SAVPF 0 8", "SAVPF 96 97");
    for (offer, wanted) in [
        (String::new(), "this is no session description"),
        ("<html>".to_owned(), "this is no session description"),
        ("v=0\r\n".to_owned(), "0 of audio and 0 others"),
        (format!("{good}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"), "1 of audio and 1 others"),
        (good.replace("sendrecv", "recvonly"), "both ways"),
        (opus, "PCMU or PCMA"),
        (good.replace("a=fingerprint", "a=x-fingerprint"), "cannot be answered"),
        (format!("v=0{}", " ".repeat(offer::LONGEST_OFFER)), "longer than 32768 bytes"),
    ] {
        let told = told(&offer);
        assert!(told.contains(wanted), "{wanted}: {told}\n{offer}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn no_offer_causes_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let now = Instant::now();
        let mut bytes = offering(&LAWS, now).1.into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _answer = Peer::answer(&identity(), ours(), &LAWS, &String::from_utf8_lossy(&bytes), now);
    }

    #[test]
    fn no_datagram_causes_a_panic(datagram in prop::collection::vec(any::<u8>(), 0..100)) {
        let _user = user_of(&datagram);
        let mut call = Call::new(&LAWS);
        let _taken = call.peer.receive(&datagram, theirs(), call.now);
        let _sent = call.peer.send(&datagram, call.now);
        call.drain();
    }
}
