//! The interpreter: one flow, one call. Inputs go in, commands come out, nothing here waits.
//!
//! The flow is at one step at a time. A step that takes time leaves a [`State`], and the input or deadline that ends it moves
//! the flow on; steps that take none are run until one does. Input that arrives out of turn is kept if it is a fact
//! about the call (a verdict, a check point, a beep) and ignored otherwise.

mod advance;
mod ahead;
mod amd_context;
mod answer;
#[cfg(test)]
mod answer_tests;
mod ask;
mod calls;

mod expr;
mod external;
mod global_handlers;
mod inputs;
mod io;
mod knowledge;
mod known;
#[cfg(test)]
mod language_tests;
mod message;
#[cfg(test)]
mod message_tests;
mod note;
#[cfg(test)]
mod number_tests;
#[cfg(test)]
mod order_tests;
mod provisional;
mod start;
mod state;
#[cfg(test)]
mod tests;
mod turn;
#[cfg(test)]
mod weighed_tests;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value};

pub use self::amd_context::AmdEvent;
pub use self::io::{Command, ExternalStepEnd, ExternalStepOrder, Input, Part, PlaybackEnd, Request, TurnEnd};
use self::knowledge::Knowledge;
pub(crate) use self::note::detail_of;
pub use self::note::{Answered, Note, NoteKind, Trigger, Withdrawal};
pub use self::start::StartError;
use self::state::{Ahead, Frame, Leaving, Position, Said, State, TOO_LONG};
use crate::clock::{CallTime, soonest};
use crate::flow::model::{CONTEXT, Flow, Outcome, SceneId, Templates};
use crate::ids::{ExternalStepIds, PlayIds};
use crate::language::LocalTime;

/// The decision timeout a flow counts on when it sets none: the detector's default.
const DECISION_TIMEOUT_MS: u64 = 15_000;

/// One flow running in one call.
#[derive(Clone, Debug)]
pub struct Run {
    /// The flow that runs now: the one begun with, or one that it called.
    flow: Arc<Flow>,
    /// The flow that was begun with.
    root: Arc<Flow>,
    /// The calls under way, outermost first.
    frames: Vec<Frame>,
    state: State,
    at: Position,
    knowledge: Knowledge,
    /// The variables in the form templates take; rebuilt when one is set.
    context: tera::Context,
    commands: VecDeque<Command>,
    plays: PlayIds,
    external_ids: ExternalStepIds,
    /// Keys that cut a prompt short and may answer the next question.
    keys_ahead: String,
    /// Keys have just been judged: what is still pressed belongs to them, until something else was heard.
    keys_judged: bool,
    /// What was said during the prompt right before a question.
    ahead: Ahead,
    /// Questions put so far.
    questions: u32,
    /// What is said to a mailbox that records.
    leaving: Option<Leaving>,
    message_left: bool,
    steps_taken: u32,
    /// The `on_error` scene has been entered; a second failure ends the call.
    failed: bool,
    /// The callee has hung up; what is left is done.
    in_hanging_up_scene: bool,
    /// The call has been told to listen in another way than it usually does.
    listens_specially: bool,
    ends_at: Option<CallTime>,
    /// How long the detector may take, ms.
    decision_ms: u64,
    outcome: Option<String>,
    walked: Walked,
}

/// Where a call has been in the flow that it began with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    pub(super) scenes: BTreeSet<SceneId>,
    /// A scene, and an answer that one of its questions took: the label of a choice, or what a typed answer is called.
    pub(super) answers: BTreeSet<(SceneId, String)>,
}

impl Run {
    /// Prepares a call of `flow` with the variables that came with it (dial-out metadata).
    ///
    /// # Errors
    /// A required variable is missing, or one has the wrong type or is too long. Variables that the flow
    /// does not declare are ignored.
    pub fn new(flow: Arc<Flow>, variables: Map<String, Value>) -> Result<Self, StartError> {
        let variables = start::bind(&flow, &variables)?;
        let context = Templates::context(&variables, &flow.language);
        let decision_ms = flow.amd.timers.decision_timeout_ms.unwrap_or(DECISION_TIMEOUT_MS);
        let mut run = Self {
            root: Arc::clone(&flow),
            flow,
            frames: Vec::new(),
            state: State::Unanswered,
            at: Position { scene: SceneId(0), step: 0 },
            knowledge: Knowledge { variables, ..Knowledge::default() },
            context,
            commands: VecDeque::new(),
            plays: PlayIds::default(),
            external_ids: ExternalStepIds::default(),
            keys_ahead: String::new(),
            keys_judged: false,
            ahead: Ahead::default(),
            questions: 0,
            leaving: None,
            message_left: false,
            steps_taken: 0,
            failed: false,
            in_hanging_up_scene: false,
            listens_specially: false,
            ends_at: None,
            decision_ms,
            outcome: None,
            walked: Walked::default(),
        };
        run.tell_templates();
        Ok(run)
    }

    /// The date and time where the callee is: `today` and `now`, and what dates they name are counted from.
    pub fn begin_at(&mut self, now: LocalTime) {
        self.knowledge.began = now;
    }

    /// The detector of this call may take `timeout_ms` to decide, whatever the flow itself says.
    pub fn expect_verdict_within(&mut self, timeout_ms: u64) {
        self.decision_ms = timeout_ms;
    }

