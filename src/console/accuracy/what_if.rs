//! What if: labelled calls replayed with other settings.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use super::Figure;
use super::trial::{Basis, Form, Row, Running, said, shown};
use crate::access::{SeeServer, TryVerdicts};
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::fields::{Faults, Names as FieldNames};
use crate::api::trials::{body_of_form, change_of};
use crate::console::calls::one::other_party;
use crate::console::forms::Does;
use crate::console::frame::{Crumb, Frame, Room, Sees};
use crate::console::when::At;
use crate::trials::{Change, Changed, Figures, Made, Refused, WhatIf};

/// Changed calls that are shown.
const SHOWN: usize = 100;

/// The fields of the form: the member of the body, and the field.
const FIELDS: [(&str, &str); 11] = [
    ("timers.noSpeechTimeoutMs", "noSpeechTimeoutMs"),
    ("timers.decisionTimeoutMs", "decisionTimeoutMs"),
    ("timers.toneTimeoutMs", "toneTimeoutMs"),
    ("timers.greetingCompletionTimeoutMs", "greetingCompletionTimeoutMs"),
    ("thresholdWordCount", "thresholdWordCount"),
    ("amdParams", "amdParams"),
    ("costRatio", "costRatio"),
    ("bias", "bias"),
    ("humanAfterMs", "humanAfterMs"),
    ("machineAfterMs", "machineAfterMs"),
    ("calls", "calls"),
];

/// Purposes that are known without being listed.
const PURPOSES: [&str; 3] = ["reminder", "sales", "message_drop"];

#[derive(Serialize)]
struct Page {
    running: Option<Running>,
    made: Option<Replayed>,
    form: Form,
    sets: Vec<String>,
}

