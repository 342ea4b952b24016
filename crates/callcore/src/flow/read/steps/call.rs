//! `call` and `return`: a scene or a flow that does its part and comes back.

use std::sync::Arc;

use super::control::setting;
use crate::flow::model::{Assignment, Called, Flow, SubCall, Variable};
use crate::flow::read::reader::Reader;
use crate::language::{listed, nearest};
use crate::yaml::Span;
use crate::yaml::{Entry, Node, Value};

/// `call: scene`, or `call: { flow: name, with: { … }, into: { … } }`.
pub(super) fn call(reader: &mut Reader<'_>, entry: &Entry) -> Option<SubCall> {
    if !matches!(entry.value.value, Value::Map(_)) {
        let scene = reader.scene(&entry.value, "`call`")?;
        return Some(SubCall { called: Called::Scene(scene), with: Vec::new(), into: Vec::new() });
    }
    let fields = reader.map(&entry.value, "`call`", &["scene", "flow", "with", "into"])?;
    match (fields.entry("scene"), fields.entry("flow")) {
        (Some(scene), None) => {
            let called = Called::Scene(reader.scene(&scene.value, "`scene`")?);
            if let Some(extra) = fields.entry("with").or(fields.entry("into")) {
                let hint = "change variables with `set` before, and read them after";
                let message =
                    format!("a scene of the same flow shares its variables: `{}` is for flows", extra.key);
                reader.error(extra.key_span, message, hint);
            }
            Some(SubCall { called, with: Vec::new(), into: Vec::new() })
        }
        (None, Some(entry)) => {
            let flow = flow_named(reader, &entry.value)?;
            let with = fields.node("with").map(|node| arguments(reader, node, &flow)).unwrap_or_default();
            let given = |name: &str| with.iter().any(|argument| argument.variable == name);
            let needed = |(name, variable): &(&String, &Variable)| variable.default.is_none() && !given(name);
            let missing: Vec<&str> =
                flow.variables.iter().filter(needed).map(|(name, _)| name.as_str()).collect();
            if !missing.is_empty() && !reader.has_errors() {
                let message =
                    format!("the flow `{}` also needs {}", flow.name, listed(missing.iter().copied()));
                let first = missing.first().copied().unwrap_or_default();
                reader.error(entry.key_span, message, format!("add `with: {{ {first}: … }}`"));
            }
            let into = fields.node("into").map(|node| results(reader, node, &flow)).unwrap_or_default();
            Some(SubCall { called: Called::Flow(flow), with, into })
        }
        _ => {
            let hint = "write `call: scene`, or `call: { flow: name, with: { … }, into: { … } }`";
            reader.error(entry.key_span, "`call` needs a scene or a flow", hint);
            None
        }
    }
}

fn flow_named(reader: &mut Reader<'_>, node: &Node) -> Option<Arc<Flow>> {
    let name = reader.scalar(node, "`flow`")?;
    let plain = !name.is_empty()
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !plain {
        let hint = "name the file that lies beside this one, without `.yaml`";
        reader.error(node.span, format!("`{name}` cannot be the name of a flow file"), hint);
        return None;
    }
    match (reader.find_flow?)(name) {
        Ok(flow) => Some(flow),
        Err((message, hint)) => {
            reader.error(node.span, message, hint);
            None
        }
    }
}

fn unknown(reader: &mut Reader<'_>, flow: &Flow, name: &str, span: Span) {
    let names: Vec<&str> = flow.variables.keys().map(String::as_str).collect();
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "it declares no variables".to_owned(),
        None => format!("it declares {}", listed(names)),
    };
    reader.error(span, format!("the flow `{}` declares no variable `{name}`", flow.name), hint);
}

/// `{ its variable: value }`.
fn arguments(reader: &mut Reader<'_>, node: &Node, flow: &Flow) -> Vec<Assignment> {
    let Some(entries) = reader.entries(node, "`with`") else { return Vec::new() };
    let mut with = Vec::new();
    for entry in entries {
        let Some(variable) = flow.variables.get(&entry.key) else {
            unknown(reader, flow, &entry.key, entry.key_span);
            continue;
        };
        if let Some(value) = setting(reader, &entry.value, variable.kind) {
            with.push(Assignment { variable: entry.key.clone(), value });
        }
    }
    with
}

/// `{ our variable: its variable }`.
fn results(reader: &mut Reader<'_>, node: &Node, flow: &Flow) -> Vec<(String, String)> {
    let Some(entries) = reader.entries(node, "`into`") else { return Vec::new() };
    let mut into = Vec::new();
    for entry in entries {
        let Some(ours) = reader.variables.get(&entry.key).map(|variable| variable.kind) else {
            reader.undeclared(&entry.key, entry.key_span);
            continue;
        };
        reader.assigned.insert(entry.key.clone());
        let Some(name) = reader.scalar(&entry.value, "the result").map(str::to_owned) else { continue };
        let Some(theirs) = flow.variables.get(&name).map(|variable| variable.kind) else {
            unknown(reader, flow, &name, entry.value.span);
            continue;
        };
        if ours == theirs {
            into.push((entry.key.clone(), name));
        } else {
            let message =
                format!("`{}` is a {}, but `{name}` is a {}", entry.key, ours.as_str(), theirs.as_str());
            reader.error(entry.value.span, message, "declare both with the same type");
        }
    }
    into
}

/// `return`, or `return: word`.
pub(super) fn back(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    if node.is_null() {
        return Some(String::new());
    }
    reader.name_node(node, "a result")
}
