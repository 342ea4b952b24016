use proptest::prelude::*;

use super::*;
use crate::formats::Law;

const SSRC: u32 = 7;

/// A peer on a network, in virtual time.
struct Call {
    receiver: Receiver,
    /// Of the next pull.
    now: Duration,
    heard: Vec<(Played, i16)>,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Call {
    fn new() -> Self {
        Self { receiver: Receiver::new(Formats::new(Law::Ulaw, Some(101))), now: ms(5), heard: Vec::new() }
    }

    /// Plays what is due before `now`.
    fn play_until(&mut self, now: Duration) {
        while self.now <= now {
            let mut frame = [1; FRAME_SAMPLES];
            let played = self.receiver.pull(&mut frame, self.now);
            self.heard.push((played, frame[80]));
            self.now += ms(20);
        }
    }

    fn push(&mut self, packet: Packet<'_>, now: Duration) -> Taken {
        self.play_until(now);
        self.receiver.push(&packet, now)
    }

    /// The `n`th packet of 20 ms, all of whose samples are `code`.
    fn audio(&mut self, n: u32, code: u8, now: Duration) -> Taken {
        self.push(audio(n, &[code; 160]), now)
    }

    /// Packets `from` to `to` in time, each behind the one before, loud.
    fn talk(&mut self, from: u32, to: u32, began: Duration) {
        for n in from..to {
            self.audio(n, 0x90, began + ms(20) * (n - from));
        }
    }

    fn count(&self, what: Played) -> usize {
        self.heard.iter().filter(|(played, _)| *played == what).count()
    }
}

fn audio(n: u32, payload: &[u8]) -> Packet<'_> {
    let sequence = 65_000_u16.wrapping_add(n as u16);
    let timestamp = (u32::MAX - 8_000).wrapping_add(n * 160);
    Packet { payload_type: 0, marker: false, sequence, timestamp, ssrc: SSRC, payload }
}

#[test]
fn a_call_of_ten_minutes_over_every_wrap_is_heard_without_a_gap_forty_ms_later() {
    let mut call = Call::new();
    call.talk(0, 30_000, ms(1_000));
    call.play_until(ms(1_000 + 600_000));
    let first = call.heard.iter().position(|(_, sample)| *sample != 0).unwrap();
    // The audio of a packet that arrives at 1,000 begins to be played 40 ms later, or with the frame after that.
    assert!((51..=53).contains(&first), "{first}");
    let spoken = &call.heard[first..first + 29_990];
    assert!(spoken.iter().all(|(played, sample)| *played == Played::Audio && *sample != 0));
    let counts = call.receiver.counts();
    assert_eq!((counts.received, counts.lost, counts.late, counts.concealed), (30_000, 0, 0, 0));
}

#[test]
fn packets_that_overtake_each_other_are_heard_in_order_and_twins_once() {
    let mut call = Call::new();
    for (place, n) in [0_u32, 2, 1, 1, 4, 3, 5, 6, 7].into_iter().enumerate() {
        call.audio(n, 0x80 + n as u8 * 8, ms(20) * place as u32);
    }
    call.play_until(ms(300));
    let heard: Vec<i16> = call.heard.iter().filter(|(p, _)| *p == Played::Audio).map(|(_, s)| *s).collect();
    assert!(heard.windows(2).all(|pair| pair[0] > pair[1]), "louder codes come first: {heard:?}");
    assert_eq!(heard.len(), 8);
    assert_eq!((call.receiver.counts().duplicates, call.receiver.counts().lost), (1, 0));
}

#[test]
fn a_lost_packet_is_made_up_for_and_a_long_gap_becomes_silence() {
    let mut call = Call::new();
    call.talk(0, 50, ms(0));
    call.talk(51, 60, ms(1_020));
    call.talk(80, 90, ms(1_600));
    call.play_until(ms(1_900));
    let gap: Vec<_> = call.heard.iter().filter(|(played, _)| *played == Played::Concealed).collect();
    assert!(gap[0].1 != 0, "20 ms are made up: {gap:?}");
    assert_eq!(call.receiver.counts().lost, 21);
    assert!(call.count(Played::Silence) >= 10 && call.count(Played::Concealed) <= 12, "{:?}", call.heard);
}

