use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::clock::CallTime;
use crate::flow::{self, ExternalStepEnd, MachineDetection, Run};
use crate::ids::ExternalStepId;
use crate::testing::{VirtualCall, World};

const FLOW: &str = "\
flow: greet
language: en
start: hello
scenes:
  hello:
    - say:
        text: Good day to you.
        barge_in: both
    - checkpoint: greeted
    - hangup: done
";

/// When each key goes out that `flow` presses, until nothing more happens.
fn pressed(text: &str, hung_up_at: Option<u64>) -> Vec<(u64, char, u32)> {
    let settings = Settings { machine_detection: MachineDetection::Disabled, ..Settings::default() };
    let mut call = VirtualCall::new(text, settings, Keys::default()).unwrap();
    call.tell(Input::Status(DialStatus::Connected));
    if let Some(ms) = hung_up_at {
        call.pass(at(ms));
        call.tell(Input::RemoteHangup);
    }
    call.pass(at(20_000));
    call.world.0
}

/// The keys that a call sends, with the time of each and how long it sounds.
#[derive(Default)]
struct Keys(Vec<(u64, char, u32)>);

impl World for Keys {
    fn perform(&mut self, effect: Effect, now: CallTime) -> Option<Input> {
        if let Effect::SendDigit { digit, duration_ms } = effect {
            self.0.push((now.as_ms(), digit, duration_ms));
        }
        None
    }
}

#[test]
fn keys_go_out_one_after_the_other_and_what_waits_is_dropped_at_the_hangup() {
    let flow = "flow: keys\nlanguage: en\nstart: menu\nscenes:\n  menu:\n    - send_digits: \"12\"\n    \
                - send_digits: \"3#\"\n    - wait: 5s\n    - hangup\n";
    let keys = pressed(flow, None);
    let order: String = keys.iter().map(|(_, digit, _)| *digit).collect();
    assert_eq!(order, "123#");
    for pair in keys.windows(2) {
        let gap = pair[1].0 - pair[0].0 - u64::from(pair[0].2);
        assert!((50..=100).contains(&gap), "{keys:?}");
    }
    assert_eq!(pressed(flow, Some(300)).len(), 2, "the callee hung up before the third");
    let at_once = flow.replace("    - wait: 5s\n", "");
    assert_eq!(pressed(&at_once, None).len(), 1, "the flow hung up itself");
}

fn at(ms: u64) -> CallTime {
    CallTime::from_ms(ms)
}

fn call() -> Call {
    let parsed = flow::parse("greet.yaml", FLOW);
    let flow = parsed.flow.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
    let run = Run::new(Arc::new(flow), Map::new()).unwrap();
    Call::new(Settings { machine_detection: MachineDetection::Disabled, ..Settings::default() }, run)
}

fn cdr(code: u16, disposition: Disposition) -> CarrierCdr {
    CarrierCdr {
        session_id: "s1".into(),
        destination: "123".into(),
        start_time: String::new(),
        answer_time: None,
        end_time: String::new(),
        duration: 3,
        billable_seconds: 0,
        disposition,
        hangup_by: Some(HangupBy::Callee),
        hangup_cause_code: code,
        hangup_cause_text: String::new(),
        source: None,
    }
}

/// Everything the call wants, with audio requests answered by one second of sound.
#[derive(Default)]
struct Seen {
    notices: Vec<Notice>,
    sent: Vec<String>,
    requests: Vec<(ExternalStepId, String)>,
    facts: Vec<(u64, Fact)>,
    summary: Option<Summary>,
    finishes: usize,
}

impl Seen {
    fn drain(&mut self, call: &mut Call, now: CallTime) {
        while let Some(effect) = call.poll_effect() {
            match effect {
                Effect::Notify(notice) => self.notices.push(notice),
                Effect::Render { play, part, .. } => {
                    let result = Ok(vec![500; 8_000].into());
                    call.handle(Input::Rendered { play, part, result }, now);
                }
                Effect::SendAudio(_) => self.note("audio"),
                Effect::SendCheckPoint(name) => {
                    self.note("check point");
                    // A carrier that plays at once.
                    call.handle(Input::CheckPoint(name), now);
                }
                Effect::SendInterruption => self.note("interruption"),
                Effect::SendHangup => self.note("hangup"),
                Effect::SendDigit { .. } => self.note("digit"),
                Effect::KeepMessage { .. } => self.note("message begins"),
                Effect::EndMessage { id, keep } => {
                    self.note("message ends");
                    if keep {
                        let end = ExternalStepEnd::Recorded { name: "m.wav".into(), ms: 1_000 };
                        call.handle(Input::ExternalStepEnded { id, end }, now);
                    }
                }
                Effect::Request { id, request } => {
                    self.requests.push((id, format!("{} {}", request.method.as_str(), request.url)));
                }
                Effect::Show(picture) => self.note(&format!("show {}", picture.as_deref().unwrap_or("none"))),
                Effect::SendTransfer { to, .. } => self.note(&format!("transfer to {to}")),
                Effect::Finish(summary) => {
                    self.finishes += 1;
                    self.summary = Some(*summary);
                }
                Effect::Record(fact) => self.facts.push((now.as_ms(), fact)),
                Effect::MuteRecording(_) | Effect::Recognise { .. } => {}
                Effect::SeekRecord => self.note("seek record"),
            }
        }
    }

