//! One call on its connection: what has been said on either side, and what is due when. Pure: time is an
//! argument, and what must be done is returned as [`Action`]s.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use callcore::call::{DialStatus, Link};
use tokio::time::Instant;

use super::messages::{self, Report, ReportError};
use crate::media::{Due, MediaClock, Pace, Peer};
use crate::trunk::leg::{LegCommand, LegEvent};
use crate::trunk::pings::Pings;

/// Messages that mean nothing here, after which the peer is given up.
const MAX_OFFENCES: u32 = 100;
/// A peer that answers pings and then sends nothing for so long has stopped.
const STALLED: Duration = Duration::from_secs(3);
/// After so long without a message the session learns that the peer is there before it learns anything else.
const GAP: Duration = Duration::from_millis(500);
/// A session that has been told nothing for so long learns that the peer is there.
const QUIET: Duration = Duration::from_millis(1_500);
/// Audio that may come at once; a recording played into the line comes faster than it sounds.
const BURST_BYTES: f64 = 160_000.0;
/// Beyond the burst, audio is taken at twice the speed it sounds at, in bytes a second.
const REFILL_BYTES: f64 = 32_000.0;

/// What the connection must do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    Say(String),
    Play(Bytes),
    Tell(LegEvent),
    /// Ping the peer with this.
    Ping(Bytes),
    /// Say goodbye with this reason; nothing follows.
    Close(Farewell),
    /// Something was dropped: which way it went, and why.
    Dropped {
        direction: &'static str,
        reason: &'static str,
    },
}

/// Why a connection ends, as its close frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    Done,
    NoRecord,
    TooManyErrors,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Ringing,
    Live,
    /// Somebody hung up; the record is due until then.
    Ending {
        until: Instant,
    },
    Over,
}

/// A call from its `incoming_call` on.
#[derive(Debug)]
pub(super) struct InboundCall {
    phase: Phase,
    record_wait: Duration,
    pace: Pace,
    /// When the caller's audio was spoken: this wire has no time stamps.
    media: MediaClock,
    /// Bytes of audio that may still come at once, as of `credited`.
    credit: f64,
    credited: Instant,
    offences: u32,
    /// When the peer was last heard of, and last pinged.
    heard_at: Instant,
    asked_at: Instant,
    pings: Pings,
    /// When the session was last told something that the peer said.
    told_at: Instant,
    stalled: bool,
    actions: VecDeque<Action>,
}

