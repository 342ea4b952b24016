//! Better parameters: searched on labelled calls, shown beside today's, promoted and taken back by an admin.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use super::Figure;
use super::trial::{Basis, Form, Row, Running};
use super::what_if::{put, refused_status};
use crate::access::{Administer, SeeServer, TryVerdicts};
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::fields::{Faults, Names as FieldNames};
use crate::api::trials::{USUAL_RATIO, body_of_form, tune_of};
use crate::console::forms::Does;
use crate::console::frame::{Crumb, Frame, Room, Sees, may};
use crate::console::people_names::Names;
use crate::console::when::At;
use crate::trials::{Kind, Learned, Line, Made, Tuned};

/// Decisions that are shown.
const HISTORY: u32 = 10;

#[derive(Serialize)]
struct Page {
    running: Option<Running>,
    /// Why the last search came to nothing.
    failed: String,
    made: Option<Found>,
    form: Form,
    /// What new calls take now, as a sentence.
    holds: String,
    revision: i64,
    promoted: bool,
    decides: bool,
    impact: Impact,
    history: Vec<Decision>,
}

/// Whom a decision concerns.
#[derive(Serialize)]
struct Impact {
    flows: usize,
    /// Of them those that have parameters of their own.
    own: usize,
    calls: usize,
}

#[derive(Serialize)]
struct Found {
    id: u64,
    people: usize,
    machines: usize,
    tried: usize,
    cost_ratio: String,
    which: &'static str,
    basis: Basis,
    /// The true share that errors could have although none was seen; empty for a set that is large enough.
    shaky: String,
    enough: usize,
    rows: Vec<Row>,
    file: String,
    /// It is what holds now.
    holds: bool,
    learned: Option<Learning>,
}

/// What fitting the weights came to, as sentences.
#[derive(Serialize)]
struct Learning {
    said: String,
    proven: bool,
}

impl Learning {
    fn of(frame: &Frame, learned: Learned) -> Self {
        let cost = |cost: f64| format!("{cost:.1}");
        let (gain, low, high) = (cost(learned.gain), cost(learned.gain_low), cost(learned.gain_high));
        let trust = learned.trust.map(|calls| calls.to_string()).unwrap_or_default();
        let key = if learned.trust.is_some() { "tune_learned" } else { "tune_learned_nothing" };
        let parts = [("gain", gain.as_str()), ("low", &low), ("high", &high), ("calls", &trust)];
        Self { said: frame.tell(key, &parts), proven: learned.is_proven() }
    }
}

#[derive(Serialize)]
struct Decision {
    said: String,
    author: String,
    at: At,
}

/// The page.
pub(in crate::console) async fn page(
    sees: Sees<SeeServer>,
    State(api): State<Api>,
) -> Result<Response, Problem> {
    let form = Form::of(&sees);
    let decides = may::<Administer>(&sees.who);
    made_of(&api, &sees, form, decides).await
}

async fn made_of(api: &Api, frame: &Frame, mut form: Form, decides: bool) -> Result<Response, Problem> {
    let looked = api.trials.look();
    let running = match looked.running {
        Some(job) => Some(Running::of(api, frame, job).await?),
        None => None,
    };
    let promoted = api.trials.promoted().await?;
    let made = match looked.tuned {
        Some(made) => Some(found(api, frame, &made).await?),
        None => None,
    };
    let (mut names, mut history) = (Names::of(api), Vec::new());
    for row in api.store.amd_params_history(HISTORY).await? {
        let said = match &row.params {
            Some(_) => basis_said(frame, "tune_promoted", &row.basis),
            None => frame.say("tune_taken_back").to_owned(),
        };
        history.push(Decision { said, author: names.name(&row.author).await?, at: frame.zone.at(row.at_ms) });
    }
    let sets = api.calls.amd_sets();
    let flows = api.flows.all();
    form.written.entry("costRatio").or_insert_with(|| USUAL_RATIO.to_string());
    let page = Page {
        running,
        failed: looked
            .failed
            .filter(|(kind, _)| matches!(kind, Kind::Tune | Kind::Learn))
            .map(|(_, why)| crate::console::faults::sentence(&frame.language.reason(&why)))
            .unwrap_or_default(),
        made,
        form,
        holds: match (&promoted.params, &promoted.last) {
            (Some(_), Some(row)) => basis_said(frame, "tune_holds_promoted", &row.basis),
            _ => frame.say("tune_holds_usual").to_owned(),
        },
        revision: promoted.revision,
        promoted: promoted.params.is_some(),
        decides,
        impact: Impact {
            flows: flows.len(),
            own: flows.iter().filter(|flow| sets.contains(&flow.flow)).count(),
            calls: api.calls.live().len(),
        },
        history,
    };
    let crumbs = [Crumb::new("/accuracy", frame.say("nav_accuracy"))];
    Ok(frame.page(api, ("tune.html", Room::Accuracy), frame.say("tune_title"), &crumbs, &page))
}

