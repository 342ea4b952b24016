//! Reading a file of cases: `*.test.yaml` beside the flow it is about.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::case::{Act, Case, Expectation, Tests, Wanted};
use super::recording::speaking_ms;
use super::script;
use crate::flow::model::{OUTCOME_NAMES, is_key, number, outcome_named};
use crate::flow::read::{Diagnostic, Entry, Fields, Node, Reader, Source, Span, Style, Value, yaml_tree};
use crate::language::LocalTime;

/// A file of cases as read.
#[derive(Debug)]
pub struct ParsedTests {
    /// `None` when any of the findings is an error.
    pub tests: Option<Tests>,
    pub diagnostics: Vec<Diagnostic>,
}

pub(crate) const ACTS: [&str; 11] = [
    "wait",
    "verdict",
    "greeting_ends",
    "beep",
    "press",
    "says",
    "talks",
    "hears",
    "wav",
    "hangs_up",
    "speech_fails",
];

pub(crate) const EXPECTATIONS: [&str; 10] = [
    "outcome",
    "last_checkpoint",
    "checkpoints",
    "heard",
    "not_heard",
    "variables",
    "requests",
    "notified",
    "ended_by",
    "within",
];

/// What a case may have.
pub(crate) const CASE: [&str; 6] = ["now", "variables", "callee", "http", "transfer", "expect"];

/// Reads a file of flow tests. `file` is the name that findings quote; nothing is opened.
#[must_use]
pub fn parse_tests(file: &str, text: &str) -> ParsedTests {
    let source = Source { file: file.to_owned(), text: text.to_owned() };
    let mut found = Vec::new();
    let root = yaml_tree(&source, &mut found);
    let mut reader = Reader::new(&source, found);
    let read = root.and_then(|root| read_file(&mut reader, &root));
    let read = read.filter(|_| !reader.has_errors());
    let diagnostics = reader.found;
    let tests = read.map(|(flow, cases)| Tests { source, flow, cases });
    ParsedTests { tests, diagnostics }
}

fn read_file(reader: &mut Reader<'_>, root: &Node) -> Option<(String, Vec<Case>)> {
    let fields = reader.map(root, "a file of flow tests", &["test", "now", "variables", "cases"])?;
    let flow = match fields.node("test") {
        Some(node) => reader.scalar(node, "`test`").map(str::to_owned),
        None => {
            reader.error(root.span, "the tests name no flow", "begin with `test: the-flow.yaml`");
            None
        }
    };
    let now = fields.node("now").and_then(|node| read_now(reader, node)).unwrap_or_default();
    let common = fields.node("variables").map(|node| variables(reader, node)).unwrap_or_default();
    let common = Arc::new(common);
    let Some(cases) = fields.node("cases") else {
        reader.error(root.span, "there are no cases", "add `cases:` with a name per case");
        return None;
    };
    let entries = reader.entries(cases, "`cases`")?;
    let cases = entries.iter().filter_map(|entry| read_case(reader, entry, &common, now)).collect();
    Some((flow?, cases))
}

/// The date and time of a call.
fn read_now(reader: &mut Reader<'_>, node: &Node) -> Option<LocalTime> {
    let text = reader.scalar(node, "`now`")?;
    let now = LocalTime::parse(text);
    if now.is_none() {
        let hint = "write it like `2026-05-31` or `2026-05-31 14:30`";
        reader.error(node.span, format!("`{text}` is not a date and time"), hint);
    }
    now
}

