//! One call of a browser, as its leg tells it. Pure: time is an argument, and what must be done is returned as [`Action`]s.
//!
//! A call of a browser begins when somebody has picked up and the browser has connected, whichever comes later. A call to a browser
//! rings by a link first: it is opened or not, answered, declined, or too old.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use callcore::call::{DialStatus, Link};
use tokio::time::Instant;

use crate::media::MediaTime;
use crate::trunk::leg::LegEvent;
use crate::trunk::record::{Ending, Record};

/// A browser of which no packet comes for so long has stopped: it sends fifty in a second, also while the microphone is muted.
const STALLED: Duration = Duration::from_secs(3);
/// Hang-up cause (Q.850) of a call that somebody ended.
const CLEARED: u16 = 16;
/// Of a browser that never connected, and of a link that nobody opened: no user responding.
const NEVER_CAME: u16 = 18;
/// Of a link that was opened and not answered.
const NOT_ANSWERED: u16 = 19;
/// Of one that was declined.
const DECLINED: u16 = 21;
/// Of a call whose network is gone.
const LOST: u16 = 38;

/// What must be done.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    Tell(LegEvent),
    /// Audio goes to and fro from now on.
    Begin,
    /// Nothing follows: the browser is told goodbye.
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A link waits to be opened and answered.
    Link,
    Ringing,
    Live,
    Over,
}

/// A call from its answer on.
#[derive(Debug)]
pub(super) struct BrowserCall {
    phase: Phase,
    record: Record,
    is_picked_up: bool,
    is_connected: bool,
    /// When the browser must have connected; while a link rings, when it must have been answered.
    connect_by: Instant,
    /// Somebody has opened the link.
    is_opened: bool,
    patience: Duration,
    /// When a packet last came.
    heard_at: Instant,
    is_stalled: bool,
    actions: VecDeque<Action>,
}

impl BrowserCall {
    /// A call that is answered at `now`. The browser must have connected within `connect_within`; one that is not heard for
    /// `patience` afterwards is lost.
    pub(super) fn new(record: Record, connect_within: Duration, patience: Duration, now: Instant) -> Self {
        Self {
            phase: Phase::Ringing,
            record,
            is_picked_up: false,
            is_connected: false,
            connect_by: now + connect_within,
            is_opened: false,
            patience,
            heard_at: now,
            is_stalled: false,
            actions: VecDeque::from([Action::Tell(LegEvent::Status(DialStatus::Ringing))]),
        }
    }

    /// A call to whoever holds a link, which must be answered before `until`.
    pub(super) fn by_link(record: Record, patience: Duration, until: Instant, now: Instant) -> Self {
        Self {
            phase: Phase::Link,
            connect_by: until,
            actions: VecDeque::new(),
            ..Self::new(record, Duration::ZERO, patience, now)
        }
    }

    /// The link was opened: now it rings.
    pub(super) fn opened(&mut self) {
        if self.phase == Phase::Link && !std::mem::replace(&mut self.is_opened, true) {
            self.tell(LegEvent::Status(DialStatus::Ringing));
        }
    }

    /// Somebody accepts it; their browser must connect within `connect_within`.
    pub(super) fn accepted(&mut self, connect_within: Duration, now: Instant) {
        if self.phase == Phase::Link {
            self.opened();
            self.phase = Phase::Ringing;
            self.is_picked_up = true;
            self.connect_by = now + connect_within;
        }
    }

    /// Somebody declines it.
    pub(super) fn declined(&mut self, now_ms: i64) {
        if self.phase == Phase::Link {
            self.opened();
            self.finish(LegEvent::Hangup, Ending { cause: DECLINED, by_us: false }, now_ms);
        }
    }

    /// Somebody takes the call.
    pub(super) fn picked_up(&mut self, now: Instant, now_ms: i64) {
        self.is_picked_up = true;
        self.begin(now, now_ms);
    }

    /// The browser has connected.
    pub(super) fn connected(&mut self, now: Instant, now_ms: i64) {
        self.is_connected = true;
        self.begin(now, now_ms);
    }

