//! JSON that a flow sends, written as YAML with variables in it.

use serde_json::Value as Json;

use crate::flow::model::{Fact, JsonText, number};
use crate::flow::read::reader::Reader;
use crate::flow::read::template::is_template;
use crate::yaml::{Node, Style, Value};

/// The tree below `node`: bare numbers, `true`, `false` and `null` are themselves, all else is text.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<JsonText> {
    match &node.value {
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(|item| read(reader, item, what)).collect();
            items.into_iter().collect::<Option<_>>().map(JsonText::List)
        }
        Value::Map(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|entry| Some((entry.key.clone(), read(reader, &entry.value, what)?)))
                .collect();
            entries.into_iter().collect::<Option<_>>().map(JsonText::Map)
        }
        Value::Scalar { text, .. } if is_template(text) => {
            let filled = reader.text(node, what)?;
            match lone_variable(text) {
                Some(name) if reader.variables.contains_key(name) || Fact::named(name).is_some() => {
                    Some(JsonText::Variable(name.to_owned()))
                }
                Some(_) | None => Some(JsonText::Text(filled)),
            }
        }
        Value::Scalar { text, style: Style::Plain } => Some(JsonText::Literal(match text.as_str() {
            "true" | "false" => Json::Bool(text == "true"),
            _ if node.is_null() => Json::Null,
            // A telephone number is no number.
            text if text.starts_with('0') && text.len() > 1 && !text.contains('.') => Json::from(text),
            text => number(text).unwrap_or_else(|| Json::from(text)),
        })),
        Value::Scalar { text, style: Style::Quoted | Style::Block } => {
            Some(JsonText::Literal(Json::from(text.as_str())))
        }
    }
}

/// `name` of `{{ name }}`, when that is the whole text.
fn lone_variable(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let plain = inside.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    plain.then_some(inside)
}
