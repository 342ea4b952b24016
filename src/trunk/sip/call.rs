//! One call, as its leg tells it: what SIP and RTP said, and what is due when. Pure: time is an argument, and what must be
//! done is returned as [`Action`]s.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use callcore::call::{CarrierCdr, DialStatus, Disposition, Link, cause};
use rtp::sdp;
use tokio::time::Instant;

use crate::media::MediaTime;
use crate::sip::{Party, Refusal, cause as sip_cause};
use crate::trunk::leg::LegEvent;
use crate::trunk::record::{Ending, Record};

/// A peer of which no packet comes for so long has stopped: RTP comes fifty times a second, and nobody agreed to pause it.
const STALLED: Duration = Duration::from_secs(3);
/// Hang-up cause of a call that somebody ended.
const CLEARED: u16 = 16;
/// Hang-up cause of a call whose media nobody can agree on: bearer capability not implemented.
const NO_MEDIA: u16 = 65;
/// Hang-up cause of a call whose network is gone.
const LOST: u16 = 38;

/// What must be done.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    Tell(LegEvent),
    /// End the call at the server, and say why (Q.850).
    HangUp {
        cause: Option<u16>,
    },
    /// Nothing follows.
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Ringing,
    Live,
    /// The peer holds the call: it hears nothing of us.
    Held,
    Over,
}

/// A call from its INVITE on.
#[derive(Debug)]
pub(super) struct SipCall {
    phase: Phase,
    record: Record,
    patience: Duration,
    rang: bool,
    /// There is audio before the answer.
    hears_early: bool,
    /// When a packet last came: RTP, or a report.
    heard_at: Instant,
    stalled: bool,
    /// Something is to come from the peer: both sides agree on that.
    speaks: bool,
    keys_by_rtp: bool,
    hung_up: bool,
    actions: VecDeque<Action>,
}

impl SipCall {
    /// A call that is placed now; one of which nothing is heard for `patience` is lost.
    pub(super) fn new(record: Record, patience: Duration, now: Instant) -> Self {
        Self {
            phase: Phase::Ringing,
            record,
            patience,
            rang: false,
            hears_early: false,
            heard_at: now,
            stalled: false,
            speaks: true,
            keys_by_rtp: false,
            hung_up: false,
            actions: VecDeque::new(),
        }
    }

    /// It rings.
    pub(super) fn ringing(&mut self) {
        if self.phase == Phase::Ringing && !std::mem::replace(&mut self.rang, true) {
            self.tell(LegEvent::Status(DialStatus::Ringing));
        }
    }

    /// The network lets us hear something before the answer.
    pub(super) const fn hears_early(&mut self) {
        self.hears_early = true;
    }

    /// It is answered, and both sides agree on the media.
    pub(super) fn answered(&mut self, now: Instant, now_ms: i64) {
        if self.phase == Phase::Ringing {
            self.phase = Phase::Live;
            self.heard_at = now;
            self.record.answered(now_ms);
            self.tell(LegEvent::Status(DialStatus::Connected));
        }
    }

    pub(super) const fn is_answered(&self) -> bool {
        self.record.is_answered()
    }

    /// It is answered with media that we cannot speak.
    pub(super) fn no_media(&mut self, now_ms: i64) {
        if self.phase == Phase::Over {
            return;
        }
        self.actions.push_back(Action::HangUp { cause: Some(NO_MEDIA) });
        self.unanswered(Ending { cause: NO_MEDIA, by_us: false }, now_ms);
    }

    /// The server refused it.
    pub(super) fn refused(&mut self, refusal: &Refusal, now_ms: i64) {
        let cause = refusal.cause.unwrap_or_else(|| sip_cause::of_status(refusal.status, self.rang));
        self.unanswered(Ending { cause, by_us: self.hung_up }, now_ms);
    }

    /// SIP says that it is over.
    pub(super) fn ended(&mut self, by: Party, named: Option<u16>, why: String, now_ms: i64) {
        let cause = named.unwrap_or(CLEARED);
        if !self.record.is_answered() {
            return self.unanswered(Ending { cause, by_us: by == Party::Us }, now_ms);
        }
        match by {
            Party::Us => self.finish(LegEvent::Hangup, Ending { cause: CLEARED, by_us: true }, now_ms),
            Party::Peer => self.finish(LegEvent::Hangup, Ending { cause, by_us: false }, now_ms),
            Party::Nobody => {
                let ending = Ending { cause: named.unwrap_or(LOST), by_us: false };
                self.finish(LegEvent::Lost { reason: why }, ending, now_ms);
            }
        }
    }

