//! The interpreter: one flow, one call. Inputs go in, commands come out, nothing here waits.
//!
//! The flow stands at one step at a time. A step that takes time leaves a [`State`] behind and the input
//! or deadline that ends it moves on; steps that take none are run until one does. Whatever arrives out of
//! turn is kept if it is a fact about the call (a verdict, a check point, a beep) and ignored otherwise.

mod ask;
mod knowledge;
mod start;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use self::ask::Asking;
use self::knowledge::{Cut, Knowledge};
pub use self::start::StartError;
use super::io::{Command, Input, Outcome, Part, PlaybackEnd};
use super::model::{Assignment, Flow, Prompt, PromptPart, SceneId, Setting, SignalWait, Step};
use super::steps::{COMPLETED, is_key};
use super::template;
use crate::clock::{CallTime, soonest};
use crate::ids::{PlayId, PlayIds};

/// Steps run for one input before the flow is taken to be spinning.
const STEPS_PER_INPUT: u32 = 200;
/// A verdict may come this long after the decision timeout: it travels from the detector's clock to ours.
const VERDICT_GRACE_MS: u64 = 500;
/// The decision timeout a flow counts on when it sets none: Kore's default.
const DECISION_TIMEOUT_MS: u64 = 15_000;
/// Longest time the callee may talk before the flow stops waiting for the end of it.
const LONGEST_SPEECH_MS: u64 = 10_000;
/// Longest time a greeting may go on while the flow waits for its beep.
const LONGEST_GREETING_MS: u64 = 45_000;
/// Most keys kept for the next question.
const MAX_KEYS_AHEAD: usize = 32;

/// The outcome of a flow that failed.
const FAILED: &str = "error";
/// The outcome of a call that reached its `limits: call:`.
const TOO_LONG: &str = "too_long";

/// One flow running in one call.
#[derive(Debug)]
pub struct Run {
    flow: Arc<Flow>,
    state: State,
    at: Position,
    knowledge: Knowledge,
    /// The variables in the form templates take; rebuilt when one is set.
    context: tera::Context,
    commands: VecDeque<Command>,
    plays: PlayIds,
    /// Keys that cut a prompt short and may answer the next question.
    keys_ahead: String,
    steps_taken: u32,
    /// The `on_error` scene has been entered; a second failure ends the call.
    failed: bool,
    ends_at: Option<CallTime>,
    outcome: Option<String>,
}

/// A step of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    scene: SceneId,
    step: usize,
}

/// What the flow waits for.
#[derive(Debug)]
enum State {
    /// The callee has not answered.
    Unanswered,
    /// The verdict, which decides where to begin.
    Deciding {
        until: CallTime,
    },
    /// Nothing: the step at the position is next.
    Ready,
    /// The end of a prompt.
    Playing {
        id: PlayId,
        cut: Option<Cut>,
    },
    /// The callee has cut a prompt short and talks.
    Yielding {
        until: CallTime,
        then: Option<SceneId>,
    },
    Asking(Asking),
    /// A beep. The clock stands still while the machine talks, but never runs past `latest`.
    AwaitingBeep {
        until: CallTime,
        latest: CallTime,
    },
    AwaitingGreetingEnd {
        until: CallTime,
    },
    Pausing {
        until: CallTime,
    },
    /// Hung up.
    Over,
}

impl State {
    fn deadline(&self) -> Option<CallTime> {
        match self {
            Self::Deciding { until }
            | Self::Yielding { until, .. }
            | Self::AwaitingBeep { until, .. }
            | Self::AwaitingGreetingEnd { until }
            | Self::Pausing { until } => Some(*until),
            Self::Asking(asking) => asking.phase.deadline(),
            Self::Unanswered | Self::Ready | Self::Playing { .. } | Self::Over => None,
        }
    }
}

impl Run {
    /// Prepares a call of `flow` with the variables that came with it (dial-out metadata).
    ///
    /// # Errors
    /// A required variable is missing, or one has the wrong type or is too long. Variables that the flow
    /// does not declare are ignored.
    pub fn new(flow: Arc<Flow>, variables: Map<String, Value>) -> Result<Self, StartError> {
        let variables = start::bind(&flow, &variables)?;
        let context = template::context(&variables);
        Ok(Self {
            flow,
            state: State::Unanswered,
            at: Position { scene: SceneId(0), step: 0 },
            knowledge: Knowledge { variables, ..Knowledge::default() },
            context,
            commands: VecDeque::new(),
            plays: PlayIds::default(),
            keys_ahead: String::new(),
            steps_taken: 0,
            failed: false,
            ends_at: None,
            outcome: None,
        })
    }

