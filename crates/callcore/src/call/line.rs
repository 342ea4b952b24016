//! The way to the carrier: when it was last known to work, and what stands still while it does not.
//!
//! Nothing is a fact that the carrier could not have told. While it is away, or says nothing although it always does,
//! prompts are not sent, timers do not run out and the flow stands where it is. When it is back, everything goes on
//! from where the callee's hearing is certain.

use std::collections::VecDeque;

use super::carrier::Link;
use super::ending::Ended;
use super::fact::Fact;
use super::input::{Effect, Input};
use super::machine::{Call, State};
use crate::audio::FRAME_MS;
use crate::clock::CallTime;
use crate::flow;

/// Hang-up cause of a call whose carrier vanished: network failure.
pub(super) const LOST: u16 = 38;
/// So much audio without a pause is a steady stream, whose end says that something is wrong, ms.
const STEADY_MS: u64 = 1_000;
/// A carrier that gives other signs of life for so long pauses its audio, ms.
const GAP_MS: u64 = 300;
/// As long as this after the last sign of life the carrier was still there, ms.
const JITTER_MS: u64 = 100;
/// Audio that comes so much later than the audio before it has sounded is more than jitter, ms.
const LATE_MS: u64 = 200;
/// Audio that comes in bunches is waited for as long as the last bunch was, but not longer than this, ms.
const LONGEST_BUNCH_MS: u64 = 1_000;
/// After so long without a sign of life the call stands still, ms.
const SILENT_MS: u64 = 3_500;
/// A trunk gives a carrier up long before this; the call does not wait for a trunk that forgets to, ms.
const LONGEST_WAIT_MS: u64 = 120_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Up,
    /// Nothing comes any more. Any sign of life ends it.
    Silent {
        since: CallTime,
    },
    /// So the trunk says, which also says when it is over.
    Told {
        since: CallTime,
    },
}

/// What is known about the way to the carrier.
#[derive(Debug)]
pub(super) struct Lifeline {
    way: Way,
    alive_at: CallTime,
    frame_at: CallTime,
    /// Audio that came at once at `frame_at`, ms.
    bunch_ms: u64,
    /// Audio without a pause, ms.
    streamed_ms: u64,
    /// What came from elsewhere while the call stood still.
    waiting: VecDeque<Input>,
    /// While it rang, something may have been missed.
    missed: bool,
}

impl Lifeline {
    pub(super) const fn new() -> Self {
        Self {
            way: Way::Up,
            alive_at: CallTime::ZERO,
            frame_at: CallTime::ZERO,
            bunch_ms: FRAME_MS,
            streamed_ms: 0,
            waiting: VecDeque::new(),
            missed: false,
        }
    }

    fn is_steady(&self) -> bool {
        self.streamed_ms >= STEADY_MS
    }

    /// The call is answered: from now on audio comes.
    pub(super) const fn expect_audio(&mut self, now: CallTime) {
        self.frame_at = now;
    }

    /// Whether audio should follow what came last: a carrier that pauses its audio gives other signs of life.
    fn expects_audio(&self) -> bool {
        self.is_steady() || self.frame_at == self.alive_at
    }

    /// How long nothing may come without anything being wrong, ms.
    const fn patience_ms(&self) -> u64 {
        LATE_MS + self.bunch_ms
    }

    /// Up to when the carrier was certainly there.
    pub(super) fn certain(&self, now: CallTime) -> CallTime {
        match self.way {
            Way::Up if self.expects_audio() => now.min(self.alive_at + JITTER_MS),
            Way::Up => now,
            Way::Silent { since } | Way::Told { since } => since,
        }
    }

    /// The same when it has turned out that the carrier is not there any more: nothing is known after its last sign of
    /// life, however seldom it gives one.
    fn last_certain(&self, now: CallTime) -> CallTime {
        match self.way {
            Way::Up => now.min(self.alive_at + JITTER_MS),
            Way::Silent { since } | Way::Told { since } => since,
        }
    }

