//! The contacts of a campaign, narrowed by where they stand; and one of them: why it is not called, and its calls.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use callcore::campaign::Outcome;
use callcore::number;
use reqwest::Url;
use serde::Serialize;

use super::said;
use crate::access::{RunCampaigns, SeeCampaigns};
use crate::api::Api;
use crate::api::campaigns::found;
use crate::api::error::Problem;
use crate::api::extract::{Pairs, Path};
use crate::console::forms::Does;
use crate::console::frame::{Crumb, Frame, Room, Sees, may};
use crate::console::when::At;
use crate::store::{PlaceFilter, PlaceRow, PlaceState};

/// Contacts on a page.
const PAGE: u32 = 50;

#[derive(Serialize)]
struct List {
    id: String,
    lines: Vec<Line>,
    states: Vec<(&'static str, &'static str)>,
    outcomes: Vec<(&'static str, &'static str)>,
    state: String,
    rule: String,
    rule_said: String,
    outcome: String,
    search: String,
    first: bool,
    next: Option<String>,
}

#[derive(Serialize)]
struct Line {
    place: i64,
    number: String,
    name: String,
    state: &'static str,
    state_said: &'static str,
    why: String,
    attempts: i64,
    outcome: &'static str,
    zone: String,
}

const STATES: [(PlaceState, &str); 5] = [
    (PlaceState::Waiting, "place_waiting"),
    (PlaceState::Calling, "place_calling"),
    (PlaceState::Done, "place_done"),
    (PlaceState::Exhausted, "place_exhausted"),
    (PlaceState::Excluded, "place_excluded"),
];

/// The key of the word for where a contact stands.
pub(in crate::console) fn state_key(state: PlaceState) -> &'static str {
    STATES.iter().find(|(known, _)| *known == state).map_or("place_waiting", |(_, key)| key)
}

impl Line {
    fn of(frame: &Frame, row: &PlaceRow) -> Self {
        Self {
            place: row.id,
            number: frame.number(&row.number),
            name: row.name.clone().unwrap_or_default(),
            state: row.state.as_str(),
            state_said: frame.say(state_key(row.state)),
            why: said::reason(frame, &row.reason),
            attempts: row.attempts,
            outcome: row.outcome.map_or("", |outcome| said::outcome(frame, outcome)),
            zone: row.zone.clone().unwrap_or_default(),
        }
    }
}

