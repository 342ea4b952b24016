//! From phrases to a weight: what a transcript says about who speaks.

use serde::Serialize;

use super::book::Book;
use super::file::Category;

/// Each further phrase for the same side counts this much of the one before: they repeat each other.
const REPEATED: f32 = 0.5;
/// Share of its weight that a phrase has in a text that may still change.
const INTERIM: f32 = 0.6;
/// Words never weigh more than this, for recognisers hear what was not said: 400 to 1.
const MOST: f32 = 6.0;
/// A category is named from this weight on: 10 to 1.
const NAMED: f32 = 2.3;
/// Voicemail's weight from which on keys beside it are a mailbox's.
const TAKES_MESSAGE: f32 = 5.0;
/// Digits in a row from which on somebody reads out a number, and what that weighs.
const NUMBER_DIGITS: u32 = 5;
const NUMBER_WEIGHT: f32 = 2.3;
/// A person's phrase from this weight on is a cue that somebody wants to talk.
const CUE: f32 = 2.0;

/// One phrase that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hit {
    /// As the phrase file has it, normalised; `#` is a number.
    pub phrase: String,
    pub category: Category,
    /// Log-odds it speaks with for its category, interim texts at a discount.
    pub weight: f32,
}

/// What a transcript speaks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// Log-odds of a machine; above 0 for one, below for a person.
    pub(crate) log_odds: f32,
    /// What it sounds like, when the words suffice to say so.
    pub(crate) category: Option<Category>,
    pub(crate) hits: Vec<Hit>,
    /// A long number was read out.
    pub(crate) number: bool,
    /// Somebody wants an answer.
    pub(crate) cue: bool,
}

impl Reading {
    /// Reads `settled` text, and `interim` text that follows it and may still change.
    pub(crate) fn of(book: &Book, settled: &str, interim: &str) -> Self {
        let whole = book.normal(&format!("{settled}\n{interim}"));
        let settled_end = book.normal(settled).text.trim_end().len();
        let mut hits: Vec<Hit> = Vec::new();
        for found in book.find(&whole).into_iter().filter(|found| found.phrase.weight > 0.0) {
            let share = if found.end <= settled_end { 1.0 } else { INTERIM };
            let weight = found.phrase.weight * share;
            match hits.iter_mut().find(|hit| hit.phrase == found.phrase.text) {
                Some(known) => known.weight = known.weight.max(weight),
                None => hits.push(Hit {
                    phrase: found.phrase.text.clone(),
                    category: found.phrase.category,
                    weight,
                }),
            }
        }
        let number = whole.digit_run >= NUMBER_DIGITS;
        let machine = hits.iter().filter(|hit| hit.category != Category::Human).map(|hit| hit.weight);
        let machine = machine.chain(number.then_some(NUMBER_WEIGHT));
        let human = hits.iter().filter(|hit| hit.category == Category::Human).map(|hit| hit.weight);
        let log_odds = (damped(machine) - damped(human)).clamp(-MOST, MOST);
        let cue = hits.iter().any(|hit| hit.category == Category::Human && hit.weight >= CUE);
        let category = strongest(&hits, log_odds);
        Self { log_odds, category, hits, number, cue }
    }

    /// The phrase that spoke loudest for `category`.
    pub(crate) fn hint(&self, category: Category) -> Option<&str> {
        let of_category = self.hits.iter().filter(|hit| hit.category == category);
        of_category.max_by(|a, b| a.weight.total_cmp(&b.weight)).map(|hit| hit.phrase.as_str())
    }
}

/// The category with most weight on the side that the words are on.
fn strongest(hits: &[Hit], log_odds: f32) -> Option<Category> {
    let score = |category: Category| damped(hits.iter().filter(|h| h.category == category).map(|h| h.weight));
    if log_odds < 0.0 {
        return (score(Category::Human) >= NAMED).then_some(Category::Human);
    }
    let mut best: Option<(Category, f32)> = None;
    for category in Category::ALL.into_iter().filter(|category| *category != Category::Human) {
        let score = score(category);
        if score >= NAMED && best.is_none_or(|(_, most)| score > most) {
            best = Some((category, score));
        }
    }
    // A mailbox that takes a message may offer keys, too; a menu takes none.
    let takes_message = score(Category::Voicemail) >= TAKES_MESSAGE;
    best.map(
        |(category, _)| {
            if category == Category::Ivr && takes_message { Category::Voicemail } else { category }
        },
    )
}

/// The sum, the strongest first, each further one counting less.
fn damped(weights: impl Iterator<Item = f32>) -> f32 {
    let mut weights: Vec<f32> = weights.collect();
    weights.sort_by(|a, b| b.total_cmp(a));
    let mut share = 1.0;
    let mut sum = 0.0;
    for weight in weights {
        sum += weight * share;
        share *= REPEATED;
    }
    sum
}

/// What `text` in `locale` sounds like, with the log-odds of a machine: for tools and tests.
#[must_use]
pub fn classify(locale: Option<&str>, text: &str) -> (Option<Category>, f32) {
    let reading = Reading::of(Book::for_locale(locale), text, "");
    (reading.category, reading.log_odds)
}
