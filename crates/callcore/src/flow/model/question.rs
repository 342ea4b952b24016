//! A question as the flow knows it: what may be answered, by keys and by words, and where it leads.

use regex::Regex;

use super::assignment::Assignment;
use super::expected::Expected;
use super::expr::Expr;
use super::ids::SceneId;
use super::prompt::Prompt;
use super::variable::VariableType;
use crate::language::{Language, TimeOfDay};

/// A question answered by keys or by words; `listen` is one that takes any words.
#[derive(Debug)]
pub(crate) struct Ask {
    pub prompt: Prompt,
    pub choices: Vec<Choice>,
    /// The typed answer it takes besides its choices.
    pub slot: Option<Slot>,
    /// The variable that takes the choice's value.
    pub into: Option<String>,
    /// Where an answer that fills the slot leads.
    pub goto: Option<SceneId>,
    /// Asked once the slot is filled: whether that is right.
    pub confirm: Option<Prompt>,
    /// Silence after the prompt that counts as no input, in milliseconds.
    pub timeout_ms: u64,
    /// Wait for the next key of a longer answer, in milliseconds.
    pub digit_timeout_ms: u64,
    pub listening: Listening,
    /// How to listen while the slot's value is to be confirmed.
    pub confirm_listening: Listening,
    /// What is said during the prompt right before it may answer it.
    pub answer_ahead: bool,
    pub no_input: Fallback,
    pub no_match: Fallback,
    /// The language the answer is understood in.
    pub language: Language,
}

/// How to listen while a question is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listening {
    /// What the callee will probably say.
    pub expected: Expected,
    /// Silence that ends what the callee says, in milliseconds; the call's own when the question names none.
    pub end_silence_ms: Option<u64>,
    /// The same once what was said is a complete answer; worked out from the above when there is none.
    pub complete_ms: Option<u64>,
    /// The same while it wants more behind it: digits missing, a trailing "and".
    pub unfinished_ms: Option<u64>,
    /// Longest the callee may talk, in milliseconds.
    pub longest_ms: Option<u64>,
    /// Nothing of the answer may be kept where it can be read or heard later.
    pub redacted: bool,
}

/// What an `ask` does without a usable answer.
#[derive(Debug, Default)]
pub(crate) struct Fallback {
    /// The nth retry plays the nth of these, the last one from then on; without any, the question itself.
    pub reprompts: Vec<Prompt>,
    /// How often it is asked again for this reason.
    pub retries: u32,
    /// Where to go once the retries are used up.
    pub goto: Option<SceneId>,
}

#[derive(Debug)]
pub(crate) struct Choice {
    /// The keys that pick it; empty for a choice by phrase only.
    pub keys: String,
    /// Lower-case phrases that pick it, when a recogniser hears words.
    pub phrases: Vec<String>,
    /// What the question's variable becomes; the label when there is none.
    pub value: Option<String>,
    pub set: Vec<Assignment>,
    pub goto: Option<SceneId>,
}

impl Choice {
    /// What the call's timeline calls it.
    pub(crate) fn label(&self) -> &str {
        if self.keys.is_empty() { self.phrases.first().map_or("", String::as_str) } else { &self.keys }
    }
}

/// A typed answer.
#[derive(Debug)]
pub(crate) enum Slot {
    Number {
        into: String,
        min: Option<f64>,
        max: Option<f64>,
    },
    Date {
        into: String,
        earliest: Option<Expr>,
        latest: Option<Expr>,
    },
    Time {
        into: String,
        earliest: Option<TimeOfDay>,
        latest: Option<TimeOfDay>,
    },
    YesNo {
        into: Option<String>,
        yes: Option<SceneId>,
        no: Option<SceneId>,
    },
    Digits {
        into: String,
        min: usize,
        max: usize,
        /// The key that ends them.
        end: Option<char>,
    },
    Pattern {
        patterns: Vec<Regex>,
        /// Named groups are variables of the same name.
        groups: Vec<(String, VariableType)>,
        /// The variable that takes everything that was said.
        into: Option<String>,
    },
    /// Whatever is said.
    Words {
        into: String,
    },
}

/// What keys mean to a slot.
#[derive(Debug, PartialEq)]
pub(crate) enum KeysSoFar {
    Complete(String),
    More,
    Wrong,
}