    fn note(&mut self, what: &str) {
        if self.sent.last().map(String::as_str) != Some(what) {
            self.sent.push(what.to_owned());
        }
    }

    fn statuses(&self) -> Vec<&'static str> {
        let word = |notice: &Notice| match notice.state {
            NotificationState::Answered => "answered",
            NotificationState::InProgress(_) => "amd",
            NotificationState::Event { .. } => "event",
            NotificationState::Completed { .. } => "completed",
            NotificationState::Failed { .. } => "failed",
        };
        self.notices.iter().map(word).collect()
    }
}

/// Feeds the inputs at their times and lets every deadline pass in between.
fn run(call: &mut Call, inputs: Vec<(u64, Input)>, until: u64) -> Seen {
    let mut world = Seen::default();
    let mut inputs = inputs.into_iter().peekable();
    for ms in 0..=until {
        while let Some((_, input)) = inputs.next_if(|(due, _)| *due <= ms) {
            call.handle(input, at(ms));
            world.drain(call, at(ms));
        }
        if call.poll_timeout().is_some_and(|due| due <= at(ms)) {
            call.handle_timeout(at(ms));
        }
        world.drain(call, at(ms));
    }
    world
}

fn answered() -> Vec<(u64, Input)> {
    vec![
        (10, Input::Placed { session_id: "s1".into() }),
        (20, Input::Status(DialStatus::Dialing)),
        (100, Input::Status(DialStatus::Ringing)),
        (2_100, Input::Status(DialStatus::Connected)),
    ]
}

#[test]
fn a_prompt_is_spoken_marked_and_followed_by_the_hangup() {
    let world = run(&mut call(), answered(), 20_000);
    assert_eq!(world.statuses(), ["answered", "completed"]);
    assert_eq!(world.sent.last().map(String::as_str), Some("hangup"));
    let summary = world.summary.unwrap();
    assert_eq!((summary.outcome.as_str(), summary.last_checkpoint.as_deref()), ("done", Some("greeted")));
    assert_eq!(summary.ended, Ended::ByBot);
    assert!(summary.cdr.is_none(), "no carrier record came, and the call did not wait for ever");
}

#[test]
fn the_times_to_ring_and_to_connect_are_told() {
    let world = run(&mut call(), answered(), 20_000);
    assert_eq!((world.notices[0].ring_ms, world.notices[0].connect_ms), (2_000, 2_100));
}

#[test]
fn a_busy_line_fails_with_its_cause_and_never_speaks() {
    let mut inputs = answered();
    inputs[3] = (900, Input::Status(DialStatus::Busy));
    inputs.push((910, Input::RemoteHangup));
    inputs.push((950, Input::Cdr(cdr(17, Disposition::Busy))));
    let world = run(&mut call(), inputs, 20_000);
    assert_eq!(world.statuses(), ["failed"]);
    assert_eq!(world.notices[0].state, NotificationState::Failed { cause: 17 });
    assert_eq!(world.summary.unwrap().outcome, "busy");
    assert!(world.sent.is_empty());
}

#[test]
fn a_number_that_does_not_exist_is_told_by_the_carriers_record() {
    let inputs = vec![
        (10, Input::Placed { session_id: "s1".into() }),
        (20, Input::Status(DialStatus::Failed)),
        (30, Input::Cdr(cdr(1, Disposition::Failed))),
    ];
    let world = run(&mut call(), inputs, 20_000);
    assert_eq!(
        world.summary.map(|s| (s.outcome, s.disposition)),
        Some(("bad_number".into(), Disposition::Failed))
    );
}

