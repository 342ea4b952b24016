//! The `ask` and `listen` steps at work: one question, its answers, and being asked again.

use std::sync::Arc;

use super::answer::{Filled, Reading};
use super::io::{Command, PlaybackEnd};
use super::knowledge::Cut;
use super::note::{Answered, Note};
use super::state::{Asking, Count, LONGEST_SPEECH_MS, MAX_KEYS_AHEAD, Phase, Position, Said, State};
use super::{Run, answer};
use crate::clock::CallTime;
use crate::flow::model::{Ask, Choice, Fallback, Flow, Listening, Prompt, SceneId, Slot, Step};

/// What is pressed within this time belongs together and is judged as one, ms.
const ENTRY_MS: u64 = 500;

/// How long the words of a long answer may take to be recognised, beyond the answer itself.
const RECOGNITION_MS: u64 = 5_000;

/// Longest time that digits or an identifier may take, pauses included, ms.
const LONGEST_DICTATION_MS: u64 = 25_000;

/// The `ask` at `at`, if that is where the flow stands.
fn ask_at(flow: &Flow, at: Position) -> Option<&Ask> {
    let Step::Ask(ask) = flow.scenes.get(at.scene.0)?.steps.get(at.step)? else { return None };
    Some(ask)
}

fn longest_speech_ms(ask: &Ask) -> u64 {
    let Listening { end_silence_ms, unfinished_ms, longest_ms, .. } = &ask.listening;
    let dictated = matches!(ask.slot, Some(Slot::Digits { .. } | Slot::Pattern { .. }));
    let usual = if dictated { LONGEST_DICTATION_MS } else { LONGEST_SPEECH_MS };
    longest_ms.map_or(usual, |longest| longest + RECOGNITION_MS)
        + unfinished_ms.or(*end_silence_ms).unwrap_or(0)
}

impl Run {
    /// Begins a question. Keys pressed during the prompt before it answer it at once if they can.
    pub(super) fn begin_ask(&mut self, ask: &Ask, now: CallTime) {
        self.leaving = None;
        self.questions += 1;
        self.set_listening(&ask.listening);
        let ahead = std::mem::take(&mut self.keys_ahead);
        if !ahead.is_empty() && ask.prompt.barge_in.by_dtmf() {
            let until = now + ask.digit_timeout_ms;
            let asking = Asking::new(Phase::Listening { until });
            let reading = answer::keys(ask, &ahead, &self.knowledge);
            if !matches!(reading, Ok(Reading::Nothing)) {
                self.state = State::Asking(Asking { digits: ahead, ..asking });
                return self.consider_keys(ask, now);
            }
            self.keys_judged = true;
        }
        if let Some(words) = self.answer_ahead(ask) {
            self.state = State::Asking(Asking::new(Phase::Listening { until: now }));
            return self.consider_words(ask, Said::words(words), now);
        }
        self.put_question(ask, &ask.prompt, Count::default(), None, now);
    }

    /// Tells the call how to listen, if that changes.
    pub(super) fn set_listening(&mut self, listening: &Listening) {
        let usual = *listening == Listening::default();
        if self.listens_specially || !usual {
            self.commands.push_back(Command::Listen(listening.clone()));
        }
        self.listens_specially = !usual;
    }

    fn put_question(
        &mut self,
        ask: &Ask,
        prompt: &Prompt,
        missed: Count,
        confirming: Option<Option<SceneId>>,
        now: CallTime,
    ) {
        let phase = match self.play(prompt) {
            Ok(Some(id)) => Phase::Prompting { id, cut: None },
            Ok(None) => Phase::Listening { until: now + ask.timeout_ms },
            Err(message) => return self.fail(&message),
        };
        self.state = State::Asking(Asking { missed, confirming, ..Asking::new(phase) });
    }

    /// Whether the open question can make something of this key.
    pub(super) fn ask_wants(&self, digit: char) -> bool {
        let (Some(ask), State::Asking(asking)) = (ask_at(&self.flow, self.at), &self.state) else {
            return false;
        };
        let pressed = format!("{}{digit}", asking.digits);
        match asking.confirming {
            Some(_) => answer::confirmation(ask, &pressed, true).is_answer(),
            None => !matches!(answer::keys(ask, &pressed, &self.knowledge), Ok(Reading::Nothing)),
        }
    }

