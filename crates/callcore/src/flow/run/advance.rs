//! Going from step to step: what each one does, and how the flow ends.

use std::sync::Arc;

use serde_json::Value;

use super::Run;
use super::expr::Facts;
use super::io::{Command, Part};
use super::note::Note;
use super::state::{FAILED, LONGEST_GREETING_MS, Position, STEPS_PER_INPUT, State};
use crate::clock::CallTime;
use crate::flow::model::{
    Assignment, BargeIn, Confirm, Fact, Listening, Prompt, PromptPart, SceneId, Setting, SignalWait, Step,
    Templates, Text, is_key,
};
use crate::ids::PlayId;

/// A key pressed before this much of a prompt was heard does not answer it, ms.
const HEARD_MS: u64 = 500;

impl Run {
    pub(super) fn advance(&mut self, now: CallTime) {
        for _ in 0..STEPS_PER_INPUT {
            if !matches!(self.state, State::Ready) {
                return;
            }
            let most = self.root.limits.steps;
            if self.steps_taken >= most {
                return self.give_up(&format!("the call took more than {most} steps"));
            }
            self.steps_taken += 1;
            let flow = Arc::clone(&self.flow);
            let scene = flow.scenes.get(self.at.scene.0);
            match scene.and_then(|scene| scene.steps.get(self.at.step)) {
                Some(step) => self.execute(step, now),
                None => self.come_back(""),
            }
        }
        if matches!(self.state, State::Ready) {
            self.give_up(&format!("{STEPS_PER_INPUT} steps went by without anything said, asked or awaited"));
        }
    }

    pub(super) fn execute(&mut self, step: &Step, now: CallTime) {
        if self.listens_specially && !matches!(step, Step::Ask(_)) {
            self.set_listening(&Listening::default());
        }
        self.look_ahead(step, now);
        match step {
            Step::Prompt(prompt) if self.leaving.is_some() => self.leave(prompt, now),
            Step::Prompt(prompt) => match self.play(prompt) {
                Ok(Some(id)) => self.state = State::Playing { id, cut: None },
                Ok(None) => self.go(None),
                Err(message) => self.fail(&message),
            },
            Step::Ask(ask) => self.begin_ask(ask, now),
            Step::WaitForBeep(wait) => self.begin_beep_wait(wait, now),
            Step::WaitForGreetingEnd(_) if self.knowledge.greeting_ended || self.knowledge.beep_ended => {
                self.begin_message();
                self.go(None);
            }
            Step::WaitForGreetingEnd(wait) => {
                self.state = State::AwaitingGreetingEnd { until: now + wait.timeout_ms };
            }
            Step::Wait { ms } => self.state = State::Pausing { until: now + *ms },
            Step::Branch { cases, otherwise } => {
                let mut to = *otherwise;
                for case in cases {
                    match case.when.holds(&self.knowledge) {
                        Ok(false) => continue,
                        Ok(true) => to = Some(case.goto),
                        Err(message) => return self.fail(&message),
                    }
                    break;
                }
                self.go(to);
            }
            Step::Checkpoint(name) => {
                self.note(Note::Checkpoint { name: name.clone(), estimated: false });
                self.knowledge.pass(name.clone());
                self.go(None);
            }
            Step::Set(assignments) => match self.assign(assignments) {
                Ok(()) => self.go(None),
                Err(message) => self.fail(&message),
            },
            Step::SendDigits(text) => match self.text(text, None) {
                Ok(keys) => {
                    let keys: String = keys.chars().filter(|c| is_key(*c)).collect();
                    self.commands.push_back(Command::SendDigits(keys));
                    self.go(None);
                }
                Err(message) => self.fail(&message),
            },
            Step::Show(picture) => {
                self.commands.push_back(Command::Show(picture.clone()));
                self.go(None);
            }
            Step::External(external) => self.begin_external_step(external, now),
            Step::Goto(scene) => self.go(Some(*scene)),
            Step::Call(call) => self.begin_call(call),
            Step::Return(word) => self.come_back(word),
            Step::Hangup { .. } if self.must_say_again(now) => {}
            Step::Hangup { outcome } => self.hang_up(outcome.clone()),
        }
    }