    /// Takes in something that happened. Drain [`Self::poll_command`] afterwards.
    pub fn handle(&mut self, input: Input, now: CallTime) {
        if self.is_over() {
            return;
        }
        match input {
            Input::Answered => self.answered(now),
            Input::Outcome(outcome) => self.verdict(outcome),
            Input::GreetingEnded => self.greeting_ended(now),
            Input::BeepEnded => self.beep_ended(),
            Input::Digit(digit) => self.digit(digit, now),
            Input::SpeechStarted => self.speech_started(now),
            Input::Utterance { text } => self.utterance(text, now),
            Input::Checkpoint(name) => self.knowledge.pass(name),
            Input::PlaybackEnded(end) => self.playback_ended(end, now),
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
            State::AwaitingBeep { .. } | State::AwaitingGreetingEnd { .. } => self.signal_missed(),
            State::Pausing { .. } => self.go(None),
            State::Unanswered | State::Ready | State::Playing { .. } | State::Over => {}
        }
        self.advance(now);
    }

    /// Every text and file whose content is settled before the call, so that it can be made ready.
    #[must_use]
    pub fn known_prompts(&self) -> Vec<Part> {
        let mut known: Vec<Part> = Vec::new();
        for part in self.flow.prompts().flat_map(|prompt| &prompt.parts) {
            let settled = match part {
                PromptPart::Say { text, .. } => {
                    text.variables().all(|name| !self.flow.assigned.contains(name))
                }
                PromptPart::File(_) => true,
                PromptPart::Checkpoint(_) => false,
            };
            if settled
                && let Ok(Some(part)) = self.filled_in(part)
                && !known.contains(&part)
            {
                known.push(part);
            }
        }
        known
    }

    /// How the call went in the flow's own word, once it has hung up.
    #[must_use]
    pub fn outcome(&self) -> Option<&str> {
        self.outcome.as_deref()
    }

    /// The last check point that was passed.
    #[must_use]
    pub fn last_checkpoint(&self) -> Option<&str> {
        self.knowledge.last_checkpoint.as_deref()
    }

    /// The declared variables with their present values.
    #[must_use]
    pub fn variables(&self) -> &Map<String, Value> {
        &self.knowledge.variables
    }

    /// The flow being run.
    #[must_use]
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }
}

/// The inputs, one by one.
impl Run {
    fn answered(&mut self, now: CallTime) {
        if !matches!(self.state, State::Unanswered) {
            return;
        }
        self.ends_at = Some(now + self.flow.limits.call_ms);
        if self.flow.amd.waits_for_verdict {
            let timeout = self.flow.amd.timers.decision_timeout_ms.unwrap_or(DECISION_TIMEOUT_MS);
            self.state = State::Deciding { until: now + timeout + VERDICT_GRACE_MS };
            self.branch_on_verdict();
        } else {
            self.go_to_start();
        }
    }

    fn verdict(&mut self, outcome: Outcome) {
        if self.knowledge.amd.is_none() {
            self.knowledge.amd = Some(outcome);
            self.branch_on_verdict();
        }
    }

    fn branch_on_verdict(&mut self) {
        let (State::Deciding { .. }, Some(outcome)) = (&self.state, self.knowledge.amd) else { return };
        match self.flow.branches.get(&outcome) {
            Some(scene) => self.go(Some(*scene)),
            None => self.go_to_start(),
        }
    }

    fn go_to_start(&mut self) {
        match self.flow.start {
            Some(scene) => self.go(Some(scene)),
            None => self.hang_up(COMPLETED.to_owned()),
        }
    }

