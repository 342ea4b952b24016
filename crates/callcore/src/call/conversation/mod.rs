//! The call while it is answered: what is heard goes to the flow, what the flow wants goes to the callee.
//!
//! A conversation is pushed and drained like the call that holds it. Its parts know nothing of each other; the files
//! beside this one pass on what one of them says to the others.

mod arrival;
mod barge_in;
mod early_start;
mod flow_commands;
mod hearing;
mod interruption;
mod keys;
mod listening;
mod mailbox;
mod message;
mod recognition;
mod redaction;
mod sight;
mod speaking;
mod turns;
mod utterance;
mod verdict;
mod words;

use std::collections::VecDeque;

use serde_json::Value;

use self::early_start::EarlyStart;
use self::interruption::Interruption;
use self::keys::Keys;
use self::message::Message;
use self::recognition::Recognition;
use self::redaction::Redaction;
use self::sight::Sight;
use self::speaking::Speaking;
use super::deadline::{Deadline, Due, first};
use super::ending::Ended;
use super::fact::{Fact, HungUp, spelled};
use super::input::{Effect, Input};
use super::notice::{Notice, NotificationState};
use super::settings::Settings;
use crate::amd::{self, EventKind};
use crate::audio::Frame;
use crate::clock::CallTime;
use crate::flow::{self, Greet, MachineDetection, Outcome, Run};
use crate::ids::PlayId;
use crate::playback::{self, Answers};

pub(super) use self::listening::{Found, Listening, ListeningOptions};
pub(super) use self::mailbox::Turned;
pub(super) use self::utterance::without_words;
pub(super) use self::verdict::outcome_of;

/// How the call came about, for its notifications.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) at: CallTime,
    /// How long it rang before, ms.
    pub(super) ring_ms: u64,
    /// How long it took from the dial request, ms.
    pub(super) connect_ms: u64,
}

/// What is kept of a conversation that is over.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// The detector's decision.
    pub(super) amd: Option<amd::Event>,
    /// The event that ended or decided the call.
    pub(super) decisive: Option<EventKind>,
    pub(super) outcome: Option<String>,
    pub(super) last_checkpoint: Option<String>,
    pub(super) message_left: bool,
    pub(super) do_not_call: bool,
    pub(super) evidence: Option<Value>,
    pub(super) trace: Option<amd::Trace>,
}

/// An answered call.
#[derive(Debug)]
pub(super) struct Conversation {
    answer: Answer,
    machine_detection: MachineDetection,
    /// Whether an interruption can wait for words that confirm it.
    words_confirm: bool,
    words_wait_ms: u64,
    can_transfer: bool,
    sight: Sight,
    flow: Run,
    /// A flow that waits for the verdict may begin as soon as a person is likely.
    greets_early: bool,
    /// It has.
    early: Option<Box<EarlyStart>>,
    /// The last prompt of a flow that had begun too early: it and those before it count for nothing.
    taken_back: Option<PlayId>,
    listening: Listening,
    speaking: Speaking,
    interruption: Interruption,
    /// The utterance that cut a prompt: it is an answer, however short it turns out to be.
    cut_by: Option<u32>,
    recognition: Recognition,
    redaction: Redaction,
    /// The message that the callee is leaving.
    message: Option<Message>,
    /// What we press, still to go out.
    keys: Keys,
    /// The carrier cannot be reached: nothing is pressed.
    is_held: bool,
    /// A prompt counted as heard by the clock alone.
    is_estimated: bool,
    account: Account,
    /// We have hung up.
    hung_up: Option<Ended>,
    /// Nobody is there any more: nothing is left to hang up.
    is_over: bool,
    effects: VecDeque<Effect>,
}

