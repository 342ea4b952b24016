//! How a call begins.

use super::first_act::first_act;
use crate::flow::model::{Flow, Step};
use crate::flow::read::{Node, Reader};

/// Warns of a flow that asks before anybody was greeted: people pick up with "Hello?", and that is not an answer.
/// Flows that are called by others begin in the middle of a call.
pub(super) fn check(reader: &mut Reader<'_>, root: &Node, flow: &Flow) {
    let is_called =
        flow.scenes.iter().flat_map(|scene| &scene.steps).any(|step| matches!(step, Step::Return(_)));
    if root.entry("amd").is_some() || is_called {
        return;
    }
    let Some((scene, at)) = flow.start.and_then(|start| first_act(flow, start)) else { return };
    let Some(Step::Ask(ask)) = flow.scenes.get(scene).and_then(|scene| scene.steps.get(at)) else { return };
    let Some(span) = reader.step_spans.get(scene).and_then(|spans| spans.get(at)).copied() else { return };
    if ask.choices.iter().any(|choice| !choice.phrases.is_empty()) || ask.slot.is_some() {
        let message = "the call begins with this question: the callee's \"Hello?\" is taken for an answer";
        reader.warn(span, message, "greet first with a `say`, or let the detector wait for the callee's word: `amd: { on: { human: … } }`");
    }
}
