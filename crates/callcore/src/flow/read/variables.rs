//! `variables:` and literal values.

use serde_json::Value as Json;

use super::expr::RESERVED;
use super::reader::Reader;
use crate::flow::model::{Fact, Variable, VariableType, certain_number};
use crate::language::{Date, TimeOfDay};
use crate::yaml::{Entry, Node, Value};

pub(super) fn read_variables(reader: &mut Reader<'_>, node: &Node) {
    let Some(entries) = reader.entries(node, "`variables`") else { return };
    for entry in entries {
        let Some(name) = reader.name(&entry.key, entry.key_span, "a variable") else { continue };
        if Fact::names().chain(RESERVED).any(|n| n == name) {
            let message = format!("`{name}` already means something in conditions");
            reader.error(entry.key_span, message, "give the variable another name");
            continue;
        }
        let variable = read_variable(reader, entry).unwrap_or(Variable {
            kind: VariableType::Text,
            default: None,
            from: None,
        });
        reader.declared_at.insert(name.clone(), entry.key_span);
        reader.variables.insert(name, variable);
    }
}

fn read_variable(reader: &mut Reader<'_>, entry: &Entry) -> Option<Variable> {
    if matches!(entry.value.value, Value::Scalar { .. }) {
        if entry.value.is_null() {
            return Some(Variable { kind: VariableType::Text, default: None, from: None });
        }
        let kind = variable_type(reader, &entry.value)?;
        return Some(Variable { kind, default: None, from: None });
    }
    let what = format!("the variable `{}`", entry.key);
    let fields = reader.map(&entry.value, &what, &["type", "required", "default", "from", "description"])?;
    let kind = fields.node("type").map_or(Some(VariableType::Text), |node| variable_type(reader, node));
    let kind = kind.unwrap_or(VariableType::Text);
    let mut default = fields.node("default").and_then(|node| literal(reader, node, kind, "`default`"));
    if let Some(required) = fields.node("required") {
        match reader.word(required, "`required`", &["true", "false"]).as_deref() {
            Some("true") if fields.entry("default").is_some() => {
                let hint = "keep one of them: a default is for calls that bring no value";
                reader.error(required.span, "a required variable needs no default", hint);
            }
            Some("false") if fields.entry("default").is_none() => {
                if kind == VariableType::Text {
                    default = Some(Json::from(""));
                } else {
                    let hint = "add `default:`";
                    reader.error(required.span, format!("an optional {} needs a value", kind.as_str()), hint);
                }
            }
            Some(_) | None => {}
        }
    }
    let from = fields.node("from").and_then(|node| {
        let name = reader.scalar(node, "`from`")?;
        if name.trim().is_empty() || name.len() > 128 {
            reader.error(
                node.span,
                "`from` needs a name",
                "name a key of the metadata or a contact's column",
            );
        }
        Some(name.to_owned())
    });
    Some(Variable { kind, default, from })
}

fn variable_type(reader: &mut Reader<'_>, node: &Node) -> Option<VariableType> {
    match reader.word(node, "a variable's type", &VariableType::NAMES)?.as_str() {
        "number" => Some(VariableType::Number),
        "boolean" => Some(VariableType::Boolean),
        "date" => Some(VariableType::Date),
        "time" => Some(VariableType::Time),
        _ => Some(VariableType::Text),
    }
}

/// A fixed value of the given type.
pub(crate) fn literal(reader: &mut Reader<'_>, node: &Node, kind: VariableType, what: &str) -> Option<Json> {
    if let Value::Scalar { text, .. } = &node.value
        && kind == VariableType::Text
        && !node.is_null()
    {
        return Some(Json::from(text.as_str()));
    }
    let text = reader.scalar(node, what)?;
    let value = match kind {
        VariableType::Text => Some(Json::from(text)),
        VariableType::Number => match certain_number(text) {
            Ok(number) => Some(number),
            Err(misread) => {
                let message = format!("{what} must be a number, not `{text}`");
                reader.error(node.span, message, misread.hint().unwrap_or_else(|| kind.example().to_owned()));
                return None;
            }
        },
        VariableType::Boolean => text.parse().ok().map(Json::Bool),
        VariableType::Date => Date::parse(text).map(|date| Json::from(date.to_string())),
        VariableType::Time => TimeOfDay::parse(text).map(|time| Json::from(time.to_string())),
    };
    if value.is_none() {
        let message = format!("{what} must be a {}, not `{text}`", kind.as_str());
        reader.error(node.span, message, kind.example());
    }
    value
}