    pub(super) const fn stands_still(&self) -> bool {
        !matches!(self.way, Way::Up)
    }

    /// Whether a status of the dialling may have been missed.
    pub(super) const fn has_missed(&self) -> bool {
        self.missed
    }

    /// Up to when the callee's silence is theirs, and not the carrier's.
    pub(super) fn known(&self, now: CallTime) -> CallTime {
        if self.is_steady() { now.min(self.alive_at + self.patience_ms()) } else { now }
    }

    /// A deadline that something may follow from, unless it comes later than is known.
    pub(super) fn unless_in_doubt(&self, due: Option<CallTime>) -> Option<CallTime> {
        due.filter(|due| !self.is_steady() || *due <= self.alive_at + self.patience_ms())
    }

    /// When a call that stands still is given up.
    pub(super) fn lost_at(&self) -> CallTime {
        self.alive_at + LONGEST_WAIT_MS
    }

    /// When the carrier's silence is too long.
    pub(super) fn silent_at(&self) -> Option<CallTime> {
        (self.way == Way::Up && self.is_steady()).then(|| self.alive_at + SILENT_MS)
    }

    /// A carrier that was there all the time, and sent no audio, sends no steady stream.
    fn frame(&mut self, was_there: bool, now: CallTime) {
        self.streamed_ms = if was_there { 0 } else { self.streamed_ms.saturating_add(FRAME_MS) };
        let more_ms = if now == self.frame_at { self.bunch_ms } else { 0 };
        self.bunch_ms = (more_ms + FRAME_MS).min(LONGEST_BUNCH_MS);
        self.frame_at = now;
    }
}

impl Call {
    /// 20 ms of audio are a sign of life, too. Whether they follow the audio before them.
    pub(super) fn streams(&mut self, now: CallTime) -> bool {
        let Lifeline { alive_at, frame_at, .. } = self.lifeline;
        let follows = now.ms_since(frame_at) <= self.lifeline.patience_ms();
        // What comes together with the audio says nothing of the time before.
        let was_there = alive_at.ms_since(frame_at) > GAP_MS && now.ms_since(alive_at) > JITTER_MS;
        self.end_gap(now);
        self.alive(now);
        self.lifeline.frame(was_there, now);
        follows
    }

    /// Something comes from the carrier. If it should have come sooner, nobody could be heard in the meantime, and
    /// nothing was certainly played.
    pub(super) fn end_gap(&mut self, now: CallTime) {
        if self.lifeline.stands_still() {
            return;
        }
        let since = std::mem::replace(&mut self.lifeline.alive_at, now);
        let gap_ms = now.ms_since(since);
        if gap_ms <= self.lifeline.patience_ms() {
            return;
        }
        if self.lifeline.is_steady() {
            self.flow.stood_still(gap_ms);
        }
        let expected = self.lifeline.is_steady() || self.lifeline.frame_at == since;
        if let State::Talking(talk) = &mut self.state
            && expected
        {
            talk.speaking.missed(since, now);
        }
    }

    /// Something came from the carrier.
    pub(super) fn alive(&mut self, now: CallTime) {
        self.lifeline.alive_at = now;
        if let Way::Silent { since } = self.lifeline.way {
            self.go_on_from(since, now);
        }
        if let State::Talking(talk) = &mut self.state {
            talk.speaking.alive(now);
        }
    }

    /// The trunk says how the way to the carrier is.
    pub(super) fn link(&mut self, link: Link, why: &str, now: CallTime) {
        if !matches!(self.state, State::Dialing | State::Talking(_)) {
            return;
        }
        match (link, self.lifeline.way) {
            (Link::Up, Way::Silent { since } | Way::Told { since }) => {
                self.lifeline.alive_at = now;
                self.go_on_from(since, now);
            }
            (Link::Up, Way::Up) => {
                self.end_gap(now);
                self.alive(now);
            }
            (Link::Stalled | Link::Away, Way::Told { .. }) => {}
            // That is known; from now on the trunk says when it is over.
            (Link::Stalled, Way::Silent { since }) => self.lifeline.way = Way::Told { since },
            (Link::Stalled | Link::Away, Way::Up | Way::Silent { .. }) => {
                let since = self.lifeline.last_certain(now);
                self.stand_still(Way::Told { since }, link, why, now);
            }
        }
    }

