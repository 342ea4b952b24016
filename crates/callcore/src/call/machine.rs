//! The call itself: states, and the translation between its children.

use std::collections::VecDeque;

use super::carrier::{CarrierCdr, DialStatus};
use super::ending::Ended;
use super::errand::Message;
use super::fact::Fact;
use super::input::{Effect, Input, Words};
use super::interruption::{OverPrompt, Suspicion};
use super::keys::Keys;
use super::line::Lifeline;
use super::listening::{Listening, Manner};
use super::notice::{Notice, Stage};
use super::redaction::Redaction;
use super::settings::{Direction, Settings};
use super::speaking::Speaking;
use crate::amd::{self, EventKind};
use crate::audio::Frame;
use crate::clock::{CallTime, soonest};
use crate::flow::{self, MachineDetection, Outcome, Run};

/// Hang-up cause of a call that rang for longer than it may.
pub(super) const RANG_TOO_LONG: u16 = 19;
/// How long the carrier's record is waited for after the end, ms.
const CDR_WAIT_MS: u64 = 5_000;

#[derive(Debug)]
pub(super) enum State {
    /// Placed or offered to us, or about to be; `ringing_at` once the destination rings.
    Dialing,
    Talking(Box<Talk>),
    /// Over; only the carrier's record is awaited.
    Closing {
        ended: Ended,
        ended_at: CallTime,
        cause: u16,
    },
    Finished,
}

#[derive(Debug)]
pub(super) struct Talk {
    pub(super) answered_at: CallTime,
    pub(super) listening: Listening,
    pub(super) speaking: Speaking,
    /// Utterances that are over and whose words are still to come, oldest first.
    pub(super) awaited_words: VecDeque<AwaitedWords>,
    /// Utterances whose words did not come in time and may still come, oldest first.
    pub(super) late_words: VecDeque<AwaitedWords>,
    /// Speech over a prompt that may be an interruption.
    pub(super) suspicion: Option<Suspicion>,
    /// The utterance that raised it, whose words may come when the prompt has gone on.
    pub(super) over_prompt: Option<OverPrompt>,
    /// The message that the callee is leaving.
    pub(super) message: Option<Message>,
    /// What we press, still to go out.
    pub(super) keys: Keys,
}

/// An utterance that is over and whose words are still to come.
#[derive(Debug)]
pub(super) struct AwaitedWords {
    pub(super) utterance: u32,
    /// When it was said, ms since the answer.
    pub(super) said_ms: (u64, u64),
    /// How much of that was speech, ms.
    pub(super) spoken_ms: u64,
    /// The question that was open.
    pub(super) question: Option<u32>,
    pub(super) until: CallTime,
    /// What counts when they do not come.
    pub(super) so_far: Option<Words>,
}

/// One outgoing or incoming call.
#[derive(Debug)]
pub struct Call {
    pub(super) settings: Settings,
    pub(super) flow: Run,
    pub(super) state: State,
    pub(super) effects: VecDeque<Effect>,
    pub(super) session_id: Option<String>,
    /// From when on it may ring: the dial request, or the end of its wait for a line.
    pub(super) dialled_at: CallTime,
    pub(super) ringing_at: Option<CallTime>,
    pub(super) answered_at: Option<CallTime>,
    pub(super) carrier_cause: Option<u16>,
    pub(super) cdr: Option<CarrierCdr>,
    pub(super) amd: Option<amd::Event>,
    /// The event that ended or decided the call, for the last notification.
    pub(super) decisive: Option<EventKind>,
    pub(super) evidence: Option<serde_json::Value>,
    pub(super) trace: Option<amd::Trace>,
    pub(super) outcome: Option<String>,
    pub(super) last_checkpoint: Option<String>,
    pub(super) message_left: bool,
    /// A prompt counted as heard by the clock alone.
    pub(super) estimated: bool,
    pub(super) do_not_call: bool,
    pub(super) can_transfer: bool,
    pub(super) redaction: Redaction,
    pub(super) lifeline: Lifeline,
}

