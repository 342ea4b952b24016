//! What a case scripts beside the callee: the answers of services, whether a transfer succeeds.

use serde_json::{Map, Value as Json};

use super::world::Reply;
use crate::flow::model::number;
use crate::flow::read::{Diagnostic, Node, Reader, Source, Style, Value, yaml_tree};
use crate::flow::run::ExternalStepEnd;

/// What services answer to the requests of a call, in this order.
#[derive(Clone, Debug, Default)]
pub struct Replies(pub(super) Vec<Reply>);

/// Reads a file of answers: a list as `http:` of a flow test has it, alone or below `http:`.
///
/// # Errors
/// Everything that is wrong with the text.
pub fn parse_replies(file: &str, text: &str) -> Result<Replies, Vec<Diagnostic>> {
    let source = Source { file: file.to_owned(), text: text.to_owned() };
    let mut found = Vec::new();
    let root = yaml_tree(&source, &mut found);
    let mut reader = Reader::new(&source, found);
    let read = root.and_then(|root| match &root.value {
        Value::Map(entries) if entries.iter().any(|entry| entry.key == "http") => {
            let fields = reader.map(&root, "a file of answers", &["http"])?;
            fields.node("http").map(|node| replies(&mut reader, node))
        }
        Value::Scalar { .. } | Value::List(_) | Value::Map(_) => Some(replies(&mut reader, &root)),
    });
    match read.filter(|_| !reader.has_errors()) {
        Some(replies) => Ok(Replies(replies)),
        None => Err(reader.found),
    }
}

/// How long a service takes when the case does not say.
const ANSWER_MS: u64 = 100;

/// `http:` a list of `{ status: …, json: …, after: … }` or `{ fails: reason }`, in the order of the requests.
pub(super) fn replies(reader: &mut Reader<'_>, node: &Node) -> Vec<Reply> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Scalar { .. } | Value::Map(_) => std::slice::from_ref(node),
    };
    items.iter().filter_map(|item| reply(reader, item)).collect()
}

fn reply(reader: &mut Reader<'_>, node: &Node) -> Option<Reply> {
    let fields = reader.map(node, "an answer", &["status", "json", "after", "fails"])?;
    let after = fields.node("after").and_then(|node| reader.duration_ms(node, "`after`"));
    let end = match fields.node("fails") {
        Some(reason) => ExternalStepEnd::Failed(reader.scalar(reason, "`fails`")?.to_owned()),
        None => {
            let status = fields.node("status").and_then(|node| reader.count(node, "`status`", 100..600));
            let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
            ExternalStepEnd::Answered { status, body: fields.node("json").map(tree) }
        }
    };
    Some(Reply { after_ms: after.unwrap_or(ANSWER_MS), end })
}

/// `transfer: unsupported`, `done` or `failed`.
pub(super) fn transfer(reader: &mut Reader<'_>, node: &Node) -> ExternalStepEnd {
    match reader.word(node, "`transfer`", &["unsupported", "done", "failed"]).as_deref() {
        Some("done") => ExternalStepEnd::Transferred,
        Some("failed") => ExternalStepEnd::Failed("the test says so".to_owned()),
        Some(_) | None => ExternalStepEnd::Unsupported,
    }
}

/// The JSON that a YAML tree stands for: bare numbers, booleans and `null` are themselves.
pub(super) fn tree(node: &Node) -> Json {
    match &node.value {
        Value::Scalar { style: Style::Plain, .. } if node.is_null() => Json::Null,
        Value::Scalar { text, style: Style::Plain } => match text.as_str() {
            "true" | "false" => Json::Bool(text == "true"),
            text => number(text).unwrap_or_else(|| Json::from(text)),
        },
        Value::Scalar { text, style: Style::Quoted | Style::Block } => Json::from(text.as_str()),
        Value::List(items) => Json::Array(items.iter().map(tree).collect()),
        Value::Map(entries) => {
            let entries = entries.iter().map(|entry| (entry.key.clone(), tree(&entry.value)));
            Json::Object(entries.collect::<Map<_, _>>())
        }
    }
}
