//! Verdicts of the detector that lead where they should not.

use super::first_act::first_act;
use crate::flow::model::{Flow, Outcome, SceneId, Step};
use crate::flow::read::{Node, Reader};

/// Reports a mailbox that is talked to like a person, or talked over.
pub(super) fn check(reader: &mut Reader<'_>, root: &Node, flow: &Flow) {
    let Some(on) = root.entry("amd").and_then(|amd| amd.value.entry("on")) else { return };
    let Some(mailbox) = flow.branches.get(&Outcome::Voicemail) else {
        let hint = "add `voicemail: <scene>`; without it a mailbox hears what is meant for people";
        return reader.warn(
            on.key_span,
            "`on` has no scene for `voicemail`, so `start` speaks to mailboxes",
            hint,
        );
    };
    let Some(mark) = on.value.entry("voicemail").or_else(|| on.value.entry("machine")) else { return };
    if speaks_first(flow, *mailbox) {
        let name = flow.scenes.get(mailbox.0).map_or("", |scene| scene.name.as_str());
        let message = format!("`{name}` speaks while the greeting may still run");
        reader.warn(mark.value.span, message, "begin it with `- wait_for_beep` or `- wait_for_greeting_end`");
    }
}

/// Whether the first thing that happens from here on is a prompt.
fn speaks_first(flow: &Flow, scene: SceneId) -> bool {
    let first = first_act(flow, scene).and_then(|(scene, at)| flow.scenes.get(scene)?.steps.get(at));
    matches!(first, Some(Step::Prompt(_) | Step::Ask(_)))
}