impl Conversation {
    /// Begins to listen, and `flow` with it.
    pub(super) fn new(settings: &Settings, flow: Run, answer: Answer, can_transfer: bool) -> Self {
        let detects = settings.machine_detection != MachineDetection::Disabled;
        let options = ListeningOptions {
            amd: detects.then(|| settings.amd.clone()),
            end_silence_ms: settings.end_silence_ms,
            recognises: settings.recognises,
            words_tell: !settings.hears_answers_only,
            interim: settings.interim,
        };
        let mut conversation = Self {
            answer,
            machine_detection: settings.machine_detection,
            words_confirm: settings.recognises && !settings.hears_answers_only,
            words_wait_ms: settings.words_wait_ms,
            can_transfer,
            sight: Sight::Blind,
            listening: Listening::new(options, answer.at),
            speaking: Speaking::new(settings.playback),
            interruption: Interruption::new(settings.recognises && settings.interim),
            greets_early: detects && settings.greet == Greet::Early,
            early: None,
            taken_back: None,
            cut_by: None,
            recognition: Recognition::default(),
            redaction: Redaction::new(flow.flow()),
            flow,
            message: None,
            keys: Keys::default(),
            is_held: false,
            is_estimated: false,
            account: Account::default(),
            hung_up: None,
            is_over: false,
            effects: VecDeque::with_capacity(32),
        };
        conversation.notify(NotificationState::Answered, answer.at);
        conversation.flow.connected(answer.ring_ms, answer.connect_ms);
        conversation.flow.handle(flow::Input::Answered, answer.at);
        if !detects {
            conversation.flow.handle(flow::Input::Outcome(Outcome::Human), answer.at);
        }
        conversation
    }

    /// Takes note of what concerns a conversation alone; [`Self::settle`] passes on what follows.
    pub(super) fn handle(&mut self, input: Input, now: CallTime) {
        if let Some(fact) = input.fact() {
            self.record(fact);
        }
        match input {
            Input::Digit(digit) => self.digit(digit, now),
            Input::CheckPoint(name) => self.speaking.confirm(&name, now),
            Input::Rendered { play, part, result } => {
                if let Some((part, what)) = self.speaking.rendered(play, part, result, now) {
                    self.make(play, part, what);
                }
            }
            Input::Recognised { utterance, interim: true, heard } => {
                self.heard_meanwhile(utterance, heard, now);
            }
            Input::Recognised { utterance, interim: false, heard } => self.recognised(utterance, heard, now),
            Input::ExternalStepEnded { id, end } => {
                self.flow.handle(flow::Input::ExternalStepEnded { id, end }, now)
            }
            Input::Placed { .. }
            | Input::Refused { .. }
            | Input::Status(_)
            | Input::RemoteHangup
            | Input::RoundTrip(_)
            | Input::Cdr(_)
            | Input::AudioUnreadable { .. }
            | Input::Link { .. }
            | Input::Delivered { .. }
            | Input::Sight { .. }
            | Input::CameraSeen
            | Input::Alive
            | Input::Lost { .. }
            | Input::HangupRequested { .. } => {}
        }
    }

    /// 20 ms of what the callee says, and whether they follow the frame before them.
    pub(super) fn audio(&mut self, frame: &Frame, follows: bool, now: CallTime) {
        if !follows {
            self.listening.gap();
        }
        self.listening.push(frame, now);
        self.watch_speech(now);
        self.message_frame(now);
    }

    /// Fires what is due at `now`; up to `known` the callee's silence is theirs, and not the carrier's.
    pub(super) fn handle_timeout(&mut self, known: CallTime, now: CallTime) {
        self.listening.handle_timeout(known);
        self.speaking.handle_timeout(now);
        if self.flow.poll_timeout().is_some_and(|due| due <= known) {
            self.flow.handle_timeout(known);
        }
        let words_are_overdue = self.recognition.poll_timeout().is_some_and(|until| until <= known);
        self.end_doubt(now);
        if words_are_overdue {
            self.wait_no_longer(now);
        }
    }

    /// When [`Self::handle_timeout`] must be called next. What depends on the callee is not due after `known_until`,
    /// up to when the carrier is known to be there.
    pub(super) fn poll_timeout(&self, known_until: Option<CallTime>) -> Option<Deadline> {
        let callees = [
            Due::Detection.when(self.listening.poll_timeout()),
            Due::Flow.when(self.flow.poll_timeout()),
            Due::Words.when(self.recognition.poll_timeout()),
            Due::BargeIn.when(self.interruption.poll_timeout()),
        ];
        let ours =
            [Due::Playback.when(self.speaking.poll_timeout()), Due::Key.when(self.keys.poll_timeout())];
        let is_known = |deadline: &Deadline| known_until.is_none_or(|until| deadline.at <= until);
        first([first(callees).filter(is_known), first(ours)])
    }