    /// How long the phrase is that the open question itself finds in these words.
    pub(super) fn ask_phrase(&self, plain: &str) -> usize {
        let open = matches!(&self.state, State::Asking(asking) if asking.confirming.is_none());
        let ask = ask_at(&self.flow, self.at).filter(|_| open);
        ask.and_then(|ask| answer::phrase(ask, plain)).map_or(0, |(length, _)| length)
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
                if asking.digits.len() < MAX_KEYS_AHEAD {
                    asking.digits.push(digit);
                    self.consider_keys(ask, now);
                }
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
            // An answer that was begun with keys is given with keys.
            Phase::Listening { .. } if !asking.digits.is_empty() => {}
            Phase::Listening { .. } => asking.phase = Phase::Hearing { until: now + longest_speech_ms(ask) },
            Phase::Hearing { .. } => {}
        }
    }

    /// What seemed an answer was a noise: one is still waited for.
    pub(super) fn ask_noise(&mut self, now: CallTime) {
        let flow = Arc::clone(&self.flow);
        let (Some(ask), State::Asking(asking)) = (ask_at(&flow, self.at), &mut self.state) else { return };
        match &mut asking.phase {
            Phase::Prompting { cut, .. } => *cut = cut.filter(|cut| *cut != Cut::Speech),
            Phase::Hearing { .. } => asking.phase = Phase::Listening { until: now + ask.timeout_ms },
            Phase::Listening { .. } => {}
        }
    }

    /// Words answer the question out of turn: they are taken if they fit, and it makes no difference otherwise.
    pub(super) fn ask_told(&mut self, said: Said, now: CallTime) {
        let flow = Arc::clone(&self.flow);
        let (Some(ask), State::Asking(asking)) = (ask_at(&flow, self.at), &self.state) else { return };
        if asking.is_confirming() || !asking.digits.is_empty() || !self.is_answer(ask, &said) {
            return;
        }
        let State::Asking(asking) = &mut self.state else { return };
        match &mut asking.phase {
            Phase::Prompting { id, cut } => {
                asking.said = Some(said);
                if cut.is_none() {
                    *cut = Some(Cut::Speech);
                    self.commands.push_back(Command::Stop { id: *id });
                }
            }
            Phase::Listening { .. } | Phase::Hearing { .. } => self.consider_words(ask, said, now),
        }
    }

    /// `ahead`: it was begun before the question.
    pub(super) fn ask_utterance(&mut self, said: Said, ahead: bool, now: CallTime) {
        let flow = Arc::clone(&self.flow);
        let Some(ask) = ask_at(&flow, self.at) else { return };
        if ahead {
            // What does not answer the question was about what came before it.
            if let Some(text) = said.text.filter(|text| self.is_told_ahead(ask, text)) {
                self.note(Note::AnsweredAhead {});
                self.ask_told(Said::words(text), now);
            }
            return;
        }
        let State::Asking(asking) = &mut self.state else { return };
        match asking.phase {
            // Words that began before the question did not answer it, such as the "hello" of somebody
            // picking up.
            Phase::Prompting { cut, .. } => {
                if cut.is_some() && ask.prompt.barge_in.by_speech() {
                    asking.said = Some(said);
                }
            }
            // Words without a beginning began during a protected prompt; without text they are noise.
            Phase::Listening { .. } if said.text.is_none() => {}
            Phase::Listening { .. } | Phase::Hearing { .. } => self.consider_words(ask, said, now),
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
            Some(said) if !end.completed || self.is_answer(ask, &said) => {
                self.consider_words(ask, said, now);
            }
            Some(_) | None if self.knowledge.speaking && by_speech => {
                let until = now + longest_speech_ms(ask);
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
                let reading = match asking.confirming {
                    Some(_) => Ok(answer::confirmation(ask, &digits, true)),
                    None => answer::keys_at_last(ask, &digits, &self.knowledge),
                };
                self.answered_with(ask, reading, Answer::Keys(digits), now);
            }
        }
    }

    fn consider_keys(&mut self, ask: &Ask, now: CallTime) {
        let State::Asking(asking) = &self.state else { return };
        let digits = asking.digits.clone();
        let reading = match asking.confirming {
            Some(_) => Ok(answer::confirmation(ask, &digits, true)),
            None => answer::keys(ask, &digits, &self.knowledge),
        };
        let ended = asking.confirming.is_none() && answer::are_ended(ask, &digits);
        let whole = matches!(&reading, Ok(reading) if reading.is_answer()) && ended;
        match reading {
            Err(_) | Ok(Reading::More) => {}
            Ok(_) if whole => {}
            // More may belong to it, and makes it another entry.
            Ok(_) => {
                if let State::Asking(asking) = &mut self.state {
                    asking.phase = Phase::Listening { until: now + ENTRY_MS };
                }
                return;
            }
        }
        self.answered_with(ask, reading, Answer::Keys(digits), now);
    }

    /// What was said, as an answer: plain words say it; where they do not, or say two, what the recogniser made of the
    /// answers when it weighed them.
    fn read<'a>(&self, ask: &'a Ask, said: &Said) -> Result<Reading<'a>, String> {
        let read = self.read_words(ask, said.text.as_deref())?;
        let Some(weighed) = said.weighed else { return Ok(read) };
        let confirming = matches!(&self.state, State::Asking(asking) if asking.is_confirming());
        let torn = !confirming && said.text.as_deref().is_some_and(|text| answer::says_two(ask, text));
        if read.is_answer() && !torn {
            return Ok(read);
        }
        let expected = &ask.listening_for(confirming).expected;
        match weighed.likely.and_then(|likely| expected.words_of(likely)) {
            Some(words) => self.read_words(ask, Some(words)),
            None => Ok(Reading::Nothing),
        }
    }

    fn read_words<'a>(&self, ask: &'a Ask, text: Option<&str>) -> Result<Reading<'a>, String> {
        let confirming = matches!(&self.state, State::Asking(asking) if asking.confirming.is_some());
        match text {
            None => Ok(Reading::Nothing),
            Some(text) if confirming => Ok(answer::confirmation(ask, text, false)),
            Some(text) => answer::words(ask, text, &self.knowledge),
        }
    }

    fn is_answer(&self, ask: &Ask, said: &Said) -> bool {
        self.read(ask, said).is_ok_and(|reading| reading.is_answer())
    }

    fn consider_words(&mut self, ask: &Ask, said: Said, now: CallTime) {
        let reading = self.read(ask, &said);
        self.answered_with(ask, reading, Answer::Words(said.text.unwrap_or_default()), now);
    }

    fn answered_with(
        &mut self,
        ask: &Ask,
        reading: Result<Reading<'_>, String>,
        answer: Answer,
        now: CallTime,
    ) {
        self.keys_judged = matches!(answer, Answer::Keys(_)) && !matches!(reading, Ok(Reading::More));
        match reading {
            Err(message) => self.fail(&message),
            Ok(Reading::Choice(choice)) => self.pick(ask, choice, answer),
            Ok(Reading::Filled(filled)) => self.fill(ask, filled, answer, now),
            Ok(Reading::Confirmed(right)) => self.confirmed(ask, right, now),
            Ok(Reading::More) => {
                if let State::Asking(asking) = &mut self.state {
                    asking.phase = Phase::Listening { until: now + ask.digit_timeout_ms };
                }
            }
            Ok(Reading::Nothing) => self.ask_again(ask, Missed::NoMatch, now),
        }
    }

    fn keep_answer(&mut self, answer: Answer) {
        (self.knowledge.pressed, self.knowledge.said) = match answer {
            Answer::Keys(digits) => (digits, String::new()),
            Answer::Words(text) => (String::new(), text),
        };
    }

    /// Takes a choice: its variables are set, and the flow goes where it leads.
    fn pick(&mut self, ask: &Ask, choice: &Choice, answer: Answer) {
        self.note(Note::Choice { choice: choice.label().to_owned() });
        self.walk(Some(choice.label()));
        self.keep_answer(answer);
        choice.label().clone_into(&mut self.knowledge.picked);
        if let Some(into) = &ask.into {
            let value = choice.value.as_deref().unwrap_or(choice.label());
            self.keep(into, value.into());
        }
        if let Err(message) = self.assign(&choice.set) {
            return self.fail(&message);
        }
        self.go(choice.goto);
    }

    /// Keeps a typed answer, and has it confirmed if the question says so.
    fn fill(&mut self, ask: &Ask, filled: Filled, answer: Answer, now: CallTime) {
        let kind = ask.slot.as_ref().map_or("", |slot| slot.name());
        self.note(Note::Answer(Answered::Callee { value_type: kind.to_owned() }));
        self.walk(Some(kind));
        self.keep_answer(answer);
        self.knowledge.picked.clear();
        for (variable, value) in filled.set {
            self.keep(&variable, value);
        }
        match (&ask.confirm, &self.state) {
            (Some(prompt), State::Asking(asking)) => {
                let missed = asking.missed;
                // What is said from here on answers another question.
                self.questions += 1;
                self.set_listening(&ask.confirm_listening);
                self.put_question(ask, prompt, missed, Some(filled.goto), now);
            }
            _ => self.go(filled.goto),
        }
    }

    fn confirmed(&mut self, ask: &Ask, right: bool, now: CallTime) {
        let State::Asking(asking) = &mut self.state else { return };
        let Some(goto) = asking.confirming.take() else { return };
        self.note(Note::Confirmed { right });
        if right {
            self.go(goto);
        } else {
            self.questions += 1;
            self.set_listening(&ask.listening);
            self.ask_again(ask, Missed::NoMatch, now);
        }
    }

    /// Puts the question once more, or gives it up when the retries for that reason are used.
    fn ask_again(&mut self, ask: &Ask, missed: Missed, now: CallTime) {
        let State::Asking(asking) = &self.state else { return };
        let (mut count, confirming) = (asking.missed, asking.confirming);
        let (fallback, used): (&Fallback, _) = match missed {
            Missed::NoInput => (&ask.no_input, &mut count.no_input),
            Missed::NoMatch => (&ask.no_match, &mut count.no_match),
        };
        let (retries, of) = (*used, fallback.retries);
        *used += 1;
        self.note(match missed {
            Missed::NoInput => Note::NoInput { retry: retries, of },
            Missed::NoMatch => Note::NoMatch { retry: retries, of },
        });
        if retries >= fallback.retries {
            return self.go(fallback.goto);
        }
        let nth = (retries as usize).min(fallback.reprompts.len().saturating_sub(1));
        let again = match (confirming, &ask.confirm) {
            (Some(_), Some(prompt)) => prompt,
            _ => fallback.reprompts.get(nth).unwrap_or(&ask.prompt),
        };
        self.put_question(ask, again, count, confirming, now);
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
