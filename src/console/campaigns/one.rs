//! One campaign: how far it is, what is in the way, what a launch would do, and the steps of its life.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use callcore::campaign::Outcome;
use serde::Serialize;
use serde_json::{Value, json};

use super::chart::{Bar, bars};
use super::report::percent;
use super::said;
use crate::access::{RunCampaigns, SeeCampaigns};
use crate::api::Api;
use crate::api::campaigns::{Contacts, Funnel, Report, found};
use crate::api::error::{Code, Problem};
use crate::api::extract::Path;
use crate::console::forms::Does;
use crate::console::frame::{Crumb, Frame, Room, Sees, may};
use crate::console::people_names::Names;
use crate::console::when::At;
use crate::store::{CampaignRow, CampaignState, PlaceCount};

/// Longest consent statement, characters.
const LONGEST_CONSENT: usize = 2_000;
/// Days in which people are told that the bot let too many wait.
const WATCHED_DAYS: i64 = 7;
/// Revisions that are shown.
const REVISIONS: usize = 10;

/// The key of a state's name.
pub(super) const fn state_key(state: CampaignState) -> &'static str {
    match state {
        CampaignState::Draft => "campaign_draft",
        CampaignState::Ready => "campaign_ready",
        CampaignState::Running => "campaign_running",
        CampaignState::Paused => "campaign_paused",
        CampaignState::Draining => "campaign_draining",
        CampaignState::Done => "campaign_done",
        CampaignState::Stopped => "campaign_stopped",
    }
}

#[derive(Serialize)]
struct One {
    id: String,
    name: String,
    state: &'static str,
    state_said: &'static str,
    revision: i64,
    flow: String,
    flow_name: String,
    /// What is in the way now, as a sentence.
    hold: String,
    total: i64,
    through: i64,
    percent: i64,
    /// That the bot lets more people wait than it may, as a sentence.
    abandoned: String,
    waiting: i64,
    calling: i64,
    runs: bool,
    /// Steps that may be taken.
    can: Can,
    funnel: Funnel,
    minutes: i64,
    outcomes: Vec<Share>,
    rules: Vec<Rule>,
    hours: Vec<Bar>,
    versions: Vec<Version>,
    preflight: Option<Flight>,
    /// One runs now.
    flying: bool,
    launched: Option<At>,
    launched_by: String,
    consent: String,
    revisions: Vec<Revision>,
    live: bool,
}

#[derive(Serialize)]
struct Can {
    edit: bool,
    preflight: bool,
    launch: bool,
    pause: bool,
    resume: bool,
    stop: bool,
    delete: bool,
}

#[derive(Serialize)]
struct Share {
    outcome: &'static str,
    said: &'static str,
    class: &'static str,
    shape: &'static str,
    attempts: i64,
    /// Of the largest, for the bar.
    width: i64,
}

#[derive(Serialize)]
struct Rule {
    state: String,
    rule: String,
    said: String,
    contacts: i64,
}

#[derive(Serialize)]
struct Version {
    digest: String,
    canary: bool,
    funnel: Funnel,
    /// Those who heard all, of a hundred people.
    percent: Option<i64>,
}

#[derive(Serialize)]
struct Revision {
    revision: i64,
    author: String,
    at: At,
}

/// What a pre-flight found, ready to be shown.
#[derive(Serialize)]
struct Flight {
    at: Option<At>,
    /// Of the settings as they stand.
    current: bool,
    contacts: Value,
    duplicates: Value,
    callable: i64,
    stopped: i64,
    calls: Value,
    minutes: Value,
    peak: Value,
    ends: String,
    ends_late: String,
    assumed: bool,
    from_calls: Value,
    days: Vec<(String, Value)>,
    samples: Value,
    warnings: Value,
    blockers: Value,
}

