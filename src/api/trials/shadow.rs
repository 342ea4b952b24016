//! Parameters in shadow as programs see them.

use serde::Serialize;
use utoipa::ToSchema;

use super::shapes::ShareShown;
use crate::accuracy::Accuracy;
use crate::trials::{Different, InShadow, Verdict};

/// A set of parameters that runs beside every call without effect (`amd: { shadow: NAME }`), and how it fares.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InShadow)]
pub(super) struct InShadowShown {
    /// Its name; `null` when none runs.
    set: Option<String>,
    /// Calls beside which it ran, the last 20,000 at most.
    calls: usize,
    /// Calls of which it would have said something else.
    differ: usize,
    /// Calls that were drawn at random and listened to: the figures below are of these.
    heard: usize,
    /// Of what was said.
    usual: Option<ShadowFigures>,
    /// Of what it would have said.
    shadow: Option<ShadowFigures>,
    /// The last calls with another verdict, 100 at most.
    changed: Vec<DifferentShown>,
}

/// How good verdicts are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShadowFigures {
    people_called_machines: ShareShown,
    machines_called_people: ShareShown,
    undecided: ShareShown,
}

/// A call with another verdict.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ShadowDifference)]
struct DifferentShown {
    call_id: String,
    /// `human`, `machine`, `no_speech` or `undecided`.
    usual: &'static str,
    /// From the answer to the verdict, ms.
    usual_ms: Option<i64>,
    shadow: &'static str,
    shadow_ms: Option<i64>,
    /// Who answered, where somebody said so.
    label: Option<&'static str>,
}

impl From<Accuracy> for ShadowFigures {
    fn from(accuracy: Accuracy) -> Self {
        Self {
            people_called_machines: accuracy.people_called_machines.into(),
            machines_called_people: accuracy.machines_called_people.into(),
            undecided: accuracy.undecided.into(),
        }
    }
}

impl From<Option<InShadow>> for InShadowShown {
    fn from(found: Option<InShadow>) -> Self {
        let Some(found) = found else {
            return Self {
                set: None,
                calls: 0,
                differ: 0,
                heard: 0,
                usual: None,
                shadow: None,
                changed: Vec::new(),
            };
        };
        Self {
            set: Some(found.set),
            calls: found.calls,
            differ: found.differ,
            heard: found.heard,
            usual: Some(found.usual.into()),
            shadow: Some(found.shadow.into()),
            changed: found.changed.into_iter().map(shown).collect(),
        }
    }
}

fn shown(call: Different) -> DifferentShown {
    let Different { id, usual, usual_ms, shadow, shadow_ms, label } = call;
    DifferentShown {
        call_id: id,
        usual: usual.as_str(),
        usual_ms,
        shadow: shadow.as_str(),
        shadow_ms,
        label: label.map(Verdict::as_str),
    }
}
