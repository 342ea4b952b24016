//! What only the whole flow can tell: scenes nobody reaches, cycles without a pause, names never used.

use super::cycles::components;
use super::reader::Reader;
use crate::flow::model::{Act, Called, Flow, Prompt, SceneId, Step};
use crate::language::{listed, nearest};

/// Reports what is wrong between the parts of a flow. Where parts are wrong themselves, only what holds whatever
/// they were meant to be is reported.
pub(crate) fn check(reader: &mut Reader<'_>, flow: &Flow) {
    let whole = !reader.has_errors();
    checkpoints(reader);
    if !reader.names_unknown {
        unused_variables(reader, whole);
        unreachable_scenes(reader, flow, whole);
    }
    steps_after_leaving(reader, flow, whole);
    if !reader.steps_missing {
        endless_cycles(reader, flow);
    }
    calls_that_never_return(reader, flow);
    steps_after_hang_up(reader, flow);
}

fn checkpoints(reader: &mut Reader<'_>) {
    for (name, span) in std::mem::take(&mut reader.checkpoint_mentions) {
        if reader.checkpoints.contains(&name) {
            continue;
        }
        let names: Vec<&str> = reader.checkpoints.iter().map(String::as_str).take(30).collect();
        let hint = match nearest(&name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "the flow has no check points yet: add `- checkpoint: name`".into(),
            None => format!("the check points are {}", listed(names)),
        };
        reader.error(span, format!("no step passes a check point `{name}`"), hint);
    }
}

fn unused_variables(reader: &mut Reader<'_>, whole: bool) {
    let unused: Vec<_> = reader
        .declared_at
        .iter()
        .filter(|(name, _)| !reader.read.contains(*name) && !reader.assigned.contains(*name))
        .filter(|(name, _)| whole || !reader.mentioned_elsewhere(name))
        .map(|(name, span)| (name.clone(), *span))
        .collect();
    for (name, span) in unused {
        reader.warn(span, format!("the variable `{name}` is never used"), "use it in a text, or drop it");
    }
}

fn unreachable_scenes(reader: &mut Reader<'_>, flow: &Flow, whole: bool) {
    let handlers = flow.handlers.iter().filter_map(|handler| match handler.act {
        Act::Goto(scene) => Some(scene),
        Act::DoNotCall(_) => None,
    });
    let roots = [flow.start, flow.on_error, flow.on_beep, flow.on_hangup, flow.on_carrier_lost];
    let roots = roots.into_iter().flatten();
    let reached = reachable(flow, roots.chain(flow.branches.values().copied()).chain(handlers));
    for (at, (name, span)) in reader.scenes.clone().into_iter().enumerate() {
        if !reached[at] && (whole || !reader.mentioned_elsewhere(&name)) {
            let hint = "lead there with `goto`, or drop it";
            reader.warn(span, format!("nothing leads to the scene `{name}`"), hint);
        }
    }
}

/// Which scenes can be got to from these, by number.
fn reachable(flow: &Flow, from: impl IntoIterator<Item = SceneId>) -> Vec<bool> {
    let mut reached = vec![false; flow.scenes.len()];
    let mut todo: Vec<SceneId> = from.into_iter().collect();
    while let Some(id) = todo.pop() {
        if !std::mem::replace(&mut reached[id.0], true) {
            todo.extend(flow.scenes[id.0].steps.iter().flat_map(targets));
        }
    }
    reached
}

/// A called scene that leads back to its call, other than by `return`, would be called again and again
/// without ever coming back.
fn calls_that_never_return(reader: &mut Reader<'_>, flow: &Flow) {
    let edges: Vec<Vec<usize>> = flow
        .scenes
        .iter()
        .map(|scene| scene.steps.iter().flat_map(targets).map(|scene| scene.0).collect())
        .collect();
    let cycle = components(&edges);
    for (at, scene) in flow.scenes.iter().enumerate() {
        for (number, step) in scene.steps.iter().enumerate() {
            let Step::Call(call) = step else { continue };
            let Called::Scene(called) = call.called else { continue };
            if cycle[called.0] == cycle[at] {
                let span = reader.step_spans.get(at).and_then(|spans| spans.get(number)).copied();
                let message = format!("the scene `{}` leads back here", flow.scenes[called.0].name);
                let hint = "end it with `return` in the stead of a `goto`, or use `goto` here, too";
                reader.error(span.unwrap_or_default(), message, hint);
            }
        }
    }
}

/// After the callee has hung up, or the carrier is lost, nothing can be said, asked or waited for.
fn steps_after_hang_up(reader: &mut Reader<'_>, flow: &Flow) {
    let lasts = [
        (flow.on_hangup, "`on_hangup` leads here when the callee has hung up"),
        (
            flow.on_carrier_lost,
            "`on_carrier_lost` leads here when there is no connection to the carrier any more",
        ),
    ];
    for (scene, what) in lasts {
        if let Some(scene) = scene {
            unheard_steps(reader, flow, scene, what);
        }
    }
}