impl Flight {
    fn of(frame: &Frame, row: &CampaignRow) -> Option<Self> {
        let found = row.preflight.as_ref()?;
        let forecast = &found["forecast"];
        let at = |value: &Value| value.as_i64().map(|ms| frame.zone.at(ms));
        let when = |value: &Value| {
            at(value).map_or_else(|| frame.say("never").to_owned(), |at| at.text().to_owned())
        };
        let rules = || found["by_rule"].as_array().into_iter().flatten();
        let count = |waiting: bool| {
            let of = rules().filter(|count| (count["state"] == "waiting") == waiting);
            of.filter_map(|count| count["contacts"].as_i64()).sum()
        };
        let days = forecast["by_day"].as_array().into_iter().flatten();
        let days = days.filter_map(|day| Some((frame.zone.day_text(day[0].as_i64()?), day[1].clone())));
        Some(Self {
            at: at(&found["at_ms"]),
            current: row.preflight_revision == Some(row.revision),
            contacts: found["contacts"].clone(),
            duplicates: found["duplicates"].clone(),
            callable: count(true),
            stopped: count(false),
            calls: forecast["calls"].clone(),
            minutes: forecast["minutes"].clone(),
            peak: forecast["peak"].clone(),
            ends: when(&forecast["ends_ms"]),
            ends_late: when(&forecast["ends_late_ms"]),
            assumed: found["mix"]["from_calls"] == 0,
            from_calls: found["mix"]["from_calls"].clone(),
            days: days.take(14).collect(),
            samples: found["samples"].clone(),
            warnings: told(frame, &found["warnings"]),
            blockers: told(frame, &found["blockers"]),
        })
    }
}

/// Problems in the words of who reads them.
fn told(frame: &Frame, problems: &Value) -> Value {
    let told = problems.as_array().into_iter().flatten().map(|problem| {
        let why = frame.language.reason(problem["problem"].as_str().unwrap_or_default());
        json!({ "field": problem["field"], "problem": why })
    });
    told.collect()
}

fn rules(frame: &Frame, counts: Vec<PlaceCount>) -> Vec<Rule> {
    counts
        .into_iter()
        .map(|count| Rule {
            said: said::rule(frame, &count.rule),
            state: count.state,
            rule: count.rule,
            contacts: count.places,
        })
        .collect()
}

fn shares(frame: &Frame, report: &Report) -> Vec<Share> {
    let most = report.outcomes.first().map_or(1, |count| count.attempts).max(1);
    let share = |name: &str, attempts: i64| {
        let outcome = Outcome::named(name)?;
        let (class, shape) = said::mark(outcome);
        let said = said::outcome(frame, outcome);
        Some(Share { outcome: outcome.as_str(), said, class, shape, attempts, width: attempts * 100 / most })
    };
    report.outcomes.iter().filter_map(|count| share(&count.outcome, count.attempts)).collect()
}

/// The latest day on which the bot let more people wait than it may.
fn abandoned(frame: &Frame, report: &Report) -> String {
    let found = &report.abandoned;
    let Some((day, limit)) = found.days.iter().find(|day| day.count.above_limit).zip(found.limit_percent)
    else {
        return String::new();
    };
    let parts = [
        ("day", day.day.as_str()),
        ("zone", &found.zone),
        ("n", &day.count.abandoned.to_string()),
        ("of", &day.count.people.to_string()),
        ("percent", &day.count.percent.map(percent).unwrap_or_default()),
        ("limit", &limit.to_string()),
    ];
    frame.tell("report_abandoned_warning", &parts)
}

