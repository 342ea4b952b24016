use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::connection::KEYS;
use crate::testing::{Browser, Video};
use crate::viewer::Viewer;

const LAWS: [Law; 2] = [Law::Ulaw, Law::Alaw];
const VOICE: Spoken<'_> = Spoken { laws: &LAWS, pictures: false };
const VIDEO: Spoken<'_> = Spoken { laws: &LAWS, pictures: true };

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
    home: TransportAddress,
    browser: Browser,
    now: Instant,
    told: Vec<Output>,
    heard: Vec<Output>,
}

impl Call {
    fn new(laws: &[Law]) -> Self {
        Self::seeing(laws, None)
    }

    fn seeing(laws: &[Law], video: Option<Video>) -> Self {
        Self::at(theirs().into(), laws, video)
    }

    fn at(home: TransportAddress, laws: &[Law], video: Option<Video>) -> Self {
        let now = Instant::now();
        let (mut browser, offer) = Browser::offering_video(&identity(), home, laws, video, now);
        let spoken = if video.is_some() { VIDEO } else { VOICE };
        let listening = Listening { address: ours(), tcp: true };
        let (peer, answer) = Peer::answer(&identity(), listening, spoken, &offer, now).unwrap();
        browser.accept(&answer).unwrap();
        Self { peer, home, browser, now, told: Vec::new(), heard: Vec::new() }
    }

    fn connected() -> Self {
        Self::new(&LAWS).connect()
    }

    fn connect(mut self) -> Self {
        let call = &mut self;
        call.pass(2_000);
        for told in [&call.told, &call.heard] {
            assert!(told.iter().any(|told| matches!(told, Output::Connected)), "{told:?}");
        }
        call.told.clear();
        call.heard.clear();
        self
    }

    fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        loop {
            match self.peer.poll().unwrap() {
                Output::Wait(_) => return sent,
                Output::Send { to, datagram } => {
                    assert_eq!(to, self.home);
                    sent.push(datagram);
                }
                told @ (Output::Connected
                | Output::Packet(_)
                | Output::Picture(_)
                | Output::KeyFrameWanted
                | Output::Away
                | Output::Closed) => self.told.push(told),
            }
        }
    }

    fn drain_browser(&mut self) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        loop {
            match self.browser.poll().unwrap() {
                Output::Wait(_) => return sent,
                Output::Send { datagram, .. } => sent.push(datagram),
                told @ (Output::Connected
                | Output::Packet(_)
                | Output::Picture(_)
                | Output::KeyFrameWanted
                | Output::Away
                | Output::Closed) => self.heard.push(told),
            }
        }
    }

    fn hand_to_peer(&mut self, datagrams: Vec<Vec<u8>>) {
        for datagram in datagrams {
            self.peer.receive(&datagram, self.home, self.now).unwrap();
            for answer in self.drain() {
                self.browser.receive(&answer, ours(), self.now).unwrap();
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
                // What a datagram tells is asked for before the next.
                for datagram in self.drain() {
                    self.browser.receive(&datagram, ours(), self.now).unwrap();
                    let answers = self.drain_browser();
                    self.hand_to_peer(answers);
                }
                let sent = self.drain_browser();
                self.hand_to_peer(sent);
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
fn a_browser_that_reaches_us_by_tcp_alone_is_answered_there() {
    let mut call = Call::at(TransportAddress::tcp(theirs()), &LAWS, None).connect();
    call.browser.say(0, 1, &[7; 160], call.now);
    call.pass(20);
    assert!(call.told.iter().any(|told| matches!(told, Output::Packet(_))), "{:?}", call.told);
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

/// A key frame, or what follows one; so many bytes.
fn frame(is_key: bool, length: usize) -> Vec<u8> {
    let mut frame = vec![u8::from(!is_key), 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];
    frame.resize(length, 7);
    frame
}

/// The frames that came, whole.
fn frames(told: &[Output]) -> Vec<(u32, Vec<u8>)> {
    let mut frames = rtp::vp8::Frames::default();
    for told in told {
        if let Output::Picture(it) = told {
            frames.push(it.number(), it.packet().timestamp, it.packet().marker, &it.payload());
        }
    }
    std::iter::from_fn(|| frames.poll()).map(|frame| (frame.timestamp, frame.bytes)).collect()
}

#[test]
fn pictures_go_both_ways_beside_the_voice_and_a_key_frame_can_be_asked_for() {
    let mut call = Call::seeing(&LAWS, Some(Video::Both)).connect();
    assert_eq!(call.peer.sight(), Some(Sight { shows: true, has_camera: true }));
    let sent = [(0, frame(true, 5_000)), (3_000, frame(false, 2_000))];
    for (timestamp, frame) in &sent {
        call.peer.show(frame, *timestamp, call.now).unwrap();
        call.browser.film(frame, *timestamp + 7, call.now);
        call.browser.say(0, u64::from(*timestamp) / 3_000 + 1, &[3; 160], call.now);
        call.pass(20);
    }
    assert!(frames(&call.heard) == sent);
    assert_eq!(frames(&call.told), sent.map(|(timestamp, frame)| (timestamp + 7, frame)));
    assert_eq!(packets(&call.told).len(), 2, "the voice is no picture");
    let is_wanted = |told: &[Output]| told.iter().any(|told| matches!(told, Output::KeyFrameWanted));
    assert!(!is_wanted(&call.told) && !is_wanted(&call.heard));
    call.peer.want_key_frame();
    call.browser.want_key_frame();
    call.pass(500);
    assert!(is_wanted(&call.told) && is_wanted(&call.heard));
}

#[test]
fn who_has_no_camera_is_shown_pictures_and_nobody_is_sent_what_they_did_not_ask_for() {
    let mut call = Call::seeing(&LAWS, Some(Video::Received)).connect();
    assert_eq!(call.peer.sight(), Some(Sight { shows: true, has_camera: false }));
    call.peer.show(&frame(true, 100), 0, call.now).unwrap();
    call.pass(20);
    assert_eq!(frames(&call.heard).len(), 1);
    let mut call = Call::connected();
    assert_eq!(call.peer.sight(), None);
    call.peer.show(&frame(true, 100), 0, call.now).unwrap();
    call.peer.want_key_frame();
    call.pass(20);
    assert!(call.heard.is_empty(), "{:?}", call.heard);
}

/// Hands on what the browser sends, and gives what it is told.
fn to_viewer(browser: &mut Browser, viewer: &mut Viewer, now: Instant) -> Vec<Output> {
    let mut told = Vec::new();
    loop {
        match browser.poll().unwrap() {
            Output::Wait(_) => return told,
            Output::Send { datagram, .. } => viewer.receive(&datagram, theirs(), now).unwrap(),
            other @ (Output::Connected
            | Output::Packet(_)
            | Output::Picture(_)
            | Output::KeyFrameWanted
            | Output::Away
            | Output::Closed) => told.push(other),
        }
    }
}

#[test]
fn who_watches_gets_the_camera_from_the_next_key_frame_on() {
    let now = Instant::now();
    let (mut browser, offer) =
        Browser::offering_video(&identity(), theirs(), &[], Some(Video::Received), now);
    let (mut viewer, answer) = Viewer::answer(&identity(), ours(), &offer, now).unwrap();
    browser.accept(&answer).unwrap();
    let mut shown = Vec::new();
    let mut number = 70_000;
    let sent = [(false, 2_000), (true, 3_000), (false, 1_500)];
    let mut sent = sent.into_iter().enumerate();
    for step in 0..300_u64 {
        let now = now + Duration::from_millis(step * 10);
        browser.handle_timeout(now).unwrap();
        viewer.handle_timeout(now).unwrap();
        if let Some((n, (is_key, length))) = (step >= 200).then(|| sent.next()).flatten() {
            let frame = frame(is_key, length);
            let payloads = rtp::vp8::payloads(&frame);
            let last = payloads.len() - 1;
            for (k, payload) in payloads.enumerate() {
                number += 1;
                let (timestamp, marker) = (n as u32 * 3_000, k == last);
                let packet = crate::Packet { number, timestamp, marker, payload: payload.into() };
                assert_eq!(viewer.show(&packet, now).unwrap(), n > 0);
            }
        }
        for _ in 0..20 {
            while let Output::Send { datagram, .. } = viewer.poll().unwrap() {
                browser.receive(&datagram, ours(), now).unwrap();
                shown.extend(to_viewer(&mut browser, &mut viewer, now));
            }
            shown.extend(to_viewer(&mut browser, &mut viewer, now));
        }
    }
    let lengths: Vec<_> = frames(&shown).into_iter().map(|(_, frame)| frame.len()).collect();
    assert_eq!(lengths, [3_000, 1_500]);
    let (_, voice) = offering(&LAWS, now);
    let told = Viewer::answer(&identity(), ours(), &voice, now).unwrap_err();
    assert_eq!(told, BadOffer::NotToWatch);
}

#[test]
fn video_that_is_not_spoken_is_declined_and_the_call_goes_on_by_voice() {
    let now = Instant::now();
    let (_, good) = Browser::offering_video(&identity(), theirs(), &LAWS, Some(Video::Both), now);
    let sight = |spoken, offer: &str| {
        let (peer, answer) = Peer::answer(&identity(), ours(), spoken, offer, now).unwrap();
        (peer.sight().is_some(), answer.contains("m=video 0 "))
    };
    assert_eq!(sight(VIDEO, &good), (true, false));
    assert_eq!(sight(VIDEO, &good.replace("VP8/90000", "H264/90000")), (false, true));
    assert_eq!(sight(VOICE, &good), (false, true));
    let twice = format!("{good}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n");
    let told = Peer::answer(&identity(), ours(), VIDEO, &twice, now).unwrap_err();
    assert_eq!(told, BadOffer::Streams { audio: 1, video: 2, others: 0 });
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
    let told = |offer: &str| Peer::answer(&identity(), ours(), VOICE, offer, now).unwrap_err().to_string();
    let opus = good.replace("a=rtpmap:0 PCMU/8000", "a=rtpmap:96 opus/48000/2");
    let opus =
        opus.replace("a=rtpmap:8 PCMA/8000", "a=rtpmap:97 opus/48000/2").replace("SAVPF 0 8", "SAVPF 96 97");
    for (offer, wanted) in [
        (String::new(), "this is no session description"),
        ("<html>".to_owned(), "this is no session description"),
        ("v=0\r\n".to_owned(), "0 of audio, 0 of video and 0 others"),
        (format!("{good}m=application 9 UDP/DTLS/SCTP x\r\n"), "1 of audio, 0 of video and 1 others"),
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
        let _answer = Peer::answer(&identity(), ours(), VOICE, &String::from_utf8_lossy(&bytes), now);
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
