//! The contacts of a campaign: where each stands, and why.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use callcore::campaign::{Outcome, Rule};
use callcore::number;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Desk, found};
use crate::access::{RunCampaigns, SeeCampaigns};
use crate::api::error::{Problem, ProblemDocument};
use crate::api::extract::{Path, Query, page_size};
use crate::api::fields::{self, Fields};
use crate::api::may::May;
use crate::api::problems::{BadId, BadParameter};
use crate::campaigns::Why;
use crate::store::{PlaceAttemptRow, PlaceFilter, PlaceRow, PlaceState};
use crate::wallclock::iso;

/// Longest search, characters.
const LONGEST_SEARCH: usize = 200;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Desk: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(why, exclude))
}

/// A contact of a campaign.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignContact)]
pub(super) struct Contact {
    /// Its place in the campaign.
    place: i64,
    phone_number: String,
    name: Option<String>,
    external_id: Option<String>,
    /// By the IANA data base; `null`: nobody knows.
    zone: Option<String>,
    /// `waiting`, `calling`, `done`, `exhausted` or `excluded`.
    state: String,
    /// When it is looked at next; `null`: not before something else changes.
    #[schema(format = DateTime)]
    due_at: Option<String>,
    /// The rule that decided last, with its values.
    #[schema(value_type = Object)]
    reason: Value,
    attempts: i64,
    /// What came of the last attempt.
    outcome: Option<String>,
}

impl From<PlaceRow> for Contact {
    fn from(row: PlaceRow) -> Self {
        let waits = row.state == PlaceState::Waiting && row.due_ms < i64::MAX;
        Self {
            place: row.id,
            phone_number: row.number,
            name: row.name,
            external_id: row.external_id,
            zone: row.zone,
            state: row.state.as_str().to_owned(),
            due_at: waits.then(|| iso(row.due_ms)),
            reason: serde_json::to_value(&row.reason).unwrap_or_default(),
            attempts: row.attempts,
            outcome: row.outcome.map(|outcome| outcome.as_str().to_owned()),
        }
    }
}

/// A page of a campaign's contacts, in the order of their lists.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignContactList)]
pub(super) struct ContactList {
    contacts: Vec<Contact>,
    /// The parameter `after` of the next page; `null` on the last one.
    next: Option<i64>,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ContactsQuery {
    /// `waiting`, `calling`, `done`, `exhausted` or `excluded`.
    #[param(value_type = Option<String>)]
    state: Option<PlaceState>,
    /// The rule that decided last, as in `by_rule` of the campaign.
    #[param(value_type = Option<String>, min_length = 1, max_length = 40)]
    rule: Option<Rule>,
    /// What came of the last attempt, as in `outcomes` of the campaign.
    #[param(value_type = Option<String>)]
    outcome: Option<Outcome>,
    /// A part of the number, three digits or more.
    #[param(min_length = 1, max_length = 200)]
    search: Option<String>,
    /// Contacts on a page; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: u32,
    /// `next` of the page before.
    #[param(minimum = 0)]
    after: Option<i64>,
}

impl fields::Given for ContactsQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        let state = fields.read("state", 20, |text| {
            text.parse::<PlaceState>()
                .map_err(|_| "must be waiting, calling, done, exhausted or excluded".to_owned())
        });
        let rule = fields.read("rule", 40, |text| {
            Rule::named(text)
                .ok_or_else(|| "is no rule; `by_rule` of the campaign has those that decided".to_owned())
        });
        let outcome = fields.read("outcome", 40, |text| {
            Outcome::named(text).ok_or_else(|| "is no outcome; docs/campaigns.md lists them".to_owned())
        });
        Self {
            state,
            rule,
            outcome,
            search: fields.text("search", LONGEST_SEARCH),
            limit: page_size(fields),
            after: fields.whole("after", 0..=i64::MAX),
        }
    }
}