    fn greeting_ended(&mut self, now: CallTime) {
        self.knowledge.greeting_ended = true;
        self.knowledge.speaking = false;
        match &self.state {
            State::AwaitingGreetingEnd { .. } => self.go(None),
            State::AwaitingBeep { .. } => self.restart_beep_clock(now),
            State::Unanswered
            | State::Deciding { .. }
            | State::Ready
            | State::Playing { .. }
            | State::Yielding { .. }
            | State::Asking(_)
            | State::Pausing { .. }
            | State::Over => {}
        }
    }

    fn beep_ended(&mut self) {
        self.knowledge.beep_ended = true;
        self.knowledge.speaking = false;
        if matches!(self.state, State::AwaitingBeep { .. } | State::AwaitingGreetingEnd { .. }) {
            self.note("beep", json!({}));
            self.go(None);
        }
    }

    fn digit(&mut self, digit: char, now: CallTime) {
        if !is_key(digit) {
            return;
        }
        match &mut self.state {
            State::Playing { id, cut } => {
                let id = *id;
                let cut_already = *cut == Some(Cut::Keys);
                if self.current_prompt().is_some_and(|prompt| prompt.barge_in.by_dtmf()) {
                    self.state = State::Playing { id, cut: Some(Cut::Keys) };
                    self.keep_key(digit);
                    if !cut_already {
                        self.commands.push_back(Command::Stop { id });
                    }
                }
            }
            State::Yielding { then, .. } => {
                let then = *then;
                self.keep_key(digit);
                self.go(then);
            }
            State::Asking(_) => self.ask_digit(digit, now),
            State::Deciding { .. }
            | State::Ready
            | State::AwaitingBeep { .. }
            | State::AwaitingGreetingEnd { .. }
            | State::Pausing { .. } => self.keep_key(digit),
            State::Unanswered | State::Over => {}
        }
    }

    fn keep_key(&mut self, digit: char) {
        if self.keys_ahead.len() < MAX_KEYS_AHEAD {
            self.keys_ahead.push(digit);
        }
    }

    fn speech_started(&mut self, now: CallTime) {
        self.knowledge.speaking = true;
        let by_speech = self.current_prompt().is_some_and(|prompt| prompt.barge_in.by_speech());
        match &mut self.state {
            State::Playing { cut, .. } if by_speech => {
                cut.get_or_insert(Cut::Speech);
            }
            State::Asking(_) => self.ask_speech_started(now),
            State::AwaitingBeep { until, latest } => *until = *latest,
            State::Unanswered
            | State::Deciding { .. }
            | State::Ready
            | State::Playing { .. }
            | State::Yielding { .. }
            | State::AwaitingGreetingEnd { .. }
            | State::Pausing { .. }
            | State::Over => {}
        }
    }

    fn utterance(&mut self, text: Option<String>, now: CallTime) {
        self.knowledge.speaking = false;
        match &self.state {
            State::Yielding { then, .. } => self.go(*then),
            State::Asking(_) => self.ask_utterance(text, now),
            State::AwaitingBeep { .. } => self.restart_beep_clock(now),
            State::Unanswered
            | State::Deciding { .. }
            | State::Ready
            | State::Playing { .. }
            | State::AwaitingGreetingEnd { .. }
            | State::Pausing { .. }
            | State::Over => {}
        }
    }

    fn playback_ended(&mut self, end: PlaybackEnd, now: CallTime) {
        let (id, cut) = match &self.state {
            State::Asking(_) => return self.ask_playback_ended(end, now),
            State::Playing { id, cut } => (*id, *cut),
            State::Unanswered
            | State::Deciding { .. }
            | State::Ready
            | State::Yielding { .. }
            | State::AwaitingBeep { .. }
            | State::AwaitingGreetingEnd { .. }
            | State::Pausing { .. }
            | State::Over => return,
        };
        if id != end.id {
            return;
        }
        if let Some(error) = &end.error {
            return self.fail(error);
        }
        self.note_heard(&end, cut.unwrap_or(Cut::Speech));
        if end.completed {
            self.keys_ahead.clear();
        }
        let by_voice = self.knowledge.interrupted_by == Some(Cut::Speech);
        let then = self.current_prompt().and_then(|prompt| prompt.on_speech).filter(|_| by_voice);
        if by_voice && self.knowledge.speaking {
            self.state = State::Yielding { until: now + LONGEST_SPEECH_MS, then };
        } else {
            self.go(then);
        }
    }

