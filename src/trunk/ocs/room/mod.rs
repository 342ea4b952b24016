//! One call at the carrier: what has been said on either side, and what is due when. Pure but for the
//! channel to the leg: time is an argument, and what must be done is returned as [`Action`]s.

mod link;
mod offered;

use std::collections::VecDeque;
use std::time::Duration;

use callcore::call::{CarrierCdr, DialStatus, Link};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use super::messages::Report;
use crate::media::MediaClock;
use crate::trunk::leg::{LegCommand, LegEvent};

/// Audio packets kept for a leg that does not read, beside its channel.
const SPILLED_AUDIO: usize = 50;
/// Other events kept for such a leg, and commands kept for a carrier that is away.
const KEPT_CONTROL: usize = 1_000;
/// After a busy or failed dial, or after our own hang-up, the carrier has this long to say `hangup`.
const HANGUP_DUE: Duration = Duration::from_secs(5);

/// A carrier that lets us into the room of a caller has answered the call, whether it says so or not, after this
/// long.
const CONNECTED_DUE: Duration = Duration::from_secs(2);

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Without a joined room; then the leg is lost.
    pub(super) away: Duration,
    /// From placing to `Connected`; then we hang up.
    pub(super) ring: Duration,
    /// From `hangup` to `cdr`; then the record is fetched.
    pub(super) cdr: Duration,
}

/// What the trunk must do for a room.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    Join,
    Send(LegCommand),
    /// The socket cannot carry the hang-up, so REST must.
    HangUpByRest,
    FetchCdr,
    /// Something was dropped: which side, and why.
    Dropped {
        direction: &'static str,
        reason: &'static str,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Membership {
    /// There is no connection.
    Away,
    Asked,
    /// Refused before the session was announced; its announcement is awaited.
    Early,
    Joined,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Live,
    /// The carrier said `hangup`; its record is due.
    Ended,
    /// Nothing more is expected.
    Over,
}

#[derive(Debug)]
pub(super) struct Room {
    events: mpsc::Sender<LegEvent>,
    spilled: VecDeque<LegEvent>,
    patience: Patience,
    membership: Membership,
    phase: Phase,
    announced: bool,
    was_joined: bool,
    hanging_up: bool,
    fetching: bool,
    commander_gone: bool,
    deaf: bool,
    /// Somebody calls us, and nobody has picked up: the room is not joined.
    is_ringing: bool,
    /// Somebody calls us, and the carrier has not said that the call is connected.
    connected_due: Option<Instant>,
    is_offered: bool,
    is_connected: bool,
    /// Audio that could not be read is told once each way.
    told_unreadable: bool,
    refusals: u32,
    /// The way to the carrier, as last told to the leg.
    link: Link,
    /// The carrier answers pings.
    answers: bool,
    /// Audio found no room on its way to the carrier.
    blocked: bool,
    /// When the carrier last answered, and when it last said something about this call.
    answered_at: Instant,
    said_at: Instant,
    /// When the carrier's audio was spoken: its packets bear no time.
    media: MediaClock,
    /// Frames of 20 ms that the carrier takes to answer, as last told to the leg.
    distance: u128,
    /// Commands that wait for the room to be joined; never audio.
    held: VecDeque<LegCommand>,
    /// Check points the carrier has not reported yet.
    marks: VecDeque<String>,
    /// A join that is not answered by then has got lost.
    join_again: Option<Instant>,
    away_until: Option<Instant>,
    ring_until: Option<Instant>,
    end_due: Option<Instant>,
    cdr_due: Option<Instant>,
}

impl Room {
    /// A room for a call placed just now.
    pub(super) fn new(events: mpsc::Sender<LegEvent>, patience: Patience, now: Instant) -> Self {
        Self {
            events,
            spilled: VecDeque::new(),
            patience,
            membership: Membership::Away,
            phase: Phase::Live,
            announced: false,
            was_joined: false,
            hanging_up: false,
            fetching: false,
            commander_gone: false,
            deaf: false,
            is_ringing: false,
            connected_due: None,
            is_offered: false,
            is_connected: false,
            told_unreadable: false,
            refusals: 0,
            link: Link::Up,
            answers: false,
            blocked: false,
            answered_at: now,
            said_at: now,
            media: MediaClock::default(),
            distance: 0,
            held: VecDeque::new(),
            marks: VecDeque::new(),
            join_again: None,
            away_until: Some(now + patience.away),
            ring_until: Some(now + patience.ring),
            end_due: None,
            cdr_due: None,
        }
    }