fn basis_said(frame: &Frame, key: &str, basis: &serde_json::Value) -> String {
    let count = |name: &str| basis[name].to_string();
    frame.tell(key, &[("people", &count("people")), ("machines", &count("machines"))])
}

async fn found(api: &Api, frame: &Frame, made: &Made<Tuned>) -> Result<Found, Problem> {
    let tuned = &made.result;
    let of = frame.say("accuracy_of");
    let runs = [&tuned.today, &tuned.unseen, &tuned.all];
    let cells = |figure: &dyn Fn(&Line) -> Figure| runs.iter().map(|run| figure(run)).collect::<Vec<_>>();
    let rows = vec![
        Row::new(frame, "accuracy_people", cells(&|run| Figure::of(&run.person_called_machine, of))),
        Row::new(frame, "accuracy_machines", cells(&|run| Figure::of(&run.machine_called_person, of))),
        Row::new(frame, "accuracy_undecided", cells(&|run| Figure::of(&run.undecided, of))),
        Row::new(frame, "tune_p50", cells(&|run| Figure::time(run.p50))),
        Row::new(frame, "tune_p95", cells(&|run| Figure::time(run.p95))),
        Row::new(
            frame,
            "tune_cost",
            cells(&|run| Figure { share: format!("{:.1}", run.cost), ..Figure::default() }),
        ),
    ];
    Ok(Found {
        id: made.id,
        people: tuned.people,
        machines: tuned.machines,
        tried: tuned.tried,
        cost_ratio: tuned.cost_ratio.to_string(),
        which: made.which.as_str(),
        basis: Basis::of(api, frame, made, &tuned.left_out).await?,
        shaky: tuned.shaky().map(|worst| format!("{worst:.1}")).unwrap_or_default(),
        enough: Tuned::enough(),
        rows,
        file: tuned.file_text(),
        holds: api.calls.amd_params(None, "") == Some(tuned.params),
        learned: tuned.learned.map(|learned| Learning::of(frame, learned)),
    })
}

/// Begins a search.
pub(in crate::console) async fn start(
    State(api): State<Api>,
    form: Does<TryVerdicts>,
) -> Result<Response, Problem> {
    const FIELDS: [&str; 3] = ["costRatio", "fit", "calls"];
    let body = body_of_form(FIELDS.into_iter().map(|field| (field, form.written.text(field))));
    let mut faults = Faults::default();
    let (ratio, fit, calls) = body.fields(FieldNames::Exact, &mut faults, tune_of);
    let author = form.by.who.actor().name;
    let problem = match faults.end(Code::Malformed) {
        Err(problem) => problem,
        Ok(_) => match api.trials.tune(ratio, fit, calls, author).await {
            Ok(()) => return Ok(Redirect::to("/accuracy/tune").into_response()),
            Err(refused) => put(&form.by, refused),
        },
    };
    let mut shown = Form::of(&form.by).with(&form.by, &problem);
    for field in FIELDS {
        shown.written.insert(field, form.written.text(field).to_owned());
    }
    let mut page = made_of(&api, &form.by, shown, may::<Administer>(&form.by.who)).await?;
    *page.status_mut() = refused_status(&problem);
    Ok(page)
}

/// Lets new calls take what the search found.
pub(in crate::console) async fn promote(
    State(api): State<Api>,
    form: Does<Administer>,
) -> Result<Response, Problem> {
    let id = form.written.text("tuned").parse().unwrap_or_default();
    let decided = api.trials.promote(id, revision(&form), form.by.who.actor()).await;
    decided.map_err(|refused| put(&form.by, refused))?;
    Ok(Redirect::to("/accuracy/tune?done=params_promoted").into_response())
}

/// Lets new calls take the parameters of the configuration again.
pub(in crate::console) async fn take_back(
    State(api): State<Api>,
    form: Does<Administer>,
) -> Result<Response, Problem> {
    let decided = api.trials.take_back(revision(&form), form.by.who.actor()).await;
    decided.map_err(|refused| put(&form.by, refused))?;
    Ok(Redirect::to("/accuracy/tune?done=params_taken_back").into_response())
}

/// What the one who decides saw.
fn revision(form: &Does<Administer>) -> i64 {
    form.written.text("revision").parse().unwrap_or(-1)
}