fn read_case(
    reader: &mut Reader<'_>,
    entry: &Entry,
    common: &Arc<Map<String, Json>>,
    now: LocalTime,
) -> Option<Case> {
    let what = format!("the case `{}`", entry.key);
    let fields = reader.map(&entry.value, &what, &CASE)?;
    let now = fields.node("now").and_then(|node| read_now(reader, node)).unwrap_or(now);
    let variables = fields.node("variables").map(|node| variables(reader, node)).unwrap_or_default();
    let callee = fields.node("callee").map(|node| acts(reader, node)).unwrap_or_default();
    let replies = fields.node("http").map(|node| script::replies(reader, node)).unwrap_or_default();
    let transfer = fields.node("transfer").map(|node| script::transfer(reader, node));
    let Some(expect) = fields.node("expect") else {
        reader.error(entry.key_span, "the case expects nothing", "add `expect: { outcome: … }`");
        return None;
    };
    let expect = expectations(reader, expect);
    let (name, span, common) = (entry.key.clone(), entry.key_span, Arc::clone(common));
    Some(Case { name, span, common, variables, now, callee, replies, transfer, expect })
}

/// Values as a dial-out would bring them: quoted is text, bare numbers and booleans are themselves.
fn variables(reader: &mut Reader<'_>, node: &Node) -> Map<String, Json> {
    let Some(entries) = reader.entries(node, "`variables`") else { return Map::new() };
    let mut variables = Map::new();
    for entry in entries {
        if reader.scalar(&entry.value, "the value").is_some() {
            variables.insert(entry.key.clone(), json_of(&entry.value));
        }
    }
    variables
}

fn json_of(node: &Node) -> Json {
    match &node.value {
        Value::Scalar { text, style: Style::Plain } => match text.as_str() {
            "true" | "false" => Json::Bool(text == "true"),
            text => number(text).unwrap_or_else(|| Json::from(text)),
        },
        Value::Scalar { text, style: Style::Quoted | Style::Block } => Json::from(text.as_str()),
        Value::List(_) | Value::Map(_) => Json::Null,
    }
}

fn acts(reader: &mut Reader<'_>, node: &Node) -> Vec<(Act, Span)> {
    let Value::List(items) = &node.value else {
        let message = format!("`callee` must be a list of acts, but this is {}", node.kind());
        reader.error(node.span, message, "begin every act with `- `, such as `- press: \"1\"`");
        return Vec::new();
    };
    items.iter().filter_map(|item| act(reader, item)).collect()
}

fn act(reader: &mut Reader<'_>, node: &Node) -> Option<(Act, Span)> {
    let (key, span, value) = match &node.value {
        Value::Scalar { text, .. } => (text.as_str(), node.span, None),
        Value::Map(entries) => match entries.as_slice() {
            [entry] => (entry.key.as_str(), entry.key_span, Some(&entry.value)),
            _ => {
                reader.error(node.span, "an act is one thing", "begin a new act with `- `");
                return None;
            }
        },
        Value::List(_) => {
            reader.error(node.span, "an act cannot be a list", "write it like `- press: \"1\"`");
            return None;
        }
    };
    if !reader.known(key, span, "the list of acts", &ACTS) {
        return None;
    }
    let act = match (key, value) {
        ("greeting_ends", _) => Act::GreetingEnds,
        ("beep", _) => Act::Beep,
        ("speech_fails", _) => Act::SpeechFails,
        ("hangs_up", _) => Act::HangsUp,
        (_, None) => {
            reader.error(span, format!("`{key}` needs a value"), format!("write `- {key}: …`"));
            return None;
        }
        ("wait", Some(node)) => Act::Wait { ms: reader.duration_ms(node, "`wait`")? },
        ("talks", Some(node)) => Act::Says { text: None, ms: reader.duration_ms(node, "`talks`")? },
        ("verdict", Some(node)) => {
            Act::Verdict(outcome_named(&reader.word(node, "`verdict`", &OUTCOME_NAMES)?)?)
        }
        ("press", Some(node)) => {
            let keys = reader.scalar(node, "`press`")?;
            if !keys.chars().all(is_key) {
                let hint = "keys are `0` to `9`, `*`, `#` and `A` to `D`";
                reader.error(node.span, format!("`{keys}` cannot be pressed"), hint);
                return None;
            }
            Act::Press(keys.to_owned())
        }
        ("says", Some(node)) => {
            let text = reader.scalar(node, "`says`")?;
            Act::Says { text: Some(text.to_owned()), ms: speaking_ms(text) }
        }
        ("wav", Some(node)) => Act::Wav(reader.scalar(node, "`wav`")?.to_owned()),
        (_, Some(node)) => Act::Hears(reader.scalar(node, "`hears`")?.to_owned()),
    };
    Some((act, span))
}

