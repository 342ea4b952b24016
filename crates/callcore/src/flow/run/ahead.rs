//! Answers that come before their question, and answers that come late: words said during the prompt right before it, and
//! words for which a recogniser took long.

use super::note::Note;
use super::state::{Ahead, State};
use super::{Run, answer};
use crate::clock::CallTime;
use crate::flow::model::{Ask, Slot, Step};
use crate::language::words_beside;

impl Run {
    /// Forgets what was said before, when something else than a question comes behind the prompt.
    pub(super) fn look_ahead(&mut self, step: &Step, now: CallTime) {
        match step {
            Step::Prompt(_) => self.ahead.prompt_begins(now),
            Step::Ask(_)
            | Step::Goto(_)
            | Step::Branch { .. }
            | Step::Set(_)
            | Step::Show(_)
            | Step::Checkpoint(_) => {}
            Step::WaitForBeep(_)
            | Step::WaitForGreetingEnd(_)
            | Step::Wait { .. }
            | Step::SendDigits(_)
            | Step::External(_)
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
        let says = words_beside(words, self.root.backchannels()) > 0;
        let fits = || answer::words(ask, words, &self.knowledge).is_ok_and(|reading| reading.is_answer());
        ask.answer_ahead && proves && says && fits()
    }

    /// The question that is open, counted within the call; one that is asked again is the same.
    #[must_use]
    pub fn question(&self) -> Option<u32> {
        matches!(self.state, State::Asking(_)).then_some(self.questions)
    }
}