    /// Goes to a scene, or on to the next step.
    pub(super) fn go(&mut self, scene: Option<SceneId>) {
        self.state = State::Ready;
        match scene {
            None => self.at.step += 1,
            Some(scene) => {
                self.at = Position { scene, step: 0 };
                self.walk(None);
                let name = self.flow.scenes.get(scene.0).map_or("", |scene| scene.name.as_str()).to_owned();
                self.note(Note::Scene { scene: name.clone() });
                let visits = self.knowledge.visits.entry(scene).or_default();
                *visits += 1;
                if let Some(most) = self.root.limits.repeats.filter(|most| *visits > *most) {
                    self.fail(&format!("the scene `{name}` was entered more than {most} times"));
                }
            }
        }
    }

    pub(super) fn begin_beep_wait(&mut self, wait: &SignalWait, now: CallTime) {
        if self.knowledge.beep_ended {
            self.begin_message();
            return self.go(None);
        }
        let latest = now + LONGEST_GREETING_MS + wait.timeout_ms;
        let talking = self.knowledge.greeting_runs() || self.knowledge.speaking;
        let until = if talking { latest } else { now + wait.timeout_ms };
        self.state = State::AwaitingBeep { until, latest };
    }

    /// The machine has stopped talking: from now on the beep must come.
    pub(super) fn restart_beep_clock(&mut self, now: CallTime) {
        let timeout_ms = self.beep_timeout_ms();
        let greeting_runs = self.knowledge.greeting_runs();
        let waits = !greeting_runs || matches!(self.state, State::Withheld { .. });
        if let State::AwaitingBeep { until, latest } | State::Withheld { until, latest } = &mut self.state
            && waits
        {
            *until = (now + timeout_ms).min(*latest);
        }
    }

    pub(super) fn signal_missed(&mut self) {
        self.begin_message();
        let then = self.current_wait().and_then(|wait| wait.on_timeout);
        if matches!(self.state, State::AwaitingBeep { .. }) && self.knowledge.beep_heard {
            // The greeting went on behind it, and no other came: it was the beep.
            return self.go(None);
        }
        self.note(Note::NoSignal {});
        self.go(then);
    }

    /// The parts of a prompt with what the call knows filled in.
    pub(super) fn parts(&self, prompt: &Prompt) -> Result<Vec<Part>, String> {
        prompt.parts.iter().filter_map(|part| self.filled_in(part).transpose()).collect()
    }

