//! The editor of campaigns.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use callcore::campaign::{Outcome, Problem as Wrong, Settings, presets};
use serde::Serialize;
use serde_json::{Map, Value};

use super::draft::Draft;
use super::said;
use crate::access::RunCampaigns;
use crate::api::Api;
use crate::api::campaigns::found;
use crate::api::error::Problem;
use crate::api::extract::{Pairs, Path};
use crate::campaigns::{ClosedDays, LARGEST_CALENDAR, Refused, coming_closed_days};
use crate::console::faults::sentence;
use crate::console::forms::Does;
use crate::console::frame::{Crumb, Frame, Room, Sees};
use crate::store::CampaignRow;
use crate::wallclock::now_ms;

/// Most bytes of a form: a calendar, and what is written beside it.
pub(in crate::console) const LARGEST_FORM: usize = LARGEST_CALENDAR + (256 << 10);
/// Lists that can be chosen.
const LISTS: u32 = 200;

#[derive(Serialize)]
struct Editor {
    /// Empty: a new one.
    id: String,
    revision: i64,
    draft: Draft,
    flows: Vec<String>,
    lists: Vec<List>,
    trunks: Vec<String>,
    presets: Vec<Preset>,
    outcomes: BTreeMap<&'static str, &'static str>,
    /// By field.
    wrong: BTreeMap<String, String>,
    /// Of no field.
    fault: String,
    /// What a calendar added, and what it holds that was not taken.
    calendar: Vec<String>,
    running: bool,
}

#[derive(Serialize)]
struct List {
    id: String,
    name: String,
    contacts: i64,
    chosen: bool,
    /// Whoever stands on it is not called.
    suppresses: bool,
}

#[derive(Serialize)]
struct Preset {
    name: String,
    title: String,
    source: String,
    note: String,
    dated: String,
}

/// The fields of the form at which a reason may stand.
const FIELDS: [&str; 36] = [
    "abandon_limit",
    "breaker_of",
    "breaker_pause",
    "breaker_percent",
    "calendar",
    "callback",
    "caller_ids",
    "canary_flow",
    "canary_percent",
    "closed_on",
    "concurrent",
    "consent_within",
    "description",
    "ends",
    "flow",
    "holidays_of",
    "in_all",
    "lists",
    "machine_detection",
    "minutes_in_all",
    "minutes_per_day",
    "name",
    "never_call",
    "notify_url",
    "per_day",
    "per_second",
    "priority",
    "ramp_up",
    "retry",
    "ring",
    "starts",
    "suppression_lists",
    "trunk",
    "variables",
    "windows",
    "zone",
];

/// The field of the form that a setting belongs to.
fn field_of(setting: &str) -> String {
    let top = setting.split(['[', '.']).next().unwrap_or_default();
    let last = setting.rsplit('.').next().unwrap_or_default();
    match top {
        "pacing" if setting.starts_with("pacing.breaker.") => format!("breaker_{last}"),
        "caps" | "pacing" | "budget" => last.to_owned(),
        "canary" => format!("canary_{last}"),
        _ if top.starts_with("ring") => "ring".to_owned(),
        _ => top.to_owned(),
    }
}

/// The reasons at each field of the form; those of a field that it has not stand at its top, under an empty name.
fn reasons(frame: &Frame, problems: &[Wrong]) -> BTreeMap<String, String> {
    let mut wrong = BTreeMap::<String, String>::new();
    for Wrong { field, problem } in problems {
        let mut why = frame.language.reason(problem);
        if let Some(at) = entry_of(field) {
            why = frame.tell("entry_of", &[("n", &(at + 1).to_string()), ("problem", &why)]);
        }
        let mut name = field_of(field);
        if !FIELDS.contains(&name.as_str()) {
            why = format!("{field}: {why}");
            name.clear();
        }
        let said = wrong.entry(name).or_default();
        if !said.is_empty() {
            said.push(' ');
        }
        said.push_str(&sentence(&why));
    }
    wrong
}

