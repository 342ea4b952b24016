//! The call itself: dialled, talking, closing, finished.

mod closing;
mod early_media;
mod link;

use std::collections::VecDeque;

use self::early_media::EarlyMedia;
use super::carrier::{CarrierCdr, DialStatus};
use super::conversation::{Account, Answer, Conversation};
use super::deadline::{Deadline, Due, first};
use super::ending::Ended;
use super::fact::Fact;
use super::input::{Effect, Input};
use super::line::Lifeline;
use super::settings::{Direction, Settings};
use crate::audio::Frame;
use crate::clock::CallTime;
use crate::flow::Run;

/// Hang-up cause of a call that somebody ended.
const CLEARED: u16 = 16;
/// Hang-up cause of a call that rang for longer than it may.
const RANG_TOO_LONG: u16 = 19;
/// Hang-up cause of a call whose carrier vanished: network failure.
const LOST: u16 = 38;
/// How long the carrier's record is waited for after the end, ms.
const CDR_WAIT_MS: u64 = 5_000;
/// The same when it alone says what became of the call: the last notification is held back for so long, ms.
const UNHEARD_WAIT_MS: u64 = 15_000;

#[derive(Debug)]
enum State {
    /// Placed or offered to us, or about to be, with the flow that will run.
    Dialing(Box<Run>),
    Talking(Box<Conversation>),
    Closing(Box<Closing>),
    Finished,
}

/// A call that is over; only the carrier's record is awaited.
#[derive(Debug)]
struct Closing {
    ended: Ended,
    ended_at: CallTime,
    cause: u16,
    /// Whether the carrier went away before it was answered: only its record says what became of it.
    is_unheard: bool,
    account: Account,
}

impl Closing {
    /// When the carrier's record is given up.
    fn record_due(&self) -> CallTime {
        self.ended_at + if self.is_unheard { UNHEARD_WAIT_MS } else { CDR_WAIT_MS }
    }
}

/// One outgoing or incoming call.
#[derive(Debug)]
pub struct Call {
    settings: Settings,
    state: State,
    /// While the call is answered, the conversation's effects follow these.
    effects: VecDeque<Effect>,
    session_id: Option<String>,
    /// From when on it may ring: the dial request, or the end of its wait for a line.
    dialled_at: CallTime,
    /// Once something sounds before the answer.
    early_media: Option<Box<EarlyMedia>>,
    /// Once the destination rings.
    ringing_at: Option<CallTime>,
    answered_at: Option<CallTime>,
    ended_at: Option<CallTime>,
    carrier_cause: Option<u16>,
    cdr: Option<CarrierCdr>,
    can_transfer: bool,
    /// The callee sees pictures.
    sees_pictures: bool,
    camera_seen: bool,
    lifeline: Lifeline,
}

impl Call {
    /// A call that has just been asked for; [`CallTime::ZERO`] is that moment.
    #[must_use]
    pub fn new(settings: Settings, mut flow: Run) -> Self {
        flow.expect_verdict_within(settings.amd.timers.decision_timeout_ms);
        Self {
            settings,
            state: State::Dialing(Box::new(flow)),
            effects: VecDeque::new(),
            session_id: None,
            dialled_at: CallTime::ZERO,
            early_media: None,
            ringing_at: None,
            answered_at: None,
            ended_at: None,
            carrier_cause: None,
            cdr: None,
            can_transfer: false,
            sees_pictures: false,
            camera_seen: false,
            lifeline: Lifeline::new(),
        }
    }

    /// The call had to wait for a line and is dialled only at `now`: it may ring from here on.
    pub const fn dialled(&mut self, now: CallTime) {
        self.dialled_at = now;
    }

    /// When it was over; what is told of its end may be told later, once the carrier's record is there or is not.
    #[must_use]
    pub const fn ended_at(&self) -> Option<CallTime> {
        self.ended_at
    }

    /// Says whether the trunk that carries the call can transfer it; it cannot unless told so.
    pub const fn allow_transfer(&mut self, can: bool) {
        self.can_transfer = can;
        if let State::Talking(conversation) = &mut self.state {
            conversation.allow_transfer(can);
        }
    }