fn unheard_steps(reader: &mut Reader<'_>, flow: &Flow, last: SceneId, what: &str) {
    let reached = reachable(flow, [last]);
    for (at, scene) in flow.scenes.iter().enumerate().filter(|(at, _)| reached[*at]) {
        for (number, _) in scene.steps.iter().enumerate().filter(|(_, step)| needs_callee(step)) {
            let span = reader.step_spans.get(at).and_then(|spans| spans.get(number)).copied();
            let message = format!("nobody is there for this: {what}");
            let hint = "`set`, `branch`, `goto`, `checkpoint`, `notify` and `hangup` can be there";
            reader.error(span.unwrap_or_default(), message, hint);
        }
    }
}

/// Whether the step does something with the callee.
fn needs_callee(step: &Step) -> bool {
    match step {
        Step::Prompt(_)
        | Step::Ask(_)
        | Step::WaitForBeep(_)
        | Step::WaitForGreetingEnd(_)
        | Step::Wait { .. }
        | Step::Call(_)
        | Step::Show(_)
        | Step::SendDigits(_) => true,
        Step::External(external) => external.takes_time(),
        Step::Branch { .. }
        | Step::Checkpoint(_)
        | Step::Set(_)
        | Step::Return(_)
        | Step::Goto(_)
        | Step::Hangup { .. } => false,
    }
}

fn steps_after_leaving(reader: &mut Reader<'_>, flow: &Flow, whole: bool) {
    let leaves_anyhow = |step: &Step| matches!(step, Step::Goto(_) | Step::Return(_) | Step::Hangup { .. });
    for (at, scene) in flow.scenes.iter().enumerate() {
        let leaves = scene
            .steps
            .iter()
            .position(|step| if whole { step.always_leaves() } else { leaves_anyhow(step) });
        let Some(after) = leaves.map(|leaves| leaves + 1).filter(|after| *after < scene.steps.len()) else {
            continue;
        };
        let span = reader.step_spans.get(at).and_then(|spans| spans.get(after)).copied().unwrap_or_default();
        let message = format!("the scene `{}` has been left before this step", scene.name);
        reader.warn(span, message, "move it before the step that leads away, or drop it");
    }
}

/// A cycle of scenes in which nothing takes time would spin until the step limit ends the call.
fn endless_cycles(reader: &mut Reader<'_>, flow: &Flow) {
    let next: Vec<Option<SceneId>> =
        flow.scenes.iter().map(|scene| leads_straight_to(&scene.steps)).collect();
    // The walk that saw a scene first: meeting it again in the same walk closes a cycle.
    let mut seen: Vec<Option<usize>> = vec![None; next.len()];
    for walk in 0..next.len() {
        let mut here = Some(SceneId(walk));
        while let Some(scene) = here.filter(|scene| seen[scene.0].is_none()) {
            seen[scene.0] = Some(walk);
            here = next[scene.0];
        }
        if let Some(scene) = here.filter(|scene| seen[scene.0] == Some(walk)) {
            let (name, span) = reader.scenes[scene.0].clone();
            let message = format!("the scene `{name}` goes round in a circle without ever pausing");
            reader.error(span, message, "say, ask or wait for something on the way, or leave the circle");
        }
    }
}

/// The scene that these steps always jump to without anything that takes time.
fn leads_straight_to(steps: &[Step]) -> Option<SceneId> {
    for step in steps {
        match step {
            Step::Goto(to) => return Some(*to),
            Step::Checkpoint(_) | Step::Set(_) | Step::Show(_) => {}
            Step::External(external) if !external.takes_time() => {}
            Step::Prompt(_)
            | Step::Ask(_)
            | Step::WaitForBeep(_)
            | Step::WaitForGreetingEnd(_)
            | Step::Wait { .. }
            | Step::Branch { .. }
            | Step::SendDigits(_)
            | Step::Call(_)
            | Step::Return(_)
            | Step::External(_)
            | Step::Hangup { .. } => return None,
        }
    }
    None
}

/// Every scene that a step may lead to.
fn targets(step: &Step) -> Vec<SceneId> {
    match step {
        Step::Prompt(Prompt { on_speech, .. }) => on_speech.iter().copied().collect(),
        Step::Ask(ask) => {
            let otherwise = [ask.no_input.goto, ask.no_match.goto];
            ask.answers().into_iter().map(|(scene, _)| scene).chain(otherwise.into_iter().flatten()).collect()
        }
        Step::Call(call) => match call.called {
            Called::Scene(scene) => vec![scene],
            Called::Flow(_) => Vec::new(),
        },
        Step::WaitForBeep(wait) | Step::WaitForGreetingEnd(wait) => wait.on_timeout.iter().copied().collect(),
        Step::Branch { cases, otherwise } => cases.iter().map(|case| case.goto).chain(*otherwise).collect(),
        Step::External(external) => external.ways_out().into_iter().map(|(scene, _)| scene).collect(),
        Step::Goto(to) => vec![*to],
        Step::Wait { .. }
        | Step::Checkpoint(_)
        | Step::Set(_)
        | Step::SendDigits(_)
        | Step::Show(_)
        | Step::Return(_)
        | Step::Hangup { .. } => Vec::new(),
    }
}
