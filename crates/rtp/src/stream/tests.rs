use super::*;
use crate::formats::Law;

/// Two ends of a call whose ways to each other take 30 ms.
struct Pair {
    near: Stream,
    far: Stream,
    now: Duration,
    way: Duration,
    /// What is under way to the far end, and to the near one.
    out: Vec<(Duration, bool, Vec<u8>)>,
    back: Vec<(Duration, bool, Vec<u8>)>,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn stream(ssrc: u32, day: u64) -> Stream {
    Stream::new(Options {
        formats: Formats::new(Law::Alaw, Some(101)),
        start: Start { ssrc, sequence: 65_500, timestamp: 5 },
        name: format!("{ssrc}@example"),
        began: Ntp::from_unix(Duration::from_secs(day * 86_400 + 7)),
    })
}

impl Pair {
    fn new() -> Self {
        let way = ms(30);
        Self {
            near: stream(1, 20_000),
            far: stream(2, 1),
            now: ms(0),
            way,
            out: Vec::new(),
            back: Vec::new(),
        }
    }

    /// 20 ms. What goes out arrives as `lets` says.
    fn step(&mut self, lets: impl Fn(&Self) -> (bool, bool)) {
        let (out_arrives, back_arrives) = lets(self);
        let (now, way) = (self.now, self.way);
        for (end, line, arrives) in
            [(&mut self.near, &mut self.out, out_arrives), (&mut self.far, &mut self.back, back_arrives)]
        {
            let mut datagram = [0; PACKET_BYTES];
            let length = end.send(&[3_000; 160], now, &mut datagram);
            if arrives {
                line.push((now + way, false, datagram[..length].to_vec()));
            }
            if now >= end.report_due() {
                let mut report = [0; 200];
                let length = end.report(now, &mut report);
                assert!(length > 0);
                if arrives {
                    line.push((now + way, true, report[..length].to_vec()));
                }
            }
        }
        self.now += ms(20);
        let now = self.now;
        for (end, line) in [(&mut self.far, &mut self.out), (&mut self.near, &mut self.back)] {
            line.retain(|(at, is_report, datagram)| {
                if *at > now {
                    return true;
                }
                if *is_report {
                    end.receive_report(datagram, *at).unwrap();
                } else {
                    end.receive(&Packet::parse(datagram).unwrap(), *at);
                }
                false
            });
            let mut frame = [0; 160];
            end.play(&mut frame, now);
        }
    }
}

#[test]
fn after_two_reports_the_way_there_and_back_is_known_and_what_has_come() {
    let mut pair = Pair::new();
    while pair.now < ms(11_000) {
        pair.step(|_| (true, true));
    }
    let quality = pair.near.quality(pair.now);
    let peer = quality.peer.unwrap();
    let round_trip = peer.round_trip.unwrap();
    assert!((ms(58)..=ms(62)).contains(&round_trip), "{round_trip:?}");
    assert_eq!((quality.comes, quality.arrives, peer.lost), (Some(true), Some(true), 0));
    assert!(quality.mean_opinion_score.is_some_and(|score| score > 4.3), "{quality:?}");
    // The report was sent at 10 s; what left until 30 ms before it has come.
    let delivered = pair.near.delivered().unwrap();
    assert!((ms(9_940)..=ms(10_000)).contains(&delivered), "{delivered:?}");
}

#[test]
fn losses_are_reported_to_who_sent_and_lower_the_score_of_who_hears() {
    let mut pair = Pair::new();
    while pair.now < ms(16_000) {
        pair.step(|pair| (pair.now.as_millis() % 100 != 0, true));
    }
    let peer = pair.near.quality(pair.now).peer.unwrap();
    assert!((0.15..0.25).contains(&peer.fraction_lost) && peer.lost > 100, "{peer:?}");
    let heard = pair.far.quality(pair.now);
    assert!(heard.mean_opinion_score.is_some_and(|score| score < 3.0), "{heard:?}");
}

#[test]
fn of_less_than_a_second_no_score_is_told() {
    let mut pair = Pair::new();
    while pair.now < ms(900) {
        pair.step(|_| (true, true));
    }
    assert_eq!(pair.near.quality(pair.now).mean_opinion_score, None);
    while pair.now < ms(1_100) {
        pair.step(|_| (true, true));
    }
    assert!(pair.near.quality(pair.now).mean_opinion_score.is_some());
}

#[test]
fn audio_one_way_is_noticed_at_both_ends() {
    let mut pair = Pair::new();
    while pair.now < ms(21_000) {
        pair.step(|pair| (pair.now < ms(3_000), true));
    }
    let near = pair.near.quality(pair.now);
    assert_eq!((near.comes, near.arrives), (Some(true), Some(false)));
    let far = pair.far.quality(pair.now);
    assert_eq!((far.comes, far.arrives), (Some(false), None));
    assert!(far.unheard > ms(15_000));
}

#[test]
fn a_stream_of_which_nothing_ever_came_is_told_after_five_seconds() {
    let stream = stream(1, 1);
    assert_eq!(stream.quality(ms(4_900)).comes, None);
    assert_eq!(stream.quality(ms(5_000)).comes, Some(false));
}

#[test]
fn garbage_among_the_reports_is_told_apart_from_them() {
    let mut stream = stream(1, 1);
    assert!(stream.receive_report(&[0x80, 200, 0, 1, 0, 0], ms(0)).is_err());
    assert_eq!(stream.heard_at(), None);
}

proptest::proptest! {
    #[test]
    fn no_bytes_among_the_reports_cause_a_panic(
        head in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..4),
        kind in 192_u8..=213,
        words in 0_u8..20,
        datagram in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120),
    ) {
        let mut stream = stream(1, 1);
        let _read = stream.receive_report(&datagram, ms(0));
        // What looks like reports as far as its head.
        let count = head.first().copied().unwrap_or(0) & 0x1f;
        let mut report = vec![0x80 | count, kind, 0, words];
        report.extend(&datagram);
        let _read = stream.receive_report(&report, ms(0));
        let mut exact = report;
        exact.resize(4 * (usize::from(words) + 1), 7);
        let _read = stream.receive_report(&exact, ms(0));
    }
}
