//! `listen`: whatever the callee says, kept as a text.

use super::ask::{TIMEOUT_MS, end_silence, fallback, redacted};
use super::{prompt, slot};
use crate::flow::model::{Ask, Fallback, Listening, Prompt, Slot, VariableType};
use crate::flow::read::reader::Reader;
use crate::language::Language;
use crate::yaml::{Entry, Value};

pub(crate) const KEYS: [&str; 9] =
    ["into", "say", "barge_in", "timeout", "end_silence", "max", "redact", "no_input", "goto"];

/// Silence that ends a free answer: people pause to think.
const END_SILENCE_MS: u64 = 1_500;

/// Longest answer, unless the step says so.
const LONGEST_MS: u64 = 20_000;

/// No recogniser is given more at once.
const MOST_MS: u64 = 30_000;

/// `listen: variable`, or `listen: { into: …, say: …, timeout: …, end_silence: …, max: …, no_input: scene }`.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry) -> Option<Ask> {
    let listening = Listening {
        end_silence_ms: Some(END_SILENCE_MS),
        longest_ms: Some(LONGEST_MS),
        ..Listening::default()
    };
    let mut ask = Ask {
        prompt: Prompt::default(),
        choices: Vec::new(),
        slot: None,
        into: None,
        goto: None,
        confirm: None,
        timeout_ms: TIMEOUT_MS,
        digit_timeout_ms: TIMEOUT_MS,
        listening,
        confirm_listening: Listening::default(),
        answer_ahead: false,
        no_input: Fallback::default(),
        no_match: Fallback::default(),
        language: Language::of(&reader.language),
    };
    if !matches!(entry.value.value, Value::Map(_)) {
        let into = slot::variable(reader, &entry.value, VariableType::Text)?;
        return Some(Ask { slot: Some(Slot::Words { into }), ..ask });
    }
    let fields = reader.map(&entry.value, "`listen`", &KEYS)?;
    let Some(into) = fields.node("into") else {
        reader.error(entry.key_span, "`listen` keeps the words nowhere", "add `into:` with a text variable");
        return None;
    };
    ask.slot = slot::variable(reader, into, VariableType::Text).map(|into| Slot::Words { into });
    let barge_in = fields.node("barge_in").map(|node| prompt::barge_in(reader, node)).unwrap_or_default();
    if let Some(node) = fields.node("say") {
        ask.prompt = prompt::question(reader, node, "`say`", barge_in)?;
    }
    let mut ms = |key| fields.node(key).and_then(|node| reader.duration_ms(node, &format!("`{key}`")));
    ask.timeout_ms = ms("timeout").unwrap_or(TIMEOUT_MS);
    let longest = ms("max");
    if let Some(node) = fields.node("end_silence") {
        let silence = end_silence(reader, node);
        ask.listening.end_silence_ms = silence.end_silence_ms.or(ask.listening.end_silence_ms);
        (ask.listening.complete_ms, ask.listening.unfinished_ms) =
            (silence.complete_ms, silence.unfinished_ms);
    }
    if let Some(longest) = longest {
        ask.listening.longest_ms = Some(longest);
        if longest > MOST_MS
            && let Some(node) = fields.node("max")
        {
            reader.error(
                node.span,
                "`max` is more than 30s",
                "ask for it in parts, or use `record` for a message",
            );
        }
    }
    ask.listening.redacted = redacted(reader, fields.node("redact"), false);
    ask.goto = fields.node("goto").and_then(|node| reader.scene(node, "`goto`"));
    if let Some(node) = fields.node("no_input") {
        ask.no_input = fallback(reader, node, "no_input", barge_in, 0);
        ask.no_match.goto = ask.no_input.goto;
    }
    ask.slot.is_some().then_some(ask)
}
