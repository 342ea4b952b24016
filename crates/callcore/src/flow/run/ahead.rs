//! Answers that come before their question, and such as come late: words said during the prompt right before it, and
//! words that a recogniser took long for.

use super::super::model::Step;
use super::super::note::Note;
use super::super::question::{Ask, Slot};
use super::super::steps::count_words;
use super::answer;
use super::{Run, State};
use crate::clock::CallTime;

/// Whoever speaks before so much of a prompt was heard does not speak about it, ms: "Yes?" is how many pick up.
const HEARD_MS: u64 = 500;

/// What the callee said during the prompt that comes right before a question.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// When the prompt began.
    since: Option<CallTime>,
    /// What began during it is not over, or its words are not known yet.
    talks: bool,
    words: Option<String>,
}

impl Ahead {
    pub(super) fn prompt_begins(&mut self, now: CallTime) {
        *self = Self { since: Some(now), ..Self::default() };
    }

    pub(super) fn speech_started(&mut self, now: CallTime) {
        self.talks |= self.since.is_some_and(|since| now.ms_since(since) >= HEARD_MS);
    }

    /// What was said is over; whether it belongs to the prompt.
    pub(super) fn is_over(&mut self) -> bool {
        std::mem::take(&mut self.talks)
    }

    pub(super) fn keep(&mut self, words: String) {
        self.words = Some(words);
    }
}

impl Run {
    /// Forgets what was said before, when something else than a question comes behind the prompt.
    pub(super) fn look_ahead(&mut self, step: &Step, now: CallTime) {
        match step {
            Step::Prompt(_) => self.ahead.prompt_begins(now),
            Step::Ask(_) | Step::Goto(_) | Step::Branch { .. } | Step::Set(_) | Step::Checkpoint(_) => {}
            Step::WaitForBeep(_)
            | Step::WaitForGreetingEnd(_)
            | Step::Wait { .. }
            | Step::SendDigits(_)
            | Step::Errand(_)
            | Step::Call(_)
            | Step::Return(_)
            | Step::Hangup { .. } => self.ahead = Ahead::default(),
        }
    }

    /// What was said already and answers `ask`.
    pub(super) fn answer_ahead(&mut self, ask: &Ask) -> Option<String> {
        let words = self.ahead.words.take().filter(|words| self.is_told_ahead(ask, words))?;
        self.note(Note::AnsweredAhead {});
        Some(words)
    }

    /// Whether `words`, said before the question was heard, are meant as its answer: they fit, and are no sign of
    /// listening.
    pub(super) fn is_told_ahead(&self, ask: &Ask, words: &str) -> bool {
        // Any words fill a slot for words: that proves nothing.
        let proves = !matches!(ask.slot, Some(Slot::Words { .. }));
        let says = count_words(words, self.root.backchannels()) > 0;
        let fits = || answer::words(ask, words, &self.knowledge).is_ok_and(|reading| reading.is_answer());
        ask.answer_ahead && proves && says && fits()
    }

    /// The question that is open, counted within the call; one that is asked again is the same.
    #[must_use]
    pub fn question(&self) -> Option<u32> {
        matches!(self.state, State::Asking(_)).then_some(self.questions)
    }
}
