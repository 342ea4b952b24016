//! The question that a folder of answers stands for, put through the flow language as in a call.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use callcore::clock::CallTime;
use callcore::flow::{Command, Expected, Flow, Input, Note, PlaybackEnd, Run, Weighed, parse};
use serde_json::Map;

/// More different answers than this are sentences.
const MOST_ANSWERS: usize = 32;
/// An answer has no more words.
const MOST_WORDS: usize = 4;

/// A question, by what may be said to it.
#[derive(Clone, Debug)]
pub(super) struct Question {
    flow: Arc<Flow>,
    answers: Vec<String>,
    expected: Expected,
}

impl Question {
    /// The question that `said` answers: a number of a range when all are figures, else a choice. None for sentences.
    ///
    /// # Errors
    /// When the words are none that a flow can take.
    pub(super) fn of<'s>(
        said: impl Iterator<Item = &'s str>,
        language: &str,
    ) -> anyhow::Result<Option<Self>> {
        let answers: BTreeSet<String> = said.map(plain).collect();
        let is_short =
            |answer: &String| (1..=MOST_WORDS).contains(&answer.split(' ').count()) && !answer.is_empty();
        if !(2..=MOST_ANSWERS).contains(&answers.len()) || !answers.iter().all(is_short) {
            return Ok(None);
        }
        let answers: Vec<String> = answers.into_iter().collect();
        let numbers: Option<Vec<u64>> = answers.iter().map(|answer| answer.parse().ok()).collect();
        let (ask, scenes) = match numbers.as_deref() {
            Some(numbers) => {
                let (min, max) = (numbers.iter().min().unwrap_or(&0), numbers.iter().max().unwrap_or(&0));
                (format!("number: {{ into: n, min: {min}, max: {max} }}, goto: n"), String::new())
            }
            None => {
                let choice = |at: usize| format!("\"{}\": c{at}", answers[at].replace('"', ""));
                let scene = |at: usize| format!("  c{at}: [ {{ hangup: c{at} }} ]\n");
                let all = 0..answers.len();
                let choices: Vec<String> = all.clone().map(choice).collect();
                (format!("choices: {{ {} }}", choices.join(", ")), all.map(scene).collect())
            }
        };
        let text = format!(
            "flow: bench\nlanguage: {language}\nstart: a\nvariables: {{ n: {{ type: number, default: 0 }} }}\nscenes:\n  a:\n    - ask: {{ \
             say: Well?, retries: 0, no_match: none, no_input: none, {ask} }}\n{scenes}  n: [ {{ hangup: n }} ]\n  \
             none: [ {{ hangup: none }} ]\n"
        );
        let parsed = parse("the question of these recordings", &text);
        let flow = parsed.flow.context("these words cannot be the answers of a question")?;
        let mut question = Self { flow: Arc::new(flow), answers, expected: Expected::default() };
        question.expected = question.asked()?.1;
        Ok(Some(question))
    }

    /// What a recogniser is told to expect.
    pub(super) const fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Every way to say one of the answers.
    pub(super) fn phrases(&self) -> Vec<&str> {
        self.expected.answers.iter().flat_map(|answer| answer.phrases.iter().map(String::as_str)).collect()
    }

    /// The answer that a call would take this for; none when it would ask again.
    ///
    /// # Errors
    /// When the flow does not run.
    pub(super) fn taken(&self, text: &str, weighed: Option<Weighed>) -> anyhow::Result<Option<&str>> {
        let (mut run, _) = self.asked()?;
        let text = Some(text.to_owned()).filter(|text| !text.is_empty());
        run.handle(Input::SpeechStarted, CallTime::from_ms(10));
        run.handle(Input::Utterance { text, weighed }, CallTime::from_ms(20));
        let mut taken = None;
        while let Some(command) = run.poll_command() {
            if let Command::Note(Note::Set { value, .. }) = &command {
                let number = value.to_string();
                taken = self.answers.iter().find(|answer| **answer == number);
            } else if let Command::Hangup { outcome: Some(outcome) } = command {
                let place = outcome.strip_prefix('c').and_then(|at| at.parse::<usize>().ok());
                taken = place.and_then(|at| self.answers.get(at)).or(taken);
            }
        }
        Ok(taken.map(String::as_str))
    }

    /// Whether `said` is the answer `taken`.
    pub(super) fn is(said: &str, taken: &str) -> bool {
        plain(said) == taken
    }

    /// The flow where the question has been put.
    fn asked(&self) -> anyhow::Result<(Run, Expected)> {
        let mut run = Run::new(Arc::clone(&self.flow), Map::new())?;
        run.handle(Input::Answered, CallTime::ZERO);
        let (mut expected, mut prompts) = (Expected::default(), Vec::new());
        while let Some(command) = run.poll_command() {
            if let Command::Listen(how) = command {
                expected = how.expected;
            } else if let Command::Play { id, .. } = command {
                prompts.push(id);
            }
        }
        for id in prompts {
            let (heard_text, heard_words) = (String::new(), 0);
            let end =
                PlaybackEnd { id, heard_ms: 500, heard_text, heard_words, completed: true, error: None };
            run.handle(Input::PlaybackEnded(end), CallTime::from_ms(5));
        }
        Ok((run, expected))
    }
}

/// Lower-case words without punctuation.
fn plain(text: &str) -> String {
    let bare = |word: &str| {
        word.chars().filter(|c| c.is_alphanumeric() || *c == '\'').collect::<String>().to_lowercase()
    };
    text.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighed(question: &Question, answer: usize) -> Option<Weighed> {
        let likely = Some(question.expected().answers[answer].id);
        Some(Weighed { likely, probability: 0.9, margin: 4.0 })
    }

    #[test]
    fn short_texts_are_the_choices_of_a_question_and_figures_a_range() {
        let sales =
            Question::of(["Billing.", "sales", "Sales"].into_iter(), "en").unwrap().expect("a question");
        assert_eq!(sales.taken("To sales, please", None).unwrap(), Some("sales"));
        assert_eq!(sales.taken("sails", weighed(&sales, 1)).unwrap(), Some("sales"));
        assert_eq!(sales.taken("sails", None).unwrap(), None);
        let digits = Question::of(["7", "0", "2"].into_iter(), "en").unwrap().expect("a question");
        assert_eq!((digits.taken("Seven.", None).unwrap(), digits.expected().answers.len()), (Some("7"), 8));
        assert_eq!(digits.taken("Tooth.", weighed(&digits, 2)).unwrap(), Some("2"));
        assert!(Question::is("Sales!", "sales"));
    }

    #[test]
    fn sentences_are_no_question() {
        let long = ["the quick brown fox jumps", "over the lazy dog he runs"];
        assert!(Question::of(long.into_iter(), "en").unwrap().is_none());
        assert!(Question::of(["yes"].into_iter(), "en").unwrap().is_none());
    }
}
