//! The `ask` step at work: one question, its answers, and being asked again.

use std::sync::Arc;

use serde_json::json;

use super::super::io::{Command, PlaybackEnd};
use super::super::model::{Ask, Choice, Fallback, Flow, Prompt, Step};
use super::super::steps::plain_words;
use super::knowledge::Cut;
use super::{LONGEST_SPEECH_MS, MAX_KEYS_AHEAD, Position, Run, State};
use crate::clock::CallTime;
use crate::ids::PlayId;

/// Where a question stands.
#[derive(Debug)]
pub(super) struct Asking {
    pub phase: Phase,
    /// Keys pressed since the question began.
    digits: String,
    /// How often it has been asked again.
    retries: u32,
    /// What the callee said while the prompt still ended: handled once it has.
    said: Option<Option<String>>,
}

#[derive(Debug)]
pub(super) enum Phase {
    Prompting {
        id: PlayId,
        cut: Option<Cut>,
    },
    /// Waiting for a key or the first word.
    Listening {
        until: CallTime,
    },
    /// The callee talks: what comes of it is waited for.
    Hearing {
        until: CallTime,
    },
}

impl Phase {
    pub(super) fn deadline(&self) -> Option<CallTime> {
        match self {
            Self::Prompting { .. } => None,
            Self::Listening { until } | Self::Hearing { until } => Some(*until),
        }
    }
}

/// What keys mean among the choices.
enum Keys<'a> {
    Pick(&'a Choice),
    /// A longer choice begins like this.
    Begun,
    Nothing,
}

impl Asking {
    fn new(phase: Phase, retries: u32) -> Self {
        Self { phase, digits: String::new(), retries, said: None }
    }
}

fn read_keys<'a>(ask: &'a Ask, digits: &str) -> Keys<'a> {
    let longer = ask.choices.iter().any(|c| c.keys.len() > digits.len() && c.keys.starts_with(digits));
    match ask.choices.iter().find(|choice| choice.keys == digits && !digits.is_empty()) {
        _ if longer => Keys::Begun,
        Some(choice) => Keys::Pick(choice),
        None => Keys::Nothing,
    }
}

/// The choice one of whose phrases is in `text` as whole words; the longest phrase wins.
fn read_words<'a>(ask: &'a Ask, text: &str) -> Option<&'a Choice> {
    let padded = format!(" {} ", plain_words(text));
    ask.choices
        .iter()
        .flat_map(|choice| choice.phrases.iter().map(move |phrase| (phrase, choice)))
        .filter(|(phrase, _)| padded.contains(&format!(" {phrase} ")))
        .max_by_key(|(phrase, _)| phrase.len())
        .map(|(_, choice)| choice)
}

/// The `ask` at `at`, if that is where the flow stands.
fn ask_at(flow: &Flow, at: Position) -> Option<&Ask> {
    match flow.scenes.get(at.scene.0)?.steps.get(at.step)? {
        Step::Ask(ask) => Some(ask),
        Step::Prompt(_)
        | Step::WaitForBeep(_)
        | Step::WaitForGreetingEnd(_)
        | Step::Wait { .. }
        | Step::Branch { .. }
        | Step::Checkpoint(_)
        | Step::Set(_)
        | Step::SendDigits(_)
        | Step::Errand(_)
        | Step::Goto(_)
        | Step::Hangup { .. } => None,
    }
}

impl Run {
    /// Begins a question. Keys pressed during the prompt before it answer it at once if they can.
    pub(super) fn begin_ask(&mut self, ask: &Ask, now: CallTime) {
        let ahead = std::mem::take(&mut self.keys_ahead);
        if !ahead.is_empty() && ask.prompt.barge_in.by_dtmf() {
            match read_keys(ask, &ahead) {
                Keys::Pick(choice) => return self.pick(choice, Answer::Keys(ahead)),
                Keys::Begun => {
                    let until = now + ask.digit_timeout_ms;
                    let asking = Asking::new(Phase::Listening { until }, 0);
                    self.state = State::Asking(Asking { digits: ahead, ..asking });
                    return;
                }
                Keys::Nothing => {}
            }
        }
        self.put_question(ask, &ask.prompt, 0, now);
    }

    fn put_question(&mut self, ask: &Ask, prompt: &Prompt, retries: u32, now: CallTime) {
        let phase = match self.play(prompt) {
            Ok(Some(id)) => Phase::Prompting { id, cut: None },
            Ok(None) => Phase::Listening { until: now + ask.timeout_ms },
            Err(message) => return self.fail(&message),
        };
        self.state = State::Asking(Asking::new(phase, retries));
    }

    pub(super) fn ask_digit(&mut self, digit: char, now: CallTime) {
        let flow = Arc::clone(&self.flow);
        let (Some(ask), State::Asking(asking)) = (ask_at(&flow, self.at), &mut self.state) else { return };
        match &mut asking.phase {
            Phase::Prompting { .. } if !ask.prompt.barge_in.by_dtmf() => {}
            Phase::Prompting { id, cut } => {
                if asking.digits.len() < MAX_KEYS_AHEAD {
                    asking.digits.push(digit);
                }
                if *cut != Some(Cut::Keys) {
                    *cut = Some(Cut::Keys);
                    self.commands.push_back(Command::Stop { id: *id });
                }
            }
            Phase::Listening { .. } | Phase::Hearing { .. } => {
                asking.digits.push(digit);
                self.consider_keys(ask, now);
            }
        }
    }