    /// Keeps what was heard of a prompt; `cut` is what ended it if it did not end by itself.
    fn note_heard(&mut self, end: &PlaybackEnd, cut: Cut) {
        self.knowledge.heard_ms = end.heard_ms;
        self.knowledge.heard_all = end.completed;
        self.knowledge.interrupted_by = (!end.completed).then_some(cut);
    }
}

/// Going from step to step.
impl Run {
    fn advance(&mut self, now: CallTime) {
        let flow = Arc::clone(&self.flow);
        for _ in 0..STEPS_PER_INPUT {
            if !matches!(self.state, State::Ready) {
                return;
            }
            if self.steps_taken >= flow.limits.steps {
                return self.give_up(&format!("the call took more than {} steps", flow.limits.steps));
            }
            self.steps_taken += 1;
            let scene = flow.scenes.get(self.at.scene.0);
            match scene.and_then(|scene| scene.steps.get(self.at.step)) {
                Some(step) => self.execute(step, now),
                None => self.hang_up(COMPLETED.to_owned()),
            }
        }
        if matches!(self.state, State::Ready) {
            self.give_up(&format!("{STEPS_PER_INPUT} steps went by without anything said, asked or awaited"));
        }
    }

    fn execute(&mut self, step: &Step, now: CallTime) {
        match step {
            Step::Prompt(prompt) => match self.play(prompt) {
                Ok(Some(id)) => self.state = State::Playing { id, cut: None },
                Ok(None) => self.go(None),
                Err(message) => self.fail(&message),
            },
            Step::Ask(ask) => self.begin_ask(ask, now),
            Step::WaitForBeep(wait) => self.begin_beep_wait(wait, now),
            Step::WaitForGreetingEnd(_) if self.knowledge.greeting_ended || self.knowledge.beep_ended => {
                self.go(None);
            }
            Step::WaitForGreetingEnd(wait) => {
                self.state = State::AwaitingGreetingEnd { until: now + wait.timeout_ms };
            }
            Step::Wait { ms } => self.state = State::Pausing { until: now + *ms },
            Step::Branch { cases, otherwise } => {
                let case = cases.iter().find(|case| case.when.holds(&self.knowledge));
                self.go(case.map(|case| case.goto).or(*otherwise));
            }
            Step::Checkpoint(name) => {
                self.note("checkpoint", json!({ "name": name }));
                self.knowledge.pass(name.clone());
                self.go(None);
            }
            Step::Set(assignments) => match self.assign(assignments) {
                Ok(()) => self.go(None),
                Err(message) => self.fail(&message),
            },
            Step::SendDigits(text) => match self.flow.templates.render(text, &self.context) {
                Ok(keys) => {
                    let keys: String = keys.chars().filter(|c| is_key(*c)).collect();
                    self.commands.push_back(Command::SendDigits(keys));
                    self.go(None);
                }
                Err(message) => self.fail(&message),
            },
            Step::Goto(scene) => self.go(Some(*scene)),
            Step::Hangup { outcome } => self.hang_up(outcome.clone()),
        }
    }

    /// Goes to a scene, or on to the next step.
    fn go(&mut self, scene: Option<SceneId>) {
        self.state = State::Ready;
        match scene {
            None => self.at.step += 1,
            Some(scene) => {
                self.at = Position { scene, step: 0 };
                let name = self.flow.scenes.get(scene.0).map_or("", |scene| scene.name.as_str()).to_owned();
                self.note("scene", json!({ "scene": name }));
            }
        }
    }

    fn begin_beep_wait(&mut self, wait: &SignalWait, now: CallTime) {
        if self.knowledge.beep_ended {
            return self.go(None);
        }
        let latest = now + LONGEST_GREETING_MS + wait.timeout_ms;
        let talking = self.knowledge.greeting_runs() || self.knowledge.speaking;
        let until = if talking { latest } else { now + wait.timeout_ms };
        self.state = State::AwaitingBeep { until, latest };
    }

    /// The machine has stopped talking: from now on the beep must come.
    fn restart_beep_clock(&mut self, now: CallTime) {
        let Some(wait) = self.current_wait() else { return };
        let timeout_ms = wait.timeout_ms;
        let greeting_runs = self.knowledge.greeting_runs();
        if let State::AwaitingBeep { until, latest } = &mut self.state
            && !greeting_runs
        {
            *until = (now + timeout_ms).min(*latest);
        }
    }

