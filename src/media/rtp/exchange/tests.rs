use rtp::sdp::Direction;
use rtp::{Formats, Law, Ntp, Start};

use super::*;

/// Two calls that are each other's peer, in virtual time.
struct Pair {
    near: Exchange,
    far: Exchange,
    now: Instant,
    /// What each has told, without audio.
    near_told: Vec<Event>,
    far_told: Vec<Event>,
    far_audio: Vec<(MediaTime, i16)>,
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

fn agreement(peer: u16) -> Agreement {
    Agreement {
        formats: Formats::new(Law::Ulaw, Some(101)),
        address: address(peer),
        reports: address(peer + 1),
        is_muxed: false,
        direction: Direction::SendRecv,
        packet_ms: None,
    }
}

fn exchange(peer: u16, began: Instant) -> Exchange {
    let start = Start { ssrc: u32::from(peer), sequence: 9, timestamp: 9 };
    let began_at = Ntp::from_unix(Duration::from_secs(1_700_000_000));
    let formats = Formats::new(Law::Ulaw, Some(101));
    Exchange::new(agreement(peer), Options { formats, start, name: peer.to_string(), began: began_at }, began)
}

/// Level of the middle of a frame.
fn level(pcm: &Bytes) -> i16 {
    i16::from_le_bytes([pcm[160], pcm[161]])
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let (near, far) = (exchange(5_000, now), exchange(4_000, now));
        Self { near, far, now, near_told: Vec::new(), far_told: Vec::new(), far_audio: Vec::new() }
    }

    /// One frame each way; what of the near end's arrives is up to `arrives`.
    fn step(&mut self, arrives: bool, answers: bool) {
        let out = self.near.tick(self.now);
        let back = self.far.tick(self.now);
        let now = self.now + Duration::from_millis(3);
        if arrives {
            pass(&self.near, out, 4_000, &mut self.far, now);
        }
        if answers {
            pass(&self.far, back, 5_000, &mut self.near, now);
        }
        while let Some(event) = self.near.poll_event() {
            if !matches!(event, Event::Audio { .. }) {
                self.near_told.push(event);
            }
        }
        while let Some(event) = self.far.poll_event() {
            if let Event::Audio { at, pcm } = event {
                self.far_audio.push((at, level(&pcm)));
            } else {
                self.far_told.push(event);
            }
        }
        self.now += FRAME_TIME;
    }

    fn steps(&mut self, frames: u32) {
        for _ in 0..frames {
            self.step(true, true);
        }
    }

    fn loud(&self) -> usize {
        self.far_audio.iter().filter(|(_, level)| level.abs() > 1_000).count()
    }
}

fn pass(from: &Exchange, due: Due, port: u16, to: &mut Exchange, now: Instant) {
    if let Some((length, _)) = due.packet {
        to.receive(&from.packet[..length], address(port), now);
    }
    if let Some((length, _, _)) = due.report {
        to.receive_report(&from.report[..length], address(port + 1), now);
    }
}

fn pcm(frames: usize) -> Bytes {
    std::iter::repeat_n(4_000_i16.to_le_bytes(), frames * FRAME_SAMPLES).flatten().collect::<Vec<_>>().into()
}

#[test]
fn what_is_played_is_heard_in_full_and_its_check_point_comes_after_it() {
    let mut pair = Pair::new();
    pair.steps(5);
    pair.near.push(pcm(50)).expect("room");
    pair.near.mark("end".into()).expect("room");
    pair.steps(50);
    assert!(pair.near_told.is_empty(), "the last frame has only just left");
    pair.steps(5);
    assert_eq!(pair.near_told, [Event::CheckPoint("end".into())]);
    assert_eq!(pair.loud(), 50);
    let steady = pair.far_audio.windows(2).all(|pair| pair[1].0.samples() - pair[0].0.samples() == 160);
    assert!(steady, "{:?}", pair.far_audio);
}

#[test]
fn a_peer_that_is_gone_confirms_nothing_and_its_silence_is_not_made_up() {
    let mut pair = Pair::new();
    pair.steps(10);
    for _ in 0..10 {
        pair.step(true, false);
    }
    pair.near.push(pcm(1)).expect("room");
    pair.near.mark("lost".into()).expect("room");
    for _ in 0..500 {
        pair.step(false, false);
    }
    assert!(pair.near_told.is_empty());
    let heard = pair.far_audio.len();
    assert!((250..290).contains(&heard), "five seconds of silence, then nothing: {heard}");
    pair.steps(20);
    assert_eq!(pair.near_told, [Event::CheckPoint("lost".into())], "it is back");
    let (last, before) = (pair.far_audio[heard].0.samples(), pair.far_audio[heard - 1].0.samples());
    assert!(last - before > 160 * 200, "time has passed: {before}, {last}");
}

