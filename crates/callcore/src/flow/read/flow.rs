//! The top level of a flow file, in the order the parts need each other.

use std::collections::BTreeMap;

use super::language_tag::language;
use super::reader::{Fields, Reader};
use super::variables::read_variables;
use super::{amd, check, handlers, recording, steps};
use crate::flow::model::{AmdSettings, Flow, Limits, Scene};
use crate::language::{Zone, nearest, zone_is_too_far, zone_meant, zones};
use crate::number::Country;
use crate::yaml::{Entry, Node};

pub(crate) const TOP: [&str; 19] = [
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

/// The flow of the reader's text, and the tree it was read from. It can be used unless the reader has errors.
pub(crate) fn read(reader: &mut Reader<'_>) -> Option<(Node, Flow)> {
    let root = super::yaml_tree(reader.source, &mut reader.found)?;
    let flow = read_flow(reader, &root)?;
    Some((root, flow))
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
    let recording_policy = recording::read(reader, fields);
    reader.redacts = recording_policy.redacts;
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
        recording_policy,
        backchannels,
        templates,
        audio: std::mem::take(&mut reader.audio).into_values().collect(),
        pictures: std::mem::take(&mut reader.pictures).into_values().collect(),
    };
    check::check(reader, &flow);
    Some(flow)
}

/// Whether `amd: on:` is there at all, whatever is wrong with it.
fn names_branches(fields: Fields<'_>) -> bool {
    fields.node("amd").is_some_and(|amd| amd.entry("on").is_some())
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

/// A zone by name or by its distance from UTC.
fn timezone(reader: &mut Reader<'_>, node: &Node) -> Option<Zone> {
    let text = reader.scalar(node, "`timezone`")?;
    let zone = Zone::named(text);
    if zone.is_none() {
        let near =
            zone_meant(text).or_else(|| nearest(text, zones().iter().map(String::as_str)).map(str::to_owned));
        let hint = match near {
            _ if zone_is_too_far(text) => "no zone is farther from UTC than `+14:00` or `-14:00`".into(),
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