    /// A packet came: RTP, or a report.
    pub(super) fn heard(&mut self, now: Instant) {
        if now <= self.heard_at {
            return;
        }
        self.heard_at = now;
        if self.phase == Phase::Live && std::mem::replace(&mut self.stalled, false) {
            let why = "packets come again".to_owned();
            self.tell(LegEvent::Link { link: Link::Up, why });
        }
    }

    /// Audio came. What is sent to a call on hold, music mostly, is for nobody.
    pub(super) fn audio(&mut self, at: MediaTime, pcm: Bytes) {
        let is_early = self.phase == Phase::Ringing && self.hears_early;
        if is_early || (self.phase == Phase::Live && !self.stalled) {
            self.tell(LegEvent::Audio { at, pcm });
        }
    }

    /// Everything before this mark has sounded.
    pub(super) fn played(&mut self, name: String) {
        if self.phase == Phase::Live {
            self.tell(LegEvent::CheckPoint(name));
        }
    }

    /// A key came as RTP (RFC 4733), or in an INFO. A peer that sends both ways means one key.
    pub(super) fn key(&mut self, digit: char, by_rtp: bool) {
        self.keys_by_rtp |= by_rtp;
        if self.phase == Phase::Live && (by_rtp || !self.keys_by_rtp) {
            self.tell(LegEvent::Digit(digit));
        }
    }

    /// Audio goes this way from now on, seen from us.
    pub(super) fn renegotiated(&mut self, direction: sdp::Direction, now: Instant) {
        let speaks = direction.has_recv();
        if speaks && !self.speaks {
            self.heard_at = now;
        }
        self.speaks = speaks;
        if !speaks && self.phase == Phase::Live && std::mem::replace(&mut self.stalled, false) {
            let why = "the other side only listens".to_owned();
            self.tell(LegEvent::Link { link: Link::Up, why });
        }
        match (self.phase, direction.has_send()) {
            (Phase::Live, false) => {
                self.phase = Phase::Held;
                let why = "the other side holds the call".to_owned();
                self.tell(LegEvent::Link { link: Link::Stalled, why });
            }
            (Phase::Held, true) => {
                self.phase = Phase::Live;
                self.stalled = false;
                self.heard_at = now;
                let why = "the other side is back".to_owned();
                self.tell(LegEvent::Link { link: Link::Up, why });
            }
            _ => {}
        }
    }

    /// We want it to end. Its end is told when SIP says so.
    pub(super) fn hang_up(&mut self) {
        if self.phase != Phase::Over && !std::mem::replace(&mut self.hung_up, true) {
            let cause = self.record.is_answered().then_some(CLEARED);
            self.actions.push_back(Action::HangUp { cause });
        }
    }

    /// Does what is due at `now`.
    pub(super) fn handle_timeout(&mut self, now: Instant, now_ms: i64) {
        if self.phase != Phase::Live || !self.speaks {
            return;
        }
        let silent = now.saturating_duration_since(self.heard_at);
        if silent >= self.patience {
            let reason = format!("no packet has come for {} s", silent.as_secs());
            self.actions.push_back(Action::HangUp { cause: Some(LOST) });
            self.finish(LegEvent::Lost { reason }, Ending { cause: LOST, by_us: false }, now_ms);
        } else if silent >= STALLED && !std::mem::replace(&mut self.stalled, true) {
            let why = format!("no packet has come for {} s", STALLED.as_secs());
            self.tell(LegEvent::Link { link: Link::Stalled, why });
        }
    }

    /// When [`Self::handle_timeout`] must be called next.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        if self.phase != Phase::Live || !self.speaks {
            return None;
        }
        let lost = self.heard_at + self.patience;
        Some(if self.stalled { lost } else { lost.min(self.heard_at + STALLED) })
    }

    /// The next thing to do, in order; drained to empty after every input.
    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// It came to nothing.
    fn unanswered(&mut self, ending: Ending, now_ms: i64) {
        if self.phase == Phase::Over {
            return;
        }
        let told = match cause(ending.cause).unanswered {
            _ if ending.by_us => LegEvent::Hangup,
            Disposition::Busy => LegEvent::Status(DialStatus::Busy),
            Disposition::Failed => LegEvent::Status(DialStatus::Failed),
            Disposition::NoAnswer | Disposition::Cancel | Disposition::Answered => LegEvent::Hangup,
        };
        self.finish(told, ending, now_ms);
    }

    fn finish(&mut self, told: LegEvent, ending: Ending, now_ms: i64) {
        if self.phase == Phase::Over {
            return;
        }
        self.phase = Phase::Over;
        self.tell(told);
        let cdr: CarrierCdr = self.record.ended(ending, now_ms);
        self.tell(LegEvent::Cdr(cdr));
        self.actions.push_back(Action::Close);
    }

    fn tell(&mut self, event: LegEvent) {
        self.actions.push_back(Action::Tell(event));
    }
}

#[cfg(test)]
mod tests {
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
}