    /// Takes note of `input` and queues what follows from it.
    pub fn handle(&mut self, input: Input, now: CallTime) {
        let Some(input) = self.put_by(input) else { return };
        let is_carriers = matches!(
            input,
            Input::Status(_) | Input::Digit(_) | Input::CheckPoint(_) | Input::RoundTrip(_) | Input::Alive
        );
        if is_carriers {
            self.end_gap(now);
        }
        match input {
            Input::Placed { session_id } => {
                self.session_id = Some(session_id.clone());
                self.record(match self.settings.direction {
                    Direction::Outbound => Fact::Placed { session_id },
                    Direction::Inbound => Fact::Accepted { session_id },
                });
            }
            Input::Refused { cause, why } => {
                self.record(Fact::Refused { cause, why });
                self.close(Ended::Unanswered, cause, now);
                self.finish(now);
            }
            Input::Status(status) => self.status(status, now),
            Input::RemoteHangup => self.remote_hangup(now),
            Input::RoundTrip(ms) => {
                self.settings.playback = self.settings.playback.at_distance(ms);
                if let State::Talking(conversation) = &mut self.state {
                    conversation.set_playback(self.settings.playback);
                }
            }
            Input::Cdr(cdr) => self.carrier_record(cdr, now),
            Input::Link { link, why } => self.link(link, why, now),
            Input::Delivered { sent_by } => self.delivered(sent_by, now),
            Input::Alive => {}
            Input::Sight { shows, has_camera } => {
                self.sees_pictures = shows;
                self.record(Fact::Video { shows, camera: has_camera });
            }
            Input::CameraSeen => {
                if !std::mem::replace(&mut self.camera_seen, true) {
                    self.record(Fact::CameraSeen {});
                }
            }
            Input::Lost { why } => self.lost(why, now),
            Input::HangupRequested { .. } => {
                self.record_input(&input);
                self.hang_up(Ended::ByBot, now);
            }
            Input::AudioUnreadable { .. } => self.record_input(&input),
            Input::Digit(_)
            | Input::CheckPoint(_)
            | Input::Rendered { .. }
            | Input::Recognised { .. }
            | Input::ExternalStepEnded { .. } => match &mut self.state {
                State::Talking(conversation) => conversation.handle(input, now),
                State::Dialing(_) | State::Closing(_) | State::Finished => self.record_input(&input),
            },
        }
        // After what it said, which is certain.
        if is_carriers {
            self.alive(now);
        }
        self.settle(now);
    }

    /// 20 ms of what the callee says, or, before the answer (early media), of what the network lets us hear.
    pub fn audio(&mut self, frame: &Frame, now: CallTime) {
        if matches!(self.state, State::Dialing(_)) {
            return self.hear_early(frame);
        }
        let follows = self.streams(now);
        if let State::Talking(conversation) = &mut self.state {
            conversation.audio(frame, follows, now);
            self.settle(now);
        }
    }

    fn hear_early(&mut self, frame: &Frame) {
        if self.early_media.is_none() {
            self.record(Fact::EarlyMedia {});
        }
        let Self { early_media, effects, .. } = self;
        let ear = early_media.get_or_insert_with(|| Box::new(EarlyMedia::new()));
        ear.push(frame, |fact| effects.push_back(Effect::Record(fact)));
    }

    /// Fires what is due at `now`.
    pub fn handle_timeout(&mut self, now: CallTime) {
        let line = self.lifeline.poll_timeout().filter(|deadline| deadline.at <= now);
        match &mut self.state {
            State::Dialing(_) | State::Talking(_) if self.lifeline.stands_still() => {
                if line.is_some() {
                    self.lost("nothing has come from the carrier for two minutes".into(), now);
                }
            }
            State::Dialing(_) => {
                let is_due = now >= self.dialled_at + self.settings.ring_timeout_ms;
                if is_due && self.lifeline.has_missed() {
                    self.rang_unheard(now);
                } else if is_due {
                    self.record(Fact::RingTimeout { after_ms: self.settings.ring_timeout_ms });
                    self.push(Effect::SendHangup);
                    self.close(Ended::Unanswered, RANG_TOO_LONG, now);
                }
            }
            State::Talking(conversation) => {
                let known = self.lifeline.known_until().map_or(now, |until| until.min(now));
                conversation.handle_timeout(known, now);
                if now.ms_since(conversation.answered_at()) >= self.settings.max_call_ms {
                    self.record(Fact::CallLimit { after_ms: self.settings.max_call_ms });
                    self.hang_up(Ended::ByBot, now);
                }
                if line.is_some() {
                    self.fall_silent(now);
                }
            }
            State::Closing(closing) => {
                if now >= closing.record_due() {
                    self.finish(now);
                }
            }
            State::Finished => {}
        }
        self.settle(now);
    }