#[test]
fn the_wait_follows_the_network_and_stays_within_forty_ms_of_its_jitter() {
    let mut call = Call::new();
    // Every fifth packet is 60 ms late; there is silence in between.
    for n in 0..1_500 {
        let late = if n % 5 == 0 { 60 } else { 0 };
        call.audio(n, if n % 50 < 25 { 0x90 } else { 0xff }, ms(u64::from(n) * 20 + late));
    }
    let wait = call.receiver.wait();
    assert!((ms(60)..=ms(100)).contains(&wait), "{wait:?}");
    let (late, jitter) = (call.receiver.counts().late, call.receiver.jitter() / 8.0);
    assert!(late <= 2, "only until it is known: {late}");
    assert!((10.0..40.0).contains(&jitter), "{jitter}");
    // The network is good again.
    let began = 1_500 * 20;
    for n in 0..600 {
        call.audio(1_500 + n, if n % 50 < 25 { 0x90 } else { 0xff }, ms(began + u64::from(n) * 20));
    }
    assert!(call.receiver.wait() <= ms(40), "{:?}", call.receiver.wait());
}

#[test]
fn what_was_held_up_for_half_a_minute_is_not_played() {
    let mut call = Call::new();
    call.talk(0, 100, ms(0));
    // 1,500 packets come at once, then all goes on as before.
    for n in 100..1_600 {
        call.audio(n, 0xa0, ms(32_000));
    }
    let before = call.heard.len();
    for n in 1_600..1_700 {
        call.audio(n, 0x90, ms(u64::from(n) * 20));
    }
    call.play_until(ms(34_000));
    let live = Law::Ulaw;
    let mut loud = Vec::new();
    live.decode(&[0x90], &mut loud);
    let stale = call.heard[before..].iter().filter(|(p, s)| *p == Played::Audio && *s != loud[0]).count();
    assert!(stale <= 10, "{stale} stale frames");
    assert!(call.receiver.wait() <= ms(200));
    let fresh = call.heard[before..].iter().filter(|(_, sample)| *sample == loud[0]).count();
    assert!(fresh >= 85, "{fresh} of 100");
}

#[test]
fn a_spike_that_drains_slowly_leads_back_to_live_audio() {
    let mut call = Call::new();
    call.talk(0, 100, ms(0));
    for n in 100..1_600 {
        call.audio(n, 0xa0, ms(32_000) + Duration::from_micros(u64::from(n - 100) * 1_000));
    }
    for n in 1_675..1_800 {
        call.audio(n, 0x90, ms(u64::from(n) * 20));
    }
    call.play_until(ms(36_000));
    let counts = call.receiver.counts();
    assert!(counts.late > 1_300, "{counts:?}");
    let heard = call.heard.iter().rev().take(100).filter(|(p, _)| *p == Played::Audio).count();
    assert!(heard >= 90, "{heard}");
}

#[test]
fn a_clock_that_drifts_costs_a_frame_now_and_then_in_silence_and_no_more() {
    for (drift, name) in [(1.001, "slow"), (0.999, "fast")] {
        let mut call = Call::new();
        for n in 0..6_000 {
            let at = Duration::from_secs_f64(f64::from(n) * 0.02 * drift);
            call.audio(n, if n % 100 < 50 { 0x90 } else { 0xff }, at);
        }
        let counts = call.receiver.counts();
        assert!(counts.late <= 3, "{name}: {counts:?}");
        assert!(call.receiver.wait() <= ms(60), "{name}: {:?}", call.receiver.wait());
        let spoken = call.heard.iter().filter(|(p, _)| *p == Played::Audio).count();
        assert!(spoken >= 5_900, "{name}: {spoken}");
    }
}

#[test]
fn packets_of_any_length_are_heard_without_a_gap() {
    for length in [10, 30, 40, 60_u32] {
        let mut call = Call::new();
        let payload = vec![0x90; length as usize * 8];
        for n in 0..6_000 / length {
            let packet = Packet { timestamp: n * length * 8, ..audio(n, &payload) };
            call.push(packet, ms(u64::from(n * length)));
        }
        let (made, heard) = (call.count(Played::Concealed), call.count(Played::Audio));
        assert!(made <= 4 && heard >= 285, "{length} ms: {heard} heard, {made} made up");
    }
}