#[test]
fn a_deadline_says_what_is_due() {
    let mut call = call();
    let due = |call: &Call| call.deadline().map(|deadline| deadline.due);
    assert_eq!(due(&call), Some(Due::RingTimeout));
    call.handle(Input::Status(DialStatus::Connected), at(1_000));
    while call.poll_effect().is_some() {}
    assert_eq!(
        call.deadline(),
        Some(Deadline { at: at(601_000), due: Due::Flow }),
        "the flow's longest time"
    );
    call.handle(Input::HangupRequested { by: "test".into() }, at(2_000));
    assert_eq!(call.deadline(), Some(Deadline { at: at(7_000), due: Due::CarrierRecord }));
    call.handle_timeout(at(7_000));
    assert_eq!(due(&call), None);
}

#[test]
fn an_unanswered_call_is_given_up_after_the_ring_timeout() {
    let mut inputs = answered();
    inputs.truncate(3);
    let world = run(&mut call(), inputs, 70_000);
    assert_eq!(world.sent, ["hangup"]);
    assert_eq!(world.summary.unwrap().disposition, Disposition::NoAnswer);
}

#[test]
fn a_carrier_that_vanishes_ends_the_call_with_a_cause_and_a_notification() {
    let mut inputs = answered();
    inputs.push((2_500, Input::Lost { why: "gone".into() }));
    let world = run(&mut call(), inputs, 20_000);
    assert_eq!(world.statuses(), ["answered", "completed"]);
    let summary = world.summary.unwrap();
    assert_eq!((summary.ended, summary.cause), (Ended::ByFault, 38));
}

/// The carrier goes away while it rings; later it gives `record`, if any.
fn lost_while_it_rings(record: Option<CarrierCdr>) -> Seen {
    let mut inputs = answered();
    inputs.truncate(3);
    inputs.push((2_500, Input::Lost { why: "gone".into() }));
    inputs.extend(record.map(|cdr| (14_000, Input::Cdr(cdr))));
    run(&mut call(), inputs, 30_000)
}

#[test]
fn a_callee_who_answered_while_the_line_was_away_is_told_as_answered_by_the_record() {
    let answered = CarrierCdr { duration: 12, billable_seconds: 9, ..cdr(16, Disposition::Answered) };
    let world = lost_while_it_rings(Some(answered));
    assert_eq!(
        (world.statuses(), world.sent.as_slice()),
        (vec!["completed"], ["seek record".to_owned()].as_slice())
    );
    let notice = &world.notices[0];
    assert_eq!(notice.unseen, Some(Unseen::Conversation(Absence::LineAway)));
    let NotificationState::Completed { answered_at, ended, .. } = notice.state else { panic!("{notice:?}") };
    assert_eq!((notice.at.ms_since(answered_at), ended), (9_000, Ended::ByFault));
    let summary = world.summary.unwrap();
    assert_eq!((summary.disposition, summary.cause), (Disposition::Answered, 38));
    assert_eq!((summary.outcome.as_str(), summary.message_left), ("carrier_lost", false));
}

#[test]
fn a_callee_who_was_busy_while_the_line_was_away_is_told_as_busy() {
    let world = lost_while_it_rings(Some(cdr(17, Disposition::Busy)));
    assert_eq!(world.notices[0].state, NotificationState::Failed { cause: 17 });
    assert_eq!(world.notices[0].unseen, None);
    assert_eq!(world.summary.unwrap().outcome, "busy");
}

#[test]
fn without_a_record_a_call_that_was_lost_while_it_rang_may_have_been_answered() {
    let world = lost_while_it_rings(None);
    assert_eq!(world.notices[0].state, NotificationState::Failed { cause: 38 });
    assert_eq!(world.notices[0].unseen, Some(Unseen::Fate(Absence::LineAway)));
    assert_eq!(world.summary.unwrap().outcome, "carrier_lost");
}

#[test]
fn a_hangup_that_the_carriers_record_lays_on_the_network_is_not_laid_on_the_callee() {
    let mut inputs = answered();
    inputs.push((2_500, Input::RemoteHangup));
    inputs.push((2_600, Input::Cdr(cdr(38, Disposition::Answered))));
    let summary = run(&mut call(), inputs, 20_000).summary.unwrap();
    assert_eq!((summary.ended, summary.outcome.as_str()), (Ended::ByFault, "carrier_lost"));
}

#[test]
fn a_refused_call_fails_at_once() {
    let world = run(&mut call(), vec![(5, Input::Refused { cause: 28, why: "bad number".into() })], 100);
    assert_eq!(world.statuses(), ["failed"]);
    assert_eq!(world.summary.unwrap().outcome, "bad_number");
}