/// A campaign.
pub(in crate::console) async fn page(
    sees: Sees<SeeCampaigns>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let row = found(&api.campaigns, &id).await?;
    let counts = api.store.place_counts(&row.id).await?;
    let contacts = Contacts::of(&counts);
    let (total, through) = (contacts.total(), contacts.through());
    let (waiting, calling) = (contacts.waiting(), contacts.calling());
    let report = Report::read(&api.campaigns, &row, WATCHED_DAYS).await?;
    let runs = may::<RunCampaigns>(&sees.who);
    let mut names = Names::of(&api);
    let mut revisions = Vec::new();
    for revision in api.store.campaign_revisions(&row.id).await?.into_iter().take(REVISIONS) {
        let (author, at) = (names.name(&revision.author).await?, sees.zone.at(revision.at_ms));
        revisions.push(Revision { revision: revision.revision, author, at });
    }
    let launched_by = match &row.launched_by {
        Some(by) => names.name(by).await?,
        None => String::new(),
    };
    let versions = report.by_version.iter().map(|version| Version {
        digest: version.flow_digest.get(..12).unwrap_or(&version.flow_digest).to_owned(),
        canary: version.canary,
        percent: (version.funnel.people > 0)
            .then(|| version.funnel.heard_to_the_end * 100 / version.funnel.people),
        funnel: version.funnel.clone(),
    });
    let state = row.state;
    let page = One {
        state: state.as_str(),
        state_said: sees.say(state_key(state)),
        revision: row.revision,
        flow_name: row.settings.flow.split('@').next().unwrap_or_default().to_owned(),
        flow: row.settings.flow.clone(),
        hold: api.campaigns.hold(&row).map(|hold| said::hold(&sees, &hold)).unwrap_or_default(),
        total,
        through,
        percent: if total > 0 { through * 100 / total } else { 0 },
        abandoned: abandoned(&sees, &report),
        waiting,
        calling,
        runs,
        can: Can {
            edit: !state.is_over() && state != CampaignState::Draining,
            preflight: !state.is_over() && state != CampaignState::Draining,
            launch: state == CampaignState::Ready,
            pause: state == CampaignState::Running,
            resume: state == CampaignState::Paused,
            stop: state.is_under_way(),
            delete: !state.is_under_way(),
        },
        outcomes: shares(&sees, &report),
        rules: rules(&sees, counts),
        hours: bars(&sees, &report.by_hour),
        versions: versions.collect(),
        minutes: report.minutes,
        funnel: report.funnel,
        preflight: Flight::of(&sees, &row),
        flying: api.campaigns.progress(&row.id).is_some(),
        launched: row.launched_ms.map(|at| sees.zone.at(at)),
        launched_by,
        consent: row.consent.clone().unwrap_or_default(),
        revisions,
        live: state.is_under_way(),
        name: row.name,
        id: row.id,
    };
    let crumbs = [Crumb::new("/campaigns", sees.say("nav_campaigns"))];
    let title = page.name.clone();
    Ok(sees.page(&api, ("campaign.html", Room::Campaigns), &title, &crumbs, &page))
}

/// Takes a step in the life of a campaign.
pub(in crate::console) async fn act(
    State(api): State<Api>,
    Path((id, step)): Path<(String, String)>,
    form: Does<RunCampaigns>,
) -> Result<Response, Problem> {
    let row = found(&api.campaigns, &id).await?;
    let (desk, actor, id) = (&api.campaigns, form.by.who.actor(), row.id.as_str());
    let mut back = format!("/campaigns/{id}");
    match step.as_str() {
        "preflight" => {
            desk.preflight(id).await?;
            back.push_str("?done=campaign_preflight#preflight");
        }
        "launch" => {
            let consent: String = form.written.text("consent").chars().take(LONGEST_CONSENT).collect();
            let revision = form.written.text("revision").parse().unwrap_or(row.revision);
            desk.launch(id, revision, &consent, actor).await?;
            back.push_str("?done=campaign_launched");
        }
        "pause" => {
            desk.pause(id, actor).await?;
            back.push_str("?done=campaign_paused");
        }
        "resume" => {
            desk.resume(id, actor).await?;
            back.push_str("?done=campaign_resumed");
        }
        "drain" => {
            desk.drain(id, actor).await?;
            back.push_str("?done=campaign_draining");
        }
        "stop" => {
            desk.stop(id, actor).await?;
            back.push_str("?done=campaign_stopped");
        }
        "delete" => {
            if form.written.text("name") != row.name {
                let why = form.by.say("campaign_delete_name");
                return Err(Problem::new(Code::Invalid, why).with_field("name", why));
            }
            desk.delete(id, actor).await?;
            "/campaigns?done=campaign_deleted".clone_into(&mut back);
        }
        _ => return Err(Problem::not_found(&format!("step {step:?} of a campaign"))),
    }
    Ok(Redirect::to(&back).into_response())
}
