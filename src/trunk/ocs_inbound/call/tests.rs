use std::sync::Arc;

use callcore::call::{Call, Effect, Input, Settings};
use callcore::clock::CallTime;
use callcore::flow::{MachineDetection, Run};
use callcore::playback;
use proptest::prelude::*;

use super::*;

const RECORD_WAIT: Duration = Duration::from_secs(5);
/// The peer answers pings, which go out this often.
const PINGS: Duration = Duration::from_secs(1);
const CDR: &str = r#"{"event":"cdr","sessionId":"s","disposition":"ANSWERED","hangupCauseCode":"16"}"#;

struct Bench {
    call: InboundCall,
    start: Instant,
    now: Instant,
    ping_at: Instant,
    /// Nothing comes to the peer, who speaks on.
    is_deaf: bool,
}

impl Bench {
    fn new() -> Self {
        let start = Instant::now();
        Self { call: InboundCall::new(RECORD_WAIT, start), start, now: start, ping_at: start, is_deaf: false }
    }

    fn ringing() -> Self {
        let mut bench = Self::new();
        assert_eq!(bench.done(), [Action::Tell(LegEvent::Status(DialStatus::Ringing))]);
        bench
    }

    fn answered() -> Self {
        let mut bench = Self::ringing();
        bench.call.pick_up();
        let connected = Action::Tell(LegEvent::Status(DialStatus::Connected));
        assert_eq!(bench.done(), [Action::Say(messages::answer()), connected]);
        bench
    }

    fn done(&mut self) -> Vec<Action> {
        let mut done = Vec::new();
        while let Some(action) = self.call.poll_action() {
            if let Action::Ping(number) = &action {
                if !self.is_deaf {
                    self.call.heard(Some(number), self.now);
                }
            } else if !matches!(action, Action::Tell(LegEvent::Alive | LegEvent::Delivered { .. })) {
                done.push(action);
            }
        }
        done
    }

    /// When something happens next.
    fn due(&self) -> Instant {
        self.call.poll_timeout().map_or(self.ping_at, |due| due.min(self.ping_at))
    }

    /// Lets the time be `due`.
    fn come_to(&mut self, due: Instant) {
        self.now = self.now.max(due);
        if self.ping_at <= self.now {
            self.ping_at = self.now + PINGS;
            self.call.ping(self.now);
        }
        self.call.handle_timeout(self.now);
    }

    fn text(&mut self, text: &str) -> Vec<Action> {
        let _reported = self.call.text(text, self.now);
        self.done()
    }

    fn command(&mut self, command: LegCommand) -> Vec<Action> {
        self.call.command(command, self.now);
        self.done()
    }

    /// Lets time pass, with everything that falls due.
    fn pass(&mut self, ms: u64) -> Vec<Action> {
        let until = self.now + Duration::from_millis(ms);
        let mut done = Vec::new();
        while self.due() <= until {
            self.come_to(self.due());
            done.extend(self.done());
        }
        self.now = until;
        done
    }

    fn at(&self) -> CallTime {
        CallTime::from_ms((self.now - self.start).as_millis() as u64)
    }
}

fn audio(ms: usize) -> Bytes {
    Bytes::from(vec![1; ms * 16])
}

fn heard(actions: &[Action]) -> usize {
    actions.iter().map(|a| if let Action::Play(audio) = a { audio.len() } else { 0 }).sum()
}

#[test]
fn a_caller_who_gets_nothing_has_heard_nothing_however_much_they_say() {
    let mut bench = Bench::answered();
    bench.pass(400);
    bench.is_deaf = true;
    bench.command(LegCommand::Audio(audio(1_000)));
    bench.command(LegCommand::CheckPoint("heard".into()));
    let mut done = Vec::new();
    for _ in 0..200 {
        bench.call.heard(None, bench.now);
        bench.call.audio(audio(20), bench.now);
        done.extend(bench.pass(20));
    }
    let told = |event: &LegEvent| done.contains(&Action::Tell(event.clone()));
    let link = |link, why: &str| LegEvent::Link { link, why: why.into() };
    assert!(told(&link(Link::Stalled, "the carrier answers nothing")), "{done:?}");
    assert!(!told(&LegEvent::CheckPoint("heard".into())), "{done:?}");
    bench.is_deaf = false;
    let done = bench.pass(600);
    assert!(done.contains(&Action::Tell(link(Link::Up, "the carrier answers again"))), "{done:?}");
    assert!(done.contains(&Action::Tell(LegEvent::CheckPoint("heard".into()))), "{done:?}");
}

