use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::media::MediaTime;

const PATIENCE: Patience =
    Patience { away: Duration::from_secs(10), ring: Duration::from_secs(60), cdr: Duration::from_secs(2) };

/// A room, its clock and both its ends.
struct Bench {
    room: Room,
    now: Instant,
    events: mpsc::Receiver<LegEvent>,
    actions: Vec<Action>,
}

impl Bench {
    fn new(capacity: usize) -> Self {
        let (sender, events) = mpsc::channel(capacity);
        let now = Instant::now();
        Self { room: Room::new(sender, PATIENCE, now), now, events, actions: vec![] }
    }

    fn joined() -> Self {
        let mut bench = Self::new(64);
        bench.room.link_up(&mut bench.actions);
        bench.report(Report::Joined);
        bench.actions.clear();
        bench
    }

    /// A room for somebody who calls us.
    fn offered() -> Self {
        let mut bench = Self::new(64);
        let (sender, events) = mpsc::channel(64);
        bench.room = Room::offered(sender, PATIENCE, bench.now, &mut bench.actions);
        bench.events = events;
        assert_eq!(bench.heard(), [LegEvent::Status(DialStatus::Ringing)]);
        bench
    }

    fn report(&mut self, report: Report) {
        self.room.report(report, self.now, &mut self.actions);
    }

    fn down(&mut self) {
        self.room.link_down(self.now, &mut self.actions);
    }

    fn command(&mut self, command: LegCommand) {
        self.room.command(command, self.now, &mut self.actions);
    }

    /// A ping is answered at once.
    fn answered(&mut self) {
        self.room.answered(self.now, self.now, &mut self.actions);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.room.tick(self.now, &mut self.actions);
    }

    fn heard(&mut self) -> Vec<LegEvent> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    fn done(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }
}

#[test]
fn a_call_that_comes_in_is_joined_when_it_is_picked_up_and_not_before() {
    let mut bench = Bench::offered();
    bench.room.link_up(&mut bench.actions);
    bench.pass(Duration::from_secs(20));
    assert_eq!(bench.done(), [], "it rings, for longer than a carrier may be away");
    bench.room.pick_up(bench.now);
    bench.room.link_up(&mut bench.actions);
    assert_eq!(bench.done(), [Action::Join]);
    bench.report(Report::Joined);
    bench.report(Report::Status(DialStatus::Connected));
    assert_eq!(bench.heard(), [LegEvent::Status(DialStatus::Connected)]);
}

#[test]
fn a_call_that_comes_in_is_connected_with_its_first_audio_or_soon_after_the_join() {
    for audio_first in [true, false] {
        let mut bench = Bench::offered();
        bench.room.pick_up(bench.now);
        bench.room.link_up(&mut bench.actions);
        bench.report(Report::Joined);
        let audio = Bytes::from_static(b"ab");
        if audio_first {
            bench.report(Report::Audio(audio.clone()));
        }
        bench.pass(CONNECTED_DUE);
        let mut told = vec![LegEvent::Status(DialStatus::Connected)];
        if audio_first {
            told.push(LegEvent::Audio { at: MediaTime::ZERO, pcm: audio });
        }
        assert_eq!(bench.heard(), told, "a carrier that tells no status");
    }
}

#[test]
fn a_call_that_comes_in_and_is_refused_is_hung_up_without_being_joined() {
    let mut bench = Bench::offered();
    bench.room.link_up(&mut bench.actions);
    bench.command(LegCommand::Hangup);
    assert_eq!(bench.done(), [Action::HangUpByRest]);
    bench.report(Report::Hangup);
    assert_eq!(bench.heard(), [LegEvent::Hangup]);
}

#[test]
fn audio_that_cannot_be_read_is_told_once_each_way() {
    let mut bench = Bench::joined();
    for _ in 0..100 {
        bench.report(Report::AudioUnreadable("it is MP3".into()));
        bench.report(Report::AudioRefused("it is pcm16".into()));
    }
    let told = |is_ours, why: &str| LegEvent::AudioUnreadable { is_ours, why: why.into() };
    assert_eq!(bench.heard(), [told(false, "it is MP3"), told(true, "it is pcm16")]);
}

#[test]
fn refusals_that_cross_the_end_of_a_call_are_no_trouble_with_its_audio() {
    let mut bench = Bench::joined();
    bench.report(Report::AudioRefused("Call is not connected".into()));
    bench.report(Report::Hangup);
    for _ in 0..10 {
        bench.report(Report::AudioRefused("Session not found".into()));
    }
    assert_eq!(bench.heard(), [LegEvent::Hangup]);
}

fn record() -> CarrierCdr {
    serde_json::from_value(serde_json::json!({
        "sessionId": "s", "destination": "", "startTime": "", "answerTime": null, "endTime": "",
        "duration": 0, "billableSeconds": 0, "disposition": "BUSY", "hangupBy": null,
        "hangupCauseCode": 17, "hangupCauseText": "",
    }))
    .expect("a record")
}