/// Contacts of a campaign, in the order of their lists, by pages.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/contacts", operation_id = "listCampaignContacts", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign."), ContactsQuery),
    responses(
        (status = 200, description = "A page of them.", body = ContactList),
        BadParameter,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(desk): State<Desk>,
    _: May<SeeCampaigns>,
    Path(id): Path<String>,
    Query(query): Query<ContactsQuery>,
) -> Result<Json<ContactList>, Problem> {
    let row = found(&desk, &id).await?;
    let filter = PlaceFilter {
        state: query.state,
        rule: query.rule.map(|rule| rule.as_str().to_owned()),
        outcome: query.outcome,
        digits: query.search.map(|text| number::key(&text, None)),
        after: query.after,
        ..PlaceFilter::default()
    };
    let page = desk.store().places(&row.id, &filter, query.limit).await?;
    Ok(Json(ContactList { contacts: page.items.into_iter().map(Contact::from).collect(), next: page.next }))
}

/// Where a contact stands and why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignContactWhy)]
pub(super) struct Explained {
    #[serde(flatten)]
    contact: Contact,
    /// The rule that decides now, with its values: `due` means that its turn comes.
    #[schema(value_type = Object)]
    why: Value,
    /// What holds the campaign back, where the contact is due.
    #[schema(value_type = Option<Object>)]
    hold: Value,
    /// Its calls, the first one first.
    calls: Vec<Attempt>,
}

/// An attempt at a contact.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignAttempt)]
struct Attempt {
    call_id: String,
    #[schema(format = DateTime)]
    at: String,
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    outcome: Option<String>,
    minutes: i64,
    /// The number it was made from; `null`: that of the trunk.
    caller: Option<String>,
    revision: i64,
    flow_digest: String,
    /// It ran the version on trial.
    canary: bool,
}

impl From<PlaceAttemptRow> for Attempt {
    fn from(row: PlaceAttemptRow) -> Self {
        Self {
            call_id: row.call_id,
            at: iso(row.at_ms),
            ended_at: row.ended_ms.map(iso),
            outcome: row.outcome,
            minutes: row.minutes,
            caller: row.caller,
            revision: row.revision,
            flow_digest: row.flow_digest,
            canary: row.canary,
        }
    }
}

impl From<Why> for Explained {
    fn from(why: Why) -> Self {
        Self {
            why: serde_json::to_value(&why.reason).unwrap_or_default(),
            hold: serde_json::to_value(&why.hold).unwrap_or_default(),
            calls: why.attempts.into_iter().map(Attempt::from).collect(),
            contact: why.place.into(),
        }
    }
}

fn unknown(contact: &str) -> Problem {
    Problem::not_found(&format!("contact {contact} in this campaign"))
}

/// Why a contact, by its number in any spelling or its external id, is not called now; or what came of it.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/contacts/{number}", operation_id = "explainCampaignContact",
    tag = "campaigns",
    params(
        ("campaign_id" = String, Path, description = "The campaign."),
        ("number" = String, Path, description = "The number, or the external id."),
    ),
    responses(
        (status = 200, description = "The rule that decides, with its values, and the calls so far.", body = Explained),
        BadId,
        (status = 404, description = "There is no such campaign, or it has no such contact.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn why(
    State(desk): State<Desk>,
    _: May<SeeCampaigns>,
    Path((id, contact)): Path<(String, String)>,
) -> Result<Json<Explained>, Problem> {
    let row = found(&desk, &id).await?;
    let why = desk.why(&row.id, &contact).await?.ok_or_else(|| unknown(&contact))?;
    Ok(Json(why.into()))
}

/// Take a contact out of a campaign. It is not called any more in it.
#[utoipa::path(delete, path = "/v1/campaigns/{campaign_id}/contacts/{number}", operation_id = "excludeCampaignContact",
    tag = "campaigns",
    params(
        ("campaign_id" = String, Path, description = "The campaign."),
        ("number" = String, Path, description = "The number, or the external id."),
    ),
    responses(
        (status = 204, description = "It is out."),
        BadId,
        (status = 404, description = "There is no such campaign, or it has no such contact.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It is being called, or done with.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn exclude(
    State(desk): State<Desk>,
    author: May<RunCampaigns>,
    Path((id, contact)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let row = found(&desk, &id).await?;
    let why = desk.why(&row.id, &contact).await?.ok_or_else(|| unknown(&contact))?;
    if desk.exclude(&row.id, why.place.id, author.name(), author.actor()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = format!("the contact is {} and cannot be taken out", why.place.state.as_str());
    Err(Problem::new(crate::api::error::Code::Conflict, detail))
}
