//! `ask`: a question answered by keys, phrases or a typed answer, asked again a counted number of times.

use std::collections::BTreeMap;

use super::control::set;
use super::{expected, prompt, slot};
use crate::flow::model::{Ask, Choice, Fallback, Listening, Slot, VariableType, is_key};
use crate::flow::read::reader::Reader;
use crate::language::{Language, plain_words};
use crate::yaml::{Entry, Node, Value};

pub(super) const TIMEOUT_MS: u64 = 5_000;
const DIGIT_TIMEOUT_MS: u64 = 2_000;
const RETRIES: u32 = 2;

/// Longest choice of keys.
const MAX_KEYS: usize = 32;

pub(crate) const KEYS: [&str; 20] = [
    "say",
    "choices",
    "number",
    "date",
    "time",
    "yes_no",
    "digits",
    "matches",
    "into",
    "goto",
    "confirm",
    "barge_in",
    "answer_ahead",
    "timeout",
    "digit_timeout",
    "end_silence",
    "redact",
    "retries",
    "no_input",
    "no_match",
];

/// `ask: { say: …, choices: … or a typed answer, … }`.
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
    let choices = fields.node("choices").map(|node| choices(reader, node)).unwrap_or_default();
    let asks_for_more = slot::SLOTS.iter().any(|name| fields.entry(name).is_some());
    if fields.node("choices").is_none() && !asks_for_more {
        let hint =
            "add `choices:` with a line per key, such as `\"1\": scene`, or a typed answer such as `number:`";
        reader.error(entry.key_span, "`ask` has no choices", hint);
    }
    let slot = slot::read(reader, fields);
    let into = fields.entry("into").and_then(|entry| {
        if choices.is_empty() {
            let hint = "put it into the typed answer: `number: { into: variable }`";
            reader.error(entry.key_span, "`into` keeps the choice, but there are no choices", hint);
            return None;
        }
        slot::variable(reader, &entry.value, VariableType::Text)
    });
    if into.is_none() && choices.iter().any(|choice| choice.value.is_some()) && !reader.has_errors() {
        let hint = "add `into:` with a text variable to the question";
        reader.error(entry.key_span, "the choices have values, but no variable takes them", hint);
    }
    let mut needs_slot = |key: &str| {
        let entry = fields.entry(key)?;
        if !asks_for_more {
            let message = format!("`{key}` is for typed answers; a choice has its own");
            reader.error(entry.key_span, message, "give each choice its `goto`, or ask for a typed answer");
        }
        Some(&entry.value)
    };
    let (goto, confirm) = (needs_slot("goto"), needs_slot("confirm"));
    let goto = goto.and_then(|node| reader.scene(node, "`goto`"));
    let confirm = confirm.and_then(|node| prompt::question(reader, node, "`confirm`", barge_in));
    let mut ms = |key| fields.node(key).and_then(|node| reader.duration_ms(node, &format!("`{key}`")));
    let (timeout_ms, digit_timeout_ms) = (ms("timeout"), ms("digit_timeout"));
    let silence = fields.node("end_silence").map(|node| end_silence(reader, node)).unwrap_or_default();
    let digits = matches!(slot, Some(Slot::Digits { .. } | Slot::Number { .. }));
    let redacted = redacted(reader, fields.node("redact"), digits);
    let by_words = slot.is_some() || choices.iter().any(|choice| !choice.phrases.is_empty());
    let answer_ahead = fields.entry("answer_ahead").is_none_or(|entry| {
        if !by_words {
            let hint = "drop it, or give the choices `phrases:`";
            reader.warn(entry.key_span, "no words answer this question, so none can answer it ahead", hint);
        }
        reader.yes(&entry.value, "`answer_ahead`")
    });
    let retries = fields.node("retries").and_then(|node| reader.count(node, "`retries`", 0..11));
    let retries = retries.unwrap_or(RETRIES);
    let mut fallback = |key: &str| match fields.node(key) {
        Some(node) => fallback(reader, node, key, barge_in, retries),
        None => Fallback { retries, ..Fallback::default() },
    };
    let (no_input, no_match) = (fallback("no_input"), fallback("no_match"));
    let language = Language::of(&reader.language);
    let expected =
        expected::of(&choices, slot.as_ref(), confirm.is_some(), &reader.handler_phrases, language);
    let confirmation = expected::of_confirmation(language);
    Some(Ask {
        prompt: question?,
        choices,
        slot,
        into,
        goto,
        confirm,
        timeout_ms: timeout_ms.unwrap_or(TIMEOUT_MS),
        digit_timeout_ms: digit_timeout_ms.unwrap_or(DIGIT_TIMEOUT_MS),
        confirm_listening: Listening { expected: confirmation, redacted, ..silence.clone() },
        listening: Listening { expected, redacted, ..silence },
        answer_ahead,
        no_input,
        no_match,
        language,
    })
}

