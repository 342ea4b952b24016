//! YAML text → flow: the top level of a file, in the order the parts need each other.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::diagnostic::{Diagnostic, Severity, Source, Span, narrow, nearest};
use super::expr::{Fact, RESERVED};
use super::model::{AmdSettings, AudioFile, Flow, Limits, Scene, Variable, VariableType};
use super::reader::{Fields, Reader};
use super::shelf::Shelf;
use super::words::{Date, Figure, Misread, TimeOfDay, Zone, zone_meant, zones};
use super::yaml::{self, Entry, Node, Value};
use super::{amd, check, handlers, keeping, lint, steps};
use crate::number::Country;

/// A flow file as read: the flow if it can be used, and everything found wrong with it.
#[derive(Debug)]
pub struct Parsed {
    /// `None` when any of the findings is an error.
    pub flow: Option<Flow>,
    pub diagnostics: Vec<Diagnostic>,
    source: Source,
}

impl Parsed {
    /// Asks `judge` about every audio file the flow plays and reports what it finds; with an error the flow
    /// cannot be used. `judge` gives a severity, what is wrong and what to do.
    pub fn check_audio(&mut self, mut judge: impl FnMut(&AudioFile) -> Option<(Severity, String, String)>) {
        let Some(flow) = &self.flow else { return };
        let found: Vec<_> =
            flow.audio.iter().filter_map(|audio| judge(audio).map(|found| (audio.clone(), found))).collect();
        for (audio, (severity, message, hint)) in found {
            let width = narrow(audio.path.chars().count());
            let span = Span { line: audio.line, column: audio.column, width, ..Span::default() };
            self.diagnostics.push(self.source.diagnostic(severity, span, message, Some(hint)));
            if severity == Severity::Error {
                self.flow = None;
            }
        }
    }
}

pub(super) const TOP: [&str; 19] = [
    "flow",
    "language",
    "voice",
    "timezone",
    "country",
    "voices",
    "backchannels",
    "variables",
    "amd",
    "start",
    "on_error",
    "on_hangup",
    "on_carrier_lost",
    "handlers",
    "limits",
    "recording",
    "redact",
    "description",
    "scenes",
];

/// Reads a flow that calls no others. `file` is the name that findings quote; nothing is opened.
#[must_use]
pub fn parse(file: &str, text: &str) -> Parsed {
    parse_with(file, text, &|_| None)
}

/// Reads a flow and those it calls. `find` gives the text of a flow file that lies beside this one, by its
/// name without the ending.
#[must_use]
pub fn parse_with(file: &str, text: &str, find: &dyn Fn(&str) -> Option<String>) -> Parsed {
    read(file, text, &Shelf::new(file, find))
}

pub(super) fn read(file: &str, text: &str, shelf: &Shelf<'_>) -> Parsed {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source { file: file.to_owned(), text: text.to_owned() };
    let mut found = Vec::new();
    let root = yaml::read(&source, &mut found);
    let mut reader = Reader::new(&source, found);
    reader.shelf = Some(shelf);
    let flow = root.and_then(|root| read_flow(&mut reader, &root));
    let flow = flow.filter(|_| !reader.has_errors());
    let mut diagnostics = reader.found;
    diagnostics.sort_by_key(|finding| (finding.line, finding.column));
    Parsed { flow, diagnostics, source }
}

fn read_flow(reader: &mut Reader<'_>, root: &Node) -> Option<Flow> {
    let fields = reader.map(root, "a flow", &TOP)?;
    let name = match fields.node("flow") {
        Some(node) => read_name(reader, node),
        None => {
            let hint = "begin the file with `flow: its-name`";
            reader.error(root.span, "the flow has no name", hint);
            None
        }
    };
    if let Some(node) = fields.node("language")
        && let Some(language) = language(reader, node)
    {
        reader.language = language;
    }
    if let Some(node) = fields.node("voice") {
        reader.voice = reader.scalar(node, "`voice`").map(str::to_owned);
    }
    if let Some(node) = fields.node("voices") {
        reader.voices = steps::voices(reader, node);
    }
    let backchannels = steps::backchannels(reader, fields.node("backchannels"));
    let keeping = keeping::read(reader, fields);
    reader.redacts = keeping.redacts;
    if let Some(node) = fields.node("description") {
        reader.scalar(node, "`description`");
    }
    if let Some(node) = fields.node("variables") {
        read_variables(reader, node);
    }
    let zone = fields.node("timezone").and_then(|node| timezone(reader, node)).unwrap_or_default();
    let country = fields.node("country").and_then(|node| country(reader, node));
    let limits = fields.node("limits").map(|node| read_limits(reader, node)).unwrap_or_default();

    let Some(entry) = fields.entry("scenes") else {
        let hint = "add `scenes:` with at least one scene, a name and a list of steps";
        reader.error(root.span, "the flow has no scenes", hint);
        return None;
    };
    let entries = scene_names(reader, entry)?;
    let start = fields.node("start").and_then(|node| reader.scene(node, "`start`"));
    let on_error = fields.node("on_error").and_then(|node| reader.scene(node, "`on_error`"));
    let on_hangup = fields.node("on_hangup").and_then(|node| reader.scene(node, "`on_hangup`"));
    let lost = fields.node("on_carrier_lost");
    let on_carrier_lost = lost.and_then(|node| reader.scene(node, "`on_carrier_lost`"));
    let handlers = fields.node("handlers").map(|node| handlers::read(reader, node)).unwrap_or_default();
    let (amd, branches, on_beep) = fields
        .entry("amd")
        .and_then(|entry| amd::read(reader, entry, fields.entry("start").is_some()))
        .unwrap_or((AmdSettings::default(), BTreeMap::new(), None));
    if fields.entry("start").is_none() && branches.is_empty() && !names_branches(fields) {
        let hint = "add `start: <scene>`, or `amd: { on: … }` with a scene per verdict";
        reader.error(root.span, "the flow does not say where it starts", hint);
        reader.names_unknown = true;
    }
    let mut scenes = Vec::with_capacity(entries.len());
    for entry in entries {
        let (steps, spans) = steps::read_list(reader, &entry.value);
        reader.step_spans.push(spans);
        scenes.push(Scene { name: entry.key.clone(), steps });
    }
    let templates = reader.compile().unwrap_or_default();
    let flow = Flow {
        name: name.unwrap_or_default(),
        language: reader.language.clone(),
        variables: reader.variables.clone(),
        assigned: reader.assigned.clone(),
        amd,
        branches,
        start,
        on_beep,
        on_error,
        on_hangup,
        on_carrier_lost,
        handlers,
        zone,
        country,
        scenes,
        limits,
        keeping,
        backchannels,
        templates,
        audio: std::mem::take(&mut reader.audio).into_values().collect(),
    };
    check::check(reader, &flow);
    lint::check(reader, root, &flow);
    Some(flow)
}