#[test]
fn a_busy_callee_ends_the_call_even_if_the_carrier_says_no_more() {
    let mut bench = Bench::joined();
    bench.report(Report::Status(DialStatus::Busy));
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.heard(), [LegEvent::Status(DialStatus::Busy)]);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.heard(), [LegEvent::Hangup]);
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.done(), [Action::FetchCdr]);
}

#[test]
fn a_hang_up_while_the_carrier_is_away_goes_over_rest_and_is_repeated_when_it_is_back() {
    let mut bench = Bench::joined();
    bench.down();
    bench.command(LegCommand::Hangup);
    bench.command(LegCommand::Hangup);
    assert_eq!(bench.done(), [Action::HangUpByRest]);
    bench.room.link_up(&mut bench.actions);
    bench.report(Report::Joined);
    assert_eq!(bench.done(), [Action::Join, Action::Send(LegCommand::Hangup)]);
}

#[test]
fn commands_wait_for_the_room_in_order_but_audio_does_not() {
    let mut bench = Bench::new(8);
    let digit = LegCommand::Digit { digit: '1', duration_ms: 200 };
    bench.command(LegCommand::CheckPoint("a".into()));
    bench.command(LegCommand::Audio(Bytes::from_static(b"xx")));
    bench.command(digit.clone());
    assert_eq!(bench.done(), [Action::Dropped { direction: "out", reason: "not_joined" }]);
    bench.room.link_up(&mut bench.actions);
    bench.report(Report::Joined);
    let sent = [LegCommand::CheckPoint("a".into()), digit].map(Action::Send);
    assert_eq!(bench.done()[1..], sent);
}

fn link(link: Link, why: &str) -> LegEvent {
    LegEvent::Link { link, why: why.into() }
}

#[test]
fn a_carrier_that_comes_back_in_time_is_told_to_have_been_away() {
    let mut bench = Bench::joined();
    bench.down();
    bench.pass(Duration::from_secs(9));
    bench.down();
    bench.room.link_up(&mut bench.actions);
    bench.report(Report::Joined);
    bench.pass(Duration::from_secs(9));
    let told =
        [link(Link::Away, "the connection to the carrier broke"), link(Link::Up, "the carrier is back")];
    assert_eq!((bench.heard(), bench.done()), (told.to_vec(), vec![Action::Join]));
}

/// The audio before it may be lost, and then the carrier would confirm what nobody heard.
#[test]
fn no_check_point_is_repeated_after_the_carrier_was_away() {
    let mut bench = Bench::joined();
    bench.command(LegCommand::CheckPoint("before".into()));
    bench.down();
    bench.command(LegCommand::CheckPoint("meanwhile".into()));
    bench.command(LegCommand::Interruption);
    bench.done();
    bench.room.link_up(&mut bench.actions);
    bench.report(Report::Joined);
    assert_eq!(bench.done(), [Action::Join]);
    bench.heard();
    bench.report(Report::CheckPoint("before".into()));
    assert_eq!(bench.heard(), []);
}

#[test]
fn a_join_that_gets_no_answer_is_repeated_until_it_is_confirmed() {
    let mut bench = Bench::joined();
    bench.down();
    bench.room.link_up(&mut bench.actions);
    assert_eq!(bench.done(), [Action::Join]);
    bench.report(Report::Announced);
    for _ in 0..25 {
        bench.pass(Duration::from_millis(100));
    }
    assert_eq!(bench.done(), [Action::Join, Action::Join]);
    bench.report(Report::Joined);
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.done(), []);
}

#[test]
fn a_carrier_that_stops_answering_is_told_and_given_up_in_the_same_time_as_one_that_is_away() {
    let mut bench = Bench::joined();
    bench.answered();
    bench.heard();
    bench.pass(Duration::from_millis(2_900));
    assert_eq!(bench.heard(), []);
    bench.pass(Duration::from_millis(100));
    assert_eq!(bench.heard(), [link(Link::Stalled, "the carrier answers nothing")]);
    bench.pass(Duration::from_secs(5));
    bench.report(Report::Digit('1'));
    assert_eq!(bench.heard(), [LegEvent::Digit('1')], "its own word proves nothing of our direction");
    let sent_by = bench.now;
    bench.answered();
    let back = [LegEvent::Delivered { sent_by }, link(Link::Up, "the carrier answers again")];
    assert_eq!(bench.heard(), back);
    bench.pass(Duration::from_secs(3));
    bench.pass(Duration::from_secs(10));
    let heard = bench.heard();
    assert!(
        matches!(heard[..], [LegEvent::Link { link: Link::Stalled, .. }, LegEvent::Lost { .. }]),
        "{heard:?}"
    );
}

