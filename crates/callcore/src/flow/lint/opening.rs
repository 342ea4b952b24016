//! How a call begins.

use super::entry;
use crate::flow::model::{Ask, Flow, Step};
use crate::flow::read::{Node, Reader, Span};

/// Warns of a flow that asks before anybody was greeted: whoever picks up says "Hello?", and that is no answer.
/// Flows that are called by others begin in the middle of a call.
pub(super) fn check(reader: &mut Reader<'_>, root: &Node, flow: &Flow) {
    let is_called =
        flow.scenes.iter().flat_map(|scene| &scene.steps).any(|step| matches!(step, Step::Return(_)));
    if entry(root, "amd").is_some() || is_called {
        return;
    }
    let Some((ask, span)) = flow.start.and_then(|start| opening(reader, flow, start.0)) else { return };
    if ask.choices.iter().any(|choice| !choice.phrases.is_empty()) || ask.slot.is_some() {
        let message = "the call begins with this question: the callee's \"Hello?\" is taken for an answer";
        reader.warn(span, message, "greet first with a `say`, or let the detector wait for the callee's word: `amd: { on: { human: … } }`");
    }
}

/// The question that a call begins with, if it does, and where it stands.
fn opening<'f>(reader: &Reader<'_>, flow: &'f Flow, mut scene: usize) -> Option<(&'f Ask, Span)> {
    for _ in 0..flow.scenes.len() {
        let steps = &flow.scenes.get(scene)?.steps;
        let at = steps.iter().position(|step| !matches!(step, Step::Set(_) | Step::Checkpoint(_)))?;
        match &steps[at] {
            Step::Ask(ask) => return Some((ask, *reader.step_spans.get(scene)?.get(at)?)),
            Step::Goto(to) => scene = to.0,
            Step::Prompt(_)
            | Step::WaitForBeep(_)
            | Step::WaitForGreetingEnd(_)
            | Step::Wait { .. }
            | Step::Branch { .. }
            | Step::Checkpoint(_)
            | Step::Set(_)
            | Step::SendDigits(_)
            | Step::External(_)
            | Step::Call(_)
            | Step::Return(_)
            | Step::Hangup { .. } => return None,
        }
    }
    None
}