    /// Nothing is left to do or to deliver.
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over && (self.spilled.is_empty() || self.deaf)
    }

    /// The leg asks for something.
    pub(super) fn command(&mut self, command: LegCommand, now: Instant, out: &mut Vec<Action>) {
        if self.phase != Phase::Live {
            return;
        }
        let joined = self.membership == Membership::Joined;
        match command {
            LegCommand::Audio(_) if !joined => {
                out.push(Action::Dropped { direction: "out", reason: "not_joined" });
            }
            LegCommand::Hangup | LegCommand::Refuse { .. } => self.hang_up(now, out),
            // No leg of this wire says that it can transfer, and none carries pictures.
            LegCommand::Transfer { .. } | LegCommand::Show(_) | LegCommand::HideCamera(_) => {}
            LegCommand::CheckPoint(_) | LegCommand::Interruption if !joined && self.was_joined => {}
            LegCommand::CheckPoint(name) => {
                if self.marks.len() >= KEPT_CONTROL {
                    self.lose("the carrier reports no check point any more".into(), out);
                    return;
                }
                self.marks.push_back(name.clone());
                if joined {
                    out.push(Action::Send(LegCommand::CheckPoint(name)));
                } else {
                    self.hold(LegCommand::CheckPoint(name), out);
                }
            }
            command @ (LegCommand::Audio(_) | LegCommand::Digit { .. } | LegCommand::Interruption) => {
                if joined {
                    out.push(Action::Send(command))
                } else {
                    self.hold(command, out)
                }
            }
        }
    }

    fn hold(&mut self, command: LegCommand, out: &mut Vec<Action>) {
        if self.held.len() < KEPT_CONTROL {
            self.held.push_back(command);
        } else {
            self.lose("too many commands wait for the carrier to come back".into(), out);
        }
    }

    fn hang_up(&mut self, now: Instant, out: &mut Vec<Action>) {
        if self.hanging_up {
            return;
        }
        self.hanging_up = true;
        self.ring_until = None;
        self.end_due.get_or_insert(now + HANGUP_DUE);
        out.push(match self.membership {
            Membership::Joined => Action::Send(LegCommand::Hangup),
            Membership::Away | Membership::Asked | Membership::Early => Action::HangUpByRest,
        });
    }

    /// The carrier says something about this call.
    pub(super) fn report(&mut self, report: Report, now: Instant, out: &mut Vec<Action>) {
        if self.phase == Phase::Over {
            return;
        }
        self.said_at = now;
        match report {
            Report::Announced | Report::Offered(_) => {
                self.announced = true;
                if self.membership == Membership::Early {
                    self.membership = Membership::Asked;
                    out.push(Action::Join);
                }
            }
            Report::Joined => {
                self.joined(out);
                if self.is_offered && !self.is_connected {
                    self.connected_due.get_or_insert(now + CONNECTED_DUE);
                }
            }
            Report::JoinRefused => self.join_refused(out),
            Report::Cdr(cdr) => {
                self.ended(now, out);
                self.deliver_cdr(Some(cdr), out);
            }
            Report::Hangup => self.ended(now, out),
            Report::Status(status) => {
                self.joined(out);
                match status {
                    DialStatus::Connected => {
                        self.ring_until = None;
                        self.is_connected = true;
                    }
                    DialStatus::Busy | DialStatus::Failed => {
                        self.ring_until = None;
                        self.end_due.get_or_insert(now + HANGUP_DUE);
                    }
                    DialStatus::Dialing | DialStatus::Ringing => {}
                }
                self.deliver_live(LegEvent::Status(status), out);
            }
            Report::Audio(bytes) => {
                self.joined(out);
                self.connected(out);
                let at = self.media.stamp(bytes.len(), now);
                self.deliver_live(LegEvent::Audio { at, pcm: bytes }, out);
            }
            Report::AudioUnreadable(why) => {
                self.joined(out);
                if !std::mem::replace(&mut self.told_unreadable, true) {
                    self.deliver_live(LegEvent::AudioUnreadable { is_ours: false, why }, out);
                }
            }
            Report::AudioRefused(why) => self.audio_refused(why, out),
            Report::Digit(digit) => {
                self.joined(out);
                self.deliver_live(LegEvent::Digit(digit), out);
            }
            Report::CheckPoint(name) => {
                self.joined(out);
                match self.marks.iter().position(|mark| *mark == name) {
                    Some(at) => {
                        self.marks.remove(at);
                        self.deliver_live(LegEvent::CheckPoint(name), out);
                    }
                    None => tracing::debug!(name, "a check point was reported that is not awaited"),
                }
            }
        }
    }

    /// The room is ours: events come, commands go.
    fn joined(&mut self, out: &mut Vec<Action>) {
        if self.membership == Membership::Joined || self.phase != Phase::Live {
            return;
        }
        self.membership = Membership::Joined;
        self.away_until = None;
        let held = std::mem::take(&mut self.held);
        self.was_joined = true;
        out.extend(held.into_iter().map(Action::Send));
        if self.hanging_up {
            out.push(Action::Send(LegCommand::Hangup));
        }
        self.tell_link(Link::Up, "the carrier is back", out);
    }

    fn join_refused(&mut self, out: &mut Vec<Action>) {
        if self.phase != Phase::Live || self.membership == Membership::Joined {
            return;
        }
        if self.announced || self.was_joined {
            self.lose("the carrier does not know this call any more".into(), out);
        } else {
            self.membership = Membership::Early;
        }
    }

    fn ended(&mut self, now: Instant, out: &mut Vec<Action>) {
        if self.phase != Phase::Live {
            return;
        }
        self.phase = Phase::Ended;
        self.held.clear();
        self.away_until = None;
        self.ring_until = None;
        self.end_due = None;
        self.cdr_due = Some(now + self.patience.cdr);
        self.deliver(LegEvent::Hangup, out);
    }

    /// The carrier is there but of no use for this call.
    pub(super) fn give_up(&mut self, reason: String, out: &mut Vec<Action>) {
        if self.phase == Phase::Live {
            self.lose(reason, out);
        }
    }

    fn lose(&mut self, reason: String, out: &mut Vec<Action>) {
        self.phase = Phase::Ended;
        self.held.clear();
        self.away_until = None;
        self.ring_until = None;
        self.end_due = None;
        self.deliver(LegEvent::Lost { reason }, out);
        out.push(Action::HangUpByRest);
        self.fetch_cdr(out);
    }

    fn fetch_cdr(&mut self, out: &mut Vec<Action>) {
        self.cdr_due = None;
        if !self.fetching {
            self.fetching = true;
            out.push(Action::FetchCdr);
        }
    }

    /// The record came, or (`None`) cannot be had.
    pub(super) fn deliver_cdr(&mut self, cdr: Option<CarrierCdr>, out: &mut Vec<Action>) {
        if self.phase == Phase::Over {
            return;
        }
        self.phase = Phase::Over;
        self.cdr_due = None;
        if let Some(cdr) = cdr {
            self.deliver(LegEvent::Cdr(cdr), out);
        }
    }

    /// No command will come any more.
    pub(super) fn commander_left(&mut self, out: &mut Vec<Action>) {
        self.commander_gone = true;
        self.leave_if_abandoned(out);
    }

    /// A leg that nobody holds leaves the room without hanging up; a call that nobody took is hung up.
    fn leave_if_abandoned(&mut self, out: &mut Vec<Action>) {
        if self.commander_gone && self.events.is_closed() {
            if self.is_ringing && self.phase == Phase::Live && !self.hanging_up {
                out.push(Action::HangUpByRest);
            }
            self.abandon();
        }
    }

    fn abandon(&mut self) {
        self.phase = Phase::Over;
        self.deaf = true;
    }

    /// Lets time pass: what is overdue happens, what could not be delivered is tried again.
    pub(super) fn tick(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.flush();
        self.leave_if_abandoned(out);
        let joined = self.phase == Phase::Live && self.membership == Membership::Joined;
        self.note_stall(now, out);
        self.ask_again(now, out);
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.away_until) {
            let seconds = self.patience.away.as_secs_f32();
            let what = if joined { "stopped" } else { "been away" };
            self.lose(format!("the carrier has {what} for {seconds} s"), out);
        }
        if due(self.ring_until) {
            self.hang_up(now, out);
        }
        if due(self.connected_due) {
            self.connected_due = None;
            self.connected(out);
        }
        if due(self.end_due) {
            self.ended(now, out);
        }
        if due(self.cdr_due) {
            self.fetch_cdr(out);
        }
    }

    fn deliver_live(&mut self, event: LegEvent, out: &mut Vec<Action>) {
        if self.phase == Phase::Live {
            self.deliver(event, out);
        }
    }

    fn deliver(&mut self, event: LegEvent, out: &mut Vec<Action>) {
        self.flush();
        if self.deaf {
            return;
        }
        let event = if self.spilled.is_empty() {
            match self.events.try_send(event) {
                Ok(()) => return,
                Err(TrySendError::Closed(_)) => {
                    self.deaf = true;
                    return;
                }
                Err(TrySendError::Full(event)) => event,
            }
        } else {
            event
        };
        self.spill(event, out);
    }

    fn spill(&mut self, event: LegEvent, out: &mut Vec<Action>) {
        let is_audio = |event: &LegEvent| matches!(event, LegEvent::Audio { .. });
        if is_audio(&event) {
            let mut audio = self.spilled.iter().enumerate().filter(|(_, e)| is_audio(e)).map(|(at, _)| at);
            if let Some(oldest) = audio.next()
                && audio.count() + 1 >= SPILLED_AUDIO
            {
                self.spilled.remove(oldest);
                out.push(Action::Dropped { direction: "in", reason: "leg_full" });
            }
        } else if self.spilled.len() >= KEPT_CONTROL + SPILLED_AUDIO {
            // A leg that has not read a thousand events will not read the rest either.
            tracing::error!("a call does not read its events; it is abandoned");
            out.push(Action::HangUpByRest);
            self.abandon();
            return;
        }
        self.spilled.push_back(event);
    }

    fn flush(&mut self) {
        while let Some(event) = self.spilled.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.spilled.push_front(event);
                    return;
                }
                Err(TrySendError::Closed(_)) => {
                    self.deaf = true;
                    self.spilled.clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