    pub(super) fn ask_speech_started(&mut self, now: CallTime) {
        let flow = Arc::clone(&self.flow);
        let (Some(ask), State::Asking(asking)) = (ask_at(&flow, self.at), &mut self.state) else { return };
        match &mut asking.phase {
            Phase::Prompting { cut, .. } => {
                if cut.is_none() && ask.prompt.barge_in.by_speech() {
                    *cut = Some(Cut::Speech);
                }
            }
            Phase::Listening { .. } => asking.phase = Phase::Hearing { until: now + LONGEST_SPEECH_MS },
            Phase::Hearing { .. } => {}
        }
    }

    pub(super) fn ask_utterance(&mut self, text: Option<String>, now: CallTime) {
        let flow = Arc::clone(&self.flow);
        let (Some(ask), State::Asking(asking)) = (ask_at(&flow, self.at), &mut self.state) else { return };
        match asking.phase {
            // Words that began before the question did not answer it, such as the "hello" of somebody
            // picking up.
            Phase::Prompting { cut, .. } => {
                if cut.is_some() && ask.prompt.barge_in.by_speech() {
                    asking.said = Some(text);
                }
            }
            // Words without a beginning began during a protected prompt; without text they are noise.
            Phase::Listening { .. } if text.is_none() => {}
            Phase::Listening { .. } | Phase::Hearing { .. } => self.consider_words(ask, text, now),
        }
    }

    pub(super) fn ask_playback_ended(&mut self, end: PlaybackEnd, now: CallTime) {
        let flow = Arc::clone(&self.flow);
        let (Some(ask), State::Asking(asking)) = (ask_at(&flow, self.at), &mut self.state) else { return };
        let Phase::Prompting { id, cut } = asking.phase else { return };
        if id != end.id {
            return;
        }
        let said = asking.said.take();
        let pressed = !asking.digits.is_empty();
        asking.phase = Phase::Listening { until: now + ask.timeout_ms };
        if let Some(error) = end.error {
            return self.fail(&error);
        }
        let by_speech = ask.prompt.barge_in.by_speech();
        self.note_heard(&end, cut.unwrap_or(Cut::Speech));
        if pressed {
            return self.consider_keys(ask, now);
        }
        match said {
            Some(text) if !end.completed || text.as_deref().is_some_and(|t| read_words(ask, t).is_some()) => {
                self.consider_words(ask, text, now);
            }
            Some(_) | None if self.knowledge.speaking && by_speech => {
                let until = now + LONGEST_SPEECH_MS;
                if let State::Asking(asking) = &mut self.state {
                    asking.phase = Phase::Hearing { until };
                }
            }
            Some(_) | None => {}
        }
    }

    pub(super) fn ask_timed_out(&mut self, now: CallTime) {
        let flow = Arc::clone(&self.flow);
        let (Some(ask), State::Asking(asking)) = (ask_at(&flow, self.at), &mut self.state) else { return };
        match asking.phase {
            Phase::Prompting { .. } => {}
            Phase::Hearing { .. } => self.ask_again(ask, Missed::NoMatch, now),
            Phase::Listening { .. } if asking.digits.is_empty() => self.ask_again(ask, Missed::NoInput, now),
            Phase::Listening { .. } => {
                let digits = std::mem::take(&mut asking.digits);
                match ask.choices.iter().find(|choice| choice.keys == digits) {
                    Some(choice) => self.pick(choice, Answer::Keys(digits)),
                    None => self.ask_again(ask, Missed::NoMatch, now),
                }
            }
        }
    }

    fn consider_keys(&mut self, ask: &Ask, now: CallTime) {
        let State::Asking(asking) = &mut self.state else { return };
        match read_keys(ask, &asking.digits) {
            Keys::Pick(choice) => {
                let digits = std::mem::take(&mut asking.digits);
                self.pick(choice, Answer::Keys(digits));
            }
            Keys::Begun => asking.phase = Phase::Listening { until: now + ask.digit_timeout_ms },
            Keys::Nothing => self.ask_again(ask, Missed::NoMatch, now),
        }
    }

    fn consider_words(&mut self, ask: &Ask, text: Option<String>, now: CallTime) {
        match text.as_deref().and_then(|text| read_words(ask, text)) {
            Some(choice) => self.pick(choice, Answer::Words(text.unwrap_or_default())),
            None => self.ask_again(ask, Missed::NoMatch, now),
        }
    }

    /// Takes a choice: its variables are set, and the flow goes where it leads.
    fn pick(&mut self, choice: &Choice, answer: Answer) {
        self.note("choice", json!({ "choice": choice.label() }));
        (self.knowledge.pressed, self.knowledge.said) = match answer {
            Answer::Keys(digits) => (digits, String::new()),
            Answer::Words(text) => (String::new(), text),
        };
        if let Err(message) = self.assign(&choice.set) {
            return self.fail(&message);
        }
        self.go(choice.goto);
    }

    /// Puts the question once more, or gives it up when the retries are used.
    fn ask_again(&mut self, ask: &Ask, missed: Missed, now: CallTime) {
        let State::Asking(asking) = &self.state else { return };
        let retries = asking.retries;
        let (what, fallback): (_, &Fallback) = match missed {
            Missed::NoInput => ("no_input", &ask.no_input),
            Missed::NoMatch => ("no_match", &ask.no_match),
        };
        self.note(what, json!({ "retry": retries, "of": ask.retries }));
        if retries >= ask.retries {
            return self.go(fallback.goto);
        }
        let nth = (retries as usize).min(fallback.reprompts.len().saturating_sub(1));
        let prompt = fallback.reprompts.get(nth).unwrap_or(&ask.prompt);
        self.put_question(ask, prompt, retries + 1, now);
    }
}

enum Answer {
    Keys(String),
    Words(String),
}

#[derive(Clone, Copy)]
enum Missed {
    NoInput,
    NoMatch,
}