    /// The call was answered: how long it rang, and how long it took since it was dialled, ms.
    pub fn connected(&mut self, ring_ms: u64, connect_ms: u64) {
        self.knowledge.session.ring_ms = ring_ms;
        self.knowledge.session.connect_ms = connect_ms;
        self.tell_templates();
    }

    /// The detector told this. It is only known from here on; a verdict comes as an input besides.
    pub fn amd_event(&mut self, event: AmdEvent) {
        self.knowledge.session.note(event);
        self.tell_templates();
    }

    /// Texts of the flow that runs now read what the detector told, if they ask for it.
    fn tell_templates(&mut self) {
        if self.flow.assigned.contains(CONTEXT) {
            self.context.insert(CONTEXT, &self.knowledge.session.value());
        }
    }

    /// Takes in something that happened. Drain [`Self::poll_command`] afterwards.
    pub fn handle(&mut self, input: Input, now: CallTime) {
        if self.is_over() {
            return;
        }
        match input {
            Input::Answered => self.answered(now),
            Input::Outcome(outcome) => self.verdict(outcome),
            Input::Learned { outcome, subtype } => self.learned(outcome, subtype),
            Input::GreetingEnded => self.greeting_ended(now),
            Input::BeepStarted => self.beep_started(now),
            Input::BeepEnded => self.beep_ended(now),
            Input::Digit(digit) => self.digit(digit, now),
            Input::SpeechStarted => self.speech_started(now),
            Input::TalksOn => self.talks_on(now),
            Input::SpeechEnded => {
                self.knowledge.has_spoken = true;
                self.restart_beep_clock(now);
            }
            Input::Noise => self.noise(now),
            Input::Utterance { text, weighed } => self.utterance(Said { text, weighed }, now),
            Input::LateWords { text, weighed } => self.late_words(Said { text: Some(text), weighed }, now),
            Input::Checkpoint(name) => self.knowledge.pass(name),
            Input::PlaybackEnded(end) => self.playback_ended(end, now),
            Input::HungUp => return self.gone(self.root.on_hangup, now),
            Input::CarrierLost => return self.gone(self.root.on_carrier_lost, now),
            Input::ExternalStepEnded { id, end } => self.external_step_ended(id, end),
        }
        self.advance(now);
    }

    /// The next thing to do, oldest first.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Self::handle_timeout`] must be called, if nothing else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<CallTime> {
        if self.is_over() {
            return None;
        }
        soonest(self.state.deadline(), self.ends_at)
    }

    /// The connection to the carrier was away for so long: for what the flow waits for, that time did not pass.
    pub fn stood_still(&mut self, away_ms: u64) {
        self.state.put_off(away_ms);
    }

    /// Tells the flow what time it is. Does nothing before the deadline.
    pub fn handle_timeout(&mut self, now: CallTime) {
        if self.ends_at.is_some_and(|at| at <= now) && !self.is_over() {
            return self.hang_up(TOO_LONG.to_owned());
        }
        if self.state.deadline().is_none_or(|until| until > now) {
            return;
        }
        match &self.state {
            State::Deciding { .. } => self.verdict(Outcome::Timeout),
            State::Yielding { then, .. } => self.go(*then),
            State::Asking(_) => self.ask_timed_out(now),
            State::Doing(_) => self.external_timed_out(now),
            State::AwaitingBeep { .. } | State::AwaitingGreetingEnd { .. } => self.signal_missed(),
            State::Withheld { .. } => self.beep_missed(),
            State::Pausing { .. } => self.go(None),
            State::Unanswered
            | State::Ready
            | State::Playing { .. }
            | State::Farewell { .. }
            | State::Over => {}
        }
        self.advance(now);
    }

    /// Where the call has been so far.
    #[must_use]
    pub fn walked(&self) -> &Walked {
        &self.walked
    }

    /// A question of the scene that runs now took this answer.
    fn walk(&mut self, answer: Option<&str>) {
        if !Arc::ptr_eq(&self.flow, &self.root) {
            return;
        }
        match answer {
            Some(answer) => drop(self.walked.answers.insert((self.at.scene, answer.to_owned()))),
            None => drop(self.walked.scenes.insert(self.at.scene)),
        }
    }

    /// How many steps it took so far.
    #[must_use]
    pub fn steps_taken(&self) -> u32 {
        self.steps_taken
    }

    /// How the call went in the flow's own word, once it has hung up.
    #[must_use]
    pub fn outcome(&self) -> Option<&str> {
        self.outcome.as_deref()
    }

    /// Whether all of a message was heard by a mailbox that recorded, as far as the beep or the flow's own
    /// decision to speak tell.
    #[must_use]
    pub fn message_left(&self) -> bool {
        self.message_left
    }

    /// The last check point that was passed.
    #[must_use]
    pub fn last_checkpoint(&self) -> Option<&str> {
        self.knowledge.last_checkpoint.as_deref()
    }

    /// The declared variables with their present values.
    #[must_use]
    pub fn variables(&self) -> &Map<String, Value> {
        self.own_variables()
    }

    /// The flow that was begun with.
    #[must_use]
    #[expect(
        clippy::misnamed_getters,
        reason = "the field `flow` is the one that runs now, perhaps a called one"
    )]
    pub fn flow(&self) -> &Arc<Flow> {
        &self.root
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }
}
