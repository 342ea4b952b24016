//! Scenes from which a call never comes to an end.

use std::collections::BTreeMap;

use crate::flow::model::Flow;
use crate::flow::read::Reader;
use crate::flow::view::{NodeKind, drawing};
use crate::language::listed;

/// Most scenes named in one warning.
const MOST_NAMED: usize = 5;

/// Reports, once for all of them, the scenes that a call reaches and that lead only to one another.
pub(super) fn check(reader: &mut Reader<'_>, flow: &Flow) {
    let drawing = drawing(flow);
    let places: BTreeMap<&str, usize> =
        drawing.nodes.iter().enumerate().map(|(at, node)| (node.id.as_str(), at)).collect();
    let ways: Vec<(usize, usize)> = drawing
        .arrows
        .iter()
        .filter_map(|arrow| Some((*places.get(arrow.from.as_str())?, *places.get(arrow.to.as_str())?)))
        .collect();
    let is_end = |at: &usize| drawing.nodes[*at].kind == NodeKind::Outcome;
    let ends: Vec<usize> = (0..drawing.nodes.len()).filter(is_end).collect();
    let backwards: Vec<(usize, usize)> = ways.iter().map(|(from, to)| (*to, *from)).collect();
    let ending = reached(drawing.nodes.len(), &backwards, &ends);
    let called = reached(drawing.nodes.len(), &ways, &[0]);
    let stuck: Vec<usize> =
        (0..flow.scenes.len()).filter(|scene| called[scene + 1] && !ending[scene + 1]).collect();
    let Some((_, span)) = stuck.first().and_then(|first| reader.scenes.get(*first)).cloned() else { return };
    let names: Vec<&str> = stuck.iter().map(|at| flow.scenes[*at].name.as_str()).collect();
    let message = match names.as_slice() {
        [one] => format!("a call never gets out of the scene `{one}`"),
        [one, other] => format!("a call never gets out of the scenes `{one}` and `{other}`"),
        [first @ .., _] if first.len() >= MOST_NAMED => {
            format!(
                "a call never gets out of {} scenes: {}, …",
                names.len(),
                listed(first.iter().take(MOST_NAMED).copied())
            )
        }
        names => format!("a call never gets out of the scenes {}", listed(names.iter().copied())),
    };
    let minutes = flow.limits.call_ms / 60_000;
    let hint = format!(
        "add a `hangup`, or a way to a scene that has one; as it is, the limit of {minutes} min ends the call"
    );
    reader.warn(span, message, hint);
}

/// What can be reached from `from`.
fn reached(nodes: usize, ways: &[(usize, usize)], from: &[usize]) -> Vec<bool> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    for (a, b) in ways {
        out[*a].push(*b);
    }
    let mut reached = vec![false; nodes];
    let mut open = from.to_vec();
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut reached[at], true) {
            open.extend(&out[at]);
        }
    }
    reached
}