    /// A steady stream has stopped.
    pub(super) fn end_silence(&mut self, now: CallTime) {
        if self.lifeline.silent_at().is_some_and(|at| at <= now) {
            let since = self.lifeline.last_certain(now);
            let why = "nothing comes from the carrier any more";
            self.stand_still(Way::Silent { since }, Link::Stalled, why, now);
        }
    }

    fn stand_still(&mut self, way: Way, link: Link, why: &str, now: CallTime) {
        self.lifeline.way = way;
        let since = self.lifeline.certain(now);
        let (why, silent_ms) = (why.to_owned(), now.ms_since(since));
        self.record(match link {
            Link::Away => Fact::CarrierAway { why, silent_ms },
            Link::Stalled | Link::Up => Fact::CarrierStalled { why, silent_ms },
        });
        match &mut self.state {
            State::Talking(talk) => talk.speaking.hold(since),
            State::Dialing => self.lifeline.missed = true,
            State::Closing { .. } | State::Finished => {}
        }
    }

    /// The carrier is back: what stood still goes on.
    fn go_on_from(&mut self, since: CallTime, now: CallTime) {
        self.lifeline.way = Way::Up;
        self.lifeline.frame_at = now;
        let away_ms = now.ms_since(since);
        if matches!(self.state, State::Closing { .. } | State::Finished) {
            return;
        }
        self.record(Fact::CarrierBack { away_ms });
        self.flow.stood_still(away_ms);
        if let State::Talking(talk) = &mut self.state {
            talk.listening.stood_still(away_ms, now);
            talk.speaking.release(now);
        }
        for input in std::mem::take(&mut self.lifeline.waiting) {
            self.handle(input, now);
        }
    }

    /// Nothing has come for too long.
    pub(super) fn end_waiting(&mut self, now: CallTime) {
        if self.lifeline.lost_at() <= now {
            self.lost("nothing has come from the carrier for two minutes", now);
        }
    }

    /// Takes what comes from elsewhere while the call stands still; it is handled when the carrier is back.
    pub(super) fn put_by(&mut self, input: Input) -> Option<Input> {
        let waits = self.lifeline.stands_still()
            && matches!(self.state, State::Talking(_))
            && matches!(input, Input::Recognised { .. } | Input::ExternalStepEnded { .. });
        if !waits {
            return Some(input);
        }
        self.lifeline.waiting.push_back(input);
        None
    }

    /// A status came: nothing of the dialling is missed any more.
    pub(super) const fn caught_up(&mut self) {
        self.lifeline.missed = false;
    }

    /// It has rung for as long as it may, but what the carrier said of it may have been missed.
    pub(super) fn rang_unheard(&mut self, now: CallTime) {
        let why = "the line was away while it rang, and nobody says what came of it";
        self.record(Fact::CarrierLost { why: why.into() });
        self.effects.push_back(Effect::SendHangup);
        self.close(Ended::ByFault, LOST, now);
    }

    /// The carrier is gone for good.
    pub(super) fn lost(&mut self, why: &str, now: CallTime) {
        // A trunk that has told everything about a call that is over lets go of it, too.
        if !matches!(self.state, State::Dialing | State::Talking(_)) {
            return;
        }
        self.lifeline.way = Way::Told { since: self.lifeline.last_certain(now) };
        self.record(Fact::CarrierLost { why: why.into() });
        if matches!(self.state, State::Talking(_)) {
            self.part(flow::Input::CarrierLost, now);
        }
        self.close(Ended::ByFault, LOST, now);
    }
}
