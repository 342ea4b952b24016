//! What of a flow its tests have been through.

use std::collections::BTreeSet;

use crate::flow::model::{Flow, SceneId, Step};
use crate::flow::run::Walked;

/// The scenes and the answers of a flow, and those that no call has come to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    pub scenes: usize,
    /// Names of scenes, in file order.
    pub scenes_missed: Vec<String>,
    pub answers: usize,
    /// `scene: answer`, in file order; an answer is a choice by its key or first phrase, or a typed answer by its kind.
    pub answers_missed: Vec<String>,
}

impl Coverage {
    /// What these calls of `flow` came to.
    #[must_use]
    pub fn of<'w>(flow: &Flow, calls: impl IntoIterator<Item = &'w Walked>) -> Self {
        let mut all = Walked::default();
        for walked in calls {
            all.scenes.extend(&walked.scenes);
            all.answers.extend(walked.answers.iter().cloned());
        }
        let mut coverage =
            Self { scenes: 0, scenes_missed: Vec::new(), answers: 0, answers_missed: Vec::new() };
        for (at, scene) in flow.scenes.iter().enumerate() {
            coverage.scenes += 1;
            if !all.scenes.contains(&SceneId(at)) {
                coverage.scenes_missed.push(scene.name.clone());
            }
            for answer in answers(&scene.steps) {
                coverage.answers += 1;
                if !all.answers.contains(&(SceneId(at), answer.to_owned())) {
                    coverage.answers_missed.push(format!("{}: {answer}", scene.name));
                }
            }
        }
        coverage
    }
}

/// What the questions of a scene may be answered, each once, in file order.
fn answers(steps: &[Step]) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let asked = steps.iter().filter_map(|step| if let Step::Ask(ask) = step { Some(ask) } else { None });
    asked
        .flat_map(|ask| {
            ask.choices.iter().map(|choice| choice.label()).chain(ask.slot.as_ref().map(|slot| slot.name()))
        })
        .filter(|answer| seen.insert(*answer))
        .collect()
}
