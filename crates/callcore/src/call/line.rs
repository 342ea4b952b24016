//! The way to the carrier: when it was last known to work, and what stands still while it does not.
//!
//! Nothing is a fact that the carrier could not have told. While it is away, or says nothing although it always does,
//! prompts are not sent, timers do not run out and the flow stands where it is. When it is back, everything goes on
//! from where the callee's hearing is certain.

use std::collections::VecDeque;

use super::carrier::Link;
use super::deadline::{Deadline, Due};
use super::input::Input;
use crate::audio::FRAME_MS;
use crate::clock::CallTime;
use crate::playback::Answers;

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

/// A time in which nothing came although something should have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    pub(super) since: CallTime,
    pub(super) ms: u64,
    /// The carrier sends all the time: nobody could be heard.
    pub(super) is_steady: bool,
    /// Audio was expected: nothing was certainly played.
    pub(super) expected: bool,
}

/// What the trunk's word changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum LinkChange {
    Nothing,
    /// The carrier is there, as it was.
    Alive,
    /// It is back; the call stood still since then.
    Back {
        since: CallTime,
    },
    /// It cannot be reached; what came before is certain.
    Gone {
        since: CallTime,
    },
}

/// What is known about the way to the carrier.
#[derive(Debug)]
pub(super) struct Lifeline {
    way: Way,
    alive_at: CallTime,
    answers: Answers,
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
            answers: Answers::new(),
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
            Way::Up => self.answers.certain(now.min(self.alive_at + JITTER_MS)),
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

    /// Up to when the callee's silence is theirs, and not the carrier's; `None` when there is no limit to it.
    pub(super) fn known_until(&self) -> Option<CallTime> {
        self.is_steady().then(|| self.alive_at + self.patience_ms())
    }

    /// When a call that stands still is given up, or a carrier that has fallen silent is taken to be away.
    pub(super) fn poll_timeout(&self) -> Option<Deadline> {
        match self.way {
            Way::Up => self.is_steady().then(|| Due::CarrierSilence.at(self.alive_at + SILENT_MS)),
            Way::Silent { since } | Way::Told { since } => Some(Due::CarrierLoss.at(since + LONGEST_WAIT_MS)),
        }
    }

    /// Whether audio that comes now follows the audio before it.
    pub(super) fn follows(&self, now: CallTime) -> bool {
        now.ms_since(self.frame_at) <= self.patience_ms()
    }

    /// Whether what comes now follows a time in which the carrier was there, and sent no audio. What comes together
    /// with the audio says nothing of the time before.
    pub(super) fn was_there(&self, now: CallTime) -> bool {
        self.alive_at.ms_since(self.frame_at) > GAP_MS && now.ms_since(self.alive_at) > JITTER_MS
    }

    /// Something comes from the carrier. If it should have come sooner, nobody could be heard in the meantime.
    pub(super) fn end_gap(&mut self, now: CallTime) -> Option<Gap> {
        if self.stands_still() {
            return None;
        }
        let since = std::mem::replace(&mut self.alive_at, now);
        let ms = now.ms_since(since);
        let (is_steady, expected) = (self.is_steady(), self.is_steady() || self.frame_at == since);
        (ms > self.patience_ms()).then_some(Gap { since, ms, is_steady, expected })
    }

    /// Something came from the carrier; since when the call stood still, if that is over.
    pub(super) const fn alive(&mut self, now: CallTime) -> Option<CallTime> {
        self.alive_at = now;
        match self.way {
            Way::Silent { since } => Some(since),
            Way::Up | Way::Told { .. } => None,
        }
    }

    /// What was sent up to `sent_by` has come to the carrier. Since when nothing had, if this word was held up.
    pub(super) fn delivered(&mut self, sent_by: CallTime, now: CallTime) -> Option<CallTime> {
        self.answers.note(sent_by, now)
    }

    /// What the carrier is known to have received.
    pub(super) const fn answers(&self) -> Answers {
        self.answers
    }

    /// The trunk says how the way to the carrier is.
    pub(super) fn link(&mut self, link: Link, now: CallTime) -> LinkChange {
        match (link, self.way) {
            (Link::Up, Way::Silent { since } | Way::Told { since }) => {
                self.alive_at = now;
                LinkChange::Back { since }
            }
            (Link::Up, Way::Up) => LinkChange::Alive,
            (Link::Stalled | Link::Away, Way::Told { .. }) => LinkChange::Nothing,
            // That is known; from now on the trunk says when it is over.
            (Link::Stalled, Way::Silent { since }) => {
                self.way = Way::Told { since };
                LinkChange::Nothing
            }
            (Link::Stalled | Link::Away, Way::Up | Way::Silent { .. }) => {
                LinkChange::Gone { since: self.lose(now) }
            }
        }
    }

    /// The steady stream has stopped; what came before the time returned is certain.
    pub(super) fn fall_silent(&mut self, now: CallTime) -> CallTime {
        let since = self.last_certain(now);
        self.way = Way::Silent { since };
        since
    }

    /// The carrier cannot be reached; what came before the time returned is certain.
    pub(super) fn lose(&mut self, now: CallTime) -> CallTime {
        let since = self.last_certain(now);
        self.way = Way::Told { since };
        since
    }

    /// The carrier is back; what came from elsewhere meanwhile.
    pub(super) fn come_back(&mut self, now: CallTime) -> VecDeque<Input> {
        self.way = Way::Up;
        self.frame_at = now;
        std::mem::take(&mut self.waiting)
    }

    /// Something that came from elsewhere while the call stands still is handled when the carrier is back.
    pub(super) fn put_by(&mut self, input: Input) {
        self.waiting.push_back(input);
    }

    /// The line is away while it rings: a status may be missed.
    pub(super) const fn miss(&mut self) {
        self.missed = true;
    }

    /// A status came: nothing of the dialling is missed any more.
    pub(super) const fn caught_up(&mut self) {
        self.missed = false;
    }

    /// 20 ms of audio came. A carrier that was there all the time, and sent no audio, sends no steady stream.
    pub(super) fn frame(&mut self, was_there: bool, now: CallTime) {
        self.streamed_ms = if was_there { 0 } else { self.streamed_ms.saturating_add(FRAME_MS) };
        let more_ms = if now == self.frame_at { self.bunch_ms } else { 0 };
        self.bunch_ms = (more_ms + FRAME_MS).min(LONGEST_BUNCH_MS);
        self.frame_at = now;
    }
}
