//! Answers and conditions that cannot be told apart.

use super::super::reader::Reader;
use super::super::steps::{is_key, plain_words};
use super::super::yaml::{Entry, Node, Value};
use super::entry;

/// A phrase, the choice it picks, and where it stands.
struct Phrase<'n> {
    words: String,
    choice: &'n Entry,
}

/// The choices of one `ask`.
pub(super) fn ask(reader: &mut Reader<'_>, ask: &Entry) {
    let Some(choices) = entry(&ask.value, "choices") else { return };
    let Value::Map(choices) = &choices.value.value else { return };
    if entry(&ask.value, "digit_timeout").is_none() {
        overlapping_keys(reader, choices);
    }
    contained_phrases(reader, choices);
}

/// After the shorter of two keys the bot waits for more; how long should be the author's decision.
fn overlapping_keys(reader: &mut Reader<'_>, choices: &[Entry]) {
    let keys = |choice: &&Entry| !choice.key.is_empty() && choice.key.chars().all(is_key);
    for short in choices.iter().filter(keys) {
        let longer = choices
            .iter()
            .filter(keys)
            .find(|long| long.key != short.key && long.key.starts_with(&short.key));
        if let Some(long) = longer {
            let message = format!("`{}` also begins `{}`, so its answer comes 2 s late", short.key, long.key);
            reader.warn(
                short.key_span,
                message,
                "say how long to wait for the next key: `digit_timeout: 2s`",
            );
        }
    }
}

/// The longest phrase that was said wins, so a shorter one inside it wins as soon as a word is missed.
fn contained_phrases(reader: &mut Reader<'_>, choices: &[Entry]) {
    let phrases: Vec<Phrase<'_>> = choices.iter().flat_map(phrases).collect();
    for inner in &phrases {
        let outer = phrases.iter().find(|outer| {
            !std::ptr::eq(outer.choice, inner.choice)
                && outer.words != inner.words
                && format!(" {} ", outer.words).contains(&format!(" {} ", inner.words))
        });
        if let Some(outer) = outer {
            let (one, other) = (&inner.choice.key, &outer.choice.key);
            let message = format!(
                "\"{}\" (choice `{one}`) is part of \"{}\" (choice `{other}`): a word misheard takes the wrong one",
                inner.words, outer.words
            );
            reader.warn(inner.choice.key_span, message, "choose phrases that share less, or make one longer");
        }
    }
}

fn phrases(choice: &Entry) -> Vec<Phrase<'_>> {
    let mut found = Vec::new();
    if !choice.key.chars().all(is_key) {
        found.push(plain_words(&choice.key));
    }
    if let Some(listed) = entry(&choice.value, "phrases") {
        let nodes: &[Node] = match &listed.value.value {
            Value::List(items) => items,
            Value::Scalar { .. } | Value::Map(_) => std::slice::from_ref(&listed.value),
        };
        found.extend(nodes.iter().filter_map(|node| match &node.value {
            Value::Scalar { text, .. } => Some(plain_words(text)),
            Value::List(_) | Value::Map(_) => None,
        }));
    }
    found.into_iter().filter(|words| !words.is_empty()).map(|words| Phrase { words, choice }).collect()
}

/// The cases of one `branch`: the first that holds is taken, so a second one like it never is.
pub(super) fn branch(reader: &mut Reader<'_>, branch: &Entry) {
    let Value::List(cases) = &branch.value.value else { return };
    let mut seen: Vec<Vec<&str>> = Vec::new();
    for case in cases {
        let Some(when) = entry(case, "when") else { continue };
        let Value::Scalar { text, .. } = &when.value.value else { continue };
        let words: Vec<&str> = text.split_whitespace().collect();
        if seen.contains(&words) {
            let hint = "drop it, or change what it asks";
            reader.warn(
                when.value.span,
                "this condition stands above already, so it is never taken here",
                hint,
            );
        }
        seen.push(words);
    }
}
