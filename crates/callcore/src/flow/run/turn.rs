//! What words mean for whose turn it is, before they are handed in as an answer.

use std::sync::Arc;

use super::answer::Reading;
use super::io::TurnEnd;
use super::state::State;
use super::{Run, answer};
use crate::flow::model::{AnswerId, Ask, Slot, Step};
use crate::language::{hear_digits, plain_words, trails_off};

/// Words beyond the phrase of a choice that do not speak against it: "monday please".
const MORE_WORDS: usize = 2;

/// A yes or no in more words than this may go on.
const YES_NO_WORDS: usize = 4;

impl Run {
    /// Whether `text` is all that the callee is going to say, as far as the open question and the language tell.
    #[must_use]
    pub fn turn(&self, text: &str) -> TurnEnd {
        let plain = plain_words(text);
        if plain.is_empty() {
            return TurnEnd::Open;
        }
        if trails_off(text, &self.flow.language) {
            return TurnEnd::Unfinished;
        }
        match self.open_question() {
            Some((ask, confirming)) => self.turn_of(ask, confirming, text, &plain),
            None => TurnEnd::Open,
        }
    }

    /// Whether `text` answers the open question, or is a phrase that the whole call listens for.
    #[must_use]
    pub fn answers(&self, text: &str) -> bool {
        let plain = plain_words(text);
        let padded = format!(" {plain} ");
        let handled = self.root.handlers.iter().flat_map(|handler| &handler.phrases);
        if handled.into_iter().any(|phrase| padded.contains(&format!(" {phrase} "))) {
            return true;
        }
        self.open_question().is_some_and(|(ask, confirming)| match (&ask.slot, confirming) {
            (_, true) => answer::confirmation(ask, text, false).is_answer(),
            // Any words fill it; that proves nothing.
            (Some(Slot::Words { .. }), false) => answer::phrase(ask, &plain).is_some(),
            (_, false) => answer::words(ask, text, &self.knowledge).is_ok_and(|reading| reading.is_answer()),
        })
    }

    /// The words that say the answer `id` of the open question.
    #[must_use]
    pub fn words_of(&self, id: AnswerId) -> Option<&str> {
        let (ask, confirming) = self.open_question()?;
        ask.listening_for(confirming).expected.words_of(id)
    }

    /// The question that is put or waits, and whether it only asks if the answer is right.
    fn open_question(&self) -> Option<(&Ask, bool)> {
        let State::Asking(asking) = &self.state else { return None };
        let Step::Ask(ask) = Arc::as_ref(&self.flow).scenes.get(self.at.scene.0)?.steps.get(self.at.step)?
        else {
            return None;
        };
        Some((ask, asking.is_confirming()))
    }

    fn turn_of(&self, ask: &Ask, confirming: bool, text: &str, plain: &str) -> TurnEnd {
        let count = plain.split(' ').count();
        let short = |most: usize| if count <= most { TurnEnd::Complete } else { TurnEnd::Open };
        if confirming {
            let answered = answer::confirmation(ask, text, false).is_answer();
            return if answered { short(YES_NO_WORDS) } else { TurnEnd::Open };
        }
        if let Some((length, _)) = answer::phrase(ask, plain) {
            let phrase_words = plain.get(..length).map_or(1, |phrase| phrase.split(' ').count());
            return short(phrase_words + MORE_WORDS);
        }
        match &ask.slot {
            Some(Slot::YesNo { .. }) => match answer::words(ask, text, &self.knowledge) {
                Ok(Reading::Filled(_)) => short(YES_NO_WORDS),
                Ok(_) | Err(_) => TurnEnd::Open,
            },
            Some(Slot::Digits { min, max, .. }) => match hear_digits(text, ask.language).len() {
                0 => TurnEnd::Open,
                said if said < *min => TurnEnd::Unfinished,
                said if said == *max => TurnEnd::Complete,
                _ => TurnEnd::Open,
            },
            // More may belong to any of these: "two hundred … and fifty", "the fifth … of June".
            Some(
                Slot::Number { .. }
                | Slot::Date { .. }
                | Slot::Time { .. }
                | Slot::Pattern { .. }
                | Slot::Words { .. },
            )
            | None => TurnEnd::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::clock::CallTime;
    use crate::flow::parse::parse;
    use crate::flow::run::io::Input;

    fn asked(language: &str, answer: &str) -> Run {
        let text = format!(
            "flow: f\nlanguage: {language}\nstart: a\nvariables: {{ kept: {{ default: none }}, sum: {{ type: number, default: 0 }} }}\n\
             handlers:\n  - {{ says: [operator], goto: b }}\n\
             scenes:\n  a:\n    - ask: {{ say: 'What?', {answer} }}\n    - hangup: done\n  b:\n    - hangup: b\n"
        );
        let parsed = parse("f.yaml", &text);
        let flow = parsed.flow.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
        let mut run = Run::new(Arc::new(flow), Map::new()).unwrap();
        run.handle(Input::Answered, CallTime::ZERO);
        run
    }

    #[test]
    fn a_full_answer_is_complete_and_half_of_one_is_not() {
        let digits = "digits: { into: kept, length: 6 }";
        let yes_no = "yes_no: { yes: b, no: b }";
        let choices = "choices: { monday: b, tuesday afternoon: b }";
        for (answer, text, turn) in [
            (digits, "one two three", TurnEnd::Unfinished),
            (digits, "123456", TurnEnd::Complete),
            (digits, "four five six and", TurnEnd::Unfinished),
            (digits, "what do you mean", TurnEnd::Open),
            (yes_no, "yes", TurnEnd::Complete),
            (yes_no, "no, thank you", TurnEnd::Complete),
            (yes_no, "yes but", TurnEnd::Unfinished),
            (yes_no, "no I told you people last week", TurnEnd::Open),
            (choices, "on Monday please", TurnEnd::Complete),
            (choices, "tuesday afternoon", TurnEnd::Complete),
            (choices, "Tuesday", TurnEnd::Open),
            (choices, "Monday does not suit me at all", TurnEnd::Open),
            ("number: sum", "two hundred", TurnEnd::Open),
            ("number: sum", "two hundred, uh", TurnEnd::Unfinished),
        ] {
            assert_eq!(asked("en", answer).turn(text), turn, "{text}");
        }
        assert_eq!(asked("id", "yes_no: { yes: b, no: b }").turn("iya betul"), TurnEnd::Complete);
        assert_eq!(asked("id", digits).turn("kosong delapan satu"), TurnEnd::Unfinished);
        assert_eq!(asked("id", digits).turn("sebentar ya"), TurnEnd::Unfinished);
    }

    #[test]
    fn what_the_question_or_the_whole_call_listens_for_is_an_answer() {
        let run = asked("en", "yes_no: { yes: b, no: b }");
        assert!(run.answers("yeah") && run.answers("get me the operator") && !run.answers("the weather"));
    }
}