    /// When [`Self::handle_timeout`] must be called next; `None` when the call is finished.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<CallTime> {
        self.deadline().map(|deadline| deadline.at)
    }

    /// The same with what is due then.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        match &self.state {
            State::Dialing(_) | State::Talking(_) if self.lifeline.stands_still() => {
                self.lifeline.poll_timeout()
            }
            State::Dialing(_) => Some(Due::RingTimeout.at(self.dialled_at + self.settings.ring_timeout_ms)),
            State::Talking(conversation) => first([
                conversation.poll_timeout(self.lifeline.known_until()),
                Some(Due::CallLimit.at(conversation.answered_at() + self.settings.max_call_ms)),
                self.lifeline.poll_timeout(),
            ]),
            State::Closing(closing) => Some(Due::CarrierRecord.at(closing.record_due())),
            State::Finished => None,
        }
    }

    /// The next thing to do, in order; drained to empty after every input.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front().or_else(|| match &mut self.state {
            State::Talking(conversation) => conversation.poll_effect(),
            State::Dialing(_) | State::Closing(_) | State::Finished => None,
        })
    }

    fn status(&mut self, status: DialStatus, now: CallTime) {
        if !matches!(self.state, State::Dialing(_)) {
            return;
        }
        self.lifeline.caught_up();
        self.record(Fact::DialStatus { status });
        match status {
            DialStatus::Dialing => {}
            DialStatus::Ringing => {
                self.ringing_at.get_or_insert(now);
            }
            DialStatus::Busy => self.close(Ended::Unanswered, 17, now),
            DialStatus::Failed => self.close(Ended::Unanswered, 0, now),
            DialStatus::Connected => self.answer(now),
        }
    }

    fn answer(&mut self, now: CallTime) {
        self.state = match std::mem::replace(&mut self.state, State::Finished) {
            State::Dialing(flow) => {
                self.answered_at = Some(now);
                self.early_media = None;
                self.lifeline.expect_audio(now);
                let answer = Answer {
                    at: now,
                    ring_ms: self.ringing_at.map_or(0, |ringing| now.ms_since(ringing)),
                    connect_ms: now.ms_since(self.dialled_at),
                };
                let mut conversation = Conversation::new(&self.settings, *flow, answer, self.can_transfer);
                conversation.set_answers(self.lifeline.answers());
                if self.sees_pictures {
                    conversation.show_pictures();
                }
                if self.lifeline.stands_still() {
                    conversation.hold(now);
                }
                State::Talking(Box::new(conversation))
            }
            later @ (State::Talking(_) | State::Closing(_) | State::Finished) => later,
        };
    }

    /// Lets the conversation go on until it waits; it may have ended the call.
    fn settle(&mut self, now: CallTime) {
        if let State::Talking(conversation) = &mut self.state {
            conversation.settle(now);
            if let Some(ended) = conversation.hung_up() {
                self.close(ended, CLEARED, now);
            }
        }
    }

    const fn is_under_way(&self) -> bool {
        matches!(self.state, State::Dialing(_) | State::Talking(_))
    }

    fn record_input(&mut self, input: &Input) {
        if let Some(fact) = input.fact() {
            self.record(fact);
        }
    }

    fn record(&mut self, fact: Fact) {
        self.push(Effect::Record(fact));
    }

    fn push(&mut self, effect: Effect) {
        match &mut self.state {
            State::Talking(conversation) => conversation.push(effect),
            State::Dialing(_) | State::Closing(_) | State::Finished => self.effects.push_back(effect),
        }
    }
}