impl InboundCall {
    /// A call that has just been announced.
    pub(super) fn new(record_wait: Duration, now: Instant) -> Self {
        let mut actions = VecDeque::with_capacity(8);
        actions.push_back(Action::Tell(LegEvent::Status(DialStatus::Ringing)));
        Self {
            phase: Phase::Ringing,
            record_wait,
            pace: Pace::new(now),
            media: MediaClock::default(),
            credit: BURST_BYTES,
            credited: now,
            offences: 0,
            heard_at: now,
            asked_at: now,
            pings: Pings::default(),
            told_at: now,
            stalled: false,
            actions,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Answers the call.
    pub(super) fn pick_up(&mut self) {
        if self.phase == Phase::Ringing {
            self.phase = Phase::Live;
            self.say(messages::answer());
            self.tell(LegEvent::Status(DialStatus::Connected));
        }
    }

    /// Pings the peer: it is time.
    pub(super) fn ping(&mut self, now: Instant) {
        self.asked_at = now;
        let ping = self.pings.send(now);
        self.actions.push_back(Action::Ping(ping));
    }

    /// Whether the peer, which answers pings, has answered none for so long.
    pub(super) fn is_unanswered(&self, now: Instant, patience: Duration) -> bool {
        self.pings.are_unanswered(now, patience)
    }

    /// Something came from the carrier, perhaps only the `pong` to a ping.
    pub(super) fn heard(&mut self, pong: Option<&[u8]>, now: Instant) {
        let gap = now.saturating_duration_since(self.heard_at);
        self.heard_at = now;
        let answered = pong.and_then(|pong| self.pings.answer(pong));
        if let Some(sent_by) = answered
            && self.phase == Phase::Live
        {
            self.tell(LegEvent::Delivered { sent_by });
        }
        if self.stalled && self.phase == Phase::Live {
            // What the peer says proves nothing of our direction.
            if !self.pings.are_unanswered(now, STALLED) {
                self.stalled = false;
                let why = "the carrier answers again".into();
                self.tell(LegEvent::Link { link: Link::Up, why });
            }
        } else if (gap >= GAP || now.saturating_duration_since(self.told_at) >= QUIET)
            && self.phase == Phase::Live
        {
            // Before any check point: what was on its way while nothing moved was not played in time.
            self.told_at = now;
            self.tell(LegEvent::Alive);
        }
        self.settle(now);
    }

    /// The carrier sent a text message.
    pub(super) fn text(&mut self, text: &str, now: Instant) -> Result<(), ReportError> {
        let report = match messages::read(text) {
            Ok(Report::IncomingCall(_)) => {
                self.offence();
                let reason = "this connection has its call already".into();
                return Err(ReportError::Malformed { event: "incoming_call", reason });
            }
            Ok(report) => report,
            Err(error) => {
                self.offence();
                return Err(error);
            }
        };
        self.report(report, now);
        Ok(())
    }

    fn report(&mut self, report: Report, now: Instant) {
        match (report, self.phase) {
            (Report::Digit(digit), Phase::Live) => self.tell(LegEvent::Digit(digit)),
            (Report::Digit(_), Phase::Ringing) => self.dropped("in", "before_answer"),
            (Report::Hangup, Phase::Ringing | Phase::Live) => {
                self.tell(LegEvent::Hangup);
                self.end(now);
            }
            (Report::Cdr(cdr), Phase::Ringing | Phase::Live | Phase::Ending { .. }) => {
                self.tell(LegEvent::Cdr(*cdr));
                self.close(Farewell::Done);
            }
            // What was under way when the other side hung up.
            (Report::Digit(_) | Report::Hangup, Phase::Ending { .. } | Phase::Over)
            | (Report::Cdr(_), Phase::Over)
            | (Report::IncomingCall(_), _) => {}
        }
    }

    /// The carrier sent a binary message: pcm16 of any length.
    pub(super) fn audio(&mut self, audio: Bytes, now: Instant) {
        match self.phase {
            Phase::Live if !audio.is_empty() => {}
            Phase::Live => return self.dropped("in", "empty"),
            Phase::Ringing => return self.dropped("in", "before_answer"),
            Phase::Ending { .. } | Phase::Over => return,
        }
        let at = self.media.stamp(audio.len(), now);
        let earned = now.saturating_duration_since(self.credited).as_secs_f64() * REFILL_BYTES;
        self.credit = (self.credit + earned).min(BURST_BYTES);
        self.credited = now;
        if self.credit < audio.len() as f64 {
            return self.dropped("in", "faster_than_sound");
        }
        self.credit -= audio.len() as f64;
        self.told_at = now;
        self.tell(LegEvent::Audio { at, pcm: audio });
    }

    /// The session wants something.
    pub(super) fn command(&mut self, command: LegCommand, now: Instant) {
        if self.phase == Phase::Live {
            self.live_command(command, now);
        } else if matches!(command, LegCommand::Hangup | LegCommand::Refuse { .. })
            && self.phase == Phase::Ringing
        {
            self.hang_up(now);
        }
        self.settle(now);
    }

    fn live_command(&mut self, command: LegCommand, now: Instant) {
        match command {
            LegCommand::Audio(audio) => {
                if self.pace.push(audio).is_err() {
                    self.dropped("out", "queue_full");
                }
            }
            LegCommand::CheckPoint(name) => {
                if self.pace.mark(name).is_err() {
                    self.dropped("out", "queue_full");
                }
            }
            LegCommand::Digit { digit, duration_ms } => self.press(digit, duration_ms),
            LegCommand::Interruption => {
                // What has been heard by now was heard.
                self.settle(now);
                self.pace.cut(now);
                self.say(messages::interrupt());
            }
            LegCommand::Hangup | LegCommand::Refuse { .. } => self.hang_up(now),
            // No leg of this wire says that it can transfer, and none carries pictures.
            LegCommand::Transfer { .. } | LegCommand::Show(_) | LegCommand::HideCamera(_) => {}
        }
    }

    /// Nobody here takes care of the call any more.
    pub(super) fn forsake(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Ringing | Phase::Live) {
            self.hang_up(now);
        }
        self.close(Farewell::Done);
    }

    /// The connection is gone: `in_order` when the carrier closed it properly, which says the same as a hang-up.
    pub(super) fn gone(&mut self, in_order: bool, why: impl Into<String>) {
        if matches!(self.phase, Phase::Ringing | Phase::Live) {
            let reason = why.into();
            self.tell(if in_order { LegEvent::Hangup } else { LegEvent::Lost { reason } });
        }
        self.phase = Phase::Over;
    }

    /// Does what is due at `now`.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.settle(now);
        if let Phase::Ending { until } = self.phase
            && until <= now
        {
            self.close(Farewell::NoRecord);
        }
    }