/// `redact: true`; a question for digits in a flow that hides them needs none.
pub(super) fn redacted(reader: &mut Reader<'_>, node: Option<&Node>, digits: bool) -> bool {
    match node {
        Some(node) => reader.yes(node, "`redact`"),
        None => reader.redacts && digits,
    }
}

/// `end_silence: 700ms`, or `end_silence: { usual: 700ms, complete: 400ms, unfinished: 2s }`.
pub(super) fn end_silence(reader: &mut Reader<'_>, node: &Node) -> Listening {
    if !matches!(node.value, Value::Map(_)) {
        let end_silence_ms = reader.duration_ms(node, "`end_silence`");
        return Listening { end_silence_ms, ..Listening::default() };
    }
    let Some(fields) = reader.map(node, "`end_silence`", &["usual", "complete", "unfinished"]) else {
        return Listening::default();
    };
    let mut ms = |key| fields.node(key).and_then(|node| reader.duration_ms(node, &format!("`{key}`")));
    let (usual, complete, unfinished) = (ms("usual"), ms("complete"), ms("unfinished"));
    if let (Some(complete), Some(unfinished)) = (complete, unfinished)
        && complete > unfinished
    {
        let hint = "make `unfinished` the longer one: it is for answers that go on";
        reader.error(node.span, "`complete` is longer than `unfinished`", hint);
    }
    Listening {
        end_silence_ms: usual,
        complete_ms: complete,
        unfinished_ms: unfinished,
        ..Listening::default()
    }
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
    let mut choice = Choice { keys, phrases, value: None, set: Vec::new(), goto: None };
    if !matches!(entry.value.value, Value::Map(_)) {
        if !entry.value.is_null() {
            choice.goto = Some(reader.scene(&entry.value, "the scene")?);
        }
        return Some(choice);
    }
    let what = format!("the choice `{}`", entry.key);
    let fields = reader.map(&entry.value, &what, &["goto", "set", "phrases", "value"])?;
    choice.goto = fields.node("goto").and_then(|node| reader.scene(node, "`goto`"));
    if let Some(node) = fields.node("set") {
        choice.set = set(reader, node).unwrap_or_default();
    }
    if let Some(node) = fields.node("value") {
        choice.value = reader.scalar(node, "`value`").map(str::to_owned);
    }
    if let Some(node) = fields.node("phrases") {
        choice.phrases.extend(phrase_list(reader, node));
    }
    Some(choice)
}

pub(crate) fn phrase_list(reader: &mut Reader<'_>, node: &Node) -> Vec<String> {
    let nodes = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Scalar { .. } | Value::Map(_) => std::slice::from_ref(node),
    };
    let mut phrases = Vec::new();
    for node in nodes {
        reader.cut_by_comment(node);
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

/// `no_input: scene`, or `no_input: { reprompts: […], retries: …, goto: scene }`.
pub(super) fn fallback(
    reader: &mut Reader<'_>,
    node: &Node,
    key: &str,
    barge_in: prompt::Interrupting,
    retries: u32,
) -> Fallback {
    let what = format!("`{key}`");
    if !matches!(node.value, Value::Map(_)) {
        return Fallback { reprompts: Vec::new(), retries, goto: reader.scene(node, &what) };
    }
    let Some(fields) = reader.map(node, &what, &["reprompts", "retries", "goto"]) else {
        return Fallback::default();
    };
    let own = fields.node("retries").and_then(|node| reader.count(node, "`retries`", 0..11));
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
    Fallback { reprompts, retries: own.unwrap_or(retries), goto }
}
