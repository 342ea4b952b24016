//! One call at the gateway as a pure machine: dialling, the conversation at the pace of its clock, the
//! record. It knows no socket, task or clock; time is handed in.
//!
//! Push, then drain: an input changes state, then [`Call::poll_effect`] is drained, then nothing happens
//! before [`Call::poll_timeout`]. Whatever the inputs, the last effect is [`Effect::Ended`], once.

mod conversation;
mod effect;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use callcore::audio::frame::{FRAME_MS, FRAME_SAMPLES, Frame};
use callcore::call::{DialStatus, Disposition, HangupBy, cause};
use callcore::clock::{CallTime, soonest};

use self::conversation::Conversation;
pub(super) use self::effect::Effect;
use super::callees::model::Outcome;
use super::callees::prepare::Prepared;
use super::cdr::Cdr;
use super::playout::Full;
use super::record::{Happening, Party};
use crate::wallclock;

/// How long a dial request travels before the far end reacts, in ms.
const DIAL_DELAY_MS: u64 = 200;
/// How long somebody rings at a client who says nothing else, in ms.
const RING_MS: u64 = 30_000;
/// A call that falls behind by more than this (a suspended machine) skips the time instead of rushing.
const MAX_LAG_MS: u64 = 2_000;

/// What a call is placed with.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub session_id: String,
    /// As dialled.
    pub number: String,
    /// For the record; `None` where the version has no such field.
    pub source: Option<Option<String>>,
    /// In ms since 1970.
    pub started: i64,
    /// What happens there, and how long it rings first, in ms; `None`: the number is not allocated.
    pub far_end: Option<(Outcome, u64)>,
    /// Somebody calls the client: nobody is dialled, and who joins the room answers.
    pub is_incoming: bool,
    /// An unanswered call is given up this long after dialling.
    pub timeout_ms: Option<u64>,
    /// How long dialling waits for the first client to join.
    pub join_wait_ms: u64,
    /// How much audio may wait to be played.
    pub queue_limit_ms: u64,
    /// Of the line's noise.
    pub seed: u64,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    disposition: Disposition,
    by: Option<HangupBy>,
    /// Hang-up cause code, see [`cause`].
    cause: u16,
}

impl End {
    const fn failed(cause: u16) -> Self {
        Self { disposition: Disposition::Failed, by: Some(HangupBy::Callee), cause }
    }

    const fn unanswered(cause: u16) -> Self {
        Self { disposition: Disposition::NoAnswer, ..Self::failed(cause) }
    }

    /// A call that `party` broke off before an answer.
    const fn broken_by(party: Party) -> Self {
        match party {
            Party::Bot | Party::Callee => {
                Self { disposition: Disposition::Cancel, by: Some(HangupBy::Caller), cause: 16 }
            }
            Party::Gateway => Self { by: None, ..Self::failed(38) },
        }
    }

    /// An answered call that `party` ended.
    const fn answered(party: Party) -> Self {
        let end = Self { disposition: Disposition::Answered, by: None, cause: 16 };
        match party {
            Party::Bot => Self { by: Some(HangupBy::Caller), ..end },
            Party::Callee => Self { by: Some(HangupBy::Callee), ..end },
            Party::Gateway => Self { cause: 38, ..end },
        }
    }
}

#[derive(Debug)]
enum State {
    /// A client joins when it hears of the session; the first it should see is `Dialing`.
    Joining {
        until: CallTime,
    },
    /// Somebody calls the client, and rings until a client joins.
    Offered {
        until: CallTime,
        prepared: Option<Arc<Prepared>>,
        is_joined: bool,
    },
    Dialing {
        until: CallTime,
    },
    Preparing,
    /// The far end is tried, without ringing.
    Trying {
        until: CallTime,
        then: End,
    },
    Ringing {
        until: CallTime,
        then: Rung,
    },
    Talking(Box<Conversation>),
    Over,
}

/// What follows the ringing.
#[derive(Clone, Debug)]
enum Rung {
    Answer(Arc<Prepared>),
    End(End),
}