#[test]
fn a_key_cuts_the_prompt_short() {
    let mut inputs = answered();
    inputs.push((2_600, Input::Digit('1')));
    let mut call = call();
    let world = run(&mut call, inputs, 2_700);
    assert!(world.sent.contains(&"interruption".to_owned()), "{:?}", world.sent);
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        Just(Input::Placed { session_id: "s1".into() }),
        Just(Input::Status(DialStatus::Dialing)),
        Just(Input::Status(DialStatus::Ringing)),
        Just(Input::Status(DialStatus::Busy)),
        Just(Input::Status(DialStatus::Failed)),
        Just(Input::Status(DialStatus::Connected)),
        Just(Input::Digit('5')),
        Just(Input::CheckPoint("greeted#1".into())),
        Just(Input::RemoteHangup),
        Just(Input::Cdr(cdr(16, Disposition::Answered))),
        Just(Input::Lost { why: "gone".into() }),
        Just(Input::Recognised {
            utterance: 1,
            interim: false,
            heard: Some(Hypothesis { text: "yes".into(), confidence: 1.0, weighed: None })
        }),
        Just(Input::Refused { cause: 1, why: "no".into() }),
        Just(Input::HangupRequested { by: "test".into() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_happens_in_whatever_order_a_call_ends_once_with_one_final_notification(
        inputs in prop::collection::vec((0_u64..5_000, any_input()), 0..25),
    ) {
        let mut inputs = inputs;
        inputs.sort_by_key(|(ms, _)| *ms);
        let mut call = call();
        let world = run(&mut call, inputs, 90_000);
        prop_assert_eq!(world.finishes, 1);
        let last = world.notices.iter().filter(|n| matches!(n.state, NotificationState::Completed { .. } | NotificationState::Failed { .. }));
        prop_assert_eq!(last.count(), 1);
        let ends = matches!(world.notices.last().map(|n| &n.state), Some(NotificationState::Completed { .. } | NotificationState::Failed { .. }));
        prop_assert!(ends, "the last notification is not the final one");
        prop_assert_eq!(call.poll_timeout(), None);
    }
}

/// What is sent and told of a flow that shows pictures, on a call that tells this of its sight.
fn shown(sight: Option<bool>) -> (Vec<String>, Vec<Fact>) {
    let flow = "flow: show\nlanguage: en\nstart: a\nscenes:\n  a:\n    - show: pictures/menu.webp\n    \
                - say: Look\n    - show: pictures/film.ivf\n    - show: none\n    - hangup\n";
    let flow = flow::parse("show.yaml", flow).flow.unwrap();
    assert_eq!(flow.picture_files().len(), 2);
    let run = Run::new(Arc::new(flow), Map::new()).unwrap();
    let settings = Settings { machine_detection: MachineDetection::Disabled, ..Settings::default() };
    let mut call = Call::new(settings, run);
    let mut seen = Seen::default();
    if let Some(shows) = sight {
        call.handle(Input::Sight { shows, has_camera: false }, at(0));
    }
    call.handle(Input::Status(DialStatus::Connected), at(0));
    for now in (0..4_000).step_by(20).map(at) {
        call.handle_timeout(now);
        seen.drain(&mut call, now);
    }
    let sent = seen.sent.into_iter().filter(|what| what.starts_with("show")).collect();
    let is_of_sight = |fact: &Fact| {
        let kind = fact.kind();
        kind == "video" || kind.starts_with("picture_")
    };
    (sent, seen.facts.into_iter().map(|(_, fact)| fact).filter(is_of_sight).collect())
}

#[test]
fn pictures_are_shown_to_who_can_see_them_and_others_are_told_of_once() {
    let name = |name: &str| format!("pictures/{name}");
    let (sent, facts) = shown(Some(true));
    assert_eq!(sent, ["show pictures/menu.webp", "show pictures/film.ivf", "show none"]);
    assert_eq!(
        facts,
        [
            Fact::Video { shows: true, camera: false },
            Fact::PictureShown { name: name("menu.webp") },
            Fact::PictureShown { name: name("film.ivf") },
            Fact::PictureCleared {},
        ]
    );
    let not_shown = Fact::PictureNotShown { name: name("menu.webp") };
    assert_eq!(shown(None), (vec![], vec![not_shown.clone()]), "a telephone");
    assert_eq!(shown(Some(false)), (vec![], vec![Fact::Video { shows: false, camera: false }, not_shown]));
}
