//! What a question expects to hear, worked out of its choices and of what its typed answer can be.

use std::collections::BTreeSet;

use crate::flow::model::{Choice, Expected, Slot};
use crate::language::{Language, day_words, no_words, spoken_whole, yes_no_words, yes_words};

/// Most phrases a recogniser is told to expect.
const MAX_PHRASES: usize = 100;
/// Each answer that is weighed costs time: more than this are left to the words.
const MAX_ANSWERS: usize = 32;
/// Ways to say one answer that are weighed.
const MAX_WAYS: usize = 6;

/// The phrases of the question, then those of the whole call (`handlers`); and its answers, where they can be counted.
pub(super) fn of(
    choices: &[Choice],
    slot: Option<&Slot>,
    confirm: bool,
    handlers: &[String],
    language: Language,
) -> Expected {
    let yes_no = confirm || matches!(slot, Some(Slot::YesNo { .. }));
    let usual = yes_no.then(|| yes_no_words(language).iter().map(ToString::to_string)).into_iter().flatten();
    let own = choices.iter().flat_map(|choice| choice.phrases.iter().cloned());
    let mut seen = BTreeSet::new();
    let phrases: Vec<String> = own
        .chain(usual)
        .chain(handlers.iter().cloned())
        .filter(|phrase| seen.insert(phrase.clone()))
        .take(MAX_PHRASES)
        .collect();
    Expected::phrases(phrases).with_answers(answers(choices, slot, language))
}

/// What is expected when an answer is to be confirmed.
pub(super) fn of_confirmation(language: Language) -> Expected {
    let phrases: Vec<String> = yes_no_words(language).iter().map(ToString::to_string).collect();
    Expected::phrases(phrases).with_answers(yes_or_no(language))
}

fn answers(choices: &[Choice], slot: Option<&Slot>, language: Language) -> Vec<Vec<String>> {
    let filling = match slot {
        None => Vec::new(),
        Some(Slot::YesNo { .. }) => yes_or_no(language),
        Some(Slot::Number { min: Some(min), max: Some(max), .. }) => numbers(*min, *max, language),
        Some(Slot::Digits { min: 1, max: 1, .. }) => numbers(0.0, 9.0, language),
        Some(Slot::Date { .. }) => day_words(language),
        // Anything may be one of these.
        Some(Slot::Pattern { .. } | Slot::Words { .. }) => return Vec::new(),
        // What is not among those that are weighed is something else.
        Some(Slot::Number { .. } | Slot::Digits { .. } | Slot::Time { .. }) => Vec::new(),
    };
    let said = choices.iter().map(|choice| choice.phrases.iter().take(MAX_WAYS).cloned().collect());
    let all: Vec<Vec<String>> = said.chain(filling).collect();
    if all.len() > MAX_ANSWERS { Vec::new() } else { all }
}

fn yes_or_no(language: Language) -> Vec<Vec<String>> {
    [yes_words(language), no_words(language)]
        .map(|words| words.iter().map(ToString::to_string).collect())
        .into()
}

/// Every whole number of a range that is small enough.
fn numbers(min: f64, max: f64, language: Language) -> Vec<Vec<String>> {
    let (first, last) = (min.max(0.0).ceil(), max.floor());
    if language == Language::Other || last - first >= MAX_ANSWERS as f64 || last < first {
        return Vec::new();
    }
    (first as u64..=last as u64).map(|n| vec![spoken_whole(n, language), n.to_string()]).collect()
}