/// Why audio was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotPlayed {
    NotConnected,
    Full(Full),
}

/// A call from the moment it is placed.
#[derive(Debug)]
pub(super) struct Call {
    setup: Setup,
    state: State,
    /// When an unanswered call is given up.
    patience: Option<CallTime>,
    answered: Option<CallTime>,
    said: Frame,
    heard: Frame,
    effects: VecDeque<Effect>,
}

impl Call {
    /// A call placed now, at [`CallTime::ZERO`].
    pub(super) fn new(setup: Setup) -> Self {
        let mut effects = VecDeque::with_capacity(16);
        let state = if setup.is_incoming {
            effects.push_back(Effect::Prepare);
            let rings_ms = setup.timeout_ms.unwrap_or(RING_MS);
            State::Offered { until: CallTime::from_ms(rings_ms), prepared: None, is_joined: false }
        } else {
            State::Joining { until: CallTime::from_ms(setup.join_wait_ms) }
        };
        Self {
            setup,
            state,
            patience: None,
            answered: None,
            said: [0; FRAME_SAMPLES],
            heard: [0; FRAME_SAMPLES],
            effects,
        }
    }

    /// Clients have heard of the session: dialling waits for the first of them to join from now on.
    pub(super) fn announced(&mut self, now: CallTime) {
        if let State::Joining { until } = &mut self.state {
            *until = now + self.setup.join_wait_ms;
        }
    }

    /// A client has joined the room.
    pub(super) fn joined(&mut self, now: CallTime) {
        match &mut self.state {
            State::Joining { .. } => self.dial(now),
            State::Offered { prepared, is_joined, .. } => {
                let ready = prepared.take();
                if !std::mem::replace(is_joined, true) {
                    self.effects.push_back(Effect::Status(DialStatus::Ringing));
                }
                if let Some(prepared) = ready {
                    self.answer(now, prepared);
                }
            }
            State::Dialing { .. }
            | State::Preparing
            | State::Trying { .. }
            | State::Ringing { .. }
            | State::Talking(_)
            | State::Over => {}
        }
    }

    /// The callee's sound is ready, or cannot be made.
    pub(super) fn prepared(&mut self, now: CallTime, sound: Option<Arc<Prepared>>) {
        match &mut self.state {
            State::Preparing => {}
            State::Offered { prepared, is_joined, .. } => {
                match sound {
                    Some(sound) if *is_joined => self.answer(now, sound),
                    Some(sound) => *prepared = Some(sound),
                    None => self.fail(now, End::failed(44)),
                }
                return;
            }
            State::Joining { .. }
            | State::Dialing { .. }
            | State::Trying { .. }
            | State::Ringing { .. }
            | State::Talking(_)
            | State::Over => return,
        }
        match sound {
            Some(prepared) => self.ring(now, Rung::Answer(prepared)),
            None => self.fail(now, End::failed(44)),
        }
    }

    /// `by` ends the call.
    pub(super) fn hang_up(&mut self, now: CallTime, by: Party) {
        match &self.state {
            State::Over => {}
            State::Talking(_) => self.finish(now, by),
            // The client has declined.
            State::Offered { .. } if by == Party::Bot => {
                self.end(now, End { by: Some(HangupBy::Caller), ..End::failed(21) });
            }
            State::Offered { .. }
            | State::Joining { .. }
            | State::Dialing { .. }
            | State::Preparing
            | State::Trying { .. }
            | State::Ringing { .. } => self.end(now, End::broken_by(by)),
        }
    }