/// Whether `amd: on:` is there at all, whatever is wrong with it.
fn names_branches(fields: Fields<'_>) -> bool {
    match fields.node("amd").map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.iter().any(|entry| entry.key == "on"),
        Some(Value::Scalar { .. } | Value::List(_)) | None => false,
    }
}

fn read_name(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.scalar(node, "the flow's name")?;
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'));
    if plain && !name.is_empty() && name.len() <= 64 {
        return Some(name.to_owned());
    }
    let hint = "use lower-case letters, digits and `-`, such as `payment-reminder`";
    reader.error(node.span, format!("`{name}` cannot be the name of a flow"), hint);
    None
}

/// A language tag: `en`, `id-ID`.
pub(super) fn language(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.scalar(node, "`language`")?;
    if is_language(text) {
        lint::tag(reader, text, node.span);
        return Some(text.to_owned());
    }
    reader.error(node.span, format!("`{text}` is not a language tag"), "write it like `en` or `id-ID`");
    None
}

/// A zone by name or by its distance from UTC.
fn timezone(reader: &mut Reader<'_>, node: &Node) -> Option<Zone> {
    let text = reader.scalar(node, "`timezone`")?;
    let zone = Zone::named(text);
    if zone.is_none() {
        let near =
            zone_meant(text).or_else(|| nearest(text, zones().iter().map(String::as_str)).map(str::to_owned));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "write a zone such as `Asia/Jakarta` or `WIB`, or a distance from UTC such as `+07:00`".into()
            }
        };
        reader.error(node.span, format!("`{text}` is not a time zone that is known here"), hint);
    }
    zone
}

/// The country of callees' numbers that name none.
fn country(reader: &mut Reader<'_>, node: &Node) -> Option<Country> {
    let text = reader.scalar(node, "`country`")?;
    match text.parse() {
        Ok(country) => Some(country),
        Err(_) => {
            let hint = "write its two letters such as `ID`, or its calling code such as `62`";
            reader.error(node.span, format!("`{text}` is not a country"), hint);
            None
        }
    }
}

/// Whether a text has the form of a language tag.
pub(super) fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.chars().all(|c| c.is_ascii_lowercase())
        && parts.all(|part| (2..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()))
}

fn read_variables(reader: &mut Reader<'_>, node: &Node) {
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
pub(super) fn literal(reader: &mut Reader<'_>, node: &Node, kind: VariableType, what: &str) -> Option<Json> {
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

/// A number as a person, a program or a spreadsheet writes it, when it can only be one.
pub(super) fn certain_number(text: &str) -> Result<Json, Misread> {
    let figure = Figure::certain(text)?;
    let sign = if figure.minus { "-" } else { "" };
    let plain = match figure.fraction.as_str() {
        "" => format!("{sign}{}", figure.whole),
        fraction => format!("{sign}{}.{fraction}", figure.whole),
    };
    number(&plain).ok_or(Misread::NotANumber)
}

/// A number as JSON and YAML write it.
pub(super) fn number(text: &str) -> Option<Json> {
    let text = text.trim();
    let plain = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
    if !plain {
        return None;
    }
    match text.parse::<i64>() {
        Ok(whole) => Some(Json::from(whole)),
        Err(_) => text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Json::from),
    }
}

fn read_limits(reader: &mut Reader<'_>, node: &Node) -> Limits {
    let mut limits = Limits::default();
    let Some(fields) = reader.map(node, "`limits`", &["call", "steps", "repeats"]) else { return limits };
    if let Some(ms) = fields.node("call").and_then(|node| reader.duration_ms(node, "`call`")) {
        limits.call_ms = ms;
    }
    if let Some(steps) = fields.node("steps").and_then(|node| reader.count(node, "`steps`", 1..100_001)) {
        limits.steps = steps;
    }
    limits.repeats = fields.node("repeats").and_then(|node| reader.count(node, "`repeats`", 1..10_001));
    limits
}

/// Registers the scenes' names, so that steps can refer to scenes further down.
fn scene_names<'n>(reader: &mut Reader<'_>, entry: &'n Entry) -> Option<&'n [Entry]> {
    let entries = reader.entries(&entry.value, "`scenes`")?;
    if entries.is_empty() {
        reader.error(entry.key_span, "the flow has no scenes", "add one: a name and a list of steps");
        return None;
    }
    for scene in entries {
        reader.name(&scene.key, scene.key_span, "a scene");
        reader.add_scene(&scene.key, scene.key_span);
    }
    Some(entries)
}