#[test]
fn another_source_is_heard_from_its_second_packet_and_a_single_stray_never() {
    let mut call = Call::new();
    call.talk(0, 50, ms(0));
    let other = |n: u32| Packet {
        ssrc: 9,
        sequence: 40_000 + n as u16,
        timestamp: n * 160,
        ..audio(n, &[0x80; 160])
    };
    assert_eq!(call.push(other(0), ms(1_000)), Taken::Stray);
    assert_eq!(call.audio(50, 0x90, ms(1_001)), Taken::Audio);
    assert_eq!(call.push(other(5), ms(1_020)), Taken::Stray);
    assert_eq!(call.push(other(6), ms(1_040)), Taken::Audio);
    for n in 7..50 {
        assert_eq!(call.push(other(n), ms(1_040 + u64::from(n - 6) * 20)), Taken::Audio);
    }
    let counts = call.receiver.counts();
    assert_eq!((call.receiver.ssrc(), counts.sources, counts.received, counts.lost), (Some(9), 2, 95, 0));
    assert!(call.heard.iter().rev().take(20).all(|(played, _)| *played == Played::Audio));
}

#[test]
fn a_peer_that_sets_its_clock_is_heard_again_within_a_tenth_of_a_second() {
    for jump in [1_000_000_i64, -1_000_000] {
        let mut call = Call::new();
        call.talk(0, 100, ms(0));
        for n in 100..200 {
            let packet = audio(n, &[0x90; 160]);
            let timestamp = packet.timestamp.wrapping_add(jump as u32);
            call.push(Packet { timestamp, ..packet }, ms(u64::from(n) * 20));
        }
        call.play_until(ms(4_000));
        let silent = call.heard.iter().filter(|(_, sample)| *sample == 0).count();
        assert!(silent <= 10, "{jump}: {silent}");
    }
}

#[test]
fn comfort_noise_is_heard_while_nothing_else_comes_and_counts_as_no_loss() {
    let mut call = Call::new();
    call.talk(0, 20, ms(0));
    let noise = Packet { payload_type: 13, payload: &[45], ..audio(20, &[]) };
    assert_eq!(call.push(noise, ms(400)), Taken::ComfortNoise);
    // Silence is not sent, and does not count in sequence numbers.
    for n in 0..20 {
        let spoken = audio(120 + n, &[0x90; 160]);
        let packet = Packet { sequence: 65_000_u16.wrapping_add(21 + n as u16), ..spoken };
        call.push(packet, ms(2_400 + u64::from(n) * 20));
    }
    call.play_until(ms(2_790));
    let noisy: Vec<i16> =
        call.heard.iter().filter(|(p, _)| *p == Played::ComfortNoise).map(|(_, s)| s.abs()).collect();
    assert!(noisy.len() >= 95, "{}", noisy.len());
    assert!(noisy.iter().all(|sample| *sample < 500) && noisy.iter().any(|sample| *sample > 50));
    assert_eq!(call.receiver.counts().lost, 0);
}

fn key(code: u8, n: u32, began: u32, duration: u16, is_end: bool) -> (Packet<'static>, [u8; 4]) {
    let [high, low] = duration.to_be_bytes();
    let payload = [code, if is_end { 0x8a } else { 10 }, high, low];
    (Packet { payload_type: 101, timestamp: began, ..audio(n, &[]) }, payload)
}

