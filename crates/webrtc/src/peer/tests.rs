use std::time::Duration;

use proptest::prelude::*;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::MediaKind;

use super::*;

const LAWS: [Law; 2] = [Law::Ulaw, Law::Alaw];

fn at(address: &str) -> SocketAddr {
    address.parse().expect("an address")
}

fn ours() -> SocketAddr {
    at("192.0.2.1:4000")
}

fn theirs() -> SocketAddr {
    at("198.51.100.7:50000")
}

fn identity() -> Identity {
    Identity::new(7).expect("an identity")
}

/// A browser that offers audio.
struct Browser {
    rtc: Rtc,
    mid: Mid,
    pending: Option<SdpPendingOffer>,
    is_connected: bool,
    heard: Vec<RtpPacket>,
    is_closed: bool,
}

impl Browser {
    fn offering(laws: &[Law], now: Instant) -> (Self, String) {
        let mut rtc = config(&identity(), laws).build(now);
        rtc.add_local_candidate(Candidate::host(theirs(), Protocol::Udp).expect("a candidate"));
        let mut changes = rtc.sdp_api();
        let mid = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = changes.apply().expect("an offer");
        let browser = Self {
            rtc,
            mid,
            pending: Some(pending),
            is_connected: false,
            heard: Vec::new(),
            is_closed: false,
        };
        (browser, offer.to_sdp_string())
    }

    fn accept(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).expect("an answer");
        self.rtc.sdp_api().accept_answer(self.pending.take().expect("an offer"), answer).expect("accepted");
    }

    fn say(&mut self, payload_type: u8, sequence: u64, payload: &[u8], now: Instant) {
        let pt = Pt::new_with_value(payload_type);
        let write = RtpWrite::new(pt, SeqNo::from(sequence), sequence as u32 * 160, now, payload.to_vec());
        self.rtc.direct_api().stream_tx_by_mid(self.mid, None).expect("a stream").write_rtp(write);
    }

    fn poll(&mut self) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        loop {
            match self.rtc.poll_output().expect("a browser that works") {
                str0m::Output::Timeout(_) => return sent,
                str0m::Output::Transmit(transmit) => sent.push(transmit.contents.into()),
                str0m::Output::Event(Event::Connected) => self.is_connected = true,
                str0m::Output::Event(Event::RtpPacket(packet)) => self.heard.push(packet),
                str0m::Output::Event(Event::Closed) => self.is_closed = true,
                str0m::Output::Event(_) => {}
            }
        }
    }
}

/// A call over a network that loses nothing.
struct Call {
    peer: Peer,
    browser: Browser,
    now: Instant,
    told: Vec<Output>,
}

impl Call {
    fn new(laws: &[Law]) -> Self {
        let now = Instant::now();
        let (mut browser, offer) = Browser::offering(laws, now);
        let (peer, answer) = Peer::answer(&identity(), ours(), &LAWS, &offer, now).expect("an answer");
        browser.accept(&answer);
        Self { peer, browser, now, told: Vec::new() }
    }

    fn connected() -> Self {
        let mut call = Self::new(&LAWS);
        call.pass(2_000);
        assert!(call.browser.is_connected && call.told.iter().any(|told| matches!(told, Output::Connected)));
        call.told.clear();
        call
    }

    fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        loop {
            match self.peer.poll() {
                Ok(Output::Wait(_)) => return sent,
                Ok(Output::Send { to, datagram }) => {
                    assert_eq!(to, theirs());
                    sent.push(datagram);
                }
                Ok(told) => self.told.push(told),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Lets time pass, ms.
    fn pass(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            self.now += Duration::from_millis(10);
            self.browser.rtc.handle_input(Input::Timeout(self.now)).expect("the browser goes on");
            self.peer.handle_timeout(self.now).expect("we go on");
            for _ in 0..10 {
                for datagram in self.drain() {
                    if let Ok(receive) = Receive::new(Protocol::Udp, ours(), theirs(), &datagram) {
                        self.browser.rtc.handle_input(Input::Receive(self.now, receive)).expect("taken");
                    }
                }
                for datagram in self.browser.poll() {
                    self.peer.receive(&datagram, theirs(), self.now).expect("taken");
                }
            }
        }
    }

    fn heard(&self) -> Vec<(u8, Vec<u8>)> {
        let packets = self.told.iter().filter_map(|told| match told {
            Output::Packet(received) => Some(received.packet()),
            _ => None,
        });
        packets.map(|packet| (packet.payload_type, packet.payload.to_vec())).collect()
    }
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
        call.peer.send(&datagram[..length], call.now);
        call.pass(20);
    }
    call.browser.say(KEYS, 5, &[5, 0x8a, 0, 160], call.now);
    call.pass(20);
    let mut wanted: Vec<(u8, Vec<u8>)> = (0..4_u8).map(|n| (0, vec![n; 160])).collect();
    wanted.push((KEYS, vec![5, 0x8a, 0, 160]));
    assert_eq!(call.heard(), wanted);
    let sequences: Vec<u16> =
        call.browser.heard.iter().map(|packet| packet.header.sequence_number).collect();
    assert_eq!(sequences, [65_534, 65_535, 0, 1]);
    assert!(call.browser.heard.iter().all(|packet| *packet.payload == datagram[12..]));
}

#[test]
fn the_law_is_the_one_that_the_browser_has() {
    let call = Call::new(&[Law::Alaw]);
    assert_eq!(call.peer.formats().audio, Coding::of(Law::Alaw));
}

#[test]
fn a_goodbye_of_either_side_is_understood() {
    let mut call = Call::connected();
    call.peer.close().expect("said");
    call.pass(200);
    assert!(call.browser.is_closed);

    let mut call = Call::connected();
    call.browser.rtc.close().expect("said");
    call.pass(200);
    assert!(call.told.iter().any(|told| matches!(told, Output::Closed)), "{:?}", call.told);
}

#[test]
fn a_browser_that_is_heard_of_no_more_is_away() {
    let mut call = Call::connected();
    let until = call.now + Duration::from_secs(60);
    while call.now < until {
        call.now += Duration::from_millis(100);
        call.peer.handle_timeout(call.now).expect("we go on");
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
        call.peer.receive(datagram, stranger, call.now).expect("passed over");
    }
    assert_eq!(call.drain().len(), 0);
    assert_eq!(call.heard(), []);
}

#[test]
fn a_call_is_found_by_the_name_in_its_requests() {
    let mut call = Call::new(&LAWS);
    call.now += Duration::from_millis(100);
    call.browser.rtc.handle_input(Input::Timeout(call.now)).expect("on");
    let sent = call.browser.poll();
    assert!(!sent.is_empty());
    for datagram in sent {
        assert_eq!(user_of(&datagram).as_deref(), Some(call.peer.user()));
    }
    assert_eq!(user_of(&[0x80; 40]), None);
}

#[test]
fn an_offer_that_cannot_be_answered_is_refused_with_a_sentence() {
    let now = Instant::now();
    let (_, good) = Browser::offering(&LAWS, now);
    let told = |offer: &str| {
        Peer::answer(&identity(), ours(), &LAWS, offer, now).expect_err("no answer").to_string()
    };
    let opus = good.replace("PCMU/8000", "opus/48000/2").replace("PCMA/8000", "opus/48000/2");
    let opus = opus.replace("a=rtpmap:0 ", "a=rtpmap:96 ").replace("a=rtpmap:8 ", "a=rtpmap:97 ");
    let opus = opus.replace("SAVPF 0 8", "SAVPF 96 97");
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
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_offer_causes_a_panic(cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let now = Instant::now();
        let (_, offer) = Browser::offering(&LAWS, now);
        let mut bytes = offer.into_bytes();
        for (at, byte) in cuts {
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
        call.peer.send(&datagram, call.now);
        call.drain();
    }
}