#[test]
fn a_peer_that_only_reports_confirms_by_its_reports() {
    let mut pair = Pair::new();
    pair.steps(10);
    pair.near.push(pcm(5)).expect("room");
    pair.near.mark("end".into()).expect("room");
    for _ in 0..600 {
        let out = pair.near.tick(pair.now);
        let back = pair.far.tick(pair.now);
        pass(&pair.near, out, 4_000, &mut pair.far, pair.now);
        pass(&pair.far, Due { packet: None, ..back }, 5_000, &mut pair.near, pair.now);
        pair.now += FRAME_TIME;
    }
    let told: Vec<Event> = std::iter::from_fn(|| pair.near.poll_event()).collect();
    assert!(told.contains(&Event::CheckPoint("end".into())), "{told:?}");
    assert!(told.iter().any(|event| matches!(event, Event::Delivered { .. })), "{told:?}");
}

#[test]
fn an_interruption_is_heard_with_the_next_frame() {
    let mut pair = Pair::new();
    pair.near.push(pcm(200)).expect("room");
    pair.near.mark("end".into()).expect("room");
    pair.steps(20);
    pair.near.cut(pair.now);
    pair.steps(50);
    assert_eq!(pair.loud(), 20);
    assert!(pair.near_told.is_empty());
}

#[test]
fn keys_come_once_and_audio_waits_for_them() {
    let mut pair = Pair::new();
    pair.steps(5);
    pair.near.push(pcm(10)).expect("room");
    pair.near.press('4', 100).expect("a key");
    pair.near.press('2', 100).expect("a key");
    pair.steps(60);
    assert_eq!(pair.far_told, [Event::Key('4'), Event::Key('2')]);
    assert_eq!(pair.far_audio.iter().filter(|(_, level)| *level > 3_900).count(), 10, "all of it, and whole");
}

#[test]
fn while_the_peer_holds_the_call_nothing_is_sent_and_audio_waits() {
    let mut pair = Pair::new();
    pair.steps(5);
    pair.near.agree(Agreement { direction: Direction::RecvOnly, ..agreement(5_000) }, pair.now);
    pair.near.push(pcm(10)).expect("room");
    assert!(pair.near.tick(pair.now).packet.is_none());
    pair.near.agree(agreement(5_000), pair.now);
    pair.steps(30);
    assert_eq!(pair.loud(), 10);
}

#[test]
fn packets_of_strangers_and_garbage_are_counted_and_change_nothing() {
    let mut pair = Pair::new();
    pair.steps(5);
    let mut stranger = exchange(4_000, pair.now);
    stranger.push(pcm(10)).expect("room");
    for _ in 0..10 {
        let out = stranger.tick(pair.now);
        let (length, _) = out.packet.expect("a packet");
        pair.far.receive(&stranger.packet[..length], address(9_999), pair.now);
    }
    pair.far.receive(b"OPTIONS sip:x SIP/2.0", address(4_000), pair.now);
    pair.far.receive_report(b"\x80\xc8", address(4_001), pair.now);
    pair.far.receive_report(b"\x80\xc8", SocketAddr::from(([198, 51, 100, 1], 4_001)), pair.now);
    pair.steps(30);
    assert_eq!(pair.loud(), 0);
    let (quality, refused) = pair.far.quality(pair.now);
    assert_eq!(refused, Refused { strangers: 11, unreadable: 2 });
    assert_eq!((quality.counts.strays, quality.counts.sources), (0, 1));
}

#[test]
fn reports_go_to_the_next_port_or_with_the_audio_or_to_where_they_come_from() {
    let report_of = |exchange: &mut Exchange, now: Instant| {
        (0..300).find_map(|n| exchange.tick(now + FRAME_TIME * n).report).expect("a report")
    };
    let now = Instant::now();
    let (_, to, is_muxed) = report_of(&mut exchange(5_000, now), now);
    assert_eq!((to, is_muxed), (address(5_001), false));
    let mut muxed = exchange(5_000, now);
    muxed.agree(Agreement { is_muxed: true, ..agreement(5_000) }, now);
    let (_, to, is_muxed) = report_of(&mut muxed, now);
    assert_eq!((to, is_muxed), (address(5_000), true));
    let mut pair = Pair::new();
    let back = (0..300).find_map(|_| {
        let due = pair.far.tick(pair.now);
        pair.now += FRAME_TIME;
        due.report
    });
    let (length, _, _) = back.expect("a report");
    pair.near.receive_report(&pair.far.report[..length], address(5_077), pair.now);
    let (_, to, _) = report_of(&mut pair.near, pair.now);
    assert_eq!(to, address(5_077));
}

#[test]
fn a_peer_that_only_reports_is_there_and_not_heard() {
    let mut pair = Pair::new();
    pair.steps(10);
    let last = pair.near.audio_at().expect("audio");
    assert_eq!(pair.near.heard_at(), Some(last));
    let began = pair.now;
    for _ in 0..500 {
        let due = pair.far.tick(pair.now);
        pass(&pair.far, Due { packet: None, ..due }, 5_000, &mut pair.near, pair.now);
        pair.now += FRAME_TIME;
    }
    assert!(pair.near.heard_at().is_some_and(|at| at > began), "its reports come");
    assert_eq!(pair.near.audio_at(), Some(last), "its audio does not");
}
