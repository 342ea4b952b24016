//! The first thing that happens from a scene on.

use std::collections::BTreeSet;

use crate::flow::model::{Flow, SceneId, Step};

/// The scene and the step at which something first happens from the beginning of `scene` on: what only sets variables,
/// shows a picture, passes check points or leads elsewhere is passed over.
pub(super) fn first_act(flow: &Flow, mut scene: SceneId) -> Option<(usize, usize)> {
    let mut seen = BTreeSet::new();
    while seen.insert(scene) {
        let steps = &flow.scenes.get(scene.0)?.steps;
        let at = steps
            .iter()
            .position(|step| !matches!(step, Step::Set(_) | Step::Checkpoint(_) | Step::Show(_)))?;
        let Step::Goto(to) = steps.get(at)? else { return Some((scene.0, at)) };
        scene = *to;
    }
    None
}
