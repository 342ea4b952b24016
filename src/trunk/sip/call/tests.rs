//! What a leg tells of a call, and when.

use callcore::call::Direction;
use proptest::prelude::*;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn call(now: Instant) -> SipCall {
    let record = Record::new("id".into(), "+15552000001".into(), None, Direction::Outbound, 0);
    SipCall::new(record, PATIENCE, now)
}

fn live(now: Instant) -> SipCall {
    let mut call = call(now);
    call.ringing();
    call.answered(now, 1_000);
    drain(&mut call);
    call
}

fn drain(call: &mut SipCall) -> Vec<Action> {
    std::iter::from_fn(|| call.poll_action()).collect()
}

fn refusal(status: u16, cause: Option<u16>) -> Refusal {
    Refusal { status, text: String::new(), cause }
}

/// How a call ends in words: what is told first, and the record.
fn ending(actions: &[Action]) -> (LegEvent, Disposition, u16) {
    let told: Vec<_> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Tell(event) => Some(event.clone()),
            Action::HangUp { .. } | Action::Close => None,
        })
        .collect();
    assert_eq!(actions.last(), Some(&Action::Close));
    match told.as_slice() {
        [.., first, LegEvent::Cdr(cdr)] => (first.clone(), cdr.disposition, cdr.hangup_cause_code),
        other => panic!("no record: {other:?}"),
    }
}

#[test]
fn refusals_are_told_as_what_they_are() {
    let now = Instant::now();
    for (status, named, rang, told, disposition, cause) in [
        (486, None, true, LegEvent::Status(DialStatus::Busy), Disposition::Busy, 17),
        (480, None, true, LegEvent::Hangup, Disposition::NoAnswer, 19),
        (480, Some(20), false, LegEvent::Hangup, Disposition::NoAnswer, 20),
        (404, None, false, LegEvent::Status(DialStatus::Failed), Disposition::Failed, 1),
        (503, Some(17), false, LegEvent::Status(DialStatus::Busy), Disposition::Busy, 17),
        (603, None, true, LegEvent::Status(DialStatus::Failed), Disposition::Failed, 21),
    ] {
        let mut call = call(now);
        if rang {
            call.ringing();
        }
        call.refused(&refusal(status, named), 5_000);
        assert_eq!(ending(&drain(&mut call)), (told, disposition, cause), "{status}");
    }
}

#[test]
fn it_rings_once_and_is_answered_once() {
    let now = Instant::now();
    let mut call = call(now);
    call.ringing();
    call.ringing();
    call.answered(now, 1);
    call.answered(now, 2);
    call.ringing();
    let told =
        [DialStatus::Ringing, DialStatus::Connected].map(|status| Action::Tell(LegEvent::Status(status)));
    assert_eq!(drain(&mut call), told);
}

#[test]
fn a_call_that_we_give_up_is_cancelled_and_said_to_be() {
    let now = Instant::now();
    let mut call = call(now);
    call.ringing();
    drain(&mut call);
    call.hang_up();
    call.hang_up();
    assert_eq!(drain(&mut call), [Action::HangUp { cause: None }]);
    call.ended(Party::Us, None, "cancelled".into(), 9_000);
    assert_eq!(ending(&drain(&mut call)), (LegEvent::Hangup, Disposition::Cancel, 16));
}

#[test]
fn a_peer_that_stops_sending_stalls_the_call_and_is_lost_after_the_patience() {
    let start = Instant::now();
    let at = |s| start + Duration::from_secs(s);
    let mut call = live(start);
    assert_eq!(call.poll_timeout(), Some(at(3)));
    call.handle_timeout(at(3), 0);
    assert!(matches!(drain(&mut call)[..], [Action::Tell(LegEvent::Link { link: Link::Stalled, .. })]));
    call.heard(at(5));
    assert!(matches!(drain(&mut call)[..], [Action::Tell(LegEvent::Link { link: Link::Up, .. })]));
    call.handle_timeout(at(8), 0);
    drain(&mut call);
    assert_eq!(call.poll_timeout(), Some(at(15)));
    call.handle_timeout(at(15), 0);
    let actions = drain(&mut call);
    assert_eq!(actions[0], Action::HangUp { cause: Some(LOST) });
    let (told, disposition, cause) = ending(&actions);
    assert!(matches!(told, LegEvent::Lost { .. }));
    assert_eq!((disposition, cause), (Disposition::Answered, LOST));
    call.ended(Party::Us, None, "it is".into(), 0);
    assert_eq!(drain(&mut call), [], "a call ends once");
}

#[test]
fn a_call_on_hold_stands_still_and_hears_nothing() {
    let start = Instant::now();
    let mut call = live(start);
    call.renegotiated(sdp::Direction::RecvOnly, start);
    assert!(matches!(drain(&mut call)[..], [Action::Tell(LegEvent::Link { link: Link::Stalled, .. })]));
    call.audio(MediaTime::ZERO, Bytes::from_static(b"music"));
    call.key('1', true);
    call.handle_timeout(start + 3 * PATIENCE, 0);
    assert_eq!((drain(&mut call), call.poll_timeout()), (vec![], None));
    call.renegotiated(sdp::Direction::SendRecv, start + 3 * PATIENCE);
    assert!(matches!(drain(&mut call)[..], [Action::Tell(LegEvent::Link { link: Link::Up, .. })]));
    call.ended(Party::Peer, Some(16), String::new(), 60_000);
    assert_eq!(ending(&drain(&mut call)), (LegEvent::Hangup, Disposition::Answered, 16));
}