#[derive(Serialize)]
struct Replayed {
    calls: usize,
    basis: Basis,
    /// What was otherwise.
    change: Vec<String>,
    rows: Vec<Row>,
    otherwise: usize,
    differ: usize,
    shown: usize,
    mended: usize,
    broken: usize,
    changed: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    id: String,
    number: String,
    at: Option<At>,
    label: (&'static str, &'static str, &'static str),
    before: (&'static str, &'static str, &'static str),
    after: (&'static str, &'static str, &'static str),
    after_ms: String,
    mends: bool,
    breaks: bool,
}

/// The page.
pub(in crate::console) async fn page(
    sees: Sees<SeeServer>,
    State(api): State<Api>,
) -> Result<Response, Problem> {
    let form = Form::of(&sees);
    made_of(&api, &sees, form).await
}

async fn made_of(api: &Api, frame: &Frame, form: Form) -> Result<Response, Problem> {
    let looked = api.trials.look();
    let running = match looked.running {
        Some(job) => Some(Running::of(api, frame, job).await?),
        None => None,
    };
    let made = match looked.what_if {
        Some(made) => Some(result(api, frame, &made).await?),
        None => None,
    };
    let mut sets = api.trials.sets();
    sets.extend(
        PURPOSES.into_iter().map(str::to_owned).filter(|name| !sets.contains(name)).collect::<Vec<_>>(),
    );
    let page = Page { running, made, form, sets };
    let crumbs = [Crumb::new("/accuracy", frame.say("nav_accuracy"))];
    Ok(frame.page(api, ("what_if.html", Room::Accuracy), frame.say("what_if_title"), &crumbs, &page))
}

async fn result(api: &Api, frame: &Frame, made: &Made<(Change, WhatIf)>) -> Result<Replayed, Problem> {
    let (change, result) = &made.result;
    let mut changed = Vec::new();
    for one in result.changed.iter().take(SHOWN) {
        changed.push(line(api, frame, one).await?);
    }
    Ok(Replayed {
        calls: result.calls,
        basis: Basis::of(api, frame, made, &result.left_out).await?,
        change: told(frame, change),
        rows: rows(frame, &[&result.before, &result.after]),
        otherwise: result.otherwise,
        differ: result.differ,
        shown: changed.len(),
        mended: result.changed.iter().filter(|one| one.mends()).count(),
        broken: result.changed.iter().filter(|one| one.breaks()).count(),
        changed,
    })
}

async fn line(api: &Api, frame: &Frame, one: &Changed) -> Result<Line, Problem> {
    let call = api.store.call(&one.id).await?;
    Ok(Line {
        number: call.as_ref().map(|call| other_party(frame, call)).unwrap_or_default(),
        at: call.as_ref().map(|call| frame.zone.at(call.created_ms)),
        label: shown(frame, one.label),
        before: shown(frame, one.before),
        after: shown(frame, one.after),
        after_ms: one.after_ms.map(|ms| format!("{ms} ms")).unwrap_or_default(),
        mends: one.mends(),
        breaks: one.breaks(),
        id: one.id.clone(),
    })
}

/// The figures of runs beside each other.
fn rows(frame: &Frame, runs: &[&Figures]) -> Vec<Row> {
    let of = frame.say("accuracy_of");
    let cells = |figure: &dyn Fn(&Figures) -> Figure| runs.iter().map(|run| figure(run)).collect::<Vec<_>>();
    let accuracy = |run: &Figures| run.accuracy;
    vec![
        Row::new(
            frame,
            "accuracy_people",
            cells(&|run| Figure::of(&accuracy(run).people_called_machines, of)),
        ),
        Row::new(
            frame,
            "accuracy_machines",
            cells(&|run| Figure::of(&accuracy(run).machines_called_people, of)),
        ),
        Row::new(frame, "accuracy_undecided", cells(&|run| Figure::of(&accuracy(run).undecided, of))),
        Row::new(frame, "trial_p50", cells(&|run| Figure::time(run.p50))),
        Row::new(frame, "trial_p95", cells(&|run| Figure::time(run.p95))),
    ]
}

/// What was otherwise, in words.
fn told(frame: &Frame, change: &Change) -> Vec<String> {
    let number = |value: Option<u64>| value.map(|value| value.to_string());
    [
        ("what_if_no_speech", number(change.no_speech_timeout_ms)),
        ("what_if_decision", number(change.decision_timeout_ms)),
        ("what_if_tone", number(change.tone_timeout_ms)),
        ("what_if_greeting", number(change.greeting_completion_timeout_ms)),
        ("what_if_words", number(change.threshold_word_count.map(u64::from))),
        ("what_if_set", change.amd_params.clone()),
        ("what_if_ratio", change.cost_ratio.map(|ratio| ratio.to_string())),
        ("what_if_bias", change.bias.map(|bias| bias.to_string())),
        ("what_if_human_after", number(change.human_after_ms)),
        ("what_if_machine_after", number(change.machine_after_ms)),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some(format!("{}: {}", frame.say(key), value?)))
    .collect()
}

/// Begins a replay.
pub(in crate::console) async fn start(
    State(api): State<Api>,
    form: Does<TryVerdicts>,
) -> Result<Response, Problem> {
    let written = |name: &'static str| form.written.text(name);
    let body = body_of_form(FIELDS.into_iter().map(|(member, field)| (member, written(field))));
    let mut faults = Faults::default();
    let (change, calls) =
        body.fields(FieldNames::Exact, &mut faults, |fields| change_of(fields, &api.trials));
    let author = form.by.who.actor().name;
    let problem = match faults.end(Code::Malformed) {
        Err(problem) => problem,
        Ok(_) => match api.trials.what_if(change, calls, author).await {
            Ok(()) => return Ok(Redirect::to("/accuracy/what-if").into_response()),
            Err(refused) => put(&form.by, refused),
        },
    };
    let mut shown = Form::of(&form.by).with(&form.by, &problem);
    for (_, field) in FIELDS {
        shown.written.insert(field, written(field).to_owned());
    }
    let mut page = made_of(&api, &form.by, shown).await?;
    *page.status_mut() = refused_status(&problem);
    Ok(page)
}

/// Why nothing begins, as a problem in the words of who reads it.
pub(super) fn put(frame: &Frame, refused: Refused) -> Problem {
    let told = said(frame, &refused);
    let problem = Problem::from(refused);
    told.map_or_else(|| problem.clone(), |told| Problem::new(problem.code(), told))
}

/// A form that is wrong can be read, so it is no malformed request.
pub(super) fn refused_status(problem: &Problem) -> StatusCode {
    if problem.code() == Code::Malformed { StatusCode::UNPROCESSABLE_ENTITY } else { problem.code().status() }
}

/// Gives up the trial that runs.
pub(in crate::console) async fn cancel(State(api): State<Api>, form: Does<TryVerdicts>) -> Response {
    let done = if api.trials.cancel() { "?done=trial_cancelled" } else { "" };
    let page = if form.written.text("page") == "tune" { "tune" } else { "what-if" };
    Redirect::to(&format!("/accuracy/{page}{done}")).into_response()
}