    fn begin(&mut self, now: Instant, now_ms: i64) {
        if self.phase == Phase::Ringing && self.is_picked_up && self.is_connected {
            self.phase = Phase::Live;
            self.heard_at = now;
            self.record.answered(now_ms);
            self.actions.push_back(Action::Begin);
            self.tell(LegEvent::Status(DialStatus::Connected));
        }
    }

    /// A packet came.
    pub(super) fn heard(&mut self, now: Instant) {
        if now <= self.heard_at {
            return;
        }
        self.heard_at = now;
        if self.phase == Phase::Live && std::mem::replace(&mut self.is_stalled, false) {
            let why = "packets come again".to_owned();
            self.tell(LegEvent::Link { link: Link::Up, why });
        }
    }

    pub(super) fn audio(&mut self, at: MediaTime, pcm: Bytes) {
        if self.phase == Phase::Live && !self.is_stalled {
            self.tell(LegEvent::Audio { at, pcm });
        }
    }

    /// Everything before this mark has sounded.
    pub(super) fn played(&mut self, name: String) {
        if self.phase == Phase::Live {
            self.tell(LegEvent::CheckPoint(name));
        }
    }

    pub(super) fn key(&mut self, digit: char) {
        if self.phase == Phase::Live {
            self.tell(LegEvent::Digit(digit));
        }
    }

    /// We want it to end.
    pub(super) fn hang_up(&mut self, now_ms: i64) {
        self.finish(LegEvent::Hangup, Ending { cause: CLEARED, by_us: true }, now_ms);
    }

    /// The person in the browser has ended it.
    pub(super) fn ended(&mut self, now_ms: i64) {
        self.finish(LegEvent::Hangup, Ending { cause: CLEARED, by_us: false }, now_ms);
    }

    /// The connection has failed.
    pub(super) fn failed(&mut self, why: String, now_ms: i64) {
        let ending = Ending { cause: LOST, by_us: false };
        let told = if self.record.is_answered() { LegEvent::Lost { reason: why } } else { LegEvent::Hangup };
        self.finish(told, ending, now_ms);
    }

    /// Does what is due at `now`.
    pub(super) fn handle_timeout(&mut self, now: Instant, now_ms: i64) {
        match self.phase {
            Phase::Link if now >= self.connect_by => {
                let cause = if self.is_opened { NOT_ANSWERED } else { NEVER_CAME };
                self.finish(LegEvent::Hangup, Ending { cause, by_us: false }, now_ms);
            }
            Phase::Ringing if !self.is_connected && now >= self.connect_by => {
                // Somebody who accepts a link is there: it is the network that is not.
                let cause = if self.is_opened { LOST } else { NEVER_CAME };
                self.finish(LegEvent::Hangup, Ending { cause, by_us: false }, now_ms);
            }
            Phase::Live => {
                let silent = now.saturating_duration_since(self.heard_at);
                if silent >= self.patience {
                    let reason = format!("no packet has come from the browser for {} s", silent.as_secs());
                    self.failed(reason, now_ms);
                } else if silent >= STALLED && !std::mem::replace(&mut self.is_stalled, true) {
                    let why = format!("no packet has come from the browser for {} s", STALLED.as_secs());
                    self.tell(LegEvent::Link { link: Link::Stalled, why });
                }
            }
            Phase::Link | Phase::Ringing | Phase::Over => {}
        }
    }

    /// When [`Self::handle_timeout`] must be called next.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Link => Some(self.connect_by),
            Phase::Ringing if !self.is_connected => Some(self.connect_by),
            Phase::Live => {
                let lost = self.heard_at + self.patience;
                Some(if self.is_stalled { lost } else { lost.min(self.heard_at + STALLED) })
            }
            Phase::Ringing | Phase::Over => None,
        }
    }

    /// The next thing to do, in order; drained to empty after every input.
    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn finish(&mut self, told: LegEvent, ending: Ending, now_ms: i64) {
        if self.phase == Phase::Over {
            return;
        }
        self.phase = Phase::Over;
        self.tell(told);
        let record = self.record.ended(ending, now_ms);
        self.tell(LegEvent::Cdr(record));
        self.actions.push_back(Action::Close);
    }

    fn tell(&mut self, event: LegEvent) {
        self.actions.push_back(Action::Tell(event));
    }
}

