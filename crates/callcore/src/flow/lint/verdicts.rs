//! Verdicts of the detector that lead where they should not.

use std::collections::BTreeSet;

use super::entry;
use crate::flow::model::{Flow, Outcome, SceneId, Step};
use crate::flow::read::{Node, Reader};

/// Reports a mailbox that is talked to like a person, or talked over.
pub(super) fn check(reader: &mut Reader<'_>, root: &Node, flow: &Flow) {
    let Some(on) = entry(root, "amd").and_then(|amd| entry(&amd.value, "on")) else { return };
    let Some(mailbox) = flow.branches.get(&Outcome::Voicemail) else {
        let hint = "add `voicemail: <scene>`; without it a mailbox hears what is meant for people";
        return reader.warn(
            on.key_span,
            "`on` has no scene for `voicemail`, so `start` speaks to mailboxes",
            hint,
        );
    };
    let Some(mark) = entry(&on.value, "voicemail").or_else(|| entry(&on.value, "machine")) else { return };
    if speaks_first(flow, *mailbox) {
        let name = flow.scenes.get(mailbox.0).map_or("", |scene| scene.name.as_str());
        let message = format!("`{name}` speaks while the greeting may still run");
        reader.warn(mark.value.span, message, "begin it with `- wait_for_beep` or `- wait_for_greeting_end`");
    }
}

/// Whether the first thing that takes time from here on is a prompt.
fn speaks_first(flow: &Flow, mut scene: SceneId) -> bool {
    let mut seen = BTreeSet::new();
    while seen.insert(scene.0) {
        let Some(steps) = flow.scenes.get(scene.0).map(|scene| &scene.steps) else { return false };
        let quick = |step: &&Step| matches!(step, Step::Set(_) | Step::Checkpoint(_));
        match steps.iter().find(|step| !quick(step)) {
            Some(Step::Prompt(_) | Step::Ask(_)) => return true,
            Some(Step::Goto(to)) => scene = *to,
            Some(_) | None => return false,
        }
    }
    false
}