    /// The next thing to do, in order.
    pub(super) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Adds something that the call wants done, after all that the conversation does.
    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    /// Passes on everything the parts have to say until all are quiet, or we have hung up.
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

    pub(super) const fn answered_at(&self) -> CallTime {
        self.answer.at
    }

    pub(super) const fn allow_transfer(&mut self, can: bool) {
        self.can_transfer = can;
    }

    /// The callee sees pictures.
    pub(super) const fn show_pictures(&mut self) {
        self.sight = Sight::Sees;
    }

    pub(super) const fn set_playback(&mut self, options: playback::Options) {
        self.speaking.set_options(options);
    }

    /// The carrier is there at `now`.
    pub(super) const fn alive(&mut self, now: CallTime) {
        self.speaking.alive(now);
    }

    /// What the carrier is known to have received.
    pub(super) const fn set_answers(&mut self, answers: Answers) {
        self.speaking.set_answers(answers);
    }

    /// Nothing came from the carrier between `from` and `to`: nothing that was to be played then is certainly heard.
    pub(super) fn missed(&mut self, from: CallTime, to: CallTime) {
        self.speaking.missed(from, to);
    }

    /// Nobody could be heard for so long: no timer of the flow ran meanwhile.
    pub(super) fn stood_still(&mut self, ms: u64) {
        self.flow.stood_still(ms);
        if let Some(early) = &mut self.early {
            early.stood_still(ms);
        }
    }

    /// The carrier cannot be reached; what would have been played after `certain` was not heard.
    pub(super) fn hold(&mut self, certain: CallTime) {
        self.is_held = true;
        self.speaking.hold(certain);
    }

    /// The carrier can be reached again, after so long.
    pub(super) fn release(&mut self, away_ms: u64, now: CallTime) {
        self.is_held = false;
        self.stood_still(away_ms);
        self.listening.stood_still(away_ms, now);
        self.speaking.release(now);
    }

    /// Lets the flow do what is left when the callee has hung up, or the carrier is lost.
    pub(super) fn other_side_gone(&mut self, gone: flow::Input, now: CallTime) {
        self.is_over = true;
        if self.early.is_some() {
            self.listening.stop_detection();
            while self.hear_next(now) {}
            // Without a verdict by what was heard until then, nobody is known to have listened.
            self.take_back(now);
        }
        self.flow.handle(gone, now);
        self.obey_flow(now);
        if let Some(outcome) = self.flow.outcome() {
            self.account.outcome = Some(outcome.to_owned());
        }
    }

    /// Ends the call from our side; [`Self::close`] must follow.
    pub(super) fn hang_up(&mut self, ended: Ended) {
        if self.hung_up.is_some() {
            return;
        }
        self.record(Fact::Hangup(HungUp::Bot { outcome: self.account.outcome.clone() }));
        self.push(Effect::SendHangup);
        self.hung_up = Some(ended);
    }

    /// Set once we have hung up.
    pub(super) const fn hung_up(&self) -> Option<Ended> {
        self.hung_up
    }

    /// The conversation is over; what was to be played after `certain` was not heard. Its last effects are still to be
    /// drained.
    pub(super) fn close(&mut self, certain: CallTime, now: CallTime) -> Account {
        // Most people end a message by hanging up.
        self.end_message(now);
        self.is_over = true;
        self.listening.stop_detection();
        self.speaking.interrupt(certain);
        let evidence = self.listening.evidence();
        let trace = self.listening.take_trace();
        while self.hear_next(now) {}
        self.take_back(now);
        // What was heard of the prompt that the end cut short.
        while let Some(report) = self.speaking.poll() {
            self.playback_report(report, now);
        }
        Account {
            message_left: self.flow.message_left() && !self.is_estimated,
            evidence: evidence.map(|evidence| spelled(self.redaction.evidence(evidence))),
            trace: trace.map(|trace| self.redaction.trace(trace)),
            ..std::mem::take(&mut self.account)
        }
    }

    fn record(&mut self, fact: Fact) {
        self.push(Effect::Record(fact));
    }

    fn notify(&mut self, state: NotificationState, at: CallTime) {
        let Answer { ring_ms, connect_ms, .. } = self.answer;
        self.push(Effect::Notify(Notice { state, at, ring_ms, connect_ms, unseen: None }));
    }
}