    /// Lets time pass: takes at most one step, or one frame. Call it until [`Call::poll_timeout`] is later
    /// than `now`.
    pub(super) fn advance(&mut self, now: CallTime) {
        if self.patience.is_some_and(|due| due <= now) {
            let rang = matches!(self.state, State::Ringing { .. });
            self.fail(now, End::unanswered(if rang { 19 } else { 18 }));
            return;
        }
        match &mut self.state {
            State::Joining { until } if *until <= now => self.dial(now),
            State::Offered { until, .. } if *until <= now => {
                self.end(now, End { by: Some(HangupBy::Caller), ..End::unanswered(19) });
            }
            State::Dialing { until } if *until <= now => self.reach(now),
            State::Trying { until, then } if *until <= now => {
                let then = *then;
                if then.disposition == Disposition::Busy {
                    self.effects.push_back(Effect::Status(DialStatus::Busy));
                    self.end(now, then);
                } else {
                    self.fail(now, then);
                }
            }
            State::Ringing { until, then } if *until <= now => match then.clone() {
                Rung::Answer(prepared) => self.answer(now, prepared),
                Rung::End(end) => self.fail(now, end),
            },
            State::Talking(conversation) if conversation.due <= now => {
                if now.ms_since(conversation.due) > MAX_LAG_MS {
                    self.effects.push_back(Effect::Skipped);
                    conversation.due = now;
                }
                conversation.due = conversation.due + FRAME_MS;
                self.effects.push_back(Effect::Frame);
                if !conversation.frame(&mut self.said, &mut self.heard, &mut self.effects) {
                    self.finish(now, Party::Callee);
                }
            }
            State::Joining { .. }
            | State::Offered { .. }
            | State::Dialing { .. }
            | State::Preparing
            | State::Trying { .. }
            | State::Ringing { .. }
            | State::Talking(_)
            | State::Over => {}
        }
    }

    /// When [`Call::advance`] has something to do; `None` while only an input can change anything.
    pub(super) fn poll_timeout(&self) -> Option<CallTime> {
        let next = match &self.state {
            State::Joining { until }
            | State::Offered { until, .. }
            | State::Dialing { until }
            | State::Trying { until, .. }
            | State::Ringing { until, .. } => Some(*until),
            State::Talking(conversation) => Some(conversation.due),
            State::Preparing | State::Over => None,
        };
        soonest(next, self.patience)
    }

    /// The next thing to do, in order.
    pub(super) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// What the callee said in the last frame.
    pub(super) const fn said(&self) -> &Frame {
        &self.said
    }

    /// What the callee heard in the last frame.
    pub(super) const fn heard(&self) -> &Frame {
        &self.heard
    }

    /// Queues 8 kHz samples for the callee, under the client's label for them; without one they go on with what was
    /// queued before.
    ///
    /// # Errors
    /// While nobody listens, and when too much waits already; then none of them is taken.
    pub(super) fn play(&mut self, samples: &[i16], label: Option<&str>) -> Result<(), NotPlayed> {
        let playout = &mut self.talking_mut().ok_or(NotPlayed::NotConnected)?.playout;
        let played = match label {
            Some(label) => playout.push_as(samples, label),
            None => playout.push(samples),
        };
        played.map_err(NotPlayed::Full)
    }

    /// Audio of the client could not be read. Told once.
    pub(super) fn unreadable(&mut self, reason: String) {
        if let State::Talking(conversation) = &mut self.state
            && !std::mem::replace(&mut conversation.told_unreadable, true)
        {
            let at_ms = conversation.at_ms();
            let happening = Happening::AudioUnreadable { reason };
            self.effects.push_back(Effect::Note { at_ms, happening });
        }
    }

    /// Marks the end of what was queued so far; `false` when it cannot be marked.
    pub(super) fn check_point(&mut self, name: String) -> bool {
        self.talking_mut().is_some_and(|conversation| conversation.playout.mark(name))
    }

    /// Presses a key; `false` when nobody hears it, it is no key, or too many wait.
    pub(super) fn press(&mut self, key: char, length_ms: u64) -> bool {
        self.talking_mut().is_some_and(|conversation| conversation.playout.press(key, length_ms))
    }

    /// Stops what plays and forgets what waits; `false` while nobody listens.
    pub(super) fn interrupt(&mut self) -> bool {
        self.talking_mut().map(|conversation| conversation.playout.interrupt()).is_some()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.talking().is_some()
    }

