//! The typed answers of an `ask`: `number`, `date`, `time`, `yes_no`, `digits`, `matches`.

use std::collections::BTreeMap;

use crate::flow::model::{Expr, Slot, VariableType};
use crate::flow::read::pattern;
use crate::flow::read::reader::{Fields, Reader};
use crate::language::{Date, TimeOfDay, listed, nearest};
use crate::yaml::{Entry, Node, Value};

pub(super) const SLOTS: [&str; 6] = ["number", "date", "time", "yes_no", "digits", "matches"];

/// Most keys of an answer.
const MAX_DIGITS: u32 = 32;

/// The one slot among the fields of an `ask`.
pub(super) fn read(reader: &mut Reader<'_>, fields: Fields<'_>) -> Option<Slot> {
    let mut given = SLOTS.iter().filter_map(|name| fields.entry(name));
    let entry = given.next()?;
    if let Some(second) = given.next() {
        let message = format!("a question asks for one thing, not for `{}` and `{}`", entry.key, second.key);
        reader.error(second.key_span, message, "ask for the other in a question of its own");
    }
    match entry.key.as_str() {
        "number" => number(reader, entry),
        "date" => date(reader, entry),
        "time" => time(reader, entry),
        "yes_no" => yes_no(reader, entry),
        "digits" => digits(reader, entry),
        _ => matches(reader, entry),
    }
}

/// The fields of a slot, or the variable of its short form `number: amount`.
fn options<'n>(
    reader: &mut Reader<'_>,
    entry: &'n Entry,
    allowed: &[&str],
    kind: VariableType,
) -> Option<(Option<Fields<'n>>, String)> {
    let what = format!("`{}`", entry.key);
    if !matches!(entry.value.value, Value::Map(_)) {
        return Some((None, variable(reader, &entry.value, kind)?));
    }
    let fields = reader.map(&entry.value, &what, allowed)?;
    let Some(into) = fields.node("into") else {
        let hint = format!("add `into:` with a variable of the type `{}`", kind.as_str());
        reader.error(entry.key_span, format!("{what} keeps its answer nowhere"), hint);
        return None;
    };
    Some((Some(fields), variable(reader, into, kind)?))
}

/// A declared variable of that type, which the answer is kept in.
pub(super) fn variable(reader: &mut Reader<'_>, node: &Node, kind: VariableType) -> Option<String> {
    let name = reader.scalar(node, "the variable")?.to_owned();
    let Some(declared) = reader.variables.get(&name).map(|variable| variable.kind) else {
        reader.undeclared(&name, node.span);
        return None;
    };
    reader.assigned.insert(name.clone());
    if declared != kind {
        let message = format!("`{name}` is a {}, but the answer is a {}", declared.as_str(), kind.as_str());
        reader.error(node.span, message, format!("declare it as `{name}: {{ type: {} }}`", kind.as_str()));
        return None;
    }
    Some(name)
}

fn number(reader: &mut Reader<'_>, entry: &Entry) -> Option<Slot> {
    let (fields, into) = options(reader, entry, &["into", "min", "max"], VariableType::Number)?;
    let mut bound = |name: &str| {
        let node = fields?.node(name)?;
        let text = reader.scalar(node, &format!("`{name}`"))?;
        let number = text.parse::<f64>().ok().filter(|n| n.is_finite());
        if number.is_none() {
            let message = format!("`{name}` must be a number, not `{text}`");
            reader.error(node.span, message, VariableType::Number.example());
        }
        Some((number?, node.span))
    };
    let (min, max) = (bound("min"), bound("max"));
    if let (Some((least, _)), Some((most, span))) = (min, max)
        && least > most
    {
        reader.error(span, "`max` is less than `min`: no answer fits", "make `max` larger");
    }
    Some(Slot::Number { into, min: min.map(|(n, _)| n), max: max.map(|(n, _)| n) })
}

fn date(reader: &mut Reader<'_>, entry: &Entry) -> Option<Slot> {
    let (fields, into) = options(reader, entry, &["into", "earliest", "latest"], VariableType::Date)?;
    let mut bound = |name: &str| {
        let node = fields?.node(name)?;
        // A bare date is written without quotes here.
        if let Value::Scalar { text, .. } = &node.value
            && let Some(date) = Date::parse(text)
        {
            return Some(Expr::Literal(date.to_string().into()));
        }
        reader.expression(node, &format!("`{name}`"), Some(VariableType::Date)).map(|(expr, _)| expr)
    };
    Some(Slot::Date { into, earliest: bound("earliest"), latest: bound("latest") })
}

fn time(reader: &mut Reader<'_>, entry: &Entry) -> Option<Slot> {
    let (fields, into) = options(reader, entry, &["into", "earliest", "latest"], VariableType::Time)?;
    let mut bound = |name: &str| {
        let node = fields?.node(name)?;
        let text = reader.scalar(node, &format!("`{name}`"))?;
        let time = TimeOfDay::parse(text);
        if time.is_none() {
            let message = format!("`{name}` must be a time, not `{text}`");
            reader.error(node.span, message, VariableType::Time.example());
        }
        time
    };
    Some(Slot::Time { into, earliest: bound("earliest"), latest: bound("latest") })
}