impl Slot {
    /// The slot's name in a flow.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Number { .. } => "number",
            Self::Date { .. } => "date",
            Self::Time { .. } => "time",
            Self::YesNo { .. } => "yes_no",
            Self::Digits { .. } => "digits",
            Self::Pattern { .. } => "matches",
            Self::Words { .. } => "listen",
        }
    }

    /// Fewest and most keys, and the key that ends them; `None` when keys are no answer.
    const fn keys(&self) -> Option<(usize, usize, Option<char>)> {
        match self {
            Self::Number { .. } => Some((1, 15, Some('#'))),
            Self::Date { .. } => Some((8, 8, None)),
            Self::Time { .. } => Some((4, 4, None)),
            Self::YesNo { .. } => Some((1, 1, None)),
            Self::Digits { min, max, end, .. } => Some((*min, *max, *end)),
            Self::Pattern { .. } | Self::Words { .. } => None,
        }
    }

    /// The key that ends an entry.
    pub(crate) fn end_key(&self) -> Option<char> {
        self.keys()?.2
    }

    /// What the keys pressed so far come to. With an ending key, that or a pause is waited for.
    pub(crate) fn keys_so_far(&self, pressed: &str) -> KeysSoFar {
        let Some((min, max, end)) = self.keys() else { return KeysSoFar::Wrong };
        let ended = end.and_then(|end| pressed.strip_suffix(end));
        let digits = ended.unwrap_or(pressed);
        let plain = digits.bytes().all(|key| key.is_ascii_digit());
        if !plain || digits.len() > max || (ended.is_some() && digits.len() < min) {
            return KeysSoFar::Wrong;
        }
        if ended.is_some() || (end.is_none() && digits.len() == max) {
            return KeysSoFar::Complete(digits.to_owned());
        }
        KeysSoFar::More
    }

    /// The keys as an answer, now that no more have come.
    pub(crate) fn keys_at_last<'k>(&self, pressed: &'k str) -> Option<&'k str> {
        let (min, max, _) = self.keys()?;
        let plain = pressed.bytes().all(|key| key.is_ascii_digit());
        (plain && (min..=max).contains(&pressed.len())).then_some(pressed)
    }

    /// Where a filled slot leads by itself.
    fn ways_out(&self) -> Vec<(SceneId, String)> {
        match self {
            Self::YesNo { yes, no, .. } => [(yes, "yes"), (no, "no")]
                .into_iter()
                .filter_map(|(scene, label)| scene.map(|scene| (scene, label.to_owned())))
                .collect(),
            Self::Number { .. }
            | Self::Date { .. }
            | Self::Time { .. }
            | Self::Digits { .. }
            | Self::Pattern { .. }
            | Self::Words { .. } => Vec::new(),
        }
    }
}

impl Ask {
    /// The prompts, re-prompts included.
    pub(crate) fn prompts(&self) -> impl Iterator<Item = &Prompt> {
        let again = self.no_input.reprompts.iter().chain(&self.no_match.reprompts);
        std::iter::once(&self.prompt).chain(again).chain(&self.confirm)
    }

    /// How to listen while it is put, or while its value is to be confirmed.
    pub(crate) const fn listening_for(&self, confirming: bool) -> &Listening {
        if confirming { &self.confirm_listening } else { &self.listening }
    }

    /// Where answers lead, each with its label.
    pub(crate) fn answers(&self) -> Vec<(SceneId, String)> {
        let choices = self.choices.iter().filter_map(|c| c.goto.map(|to| (to, c.label().to_owned())));
        let mut ways: Vec<(SceneId, String)> = choices.collect();
        if let Some(slot) = &self.slot {
            ways.extend(slot.ways_out());
            ways.extend(self.goto.map(|to| (to, slot.name().to_owned())));
        }
        ways
    }

    /// Whether keys can answer it.
    pub(crate) fn takes_keys(&self) -> bool {
        let by_choice = self.choices.iter().any(|choice| !choice.keys.is_empty());
        by_choice || self.slot.as_ref().is_some_and(|slot| slot.keys().is_some())
    }

    /// Whether its answers are few enough to be weighed against each other.
    pub(crate) fn knows_its_answers(&self) -> bool {
        !self.listening.expected.answers.is_empty()
    }

    /// What leads to the next step, each by its label.
    pub(crate) fn ways_on(&self) -> Vec<&str> {
        let choices = self.choices.iter().filter(|choice| choice.goto.is_none()).map(Choice::label);
        let mut ways: Vec<&str> = choices.collect();
        match &self.slot {
            Some(_) if self.goto.is_some() => {}
            Some(Slot::YesNo { yes, no, .. }) => {
                ways.extend(
                    [(yes, "yes"), (no, "no")].iter().filter(|(to, _)| to.is_none()).map(|(_, word)| *word),
                );
            }
            Some(slot) => ways.push(slot.name()),
            None => {}
        }
        let missed = [(&self.no_input.goto, "no input"), (&self.no_match.goto, "no match")];
        ways.extend(missed.iter().filter(|(to, _)| to.is_none()).map(|(_, word)| *word));
        ways
    }

    /// Whether no answer and no silence leads to the next step.
    pub(crate) fn always_leaves(&self) -> bool {
        let slot = match &self.slot {
            None => true,
            Some(Slot::YesNo { yes: Some(_), no: Some(_), .. }) => true,
            Some(_) => self.goto.is_some(),
        };
        let choices = self.choices.iter().all(|choice| choice.goto.is_some());
        slot && choices && self.no_input.goto.is_some() && self.no_match.goto.is_some()
    }
}

/// Whether a telephone has this key.
pub(crate) fn is_key(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '*' | '#' | 'A'..='D')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(min: usize, max: usize, end: Option<char>) -> Slot {
        Slot::Digits { into: String::new(), min, max, end }
    }

    #[test]
    fn keys_are_complete_at_their_length_or_at_the_ending_key() {
        let four = digits(4, 4, None);
        assert_eq!(four.keys_so_far("123"), KeysSoFar::More);
        assert_eq!(four.keys_so_far("1234"), KeysSoFar::Complete("1234".into()));
        assert_eq!(four.keys_so_far("12#"), KeysSoFar::Wrong);
        assert_eq!((four.keys_at_last("123"), four.keys_at_last("1234")), (None, Some("1234")));
        let ended = digits(3, 6, Some('#'));
        assert_eq!(ended.keys_so_far("123456"), KeysSoFar::More, "the ending key may follow");
        assert_eq!(ended.keys_so_far("123#"), KeysSoFar::Complete("123".into()));
        assert_eq!(ended.keys_so_far("12#"), KeysSoFar::Wrong);
        assert_eq!(ended.keys_so_far("1234567"), KeysSoFar::Wrong);
        assert_eq!(ended.keys_at_last("1234"), Some("1234"));
    }
}