    fn talking(&self) -> Option<&Conversation> {
        if let State::Talking(conversation) = &self.state { Some(conversation) } else { None }
    }

    fn talking_mut(&mut self) -> Option<&mut Conversation> {
        if let State::Talking(conversation) = &mut self.state { Some(conversation) } else { None }
    }

    fn dial(&mut self, now: CallTime) {
        self.effects.push_back(Effect::Status(DialStatus::Dialing));
        self.patience = self.setup.timeout_ms.map(|ms| now + ms);
        self.state = State::Dialing { until: now + DIAL_DELAY_MS };
    }

    /// The dial request has arrived.
    fn reach(&mut self, now: CallTime) {
        let Some((outcome, ring_ms)) = self.setup.far_end else {
            return self.fail(now, End::failed(1));
        };
        let trying = |then| State::Trying { until: now + ring_ms, then };
        match outcome {
            Outcome::Answer => {
                self.effects.push_back(Effect::Prepare);
                self.state = State::Preparing;
            }
            Outcome::Busy => self.state = trying(End { disposition: Disposition::Busy, ..End::failed(17) }),
            Outcome::BadNumber => self.state = trying(End::failed(1)),
            Outcome::Congestion => self.state = trying(End::failed(34)),
            Outcome::Reject => self.ring(now, Rung::End(End::failed(21))),
            Outcome::NoAnswer => self.ring(now, Rung::End(End::unanswered(19))),
        }
    }

    fn ring(&mut self, now: CallTime, then: Rung) {
        self.effects.push_back(Effect::Status(DialStatus::Ringing));
        let ring_ms = self.setup.far_end.map_or(0, |(_, ring_ms)| ring_ms);
        self.state = State::Ringing { until: now + ring_ms, then };
    }

    fn answer(&mut self, now: CallTime, prepared: Arc<Prepared>) {
        self.patience = None;
        self.answered = Some(now);
        let conversation = Conversation::new(now, prepared, self.setup.seed, self.setup.queue_limit_ms);
        self.state = State::Talking(Box::new(conversation));
        self.effects.push_back(Effect::Answered);
        self.effects.push_back(Effect::Status(DialStatus::Connected));
    }

    fn fail(&mut self, now: CallTime, end: End) {
        self.effects.push_back(Effect::Status(DialStatus::Failed));
        self.end(now, end);
    }

    fn finish(&mut self, now: CallTime, by: Party) {
        if let State::Talking(conversation) = &mut self.state {
            // An interruption right before the end is part of the call.
            conversation.tell_played(&mut self.effects);
            let at_ms = conversation.at_ms();
            self.effects.push_back(Effect::Note { at_ms, happening: Happening::Hangup { by } });
        }
        self.end(now, End::answered(by));
    }

    fn end(&mut self, now: CallTime, end: End) {
        self.patience = None;
        self.state = State::Over;
        let time = |at: CallTime| {
            let ms = i64::try_from(at.as_ms()).unwrap_or(i64::MAX);
            wallclock::iso(self.setup.started.saturating_add(ms))
        };
        let cdr = Cdr {
            session_id: self.setup.session_id.clone(),
            destination: self.setup.number.clone(),
            source: self.setup.source.clone(),
            start_time: time(CallTime::ZERO),
            answer_time: self.answered.map(time),
            end_time: time(now),
            duration: now.as_ms() / 1_000,
            billable_seconds: self.answered.map_or(0, |at| now.ms_since(at) / 1_000),
            disposition: end.disposition,
            // In a call to the client, the caller is the other side.
            hangup_by: end.by.map(|by| match (by, self.setup.is_incoming) {
                (HangupBy::Caller, false) | (HangupBy::Callee, true) => HangupBy::Caller,
                (HangupBy::Callee, false) | (HangupBy::Caller, true) => HangupBy::Callee,
            }),
            hangup_cause_code: end.cause,
            hangup_cause_text: cause(end.cause).text,
        };
        self.effects.push_back(Effect::Ended(Arc::new(cdr)));
    }
}