#[test]
fn nothing_is_sent_or_heard_before_the_answer() {
    let mut bench = Bench::ringing();
    assert_eq!(bench.command(LegCommand::Audio(audio(20))), []);
    bench.call.audio(audio(20), bench.now);
    let early = Action::Dropped { direction: "in", reason: "before_answer" };
    assert_eq!(bench.done(), std::slice::from_ref(&early));
    assert_eq!(bench.text(r#"{"event":"dtmf","digit":"1"}"#), [early]);
}

#[test]
fn a_caller_who_gives_up_while_it_rings_is_gone_and_picking_up_is_too_late() {
    let mut bench = Bench::ringing();
    assert_eq!(bench.text(r#"{"event":"hangup"}"#), [Action::Tell(LegEvent::Hangup)]);
    bench.call.pick_up();
    assert_eq!(bench.done(), []);
    assert_eq!(bench.pass(5_000), [Action::Close(Farewell::NoRecord)]);
}

#[test]
fn a_check_point_is_told_when_its_audio_has_sounded() {
    let mut bench = Bench::answered();
    assert_eq!(bench.command(LegCommand::Audio(audio(160))), [Action::Play(audio(160))]);
    assert_eq!(bench.command(LegCommand::CheckPoint("end".into())), []);
    assert_eq!(bench.pass(159), []);
    assert_eq!(bench.pass(1), [Action::Tell(LegEvent::CheckPoint("end".into()))]);
}

#[test]
fn barge_in_stops_the_audio_and_forgets_what_stood_behind_it() {
    let mut bench = Bench::answered();
    let sent = bench.command(LegCommand::Audio(audio(3_000)));
    bench.command(LegCommand::CheckPoint("end".into()));
    let later = bench.pass(500);
    let ahead = (heard(&sent) + heard(&later)) / 16 - 500;
    assert!((100..=200).contains(&ahead), "{ahead} ms ahead of what is heard");
    assert_eq!(bench.command(LegCommand::Interruption), [Action::Say(messages::interrupt())]);
    assert_eq!(bench.pass(10_000), []);
}

#[test]
fn keys_go_out_as_they_come_and_only_those_of_the_wire() {
    let mut bench = Bench::answered();
    let key = |digit| Action::Say(messages::dtmf(digit, 200).unwrap());
    let pressed: Vec<_> = "12A#"
        .chars()
        .flat_map(|digit| bench.command(LegCommand::Digit { digit, duration_ms: 200 }))
        .collect();
    let no_key = Action::Dropped { direction: "out", reason: "no_such_key" };
    assert_eq!(pressed, [key('1'), key('2'), no_key, key('#')], "the call paces them");
}

#[test]
fn after_our_hang_up_only_the_record_is_awaited() {
    let mut bench = Bench::answered();
    assert_eq!(bench.command(LegCommand::Hangup), [Action::Say(messages::hangup())]);
    assert_eq!(bench.text(r#"{"event":"hangup"}"#), [], "theirs crossed ours");
    bench.call.audio(audio(20), bench.now);
    let done = bench.text(CDR);
    assert!(matches!(&done[..], [Action::Tell(LegEvent::Cdr(_)), Action::Close(Farewell::Done)]), "{done:?}");
    assert!(bench.call.is_over());
}

#[test]
fn a_dropped_connection_is_a_loss_and_a_closed_one_a_hang_up() {
    let mut bench = Bench::answered();
    bench.call.gone(false, "reset");
    assert_eq!(bench.done(), [Action::Tell(LegEvent::Lost { reason: "reset".into() })]);
    let mut bench = Bench::answered();
    bench.call.gone(true, "closed");
    assert_eq!(bench.done(), [Action::Tell(LegEvent::Hangup)]);
    assert!(bench.call.is_over());
}

#[test]
fn nonsense_is_borne_for_a_while_and_then_ends_the_call() {
    let mut bench = Bench::answered();
    for _ in 0..MAX_OFFENCES {
        assert_eq!(bench.text("nonsense"), []);
    }
    let end = bench.text(r#"{"event":"incoming_call","didNumber":"2"}"#);
    let close = Action::Close(Farewell::TooManyErrors);
    assert!(matches!(&end[..], [Action::Tell(LegEvent::Lost { .. }), last] if *last == close), "{end:?}");
}

#[test]
fn a_flood_of_audio_is_cut_to_twice_the_speed_of_sound() {
    let mut bench = Bench::answered();
    let mut passed = 0;
    for _ in 0..1_000 {
        bench.call.audio(audio(100), bench.now);
        passed += bench.done().iter().filter(|a| matches!(a, Action::Tell(LegEvent::Audio { .. }))).count();
    }
    assert_eq!(passed, 100, "ten seconds at once");
    bench.pass(1_000);
    bench.call.audio(audio(2_000), bench.now);
    assert_eq!(bench.done().len(), 1);
    bench.call.audio(audio(20), bench.now);
    assert_eq!(bench.done(), [Action::Dropped { direction: "in", reason: "faster_than_sound" }]);
}

/// What may happen on the line, from either side, in any order.
#[derive(Clone, Debug)]
enum Step {
    PickUp,
    Text(&'static str),
    Audio(usize),
    Command(LegCommand),
    Forsake,
    Gone(bool),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let texts = [
        r#"{"event":"dtmf","digit":"1"}"#,
        r#"{"event":"hangup"}"#,
        r#"{"event":"incoming_call","didNumber":"1","sessionId":"other"}"#,
        r#"{"event":"dance"}"#,
        "{{{",
        CDR,
    ];
    prop_oneof![
        2 => Just(Step::PickUp),
        4 => prop::sample::select(texts.to_vec()).prop_map(Step::Text),
        8 => (0_usize..3_000).prop_map(Step::Audio),
        1 => Just(Step::Command(LegCommand::Hangup)),
        1 => Just(Step::Command(LegCommand::Digit { digit: '5', duration_ms: 200 })),
        1 => Just(Step::Forsake),
        1 => any::<bool>().prop_map(Step::Gone),
        8 => (0_u64..700).prop_map(Step::Pass),
    ]
}

/// A flow that speaks for two seconds, asks for a key, and hangs up.
const FLOW: &str = "flow: t
start: a
scenes:
  a:
    - say: { text: [ { checkpoint: begun }, { play: a.wav }, { checkpoint: half }, { play: a.wav } ] }
    - ask: { say: x, timeout: 2s, retries: 1, choices: { '1': a } }
    - hangup: done
";

/// The line and the call it belongs to, on the same clock.
struct BothEnds {
    bench: Bench,
    call: Call,
    finished: Vec<Option<callcore::call::CarrierCdr>>,
    hangups: usize,
    records: usize,
    over_at: Option<Instant>,
}

impl BothEnds {
    fn new() -> Self {
        let flow = callcore::flow::parse("t.yaml", FLOW).flow.expect("a good flow");
        let run = Run::new(Arc::new(flow), serde_json::Map::new()).expect("it starts");
        let settings = Settings {
            machine_detection: MachineDetection::Disabled,
            playback: playback::Options { chunk_ms: 60, lead_ms: 180, confirm_grace_ms: 500 },
            ring_timeout_ms: 20_000,
            ..Settings::default()
        };
        let call = Call::new(settings, run);
        Self { bench: Bench::new(), call, finished: Vec::new(), hangups: 0, records: 0, over_at: None }
    }

    /// Carries everything across until both are quiet.
    fn settle(&mut self) {
        loop {
            let (now, at) = (self.bench.now, self.bench.at());
            if let Some(action) = self.bench.call.poll_action() {
                if let Action::Ping(number) = action {
                    self.bench.call.heard(Some(&number), now);
                } else if let Action::Tell(event) = action {
                    assert!(self.records == 0, "{event:?} after the record");
                    self.tell(event, at);
                }
            } else if let Some(effect) = self.call.poll_effect() {
                assert!(self.finished.is_empty(), "{effect:?} after the end");
                #[expect(clippy::wildcard_enum_match_arm, reason = "all others touch neither wire nor clock")]
                let command = match effect {
                    Effect::SendAudio(chunk) => {
                        let bytes = callcore::audio::frame::to_pcm16le(chunk.samples());
                        Some(LegCommand::Audio(bytes.into()))
                    }
                    Effect::SendCheckPoint(name) => Some(LegCommand::CheckPoint(name)),
                    Effect::SendInterruption => Some(LegCommand::Interruption),
                    Effect::SendDigit { digit, duration_ms } => {
                        Some(LegCommand::Digit { digit, duration_ms })
                    }
                    Effect::SendHangup => Some(LegCommand::Hangup),
                    Effect::Render { play, part, .. } => {
                        let result = Ok(vec![1_i16; 8_000].into());
                        self.call.handle(Input::Rendered { play, part, result }, at);
                        None
                    }
                    Effect::Finish(summary) => {
                        self.finished.push(summary.cdr);
                        None
                    }
                    _ => None,
                };
                if let Some(command) = command {
                    self.bench.call.command(command, now);
                }
            } else {
                break;
            }
        }
        if self.bench.call.is_over() && self.over_at.is_none() {
            self.over_at = Some(self.bench.now);
            // As a session takes the end of a leg's events.
            self.call.handle(Input::Lost { why: "the leg has ended".into() }, self.bench.at());
            self.settle();
        }
    }

    fn tell(&mut self, event: LegEvent, at: CallTime) {
        let input = match event {
            LegEvent::Status(status) => Input::Status(status),
            LegEvent::Audio { .. }
            | LegEvent::AudioUnreadable { .. }
            | LegEvent::Transfer { .. }
            | LegEvent::Sight { .. }
            | LegEvent::Camera(_)
            | LegEvent::RoundTrip(_) => return,
            LegEvent::Link { link, why } => Input::Link { link, why },
            LegEvent::Delivered { sent_by } => {
                let sent_by = CallTime::from_ms((sent_by - self.bench.start).as_millis() as u64);
                Input::Delivered { sent_by }
            }
            LegEvent::Alive => Input::Alive,
            LegEvent::Digit(digit) => Input::Digit(digit),
            LegEvent::CheckPoint(name) => Input::CheckPoint(name),
            LegEvent::Hangup => {
                self.hangups += 1;
                Input::RemoteHangup
            }
            LegEvent::Cdr(cdr) => {
                self.records += 1;
                Input::Cdr(cdr)
            }
            LegEvent::Lost { reason } => {
                self.hangups += 1;
                Input::Lost { why: reason }
            }
        };
        self.call.handle(input, at);
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::PickUp => self.bench.call.pick_up(),
            Step::Text(text) => drop(self.bench.call.text(text, self.bench.now)),
            Step::Audio(bytes) => self.bench.call.audio(vec![0; bytes].into(), self.bench.now),
            Step::Command(command) => self.bench.call.command(command, self.bench.now),
            Step::Forsake => self.bench.call.forsake(self.bench.now),
            Step::Gone(in_order) => self.bench.call.gone(in_order, "gone"),
            Step::Pass(ms) => self.pass(ms),
        }
        self.settle();
    }

    fn pass(&mut self, ms: u64) {
        let until = self.bench.now + Duration::from_millis(ms);
        loop {
            let of_call =
                self.call.poll_timeout().map(|at| self.bench.start + Duration::from_millis(at.as_ms()));
            let due = of_call.map_or(self.bench.due(), |due| due.min(self.bench.due()));
            if due > until {
                break;
            }
            self.bench.come_to(due);
            // A call's clock has whole milliseconds.
            self.call.handle_timeout(self.bench.at());
            self.settle();
            if self.call.poll_timeout().is_none() && self.bench.call.poll_timeout().is_none() {
                break;
            }
        }
        self.bench.now = self.bench.now.max(until);
    }
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order_the_call_ends_once_with_one_record(
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut ends = BothEnds::new();
        ends.settle();
        for step in steps {
            ends.take(step);
        }
        // The caller stays silent, and the flow, the ringing and the record have their limits.
        ends.pass(60_000);
        prop_assert_eq!(ends.finished.len(), 1, "one end, and with it one record");
        prop_assert!(ends.hangups <= 1 && ends.records <= 1);
        prop_assert_eq!(ends.finished[0].is_some(), ends.records == 1);
        ends.take(Step::Forsake);
        prop_assert!(ends.bench.call.is_over());
        let before = ends.finished.len();
        ends.take(Step::Text(CDR));
        ends.take(Step::PickUp);
        prop_assert_eq!(ends.finished.len(), before, "nothing follows");
    }
}