    /// When [`Self::handle_timeout`] must be called next.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Live => {
                let stalled = self.pings.unanswered_at(STALLED).filter(|_| !self.stalled);
                [self.pace.poll_timeout(self.asked_at), stalled].into_iter().flatten().min()
            }
            Phase::Ending { until } => Some(until),
            Phase::Ringing | Phase::Over => None,
        }
    }

    /// The next thing to do, in order; drained to empty after every input.
    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn settle(&mut self, now: Instant) {
        if self.phase != Phase::Live {
            return;
        }
        if self.pings.are_unanswered(now, STALLED) && !std::mem::replace(&mut self.stalled, true) {
            let why = "the carrier answers nothing".into();
            self.tell(LegEvent::Link { link: Link::Stalled, why });
        }
        if self.pace.doubtful(now).is_some_and(|at| at > self.heard_at.max(self.asked_at)) {
            self.ping(now);
        }
        let peer = Peer { heard_at: self.heard_at, received: self.pings.answered() };
        while let Some(due) = self.pace.poll(now, peer) {
            match due {
                Due::Audio(audio) => self.actions.push_back(Action::Play(audio)),
                Due::Mark(name) => self.tell(LegEvent::CheckPoint(name)),
            }
        }
        // Behind the audio: the answer says that it has come.
        if peer.received.is_some() && self.pace.unproven().is_some_and(|sent_at| sent_at > self.asked_at) {
            self.ping(now);
        }
    }

    fn press(&mut self, digit: char, duration_ms: u32) {
        match messages::dtmf(digit, duration_ms) {
            Some(message) => self.say(message),
            None => self.dropped("out", "no_such_key"),
        }
    }

    fn hang_up(&mut self, now: Instant) {
        self.say(messages::hangup());
        self.end(now);
    }

    fn end(&mut self, now: Instant) {
        self.phase = Phase::Ending { until: now + self.record_wait };
    }

    fn close(&mut self, farewell: Farewell) {
        if self.phase != Phase::Over {
            self.phase = Phase::Over;
            self.actions.push_back(Action::Close(farewell));
        }
    }

    fn offence(&mut self) {
        self.offences += 1;
        if self.offences > MAX_OFFENCES {
            if matches!(self.phase, Phase::Ringing | Phase::Live) {
                let reason = "the carrier sends message after message that means nothing".into();
                self.tell(LegEvent::Lost { reason });
            }
            self.close(Farewell::TooManyErrors);
        }
    }

    fn say(&mut self, message: String) {
        self.actions.push_back(Action::Say(message));
    }

    fn tell(&mut self, event: LegEvent) {
        self.actions.push_back(Action::Tell(event));
    }

    fn dropped(&mut self, direction: &'static str, reason: &'static str) {
        self.actions.push_back(Action::Dropped { direction, reason });
    }
}

#[cfg(test)]
mod tests;