impl Call {
    /// A call that has just been asked for; [`CallTime::ZERO`] is that moment.
    #[must_use]
    pub fn new(settings: Settings, mut flow: Run) -> Self {
        flow.expect_verdict_within(settings.amd.timers.decision_timeout_ms);
        let root = flow.flow();
        let redacts = root.recording_policy().redacts
            || root.called_flows().iter().any(|f| f.recording_policy().redacts);
        let redaction = Redaction::new(redacts, root.language().to_owned());
        Self {
            settings,
            flow,
            state: State::Dialing,
            effects: VecDeque::with_capacity(32),
            session_id: None,
            dialled_at: CallTime::ZERO,
            ringing_at: None,
            answered_at: None,
            carrier_cause: None,
            cdr: None,
            amd: None,
            decisive: None,
            evidence: None,
            trace: None,
            outcome: None,
            last_checkpoint: None,
            message_left: false,
            estimated: false,
            do_not_call: false,
            can_transfer: false,
            redaction,
            lifeline: Lifeline::new(),
        }
    }

    /// The call had to wait for a line and is dialled only at `now`: it may ring from here on.
    pub const fn dialled(&mut self, now: CallTime) {
        self.dialled_at = now;
    }

    /// Says whether the trunk that carries the call can transfer it; it cannot unless told so.
    pub fn allow_transfer(&mut self, can: bool) {
        self.can_transfer = can;
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
            Input::Digit(digit) => self.digit(digit, now),
            Input::CheckPoint(name) => {
                if let State::Talking(talk) = &mut self.state {
                    talk.speaking.confirm(&name, now);
                }
            }
            Input::RemoteHangup => self.remote_hangup(now),
            Input::RoundTrip(ms) => {
                self.settings.playback = self.settings.playback.at_distance(ms);
                if let State::Talking(talk) = &mut self.state {
                    talk.speaking.set_options(self.settings.playback);
                }
            }
            Input::Cdr(cdr) => self.carrier_record(cdr, now),
            Input::AudioUnreadable { is_ours, why } => {
                self.record(Fact::AudioUnreadable { ours: is_ours, why });
            }
            Input::Link { link, why } => self.link(link, &why, now),
            Input::Alive => {}
            Input::Lost { why } => self.lost(&why, now),
            Input::Rendered { play, part, result } => {
                if let Err(error) = &result {
                    self.record(Fact::PromptFailed { play, error: error.clone() });
                }
                if let State::Talking(talk) = &mut self.state
                    && let Some((part, what)) = talk.speaking.rendered(play, part, result, now)
                {
                    self.make(play, part, what);
                }
            }
            Input::Recognised { utterance, interim: true, heard } => {
                self.heard_meanwhile(utterance, heard, now)
            }
            Input::Recognised { utterance, interim: false, heard } => self.recognised(utterance, heard, now),
            Input::ExternalStepEnded { id, end } => self.errand_ended(id, end, now),
            Input::HangupRequested { by } => {
                self.record(Fact::HangupRequested { by });
                self.hang_up(Ended::ByBot, now);
            }
        }
        // After what it said, which is certain.
        if is_carriers {
            self.alive(now);
        }
        self.settle(now);
    }

    /// 20 ms of what the callee says. Audio before the answer (early media) is not listened to.
    pub fn audio(&mut self, frame: &Frame, now: CallTime) {
        let follows = self.streams(now);
        let State::Talking(talk) = &mut self.state else {
            return;
        };
        if !follows {
            talk.listening.gap();
        }
        talk.listening.push(frame, now);
        self.talk_over(now);
        self.message_frame(now);
        self.settle(now);
    }

    /// Fires what is due at `now`.
    pub fn handle_timeout(&mut self, now: CallTime) {
        if self.lifeline.stands_still() && matches!(self.state, State::Dialing | State::Talking(_)) {
            self.end_waiting(now);
            return self.settle(now);
        }
        match &mut self.state {
            State::Dialing => {
                let is_due = now >= self.dialled_at + self.settings.ring_timeout_ms;
                if is_due && self.lifeline.has_missed() {
                    self.rang_unheard(now);
                } else if is_due {
                    self.record(Fact::RingTimeout { after_ms: self.settings.ring_timeout_ms });
                    self.effects.push_back(Effect::SendHangup);
                    self.close(Ended::Unanswered, RANG_TOO_LONG, now);
                }
            }
            State::Talking(talk) => {
                let known = self.lifeline.known(now);
                talk.listening.handle_timeout(known);
                talk.speaking.handle_timeout(now);
                if self.flow.poll_timeout().is_some_and(|due| due <= known) {
                    self.flow.handle_timeout(known);
                }
                let overdue = talk.awaited_words.front().is_some_and(|awaited| awaited.until <= known);
                let too_long = now.ms_since(talk.answered_at) >= self.settings.max_call_ms;
                self.end_doubt(now);
                if overdue {
                    self.wait_no_longer(now);
                }
                if too_long {
                    self.record(Fact::CallLimit { after_ms: self.settings.max_call_ms });
                    self.hang_up(Ended::ByBot, now);
                }
                self.end_silence(now);
            }
            State::Closing { ended_at, .. } => {
                if now.ms_since(*ended_at) >= CDR_WAIT_MS {
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
        match &self.state {
            State::Dialing | State::Talking(_) if self.lifeline.stands_still() => {
                Some(self.lifeline.lost_at())
            }
            State::Dialing => Some(self.dialled_at + self.settings.ring_timeout_ms),
            State::Talking(talk) => {
                let words = talk.awaited_words.front().map(|awaited| awaited.until);
                let doubt = talk.suspicion.as_ref().map(Suspicion::until);
                let flow = soonest(talk.listening.poll_timeout(), self.flow.poll_timeout());
                let theirs = self.lifeline.unless_in_doubt(soonest(flow, soonest(words, doubt)));
                let limit = Some(talk.answered_at + self.settings.max_call_ms);
                let limit = soonest(limit, self.lifeline.silent_at());
                let keys = talk.keys.poll_timeout().filter(|_| !self.lifeline.stands_still());
                let ours = soonest(talk.speaking.poll_timeout(), keys);
                soonest(soonest(theirs, ours), limit)
            }
            State::Closing { ended_at, .. } => Some(*ended_at + CDR_WAIT_MS),
            State::Finished => None,
        }
    }

    /// The next thing to do, in order; drained to empty after every input.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(super) fn status(&mut self, status: DialStatus, now: CallTime) {
        if !matches!(self.state, State::Dialing) {
            return;
        }
        self.caught_up();
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

    pub(super) fn answer(&mut self, now: CallTime) {
        let detects = self.settings.machine_detection != MachineDetection::Disabled;
        let manner = Manner {
            amd: detects.then(|| self.settings.amd.clone()),
            end_silence_ms: self.settings.end_silence_ms,
            recognises: self.settings.recognises,
            interim: self.settings.interim,
        };
        self.answered_at = Some(now);
        self.lifeline.expect_audio(now);
        self.state = State::Talking(Box::new(Talk {
            answered_at: now,
            listening: Listening::new(manner, now),
            speaking: Speaking::new(self.settings.playback),
            awaited_words: VecDeque::new(),
            late_words: VecDeque::new(),
            suspicion: None,
            over_prompt: None,
            message: None,
            keys: Keys::default(),
        }));
        self.notify(Stage::Answered, now);
        let rang_ms = self.ringing_at.map_or(0, |ringing| now.ms_since(ringing));
        self.flow.connected(rang_ms, now.ms_since(self.dialled_at));
        self.flow.handle(flow::Input::Answered, now);
        if !detects {
            self.flow.handle(flow::Input::Outcome(Outcome::Human), now);
        }
    }

    /// Passes on everything the children have to say until all are quiet.
    pub(super) fn settle(&mut self, now: CallTime) {
        loop {
            let before = self.effects.len();
            let moved =
                self.hear(now) | self.report_prompts(now) | self.obey_flow(now) | self.press_keys(now);
            if !moved && self.effects.len() == before {
                return;
            }
        }
    }

    pub(super) fn record(&mut self, fact: Fact) {
        self.effects.push_back(Effect::Record(fact));
    }

    pub(super) fn notify(&mut self, stage: Stage, at: CallTime) {
        let connected = self.answered_at.unwrap_or(at);
        let notice = Notice {
            stage,
            at,
            ring_ms: self.ringing_at.map_or(0, |ringing| connected.ms_since(ringing)),
            connect_ms: connected.ms_since(self.dialled_at),
        };
        self.effects.push_back(Effect::Notify(notice));
    }
}
