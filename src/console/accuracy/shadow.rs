//! Parameters in shadow, beside those that decide.

use serde::Serialize;

use super::Figure;
use super::trial::{Row, shown};
use crate::api::Api;
use crate::api::error::Problem;
use crate::console::calls::one::other_party;
use crate::console::frame::Frame;
use crate::console::when::At;
use crate::trials::{Different, InShadow, in_shadow};

/// Calls with another verdict that are shown.
const SHOWN: usize = 20;

/// What the page says of the set that runs in shadow.
#[derive(Serialize)]
pub(super) struct Shadow {
    set: String,
    sentence: String,
    /// Figures of both on calls that were listened to; none as long as there is no such call.
    rows: Vec<Row>,
    changed: Vec<Line>,
}

/// A verdict: a kind for the colour, a shape, and words.
type Said = (&'static str, &'static str, &'static str);

#[derive(Serialize)]
struct Line {
    id: String,
    number: String,
    at: Option<At>,
    label: Option<Said>,
    usual: Said,
    usual_ms: String,
    shadow: Said,
    shadow_ms: String,
    mends: bool,
    breaks: bool,
}

impl Shadow {
    /// `None` when none runs.
    pub(super) async fn of(api: &Api, frame: &Frame) -> Result<Option<Self>, Problem> {
        let Some(set) = api.calls.amd_shadow() else { return Ok(None) };
        let found = in_shadow(&api.store, &set).await?;
        let mut changed = Vec::new();
        for one in found.changed.iter().take(SHOWN) {
            changed.push(line(api, frame, one).await?);
        }
        let counts = [("calls", found.calls.to_string()), ("differ", found.differ.to_string())];
        let parts = [("set", set.as_str()), (counts[0].0, &counts[0].1), (counts[1].0, &counts[1].1)];
        let key = if found.calls == 0 { "shadow_nothing" } else { "shadow_sentence" };
        Ok(Some(Self { sentence: frame.tell(key, &parts), rows: rows(frame, &found), changed, set }))
    }
}

fn rows(frame: &Frame, found: &InShadow) -> Vec<Row> {
    if found.heard == 0 {
        return Vec::new();
    }
    let of = frame.say("accuracy_of");
    let both = [found.usual, found.shadow];
    vec![
        Row::new(
            frame,
            "accuracy_people",
            both.iter().map(|run| Figure::of(&run.people_called_machines, of)).collect(),
        ),
        Row::new(
            frame,
            "accuracy_machines",
            both.iter().map(|run| Figure::of(&run.machines_called_people, of)).collect(),
        ),
        Row::new(
            frame,
            "accuracy_undecided",
            both.iter().map(|run| Figure::of(&run.undecided, of)).collect(),
        ),
    ]
}

async fn line(api: &Api, frame: &Frame, one: &Different) -> Result<Line, Problem> {
    let call = api.store.call(&one.id).await?;
    let ms = |ms: Option<i64>| ms.map(|ms| format!("{ms} ms")).unwrap_or_default();
    Ok(Line {
        number: call.as_ref().map(|call| other_party(frame, call)).unwrap_or_default(),
        at: call.as_ref().map(|call| frame.zone.at(call.created_ms)),
        label: one.label.map(|label| shown(frame, label)),
        usual: shown(frame, one.usual),
        usual_ms: ms(one.usual_ms),
        shadow: shown(frame, one.shadow),
        shadow_ms: ms(one.shadow_ms),
        mends: one.mends() == Some(true),
        breaks: one.mends() == Some(false),
        id: one.id.clone(),
    })
}