    fn signal_missed(&mut self) {
        let then = self.current_wait().and_then(|wait| wait.on_timeout);
        self.note("no_signal", json!({}));
        self.go(then);
    }

    /// Hands a prompt to play-out; `None` when nothing of it is left to say.
    fn play(&mut self, prompt: &Prompt) -> Result<Option<PlayId>, String> {
        let parts: Vec<Part> = prompt
            .parts
            .iter()
            .filter_map(|part| self.filled_in(part).transpose())
            .collect::<Result<_, _>>()?;
        if parts.is_empty() {
            return Ok(None);
        }
        let id = self.plays.issue();
        self.commands.push_back(Command::Play { id, parts, barge_in: prompt.barge_in });
        Ok(Some(id))
    }

    /// The part with its variables filled in; `None` for a text that came out empty.
    fn filled_in(&self, part: &PromptPart) -> Result<Option<Part>, String> {
        Ok(match part {
            PromptPart::Say { text, language, voice } => {
                let text = self.flow.templates.render(text, &self.context)?;
                let (language, voice) = (language.clone(), voice.clone());
                (!text.is_empty()).then_some(Part::Say { text, language, voice })
            }
            PromptPart::File(path) => Some(Part::File(path.clone())),
            PromptPart::Checkpoint(name) => Some(Part::Checkpoint(name.clone())),
        })
    }

    fn assign(&mut self, assignments: &[Assignment]) -> Result<(), String> {
        for Assignment { variable, value } in assignments {
            let value = match value {
                Setting::Literal(value) => value.clone(),
                Setting::Text(text) => Value::from(self.flow.templates.render(text, &self.context)?),
            };
            self.note("set", json!({ "variable": variable, "value": value }));
            self.context.insert(variable.clone(), &value);
            self.knowledge.variables.insert(variable.clone(), value);
        }
        Ok(())
    }

    fn hang_up(&mut self, outcome: String) {
        self.commands.push_back(Command::Hangup { outcome: Some(outcome.clone()) });
        self.outcome = Some(outcome);
        self.state = State::Over;
    }

    /// Something could not be done: the flow's `on_error` scene takes over, once.
    fn fail(&mut self, reason: &str) {
        match self.flow.on_error {
            Some(scene) if !self.failed => {
                self.failed = true;
                self.note("error", json!({ "reason": reason }));
                self.go(Some(scene));
            }
            Some(_) | None => self.give_up(reason),
        }
    }

    /// The flow cannot go on.
    fn give_up(&mut self, reason: &str) {
        self.note("error", json!({ "reason": reason }));
        self.hang_up(FAILED.to_owned());
    }

    fn note(&mut self, what: &'static str, detail: Value) {
        self.commands.push_back(Command::Note { what, detail });
    }

    fn current_step(&self) -> Option<&Step> {
        self.flow.scenes.get(self.at.scene.0)?.steps.get(self.at.step)
    }

    /// The prompt that the flow stands at.
    fn current_prompt(&self) -> Option<&Prompt> {
        match self.current_step()? {
            Step::Prompt(prompt) => Some(prompt),
            Step::Ask(ask) => Some(&ask.prompt),
            Step::WaitForBeep(_)
            | Step::WaitForGreetingEnd(_)
            | Step::Wait { .. }
            | Step::Branch { .. }
            | Step::Checkpoint(_)
            | Step::Set(_)
            | Step::SendDigits(_)
            | Step::Goto(_)
            | Step::Hangup { .. } => None,
        }
    }

    fn current_wait(&self) -> Option<&SignalWait> {
        match self.current_step()? {
            Step::WaitForBeep(wait) | Step::WaitForGreetingEnd(wait) => Some(wait),
            Step::Prompt(_)
            | Step::Ask(_)
            | Step::Wait { .. }
            | Step::Branch { .. }
            | Step::Checkpoint(_)
            | Step::Set(_)
            | Step::SendDigits(_)
            | Step::Goto(_)
            | Step::Hangup { .. } => None,
        }
    }
}
