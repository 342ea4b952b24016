//! `amd:`: mode, timers, and a scene per verdict.

use std::collections::BTreeMap;

use super::reader::Reader;
use crate::flow::model::{
    AmdSettings, Greet, MACHINES, MachineDetection, OUTCOME_NAMES, OUTCOMES, Outcome, SceneId, TimerOverrides,
};
use crate::language::listed;
use crate::yaml::{Entry, Node};

/// The settings and branches of an `amd:` entry. Unless the flow `has_start`, every verdict must have a branch.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    entry: &Entry,
    has_start: bool,
) -> Option<(AmdSettings, BTreeMap<Outcome, SceneId>, Option<SceneId>)> {
    let fields = reader.map(&entry.value, "`amd`", &["mode", "greet", "timers", "on"])?;
    let mut mode = MachineDetection::Detect;
    if let Some(node) = fields.node("mode") {
        match reader.word(node, "`mode`", &["detect", "disconnect", "disabled"]).as_deref() {
            Some("disconnect") => mode = MachineDetection::Disconnect,
            Some("disabled") => mode = MachineDetection::Disabled,
            Some(_) | None => {}
        }
    }
    let greet = fields.node("greet").and_then(|node| reader.word(node, "`greet`", &["early", "sure"]));
    let greet = greet.map(|word| if word == "early" { Greet::Early } else { Greet::Sure });
    let timers = fields.node("timers").map(|node| timers(reader, node)).unwrap_or_default();
    let (mut branches, mut on_beep) = (BTreeMap::new(), None);
    if let Some(on) = fields.entry("on") {
        (branches, on_beep) = read_branches(reader, &on.value)?;
        if mode == MachineDetection::Disabled {
            let hint = "use `mode: detect`, or leave `on:` out";
            reader.error(on.key_span, "`on` waits for a verdict, but `mode` is `disabled`", hint);
        }
        let missing: Vec<&str> = OUTCOMES
            .iter()
            .filter(|(_, outcome)| !branches.contains_key(outcome))
            .map(|(name, _)| *name)
            .collect();
        if !has_start && !missing.is_empty() {
            let message = format!("`on` has no scene for {}", listed(missing));
            let hint = "add them, or a `start:` scene for every verdict without one of its own";
            reader.error(on.key_span, message, hint);
        }
    }
    Some((AmdSettings { mode, greet, timers, waits_for_verdict: !branches.is_empty() }, branches, on_beep))
}

/// The scene per verdict, and that of a beep before the verdict.
type Branches = (BTreeMap<Outcome, SceneId>, Option<SceneId>);

fn read_branches(reader: &mut Reader<'_>, node: &Node) -> Option<Branches> {
    let mut allowed: Vec<&str> = OUTCOME_NAMES.to_vec();
    allowed.insert(2, "machine");
    allowed.insert(3, "beep");
    let fields = reader.map(node, "`on`", &allowed)?;
    let mut branches = BTreeMap::new();
    for (name, outcome) in OUTCOMES {
        if let Some(scene) = fields.node(name).and_then(|node| reader.scene(node, "the scene")) {
            branches.insert(outcome, scene);
        }
    }
    if let Some(scene) = fields.node("machine").and_then(|node| reader.scene(node, "the scene")) {
        for outcome in MACHINES {
            branches.entry(outcome).or_insert(scene);
        }
    }
    let on_beep = fields.node("beep").and_then(|node| reader.scene(node, "the scene"));
    Some((branches, on_beep))
}

fn timers(reader: &mut Reader<'_>, node: &Node) -> TimerOverrides {
    let Some(fields) = reader.map(node, "`timers`", &["no_speech", "decision", "tone", "greeting_end"])
    else {
        return TimerOverrides::default();
    };
    let mut ms = |key| fields.node(key).and_then(|node| reader.duration_ms(node, &format!("`{key}`")));
    TimerOverrides {
        no_speech_timeout_ms: ms("no_speech"),
        decision_timeout_ms: ms("decision"),
        tone_timeout_ms: ms("tone"),
        greeting_completion_timeout_ms: ms("greeting_end"),
    }
}