/// Which entry of a list a setting is: `windows[1].from` is the second.
fn entry_of(setting: &str) -> Option<usize> {
    let (_, from) = setting.split_once('[')?;
    from.split_once(']')?.0.parse().ok()
}

async fn shown<R: crate::access::Right>(
    api: &Api,
    sees: &Sees<R>,
    (row, draft): (Option<&CampaignRow>, Draft),
    problems: &[Wrong],
    (fault, calendar): (String, Vec<String>),
) -> Result<Response, Problem> {
    let mut wrong = reasons(sees, problems);
    let fault = [fault, wrong.remove("").unwrap_or_default()].join(" ").trim().to_owned();
    let lists = api.store.lists(None, LISTS).await?;
    let page = Editor {
        id: row.map(|row| row.id.clone()).unwrap_or_default(),
        revision: row.map_or(0, |row| row.revision),
        flows: api.flows.all().into_iter().map(|flow| flow.flow).collect(),
        lists: lists
            .items
            .into_iter()
            .map(|list| List {
                chosen: draft.lists.contains(&list.id),
                suppresses: draft.suppression_lists.contains(&list.id),
                id: list.id,
                name: list.name,
                contacts: list.contacts,
            })
            .collect(),
        trunks: api.calls.dialling_trunks().map(|trunk| trunk.name().to_owned()).collect(),
        presets: presets()
            .into_iter()
            .map(|preset| Preset {
                name: preset.name,
                title: sees.language.reason(&preset.title),
                source: sees.language.reason(&preset.source),
                note: sees.language.reason(&preset.note),
                dated: preset.dated,
            })
            .collect(),
        outcomes: super::draft::RETRIED
            .iter()
            .map(|outcome: &Outcome| (outcome.as_str(), said::outcome(sees, *outcome)))
            .collect(),
        wrong,
        fault,
        calendar,
        running: row.is_some_and(|row| row.state.is_under_way()),
        draft,
    };
    let mut crumbs = vec![Crumb::new("/campaigns", sees.say("nav_campaigns"))];
    if let Some(row) = row {
        crumbs.push(Crumb::new(format!("/campaigns/{}", row.id), row.name.clone()));
    }
    let title = sees.say(if row.is_some() { "campaign_edit" } else { "campaign_new" });
    let mut response = sees.page(api, ("campaign_edit.html", Room::Campaigns), title, &crumbs, &page);
    if !problems.is_empty() || !page.fault.is_empty() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// Adds the closed days of a calendar to the form: whoever sent it sees them before they hold. What is wrong with it, and what is told of it.
fn take_calendar(draft: &mut Draft, file: &[u8], sees: &Sees<RunCampaigns>) -> (Vec<Wrong>, Vec<String>) {
    match coming_closed_days(&String::from_utf8_lossy(file), now_ms()) {
        Err(why) => (vec![Wrong { field: "calendar".into(), problem: why.to_string() }], Vec::new()),
        Ok(ClosedDays { days, left_out }) => {
            draft.close_on(&days);
            let mut told = vec![match (days.first(), days.last()) {
                (Some(first), Some(last)) => sees.tell(
                    "campaign_calendar_took",
                    &[
                        ("n", &days.len().to_string()),
                        ("first", &first.to_string()),
                        ("last", &last.to_string()),
                    ],
                ),
                _ => sees.say("campaign_calendar_empty").to_owned(),
            }];
            told.extend(
                left_out.iter().map(|event| sees.tell("campaign_calendar_left_out", &[("event", event)])),
            );
            (Vec::new(), told)
        }
    }
}

/// The editor for a new campaign.
pub(in crate::console) async fn new_page(
    sees: Sees<RunCampaigns>,
    State(api): State<Api>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let mut draft = Draft::of("", &Settings::default());
    if let Some((_, list)) = query.iter().find(|(name, _)| name == "list") {
        draft.lists.push(list.clone());
    }
    shown(&api, &sees, (None, draft), &[], Default::default()).await
}

/// Keeps a new campaign, or fills the form by a preset.
pub(in crate::console) async fn create(
    State(api): State<Api>,
    form: Does<RunCampaigns>,
) -> Result<Response, Problem> {
    let mut draft = Draft::read(&form.written);
    if form.written.holds("take_preset") {
        let name = draft.preset.clone();
        draft.take_preset(&name);
        return shown(&api, &form.by, (None, draft), &[], Default::default()).await;
    }
    if let Some(file) = form.written.file() {
        let (problems, told) = take_calendar(&mut draft, &file, &form.by);
        return shown(&api, &form.by, (None, draft), &problems, (String::new(), told)).await;
    }
    let settings = match draft.settings(&Settings::default()) {
        Ok(settings) => settings,
        Err(problems) => return shown(&api, &form.by, (None, draft), &problems, Default::default()).await,
    };
    let who = &form.by.who;
    match api.campaigns.create(&draft.name, who.asks_as(), settings, who.actor()).await {
        Ok(row) => Ok(Redirect::to(&format!("/campaigns/{}?done=campaign_kept", row.id)).into_response()),
        Err(Refused::Wrong(problems)) => {
            shown(&api, &form.by, (None, draft), &problems, Default::default()).await
        }
        Err(Refused::Store(error @ crate::store::Error::Exists { .. })) => {
            let problems = [Wrong { field: "name".into(), problem: error.to_string() }];
            shown(&api, &form.by, (None, draft), &problems, Default::default()).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The editor for a campaign that there is.
pub(in crate::console) async fn edit_page(
    sees: Sees<RunCampaigns>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let row = found(&api.campaigns, &id).await?;
    let draft = Draft::of(&row.name, &row.settings);
    shown(&api, &sees, (Some(&row), draft), &[], Default::default()).await
}

/// What two people changed of the same settings.
struct Both {
    /// As they stand, with what the second one changed and the first one did not.
    merged: Settings,
    /// What the first one changed.
    theirs: Vec<String>,
    /// What both changed; the first one's values stand.
    twice: Vec<String>,
}

impl Both {
    /// `seen` is what the second one saw, `current` what the first one made of it, `wanted` what the second one wants.
    fn of(seen: Option<&Settings>, current: &Settings, wanted: &Settings) -> Self {
        let fields = |settings: &Settings| match serde_json::to_value(settings) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) | Err(_) => Map::new(),
        };
        let (seen, mut now, wanted) = (fields(seen.unwrap_or(current)), fields(current), fields(wanted));
        let changed = |to: &Map<String, Value>| -> Vec<String> {
            let names: BTreeSet<&String> = seen.keys().chain(to.keys()).collect();
            names.into_iter().filter(|name| seen.get(*name) != to.get(*name)).cloned().collect()
        };
        let theirs = changed(&now);
        let (twice, mine): (Vec<String>, Vec<String>) = changed(&wanted)
            .into_iter()
            .partition(|name| theirs.contains(name) && now.get(name) != wanted.get(name));
        for name in mine {
            match wanted.get(&name) {
                Some(value) => now.insert(name, value.clone()),
                None => now.remove(&name),
            };
        }
        let merged = Settings::read(&now).unwrap_or_else(|_| current.clone());
        Self { merged, theirs, twice }
    }
}

/// Changes a campaign, unless somebody else did meanwhile.
pub(in crate::console) async fn change(
    State(api): State<Api>,
    Path(id): Path<String>,
    form: Does<RunCampaigns>,
) -> Result<Response, Problem> {
    let row = found(&api.campaigns, &id).await?;
    let mut draft = Draft::read(&form.written);
    if form.written.holds("take_preset") {
        let name = draft.preset.clone();
        draft.take_preset(&name);
        return shown(&api, &form.by, (Some(&row), draft), &[], Default::default()).await;
    }
    if let Some(file) = form.written.file() {
        let (problems, told) = take_calendar(&mut draft, &file, &form.by);
        return shown(&api, &form.by, (Some(&row), draft), &problems, (String::new(), told)).await;
    }
    let settings = match draft.settings(&row.settings) {
        Ok(settings) => settings,
        Err(problems) => {
            return shown(&api, &form.by, (Some(&row), draft), &problems, Default::default()).await;
        }
    };
    let revision = form.written.text("revision").parse().unwrap_or(0);
    let name = Some(draft.name.clone());
    let wanted = settings.clone();
    match api.campaigns.change(&row.id, revision, name, settings, form.by.who.actor()).await {
        Ok(row) => Ok(Redirect::to(&format!("/campaigns/{}?done=campaign_changed", row.id)).into_response()),
        Err(Refused::Wrong(problems)) => {
            shown(&api, &form.by, (Some(&row), draft), &problems, Default::default()).await
        }
        Err(Refused::Stale(current)) => {
            let revisions = api.store.campaign_revisions(&row.id).await?;
            let seen = revisions.into_iter().find(|seen| seen.revision == revision).map(|seen| seen.settings);
            let both = Both::of(seen.as_ref(), &current.settings, &wanted);
            let mut draft = Draft::of(&draft.name, &both.merged);
            draft.name = form.written.text("name").to_owned();
            let fault = form.by.tell(
                if both.twice.is_empty() { "campaign_stale" } else { "campaign_stale_twice" },
                &[
                    ("n", &current.revision.to_string()),
                    ("theirs", &both.theirs.join(", ")),
                    ("twice", &both.twice.join(", ")),
                ],
            );
            shown(&api, &form.by, (Some(&current), draft), &[], (fault, Vec::new())).await
        }
        Err(Refused::Store(error @ crate::store::Error::Exists { .. })) => {
            let problems = [Wrong { field: "name".into(), problem: error.to_string() }];
            shown(&api, &form.by, (Some(&row), draft), &problems, Default::default()).await
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_place_on_the_form() {
        let form = include_str!("../templates/campaign_edit.html");
        for field in FIELDS {
            assert!(form.contains(&format!("{{{{ p.wrong.{field} }}}}")), "{field}");
        }
        let places = [
            "caps.per_day",
            "pacing.breaker.pause",
            "canary.percent",
            "ring_timeout",
            "retry.busy.times",
            "windows[1].from",
        ];
        for (setting, field) in
            places.into_iter().zip(["per_day", "breaker_pause", "canary_percent", "ring", "retry", "windows"])
        {
            assert_eq!(field_of(setting), field);
        }
        assert_eq!(
            (entry_of("windows[1].from"), entry_of("windows"), entry_of("caller_ids[0]")),
            (Some(1), None, Some(0))
        );
    }

    #[test]
    fn what_two_people_change_is_kept_of_both_and_told_where_it_is_the_same() {
        let read = |value: Value| Settings::read(value.as_object().unwrap()).unwrap();
        let seen = read(serde_json::json!({ "flow": "f", "lists": ["l"] }));
        let theirs = Settings { zone: Some("UTC".into()), ..seen.clone() };
        let mine = Settings { never_call: vec!["+62".into()], ..seen.clone() };
        let both = Both::of(Some(&seen), &theirs, &mine);
        assert_eq!((both.theirs, both.twice.len()), (vec!["zone".to_owned()], 0));
        let merged = Settings { never_call: vec!["+62".into()], ..theirs.clone() };
        assert_eq!(both.merged, merged);
        let mine = Settings { zone: Some("Asia/Jakarta".into()), ..seen.clone() };
        let both = Both::of(Some(&seen), &theirs, &mine);
        assert_eq!((both.twice, both.merged), (vec!["zone".to_owned()], theirs));
    }
}