#[test]
fn nothing_is_missed_of_a_peer_that_only_listens() {
    let start = Instant::now();
    let mut call = live(start);
    call.handle_timeout(start + STALLED, 0);
    assert!(matches!(drain(&mut call)[..], [Action::Tell(LegEvent::Link { link: Link::Stalled, .. })]));
    call.renegotiated(sdp::Direction::SendOnly, start + STALLED);
    assert!(matches!(drain(&mut call)[..], [Action::Tell(LegEvent::Link { link: Link::Up, .. })]));
    call.handle_timeout(start + 3 * PATIENCE, 0);
    assert_eq!((drain(&mut call), call.poll_timeout()), (vec![], None));
    call.renegotiated(sdp::Direction::SendRecv, start + 3 * PATIENCE);
    assert_eq!(call.poll_timeout(), Some(start + 3 * PATIENCE + STALLED));
}

#[test]
fn a_key_that_comes_both_ways_is_one() {
    let mut call = live(Instant::now());
    call.key('1', false);
    call.key('2', true);
    call.key('2', false);
    let told = ['1', '2'].map(|digit| Action::Tell(LegEvent::Digit(digit)));
    assert_eq!(drain(&mut call), told);
}

#[derive(Clone, Debug)]
enum Input {
    Ringing,
    Answered,
    NoMedia,
    Refused(u16),
    Ended(Party, Option<u16>),
    Heard,
    Audio,
    Held(bool),
    HangUp,
    Wait(u64),
}

fn input() -> impl Strategy<Value = Input> {
    let party = prop_oneof![Just(Party::Us), Just(Party::Peer), Just(Party::Nobody)];
    prop_oneof![
        Just(Input::Ringing),
        Just(Input::Answered),
        Just(Input::NoMedia),
        (300_u16..700).prop_map(Input::Refused),
        (party, prop::option::of(0_u16..128)).prop_map(|(by, cause)| Input::Ended(by, cause)),
        Just(Input::Heard),
        Just(Input::Audio),
        any::<bool>().prop_map(Input::Held),
        Just(Input::HangUp),
        (0_u64..12).prop_map(Input::Wait),
    ]
}

proptest! {
    /// Whatever comes in whatever order: one end, one record, and nothing after them.
    #[test]
    fn a_call_ends_once_with_one_record(inputs in prop::collection::vec(input(), 1..40)) {
        let mut now = Instant::now();
        let (mut call, mut all) = (call(now), Vec::new());
        for input in inputs {
            match input {
                Input::Ringing => call.ringing(),
                Input::Answered => call.answered(now, 1),
                Input::NoMedia => call.no_media(2),
                Input::Refused(status) => call.refused(&refusal(status, None), 3),
                Input::Ended(by, cause) => call.ended(by, cause, "over".into(), 4),
                Input::Heard => call.heard(now),
                Input::Audio => call.audio(MediaTime::ZERO, Bytes::new()),
                Input::Held(true) => call.renegotiated(sdp::Direction::RecvOnly, now),
                Input::Held(false) => call.renegotiated(sdp::Direction::SendRecv, now),
                Input::HangUp => call.hang_up(),
                Input::Wait(s) => {
                    now += Duration::from_secs(s);
                    call.handle_timeout(now, 5);
                }
            }
            all.extend(drain(&mut call));
        }
        call.ended(Party::Nobody, None, "at last".into(), 6);
        all.extend(drain(&mut call));
        let records = all.iter().filter(|action| matches!(action, Action::Tell(LegEvent::Cdr(_)))).count();
        prop_assert_eq!(records, 1);
        let end = all.iter().position(|action| *action == Action::Close);
        let after = &all[end.expect("an end") + 1..];
        prop_assert!(after.is_empty(), "{:?}", after);
        prop_assert_eq!(call.poll_timeout(), None);
    }
}

#[test]
fn a_peer_that_makes_a_transfer_may_be_silent_and_is_missed_from_its_end_on() {
    let start = Instant::now();
    let mut call = live(start);
    call.excuse(start + 12 * PATIENCE);
    assert_eq!(call.poll_timeout(), Some(start + 12 * PATIENCE + STALLED));
    call.handle_timeout(start + 2 * PATIENCE, 0);
    assert!(drain(&mut call).is_empty());
    let over = start + 3 * PATIENCE;
    call.excuse(over);
    assert_eq!(call.poll_timeout(), Some(over + STALLED));
    call.handle_timeout(over + PATIENCE, 0);
    assert_eq!(ending(&drain(&mut call)[1..]).2, LOST);
}