/// The contacts.
pub(in crate::console) async fn page(
    sees: Sees<SeeCampaigns>,
    State(api): State<Api>,
    Path(id): Path<String>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    use strum::IntoEnumIterator;
    let row = found(&api.campaigns, &id).await?;
    let given = |name: &str| {
        query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let (state, rule, outcome, search) = (given("state"), given("rule"), given("outcome"), given("q"));
    sees.may_look_for(&search)?;
    let digits = number::key(&search, api.calls.country());
    let after = given("after").parse().ok();
    let filter = PlaceFilter {
        state: state.parse().ok(),
        rule: (!rule.is_empty()).then(|| rule.clone()),
        outcome: Outcome::named(&outcome),
        digits: (!digits.is_empty()).then_some(digits),
        after,
        ..PlaceFilter::default()
    };
    let found = api.store.places(&row.id, &filter, PAGE).await?;
    let next = found.next.and_then(|after| {
        let pairs = [
            ("state", &state),
            ("rule", &rule),
            ("outcome", &outcome),
            ("q", &search),
            ("after", &after.to_string()),
        ];
        let url = Url::parse_with_params("http://page/", pairs).ok()?;
        Some(format!("/campaigns/{}/contacts?{}", row.id, url.query()?))
    });
    let list = List {
        lines: found.items.iter().map(|row| Line::of(&sees, row)).collect(),
        states: STATES.iter().map(|(state, key)| (state.as_str(), sees.say(key))).collect(),
        outcomes: Outcome::iter().map(|outcome| (outcome.as_str(), said::outcome(&sees, outcome))).collect(),
        rule_said: if rule.is_empty() { String::new() } else { said::rule(&sees, &rule) },
        state,
        rule,
        outcome,
        search,
        first: after.is_none(),
        next,
        id: row.id.clone(),
    };
    let crumbs = [
        Crumb::new("/campaigns", sees.say("nav_campaigns")),
        Crumb::new(format!("/campaigns/{}", row.id), row.name),
    ];
    Ok(sees.page(
        &api,
        ("campaign_contacts.html", Room::Campaigns),
        sees.say("campaign_contacts"),
        &crumbs,
        &list,
    ))
}

#[derive(Serialize)]
struct Explained {
    id: String,
    line: Line,
    why: String,
    hold: String,
    external_id: String,
    consent: Option<At>,
    variables: Vec<(String, String)>,
    calls: Vec<Call>,
    /// It may be taken out.
    out: bool,
}

#[derive(Serialize)]
struct Call {
    id: String,
    at: At,
    outcome: &'static str,
    minutes: i64,
    digest: String,
    canary: bool,
}

/// One contact of a campaign, and why.
pub(in crate::console) async fn why(
    sees: Sees<SeeCampaigns>,
    State(api): State<Api>,
    Path((id, place)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let row = found(&api.campaigns, &id).await?;
    let place = api.store.place(&row.id, place).await?;
    let place = place.ok_or_else(|| Problem::not_found("such contact in this campaign"))?;
    let why = api.campaigns.why_of(&row, place).await?;
    let calls = why.attempts.iter().map(|attempt| Call {
        id: attempt.call_id.clone(),
        at: sees.zone.at(attempt.at_ms),
        outcome: attempt
            .outcome
            .as_deref()
            .and_then(Outcome::named)
            .map_or_else(|| sees.say("why_calling"), |outcome| said::outcome(&sees, outcome)),
        minutes: attempt.minutes,
        digest: attempt.flow_digest.get(..8).unwrap_or_default().to_owned(),
        canary: attempt.canary,
    });
    let variables = why.place.variables.as_object().into_iter().flatten();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let page = Explained {
        id: row.id.clone(),
        why: said::reason(&sees, &why.reason),
        hold: why.hold.as_ref().map(|hold| said::hold(&sees, hold)).unwrap_or_default(),
        external_id: why.place.external_id.clone().unwrap_or_default(),
        consent: why.place.consent_ms.map(|at| sees.zone.at(at)),
        variables: variables.map(|(name, value)| (name.clone(), text(value))).collect(),
        calls: calls.collect(),
        out: may::<RunCampaigns>(&sees.who) && why.place.state == PlaceState::Waiting,
        line: Line::of(&sees, &why.place),
    };
    let crumbs = [
        Crumb::new("/campaigns", sees.say("nav_campaigns")),
        Crumb::new(format!("/campaigns/{}", row.id), row.name),
        Crumb::new(format!("/campaigns/{}/contacts", row.id), sees.say("campaign_contacts")),
    ];
    let title = if page.line.name.is_empty() { page.line.number.clone() } else { page.line.name.clone() };
    Ok(sees.page(&api, ("campaign_contact.html", Room::Campaigns), &title, &crumbs, &page))
}

/// Takes a contact out of a campaign.
pub(in crate::console) async fn exclude(
    State(api): State<Api>,
    Path((id, place)): Path<(String, i64)>,
    form: Does<RunCampaigns>,
) -> Result<Response, Problem> {
    let row = found(&api.campaigns, &id).await?;
    let who = form.by.who.name().to_owned();
    let done = api.campaigns.exclude(&row.id, place, &who, form.by.who.actor()).await?;
    let told = if done { "campaign_excluded" } else { "campaign_not_excluded" };
    Ok(Redirect::to(&format!("/campaigns/{}/contacts/{place}?done={told}", row.id)).into_response())
}