#[test]
fn a_carrier_that_answers_no_ping_is_not_called_stalled_and_a_quiet_one_is_known_to_be_there() {
    let mut bench = Bench::joined();
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.heard(), []);
    bench.answered();
    let delivered = LegEvent::Delivered { sent_by: bench.now };
    assert_eq!(bench.heard(), [delivered.clone(), LegEvent::Alive]);
    bench.report(Report::Digit('1'));
    bench.answered();
    assert_eq!(bench.heard(), [LegEvent::Digit('1'), delivered]);
}

#[test]
fn audio_that_was_dropped_stalls_the_call_until_there_is_room() {
    let mut bench = Bench::joined();
    bench.room.block(bench.now, &mut bench.actions);
    bench.report(Report::Digit('1'));
    bench.room.block(bench.now, &mut bench.actions);
    bench.room.unblock(bench.now, &mut bench.actions);
    let heard = bench.heard();
    let links = matches!(
        heard[..],
        [
            LegEvent::Link { link: Link::Stalled, .. },
            LegEvent::Digit('1'),
            LegEvent::Link { link: Link::Up, .. },
        ]
    );
    assert!(links, "{heard:?}");
}

#[test]
fn the_time_away_runs_on_through_failed_attempts_to_reconnect() {
    let mut bench = Bench::joined();
    for _ in 0..5 {
        bench.down();
        bench.pass(Duration::from_secs(2));
    }
    assert!(matches!(bench.heard()[..], [LegEvent::Link { link: Link::Away, .. }, LegEvent::Lost { .. }]));
    assert_eq!(bench.done(), [Action::HangUpByRest, Action::FetchCdr]);
}

#[derive(Clone, Debug)]
enum Happening {
    Report(Report),
    Command(LegCommand),
    Up,
    Down,
    Record(bool),
    Wait(u64),
    Read,
}

fn happenings() -> impl Strategy<Value = Happening> {
    let report = prop_oneof![
        Just(Report::Announced),
        Just(Report::Joined),
        Just(Report::JoinRefused),
        Just(Report::Status(DialStatus::Ringing)),
        Just(Report::Status(DialStatus::Connected)),
        Just(Report::Status(DialStatus::Failed)),
        (0..3_usize).prop_map(|n| Report::Audio(Bytes::from(vec![0; n]))),
        Just(Report::Digit('1')),
        "[ab]".prop_map(Report::CheckPoint),
        Just(Report::Hangup),
        Just(Report::Cdr(record())),
    ];
    let command = prop_oneof![
        Just(LegCommand::Audio(Bytes::from_static(b"xx"))),
        "[ab]".prop_map(LegCommand::CheckPoint),
        Just(LegCommand::Interruption),
        Just(LegCommand::Hangup),
    ];
    prop_oneof![
        6 => report.prop_map(Happening::Report),
        4 => command.prop_map(Happening::Command),
        1 => Just(Happening::Up),
        1 => Just(Happening::Down),
        1 => any::<bool>().prop_map(Happening::Record),
        2 => (0..6_000_u64).prop_map(Happening::Wait),
        2 => Just(Happening::Read),
    ]
}

proptest! {
    /// Whatever happens in whatever order: one end, then at most one record, then nothing.
    #[test]
    fn every_call_ends_once_and_has_at_most_one_record(
        all in prop::collection::vec(happenings(), 0..60),
        capacity in 1_usize..20,
    ) {
        let mut bench = Bench::new(capacity);
        let mut told = Vec::new();
        let mut fetches = 0;
        for happening in all {
            match happening {
                Happening::Report(report) => bench.report(report),
                Happening::Command(command) => bench.command(command),
                Happening::Up => bench.room.link_up(&mut bench.actions),
                Happening::Down => bench.down(),
                // The router hands in a record only after it was asked to fetch one.
                Happening::Record(found) if fetches > 0 => {
                    bench.room.deliver_cdr(found.then(record), &mut bench.actions);
                }
                Happening::Record(_) => {}
                Happening::Wait(ms) => bench.pass(Duration::from_millis(ms)),
                Happening::Read => told.extend(bench.heard()),
            }
            fetches += bench.done().iter().filter(|a| **a == Action::FetchCdr).count();
        }
        // Left alone, and with a record that cannot be had, every call is over in the end.
        bench.command(LegCommand::Hangup);
        for _ in 0..20 {
            bench.pass(Duration::from_secs(10));
            fetches += bench.done().iter().filter(|a| **a == Action::FetchCdr).count();
            if fetches > 0 {
                bench.room.deliver_cdr(None, &mut bench.actions);
            }
            told.extend(bench.heard());
        }
        prop_assert!(bench.room.is_over());
        prop_assert!(fetches <= 1, "{} fetches", fetches);
        let end = told.iter().position(|e| matches!(e, LegEvent::Hangup | LegEvent::Lost { .. }));
        let end = end.expect("the call ends");
        let rest = &told[end + 1..];
        prop_assert!(matches!(rest, [] | [LegEvent::Cdr(_)]), "after the end: {:?}", rest);
        prop_assert!(!told[..end].iter().any(|e| matches!(e, LegEvent::Cdr(_))));
    }
}