fn pressed(packets: &[(Packet<'static>, [u8; 4])]) -> String {
    let mut receiver = Receiver::new(Formats::new(Law::Alaw, Some(101)));
    for (place, (packet, payload)) in packets.iter().enumerate() {
        receiver.push(&Packet { payload, ..*packet }, ms(20) * place as u32);
    }
    std::iter::from_fn(|| receiver.poll_key()).collect()
}

#[test]
fn a_key_is_heard_once_from_whatever_of_it_comes() {
    let five: Vec<_> = (0..7).map(|n| key(5, n, 800, (n.min(4) as u16 + 1) * 160, n >= 4)).collect();
    assert_eq!(pressed(&five), "5");
    assert_eq!(pressed(&five[4..]), "5", "its beginning is lost");
    assert_eq!(pressed(&five[..2]), "5", "its end is lost");
    let backwards: Vec<_> = five.iter().rev().copied().collect();
    assert_eq!(pressed(&backwards), "5");
    let mut two = five.clone();
    two.extend((7..14).map(|n| key(5, n, 4_000, 800, n >= 11)));
    two.swap(6, 8);
    assert_eq!(pressed(&two), "55", "the same key again");
    let flash: Vec<_> = (0..3).map(|n| key(16, n, 800, 800, true)).collect();
    assert_eq!(pressed(&flash), "", "no key");
    let all: String = (0..16).map(|code| pressed(&[key(code, 0, 0, 800, true)])).collect();
    assert_eq!(all, "0123456789*#ABCD");
}

#[test]
fn what_was_not_agreed_on_is_counted_and_nothing_else() {
    let mut call = Call::new();
    let video = Packet { payload_type: 96, ..audio(0, &[1; 20]) };
    assert_eq!(call.push(video, ms(0)), Taken::Unknown);
    assert_eq!(call.push(audio(0, &[]), ms(0)), Taken::Unknown);
    assert_eq!((call.receiver.ssrc(), call.receiver.counts().unknown), (None, 2));
}

proptest! {
    /// Whatever comes, in whatever order: no panic, whole frames, a wait within its bounds.
    #[test]
    fn any_packets_leave_the_receiver_well(
        packets in prop::collection::vec(
            (prop::sample::select(vec![0_u8, 8, 13, 101, 96]), any::<u16>(), any::<u32>(), 0_u32..2, 0_usize..3_000, 0_u64..120),
            1..200,
        ),
        are_near in any::<bool>(),
    ) {
        let mut call = Call::new();
        let payload = [0x55; 3_000];
        let mut now = ms(0);
        for (payload_type, sequence, timestamp, ssrc, length, wait) in packets {
            now += ms(wait);
            let (sequence, timestamp) =
                if are_near { (sequence % 40, timestamp % 20_000) } else { (sequence, timestamp) };
            let payload = &payload[..length];
            call.push(Packet { payload_type, marker: false, sequence, timestamp, ssrc, payload }, now);
            prop_assert!(call.receiver.wait() <= ms(200));
        }
        let counts = call.receiver.counts();
        prop_assert!(counts.concealed <= counts.played);
    }

    /// However packets are lost, repeated and mixed up: each key at most once, and in order.
    #[test]
    fn each_key_comes_at_most_once(
        codes in prop::collection::vec(0_u8..12, 1..8),
        order in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6), 0..120),
        is_shuffled in any::<bool>(),
    ) {
        let mut sent = Vec::new();
        for (place, code) in codes.iter().enumerate() {
            for part in 0..7_u32 {
                let n = place as u32 * 10 + part;
                sent.push(key(*code, n, place as u32 * 1_600, (part.min(4) as u16 + 1) * 160, part >= 4));
            }
        }
        let came: Vec<_> = if is_shuffled {
            order.iter().map(|(index, _)| *index.get(&sent)).collect()
        } else {
            // In order, some lost and some overtaken by a few places.
            let mut came = sent.clone();
            for (index, ahead) in &order {
                let from = index.index(came.len());
                let to = (from + ahead).min(came.len() - 1);
                came.swap(from, to);
            }
            came
        };
        let keys: String = codes.iter().map(|code| keys::KEYS[usize::from(*code)]).collect();
        let heard = pressed(&came);
        // What was heard is what was pressed, with some left out.
        let mut pressed = keys.chars();
        prop_assert!(heard.chars().all(|key| pressed.any(|other| other == key)), "{heard} of {keys}");
    }

    /// Lost and late packets in any pattern never make audio lag, and what is played stays in order.
    #[test]
    fn audio_is_never_played_later_than_the_longest_wait(
        packets in prop::collection::vec((0_u64..400, prop::bool::weighted(0.8)), 30..120),
    ) {
        let mut call = Call::new();
        let mut came: Vec<(Duration, u32)> = packets
            .iter()
            .enumerate()
            .filter(|(_, (_, arrives))| *arrives)
            .map(|(n, (late, _))| (ms(n as u64 * 20 + late), n as u32))
            .collect();
        came.sort();
        for (at, n) in came {
            call.audio(n, 0x90, at);
            prop_assert!(call.receiver.wait() <= ms(200));
        }
        let end = call.now;
        call.play_until(end + ms(1_000));
        prop_assert!(call.heard.iter().rev().take(20).all(|(played, _)| *played == Played::Silence));
    }
}
