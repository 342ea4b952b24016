//! The steps that say nothing: `branch`, `set`, `send_digits`, `hangup`.

use crate::flow::model::{Assignment, COMPLETED, Case, Setting, Step, Text, VariableType, is_key, number};
use crate::flow::read::reader::Reader;
use crate::flow::read::template::is_template;
use crate::flow::read::variables::literal;
use crate::language::{Date, TimeOfDay};
use crate::yaml::{Node, Value};

/// Most keys pressed in one step.
const MAX_DIGITS: usize = 64;

/// `branch:` a list of `{ when: …, goto: … }`, then perhaps `{ else: scene }`.
pub(super) fn branch(reader: &mut Reader<'_>, node: &Node) -> Option<Step> {
    let Value::List(items) = &node.value else {
        let message = format!("`branch` must be a list of cases, but this is {}", node.kind());
        let hint = "write `- when: …` with its `goto: …` below, and perhaps `- else: scene` last";
        reader.error(node.span, message, hint);
        return None;
    };
    let (mut cases, mut otherwise) = (Vec::new(), None);
    for (at, item) in items.iter().enumerate() {
        let Some(fields) = reader.map(item, "a case", &["when", "goto", "else"]) else { continue };
        if let Some(entry) = fields.entry("else") {
            if at + 1 < items.len() {
                reader.error(entry.key_span, "cases after `else` are never looked at", "put `else` last");
            }
            if let Some(other) = fields.entry("when").or(fields.entry("goto")) {
                let hint = "write `- else: scene` as a case of its own";
                reader.error(other.key_span, "`else` stands alone", hint);
            }
            otherwise = reader.scene(&entry.value, "`else`");
            continue;
        }
        match (fields.node("when"), fields.node("goto")) {
            (Some(when), Some(to)) => {
                let text = match &when.value {
                    Value::Scalar { text, .. } => text.clone(),
                    Value::List(_) | Value::Map(_) => String::new(),
                };
                let (when, goto) = (reader.condition(when), reader.scene(to, "`goto`"));
                if let (Some(when), Some(goto)) = (when, goto) {
                    cases.push(Case { when, text, goto });
                }
            }
            (Some(_), None) => reader.error(item.span, "this case leads nowhere", "add `goto: scene`"),
            (None, _) => {
                reader.error(
                    item.span,
                    "this case has no condition",
                    "add `when: …`, or write `else: scene`",
                );
            }
        }
    }
    Some(Step::Branch { cases, otherwise })
}

/// `set: { variable: value }`.
pub(super) fn set(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<Assignment>> {
    let entries = reader.entries(node, "`set`")?;
    let mut assignments = Vec::new();
    for entry in entries {
        let Some(kind) = reader.variables.get(&entry.key).map(|variable| variable.kind) else {
            reader.undeclared(&entry.key, entry.key_span);
            continue;
        };
        reader.assigned.insert(entry.key.clone());
        if let Some(value) = setting(reader, &entry.value, kind) {
            assignments.push(Assignment { variable: entry.key.clone(), value });
        }
    }
    Some(assignments)
}

pub(super) fn setting(reader: &mut Reader<'_>, node: &Node, kind: VariableType) -> Option<Setting> {
    let Value::Scalar { text, .. } = &node.value else {
        reader.scalar(node, "the value");
        return None;
    };
    let plain = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    if plain && kind != VariableType::Text && !reader.names_value(text) {
        return literal(reader, node, kind, "the value").map(Setting::Literal);
    }
    let worked_out = text.starts_with('=') || (kind != VariableType::Text && !is_value(text, kind));
    if worked_out && !is_template(text) {
        return reader.expression(node, "the value", Some(kind)).map(|(expr, _)| Setting::Expr(expr));
    }
    if is_template(text) && kind == VariableType::Text {
        return reader.text(node, "the value").map(Setting::Text);
    }
    literal(reader, node, kind, "the value").map(Setting::Literal)
}

/// Whether `text` is a value by itself, and no expression.
fn is_value(text: &str, kind: VariableType) -> bool {
    match kind {
        VariableType::Text => true,
        VariableType::Number => number(text).is_some(),
        VariableType::Boolean => matches!(text, "true" | "false"),
        VariableType::Date => Date::parse(text).is_some(),
        VariableType::Time => TimeOfDay::parse(text).is_some(),
    }
}

/// `send_digits: "12#"`.
pub(super) fn send_digits(reader: &mut Reader<'_>, node: &Node) -> Option<Step> {
    let text = reader.text(node, "`send_digits`")?;
    if let Text::Literal(keys) = &text
        && (!keys.chars().all(is_key) || keys.len() > MAX_DIGITS)
    {
        let hint = format!("keys are `0` to `9`, `*`, `#` and `A` to `D`; at most {MAX_DIGITS}");
        reader.error(node.span, format!("`{keys}` cannot be pressed"), hint);
        return None;
    }
    Some(Step::SendDigits(text))
}

pub(super) fn bare_hangup() -> Step {
    Step::Hangup { outcome: COMPLETED.to_owned() }
}

/// `hangup: outcome`, or `hangup: { outcome: … }`.
pub(super) fn hangup(reader: &mut Reader<'_>, node: &Node) -> Option<Step> {
    if node.is_null() {
        return Some(bare_hangup());
    }
    let word = match &node.value {
        Value::Map(_) => {
            let fields = reader.map(node, "`hangup`", &["outcome"])?;
            match fields.node("outcome") {
                Some(node) => node,
                None => return Some(bare_hangup()),
            }
        }
        Value::Scalar { .. } | Value::List(_) => node,
    };
    reader.name_node(word, "an outcome").map(|outcome| Step::Hangup { outcome })
}