#[cfg(test)]
mod tests {
    use callcore::call::{CarrierCdr, Direction, Disposition, HangupBy};
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);
    const CONNECT: Duration = Duration::from_secs(20);
    const RINGS: Duration = Duration::from_secs(300);

    fn call(now: Instant) -> BrowserCall {
        let record = Record::new("id".into(), "reminder".into(), None, Direction::Inbound, 0);
        BrowserCall::new(record, CONNECT, PATIENCE, now)
    }

    fn drain(call: &mut BrowserCall) -> Vec<Action> {
        std::iter::from_fn(|| call.poll_action()).collect()
    }

    fn live(now: Instant) -> BrowserCall {
        let mut call = call(now);
        call.connected(now, 500);
        call.picked_up(now, 1_000);
        drain(&mut call);
        call
    }

    fn record(actions: &[Action]) -> CarrierCdr {
        match actions {
            [.., Action::Tell(LegEvent::Cdr(record)), Action::Close] => record.clone(),
            other => panic!("no record: {other:?}"),
        }
    }

    #[test]
    fn it_begins_when_it_is_picked_up_and_connected_in_either_order() {
        let now = Instant::now();
        let begun = [Action::Begin, Action::Tell(LegEvent::Status(DialStatus::Connected))];
        let mut call = super::tests::call(now);
        assert_eq!(drain(&mut call), [Action::Tell(LegEvent::Status(DialStatus::Ringing))]);
        call.picked_up(now, 1_000);
        assert_eq!(drain(&mut call), []);
        call.connected(now, 2_000);
        assert_eq!(drain(&mut call), begun);
        let mut call = super::tests::call(now);
        drain(&mut call);
        call.connected(now, 1_000);
        assert_eq!(call.poll_timeout(), None, "prompts may take their time");
        call.picked_up(now, 2_000);
        assert_eq!(drain(&mut call), begun);
    }

    #[test]
    fn the_end_says_whose_it_was() {
        let now = Instant::now();
        let mut call = live(now);
        call.ended(5_000);
        let cdr = record(&drain(&mut call));
        assert_eq!(
            (cdr.hangup_by, cdr.hangup_cause_code, cdr.billable_seconds),
            (Some(HangupBy::Caller), 16, 4)
        );
        let mut call = live(now);
        call.hang_up(5_000);
        assert_eq!(record(&drain(&mut call)).hangup_by, Some(HangupBy::Callee));
    }

    #[test]
    fn a_browser_that_never_connects_is_given_up() {
        let now = Instant::now();
        let mut call = call(now);
        call.picked_up(now, 1_000);
        assert_eq!(call.poll_timeout(), Some(now + CONNECT));
        call.handle_timeout(now + CONNECT, 21_000);
        let cdr = record(&drain(&mut call));
        assert_eq!((cdr.hangup_cause_code, cdr.answer_time), (18, None));
        assert_ne!(cdr.disposition, Disposition::Answered);
    }

    #[test]
    fn a_browser_that_falls_silent_stalls_comes_back_and_is_lost() {
        let now = Instant::now();
        let mut call = live(now);
        call.handle_timeout(now + STALLED, 4_000);
        let told = drain(&mut call);
        assert!(matches!(told[..], [Action::Tell(LegEvent::Link { link: Link::Stalled, .. })]), "{told:?}");
        let back = now + STALLED + Duration::from_millis(500);
        call.heard(back);
        let told = drain(&mut call);
        assert!(matches!(told[..], [Action::Tell(LegEvent::Link { link: Link::Up, .. })]), "{told:?}");
        call.handle_timeout(back + STALLED, 8_000);
        call.handle_timeout(back + PATIENCE, 15_000);
        let told = drain(&mut call);
        assert!(matches!(told[1], Action::Tell(LegEvent::Lost { .. })), "{told:?}");
        assert_eq!(record(&told).hangup_cause_code, 38);
    }

    fn link(now: Instant) -> BrowserCall {
        let record = Record::new("id".into(), "browser:jj084".into(), None, Direction::Outbound, 0);
        BrowserCall::by_link(record, PATIENCE, now + RINGS, now)
    }

    #[test]
    fn a_link_rings_once_it_is_opened_and_the_call_begins_when_who_accepts_it_has_connected() {
        let now = Instant::now();
        let mut call = link(now);
        assert_eq!(drain(&mut call), [], "nobody has seen it");
        assert_eq!(call.poll_timeout(), Some(now + RINGS));
        call.opened();
        call.opened();
        assert_eq!(drain(&mut call), [Action::Tell(LegEvent::Status(DialStatus::Ringing))]);
        call.accepted(CONNECT, now);
        assert_eq!((drain(&mut call), call.poll_timeout()), (vec![], Some(now + CONNECT)));
        call.connected(now, 9_000);
        assert_eq!(drain(&mut call), [Action::Begin, Action::Tell(LegEvent::Status(DialStatus::Connected))]);
        call.ended(12_000);
        let cdr = record(&drain(&mut call));
        assert_eq!((cdr.hangup_by, cdr.billable_seconds), (Some(HangupBy::Callee), 3));
    }

    #[test]
    fn a_link_that_is_not_answered_says_why() {
        let now = Instant::now();
        let ended = |act: fn(&mut BrowserCall, Instant)| {
            let mut call = link(now);
            act(&mut call, now);
            let cdr = record(&drain(&mut call));
            (cdr.hangup_cause_code, cdr.disposition)
        };
        assert_eq!(ended(|call, now| call.handle_timeout(now + RINGS, 1)), (18, Disposition::NoAnswer));
        let opened = |call: &mut BrowserCall, now| {
            call.opened();
            call.handle_timeout(now + RINGS, 1);
        };
        assert_eq!(ended(opened), (19, Disposition::NoAnswer));
        assert_eq!(ended(|call, _| call.declined(1)), (21, Disposition::Failed));
        assert_eq!(ended(|call, _| call.hang_up(1)), (16, Disposition::Cancel));
        let unconnected = |call: &mut BrowserCall, now| {
            call.accepted(CONNECT, now);
            call.handle_timeout(now + CONNECT, 1);
        };
        assert_eq!(ended(unconnected), (38, Disposition::Failed));
    }

    #[derive(Clone, Debug)]
    enum Happens {
        Opened,
        Accepted,
        Declined,
        PickedUp,
        Connected,
        Heard,
        Key,
        HangUp,
        Ended,
        Failed,
        Wait(u64),
    }

    fn happens() -> impl Strategy<Value = Happens> {
        prop_oneof![
            Just(Happens::Opened),
            Just(Happens::Accepted),
            Just(Happens::Declined),
            Just(Happens::PickedUp),
            Just(Happens::Connected),
            Just(Happens::Heard),
            Just(Happens::Key),
            Just(Happens::HangUp),
            Just(Happens::Ended),
            Just(Happens::Failed),
            (1..30_u64).prop_map(Happens::Wait),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_there_is_one_record_and_nothing_after_the_end(
            is_link in any::<bool>(),
            all in prop::collection::vec(happens(), 0..30),
        ) {
            let mut now = Instant::now();
            let mut call = if is_link { link(now) } else { call(now) };
            let mut done = Vec::new();
            for one in all {
                match one {
                    Happens::Opened => call.opened(),
                    Happens::Accepted => call.accepted(CONNECT, now),
                    Happens::Declined => call.declined(2),
                    Happens::PickedUp => call.picked_up(now, 1),
                    Happens::Connected => call.connected(now, 1),
                    Happens::Heard => call.heard(now),
                    Happens::Key => call.key('1'),
                    Happens::HangUp => call.hang_up(2),
                    Happens::Ended => call.ended(2),
                    Happens::Failed => call.failed("broken".into(), 2),
                    Happens::Wait(s) => {
                        now += Duration::from_secs(s);
                        call.handle_timeout(now, 3);
                    }
                }
                done.extend(drain(&mut call));
            }
            call.ended(4);
            done.extend(drain(&mut call));
            let records = done.iter().filter(|action| matches!(action, Action::Tell(LegEvent::Cdr(_)))).count();
            prop_assert_eq!(records, 1);
            prop_assert_eq!(done.last(), Some(&Action::Close));
            prop_assert_eq!(call.poll_timeout(), None);
        }
    }
}