    /// Hands a prompt to play-out; `None` when nothing of it is left to say.
    pub(super) fn play(&mut self, prompt: &Prompt) -> Result<Option<PlayId>, String> {
        let parts = self.parts(prompt)?;
        if parts.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.order_play(parts, prompt.barge_in, prompt.confirm)))
    }

    pub(super) fn order_play(&mut self, parts: Vec<Part>, barge_in: BargeIn, confirm: Confirm) -> PlayId {
        let id = self.plays.issue();
        let keys_after_ms = if std::mem::take(&mut self.keys_judged) { HEARD_MS } else { 0 };
        self.commands.push_back(Command::Play { id, parts, barge_in, confirm, keys_after_ms });
        id
    }

    /// The text with its variables, and what it asks of the call, filled in; `language` is another than the
    /// flow's.
    pub(super) fn text(&self, text: &Text, language: Option<&str>) -> Result<String, String> {
        let facts = text.variables().filter_map(|name| Some((name, Fact::named(name)?)));
        let facts: Vec<(&String, Value)> =
            facts.map(|(name, fact)| (name, self.knowledge.fact(fact))).collect();
        if facts.is_empty() && language.is_none() {
            return self.flow.templates.render(text, &self.context);
        }
        let mut context = match language {
            Some(language) => Templates::in_language(&self.context, language),
            None => self.context.clone(),
        };
        for (name, value) in facts {
            context.insert(name.clone(), &value);
        }
        self.flow.templates.render(text, &context)
    }

    /// The part with its variables filled in; `None` for a text that came out empty.
    pub(super) fn filled_in(&self, part: &PromptPart) -> Result<Option<Part>, String> {
        Ok(match part {
            PromptPart::Say { text, language, voice } => {
                let other = (*language != self.flow.language).then_some(language.as_str());
                let text = self.text(text, other)?;
                let (language, voice) = (language.clone(), voice.clone());
                (!text.is_empty()).then_some(Part::Say { text, language, voice })
            }
            PromptPart::File(path) => Some(Part::File(path.clone())),
            PromptPart::Checkpoint(name) => Some(Part::Checkpoint(name.clone())),
            PromptPart::Protected(on) => Some(Part::Protected(*on)),
        })
    }

    pub(super) fn assign(&mut self, assignments: &[Assignment]) -> Result<(), String> {
        for Assignment { variable, value } in assignments {
            let value = self.worked_out(value)?;
            self.keep(variable, value);
        }
        Ok(())
    }

    /// The value that a step gives a variable.
    pub(super) fn worked_out(&self, value: &Setting) -> Result<Value, String> {
        match value {
            Setting::Literal(value) => Ok(value.clone()),
            Setting::Text(text) => self.text(text, None).map(Value::from),
            Setting::Expr(expr) => expr.value(&self.knowledge),
        }
    }

    /// Changes a variable of the flow that runs now.
    pub(super) fn keep(&mut self, variable: &str, value: Value) {
        self.note(Note::Set { variable: variable.to_owned(), value: value.clone() });
        self.context.insert(variable.to_owned(), &value);
        self.knowledge.variables.insert(variable.to_owned(), value);
    }

    pub(super) fn hang_up(&mut self, outcome: String) {
        // A callee who has hung up needs no hanging up.
        if !self.in_hanging_up_scene {
            self.commands.push_back(Command::Hangup { outcome: Some(outcome.clone()) });
        }
        self.outcome = Some(outcome);
        self.state = State::Over;
    }

    /// Something could not be done: the flow's `on_error` scene takes over, once.
    pub(super) fn fail(&mut self, reason: &str) {
        self.leaving = None;
        match self.root.on_error {
            Some(scene) if !self.failed && !self.in_hanging_up_scene => {
                self.failed = true;
                self.note(Note::Error { reason: reason.to_owned() });
                self.leave_calls();
                self.go(Some(scene));
            }
            Some(_) | None => self.give_up(reason),
        }
    }

    /// The flow cannot go on.
    pub(super) fn give_up(&mut self, reason: &str) {
        self.note(Note::Error { reason: reason.to_owned() });
        self.hang_up(FAILED.to_owned());
    }

    pub(super) fn note(&mut self, note: Note) {
        self.commands.push_back(Command::Note(note));
    }

    pub(super) fn current_step(&self) -> Option<&Step> {
        self.flow.scenes.get(self.at.scene.0)?.steps.get(self.at.step)
    }

    /// The prompt that the flow stands at.
    pub(super) fn current_prompt(&self) -> Option<&Prompt> {
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
            | Step::Show(_)
            | Step::Call(_)
            | Step::Return(_)
            | Step::External(_)
            | Step::Goto(_)
            | Step::Hangup { .. } => None,
        }
    }

    pub(super) fn current_wait(&self) -> Option<&SignalWait> {
        match self.current_step()? {
            Step::WaitForBeep(wait) | Step::WaitForGreetingEnd(wait) => Some(wait),
            Step::Prompt(_)
            | Step::Ask(_)
            | Step::Wait { .. }
            | Step::Branch { .. }
            | Step::Checkpoint(_)
            | Step::Set(_)
            | Step::SendDigits(_)
            | Step::Show(_)
            | Step::Call(_)
            | Step::Return(_)
            | Step::External(_)
            | Step::Goto(_)
            | Step::Hangup { .. } => None,
        }
    }
}
