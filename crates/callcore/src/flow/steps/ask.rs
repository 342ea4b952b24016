//! `ask`: a question answered by keys or phrases, asked again a counted number of times.

use std::collections::BTreeMap;

use super::super::model::{Ask, Choice, Fallback};
use super::super::reader::Reader;
use super::super::yaml::{Entry, Node, Value};
use super::control::{is_key, set};
use super::prompt;

const TIMEOUT_MS: u64 = 5_000;
const DIGIT_TIMEOUT_MS: u64 = 2_000;
const RETRIES: u32 = 2;
/// Longest choice of keys.
const MAX_KEYS: usize = 32;

pub(in super::super) const KEYS: [&str; 8] =
    ["say", "choices", "barge_in", "timeout", "digit_timeout", "retries", "no_input", "no_match"];

/// `ask: { say: …, choices: …, timeout: …, retries: …, no_input: …, no_match: …, barge_in: … }`.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry) -> Option<Ask> {
    let fields = reader.map(&entry.value, "`ask`", &KEYS)?;
    let barge_in = fields.node("barge_in").map(|node| prompt::barge_in(reader, node)).unwrap_or_default();
    let question = match fields.node("say") {
        Some(node) => prompt::question(reader, node, "`say`", barge_in),
        None => {
            reader.error(entry.key_span, "`ask` has no question", "add `say: \"…\"`");
            None
        }
    };
    let choices = match fields.node("choices") {
        Some(node) => choices(reader, node),
        None => {
            let hint = "add `choices:` with a line per key, such as `\"1\": scene`";
            reader.error(entry.key_span, "`ask` has no choices", hint);
            Vec::new()
        }
    };
    let timeout_ms = fields.node("timeout").and_then(|node| reader.duration_ms(node, "`timeout`"));
    let digit_timeout_ms =
        fields.node("digit_timeout").and_then(|node| reader.duration_ms(node, "`digit_timeout`"));
    let retries = fields.node("retries").and_then(|node| reader.count(node, "`retries`", 0..11));
    let mut fallback =
        |key: &str| fields.node(key).map(|node| fallback(reader, node, key, barge_in)).unwrap_or_default();
    Some(Ask {
        prompt: question?,
        choices,
        timeout_ms: timeout_ms.unwrap_or(TIMEOUT_MS),
        digit_timeout_ms: digit_timeout_ms.unwrap_or(DIGIT_TIMEOUT_MS),
        retries: retries.unwrap_or(RETRIES),
        no_input: fallback("no_input"),
        no_match: fallback("no_match"),
    })
}

fn choices(reader: &mut Reader<'_>, node: &Node) -> Vec<Choice> {
    if node.is_null() {
        let hint = "add a line per key, such as `\"1\": scene`; the keys `#` and `*` must be in quotes";
        reader.error(node.span, "`choices` is empty", hint);
        return Vec::new();
    }
    let Some(entries) = reader.entries(node, "`choices`") else { return Vec::new() };
    if entries.is_empty() {
        reader.error(node.span, "`choices` is empty", "add a line per key, such as `\"1\": scene`");
    }
    let mut choices: Vec<Choice> = Vec::new();
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for entry in entries {
        let Some(choice) = choice(reader, entry) else { continue };
        for phrase in &choice.phrases {
            match owners.insert(phrase.clone(), &entry.key) {
                Some(other) if other != entry.key => {
                    let message = format!("the phrase \"{phrase}\" also picks `{other}`");
                    reader.error(entry.key_span, message, "every phrase must pick one choice only");
                }
                Some(_) | None => {}
            }
        }
        choices.push(choice);
    }
    choices
}

/// `"1": scene`, or `"1": { phrases: […], set: {…}, goto: scene }`; a key of words is a choice by phrase.
fn choice(reader: &mut Reader<'_>, entry: &Entry) -> Option<Choice> {
    let by_keys = !entry.key.is_empty() && entry.key.chars().all(is_key) && entry.key.len() <= MAX_KEYS;
    let (keys, mut phrases) =
        if by_keys { (entry.key.clone(), Vec::new()) } else { (String::new(), Vec::new()) };
    if !by_keys {
        if !entry.key.chars().any(char::is_alphabetic) {
            let hint = "a choice is keys in quotes (`\"1\"`, `\"*\"`) or a phrase the callee may say";
            reader.error(entry.key_span, format!("`{}` cannot be pressed or said", entry.key), hint);
            return None;
        }
        phrases.push(plain_words(&entry.key));
    }
    let mut choice = Choice { keys, phrases, set: Vec::new(), goto: None };
    if !matches!(entry.value.value, Value::Map(_)) {
        if !entry.value.is_null() {
            choice.goto = Some(reader.scene(&entry.value, "the scene")?);
        }
        return Some(choice);
    }
    let what = format!("the choice `{}`", entry.key);
    let fields = reader.map(&entry.value, &what, &["goto", "set", "phrases"])?;
    choice.goto = fields.node("goto").and_then(|node| reader.scene(node, "`goto`"));
    if let Some(node) = fields.node("set") {
        choice.set = set(reader, node).unwrap_or_default();
    }
    if let Some(node) = fields.node("phrases") {
        choice.phrases.extend(phrase_list(reader, node));
    }
    Some(choice)
}

fn phrase_list(reader: &mut Reader<'_>, node: &Node) -> Vec<String> {
    let nodes = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Scalar { .. } | Value::Map(_) => std::slice::from_ref(node),
    };
    let mut phrases = Vec::new();
    for node in nodes {
        let Some(text) = reader.scalar(node, "a phrase") else { continue };
        let words = plain_words(text);
        if words.is_empty() {
            reader.error(node.span, "a phrase needs words", "write what the callee may say, such as `yes`");
        } else {
            phrases.push(words);
        }
    }
    phrases
}

/// Lower-case words with single spaces and no punctuation, as phrases are compared.
pub(in super::super) fn plain_words(text: &str) -> String {
    let spaced: String =
        text.chars().map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' }).collect();
    spaced.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// `no_input: scene`, or `no_input: { reprompts: […], goto: scene }`.
fn fallback(reader: &mut Reader<'_>, node: &Node, key: &str, barge_in: prompt::Interrupting) -> Fallback {
    let what = format!("`{key}`");
    if !matches!(node.value, Value::Map(_)) {
        return Fallback { reprompts: Vec::new(), goto: reader.scene(node, &what) };
    }
    let Some(fields) = reader.map(node, &what, &["reprompts", "goto"]) else { return Fallback::default() };
    let goto = fields.node("goto").and_then(|node| reader.scene(node, "`goto`"));
    let mut reprompts = Vec::new();
    if let Some(node) = fields.node("reprompts") {
        let nodes = match &node.value {
            Value::List(items) => items.as_slice(),
            Value::Scalar { .. } | Value::Map(_) => std::slice::from_ref(node),
        };
        reprompts =
            nodes.iter().filter_map(|node| prompt::question(reader, node, "a re-prompt", barge_in)).collect();
    }
    Fallback { reprompts, goto }
}
