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
    /// Until then nobody minds that nothing comes.
    excused_until: Instant,
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
            excused_until: now,
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

    /// Somebody else is called instead.
    pub(super) fn redirected(&mut self, to: String) {
        self.record.redirected(to);
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

    /// The peer makes a transfer, and need not send anything until `until`; it ends with `until` in the past.
    pub(super) fn excuse(&mut self, until: Instant) {
        self.excused_until = until;
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
        let silent = now.saturating_duration_since(self.heard_at.max(self.excused_until));
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
        let since = self.heard_at.max(self.excused_until);
        Some(since + if self.stalled { self.patience } else { self.patience.min(STALLED) })
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
mod tests;