fn expectations(reader: &mut Reader<'_>, node: &Node) -> Vec<(Expectation, Span)> {
    let Some(fields) = reader.map(node, "`expect`", &EXPECTATIONS) else { return Vec::new() };
    let mut expect = Vec::new();
    if let Some(node) = fields.node("outcome")
        && let Some(outcome) = reader.scalar(node, "`outcome`")
    {
        expect.push((Expectation::Outcome(outcome.to_owned()), node.span));
    }
    if let Some(node) = fields.node("last_checkpoint")
        && let Some(name) = reader.scalar(node, "`last_checkpoint`")
    {
        expect.push((Expectation::LastCheckpoint(name.to_owned()), node.span));
    }
    if let Some((names, span)) = word_list(reader, fields, "checkpoints") {
        let names = names.into_iter().map(|(name, _)| name).collect();
        expect.push((Expectation::Checkpoints(names), span));
    }
    if let Some(node) = fields.node("heard") {
        let wanted = listed(node).iter().filter_map(|item| wanted(reader, item)).collect();
        expect.push((Expectation::Heard(wanted), node.span));
    }
    if let Some(node) = fields.node("ended_by")
        && let Some(who) = reader.word(node, "`ended_by`", &["bot", "callee"])
    {
        expect.push((Expectation::EndedByCallee(who == "callee"), node.span));
    }
    if let Some((words, span)) = word_list(reader, fields, "not_heard") {
        expect.push((Expectation::NotHeard(words), span));
    }
    if let Some(node) = fields.node("variables")
        && let Some(entries) = reader.entries(node, "`variables`")
    {
        for entry in entries {
            let value = json_of(&entry.value);
            expect.push((Expectation::Variable { name: entry.key.clone(), value }, entry.key_span));
        }
    }
    if let Some((words, span)) = word_list(reader, fields, "requests") {
        expect.push((Expectation::Requests(words), span));
    }
    if let Some((words, span)) = word_list(reader, fields, "notified") {
        expect.push((Expectation::Notified(words), span));
    }
    if let Some(node) = fields.node("within")
        && let Some(ms) = reader.duration_ms(node, "`within`")
    {
        expect.push((Expectation::Within { ms }, node.span));
    }
    expect
}

fn word_list(reader: &mut Reader<'_>, fields: Fields<'_>, key: &str) -> Option<(Vec<(String, Span)>, Span)> {
    let node = fields.node(key)?;
    let words = listed(node)
        .iter()
        .filter_map(|item| Some((reader.scalar(item, "what is heard")?.to_owned(), item.span)))
        .collect();
    Some((words, node.span))
}

/// The items of a list; anything else is a list of itself.
fn listed(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Scalar { .. } | Value::Map(_) => std::slice::from_ref(node),
    }
}

/// `words`, or `{ text: words, after: 1s, before: 5s }`.
fn wanted(reader: &mut Reader<'_>, node: &Node) -> Option<Wanted> {
    let Value::Map(_) = &node.value else {
        let what = reader.scalar(node, "what is heard")?.to_owned();
        return Some(Wanted { what, after: None, before: None, span: node.span });
    };
    let fields = reader.map(node, "what is heard", &["text", "after", "before"])?;
    let Some(text) = fields.node("text") else {
        reader.error(node.span, "what is heard has no `text`", "write `{ text: …, before: 5s }`");
        return None;
    };
    let what = reader.scalar(text, "`text`")?.to_owned();
    let mut ms = |key| fields.node(key).and_then(|node| reader.duration_ms(node, &format!("`{key}`")));
    Some(Wanted { what, after: ms("after"), before: ms("before"), span: text.span })
}