/// `yes_no: variable`, or `yes_no: { into: variable, yes: scene, no: scene }`.
fn yes_no(reader: &mut Reader<'_>, entry: &Entry) -> Option<Slot> {
    if !matches!(entry.value.value, Value::Map(_)) {
        let into = variable(reader, &entry.value, VariableType::Boolean)?;
        return Some(Slot::YesNo { into: Some(into), yes: None, no: None });
    }
    let fields = reader.map(&entry.value, "`yes_no`", &["into", "yes", "no"])?;
    let into = fields.node("into").and_then(|node| variable(reader, node, VariableType::Boolean));
    let mut scene = |name| fields.node(name).and_then(|node| reader.scene(node, &format!("`{name}`")));
    let (yes, no) = (scene("yes"), scene("no"));
    if fields.entry("into").is_none() && fields.entry("yes").is_none() && fields.entry("no").is_none() {
        let hint = "add `yes: scene` and `no: scene`, or `into:` with a boolean variable";
        reader.error(entry.key_span, "`yes_no` makes no use of the answer", hint);
    }
    Some(Slot::YesNo { into, yes, no })
}

fn digits(reader: &mut Reader<'_>, entry: &Entry) -> Option<Slot> {
    let allowed = ["into", "min", "max", "length", "end"];
    let (fields, into) = options(reader, entry, &allowed, VariableType::Text)?;
    let mut count = |name: &str| {
        let node = fields?.node(name)?;
        reader.count(node, &format!("`{name}`"), 1..MAX_DIGITS + 1).map(|n| (n as usize, node.span))
    };
    let (length, min, max) = (count("length"), count("min"), count("max"));
    if let (Some((_, span)), Some(_)) = (length, min.or(max)) {
        reader.error(span, "`length` is the same as `min` and `max`", "keep `length`, or the other two");
    }
    if let (Some((least, _)), Some((most, span))) = (min, max)
        && least > most
    {
        reader.error(span, "`max` is less than `min`: no answer fits", "make `max` larger");
    }
    let mut end = None;
    if let Some(node) = fields.and_then(|fields| fields.node("end")) {
        end = reader.word(node, "`end`", &["#", "*"]).and_then(|key| key.chars().next());
    }
    let min = length.or(min).map_or(1, |(n, _)| n);
    let max = length.or(max).map_or(MAX_DIGITS as usize, |(n, _)| n);
    Some(Slot::Digits { into, min, max, end })
}

/// `matches: 'pattern'`, a list of patterns, or `matches: { pattern: …, into: variable }`. Named groups are
/// kept in variables of their name.
fn matches(reader: &mut Reader<'_>, entry: &Entry) -> Option<Slot> {
    let (node, into) = match &entry.value.value {
        Value::Map(_) => {
            let fields = reader.map(&entry.value, "`matches`", &["pattern", "into"])?;
            let Some(node) = fields.node("pattern") else {
                reader.error(entry.key_span, "`matches` has no pattern", "add `pattern: '…'`");
                return None;
            };
            let into = fields.node("into");
            (node, into.and_then(|into| variable(reader, into, VariableType::Text)))
        }
        Value::Scalar { .. } | Value::List(_) => (&entry.value, None),
    };
    let nodes = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Scalar { .. } | Value::Map(_) => std::slice::from_ref(node),
    };
    let mut patterns = Vec::new();
    let mut groups: BTreeMap<String, VariableType> = BTreeMap::new();
    for node in nodes {
        let source = reader.scalar(node, "the pattern")?;
        let compiled = match pattern::compile(source) {
            Ok(compiled) => compiled,
            Err(wrong) => {
                let span = reader.within(node, wrong.at);
                reader.error(span, wrong.message, wrong.hint);
                continue;
            }
        };
        for name in compiled.capture_names().flatten() {
            match reader.variables.get(name).map(|variable| variable.kind) {
                Some(kind @ (VariableType::Text | VariableType::Number)) => {
                    reader.assigned.insert(name.to_owned());
                    groups.insert(name.to_owned(), kind);
                }
                Some(kind) => {
                    let message =
                        format!("`{name}` is a {}; a group fills a text or a number", kind.as_str());
                    reader.error(node.span, message, "declare it as a text");
                }
                None => {
                    let declared: Vec<&str> = reader.variables.keys().map(String::as_str).collect();
                    let hint = match nearest(name, declared.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None if declared.is_empty() => format!("declare it: `variables: {{ {name}: text }}`"),
                        None => format!("declare it under `variables:`; declared are {}", listed(declared)),
                    };
                    let message = format!("the group `{name}` has no variable of its name");
                    reader.error(node.span, message, hint);
                }
            }
        }
        patterns.push(compiled);
    }
    (!patterns.is_empty()).then(|| Slot::Pattern { patterns, groups: groups.into_iter().collect(), into })
}
