//! `/v1/campaigns`: contact lists called by a flow within rules: written, looked ahead for, launched, changed, stopped and explained.

mod compare;
mod contacts;
mod life;
mod report;
mod shapes;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::compare::{Against, Comparison, Difference, Estimate, Side};
pub(crate) use self::report::{
    Abandoned, AbandonedDay, Funnel, HourCount, Report, ReportFile, USUAL_DAYS, WeekHourCount,
};
pub(crate) use self::shapes::Contacts;
use self::shapes::{Body, Campaign, CampaignList, Change, ListQuery, PresetList, RevisionList, settings};
use super::error::{Code, Problem, ProblemDocument};
use super::extract::{Path, Query};
use super::fields::json;
use super::may::May;
use super::problems::{BadField, BadId, BadParameter, TooLarge};
use crate::access::{RunCampaigns, SeeCampaigns};
pub(crate) use crate::campaigns::Desk;
use crate::campaigns::Refused;
use crate::store::CampaignRow;

/// The routes, for whatever state has a [`Desk`].
pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Desk: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, change, delete))
        .routes(routes!(revisions))
        .routes(routes!(presets))
        .merge(life::routes())
        .merge(contacts::routes())
        .merge(report::routes())
        .merge(compare::routes())
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let text = refused.to_string();
        match refused {
            Refused::Unknown => Self::new(Code::NotFound, text),
            Refused::Wrong(problems) => {
                let what = "the campaign is not right yet; `errors` names every field that is wrong";
                problems.iter().fold(Self::new(Code::Invalid, what), |problem, wrong| {
                    problem.with_field(&wrong.field, &wrong.problem)
                })
            }
            Refused::Stale(row) => {
                Self::new(Code::Conflict, text).with_member("revision", row.revision.into())
            }
            Refused::State { state, .. } => {
                Self::new(Code::Conflict, text).with_member("state", state.as_str().into())
            }
            Refused::Busy => Self::new(Code::Conflict, text),
            Refused::Call(refusal) => refusal.into(),
            Refused::Store(error) => error.into(),
        }
    }
}

/// The campaign of an id or a name.
pub(crate) async fn found(desk: &Desk, id: &str) -> Result<CampaignRow, Problem> {
    desk.store().campaign_named(id).await?.ok_or_else(|| Problem::not_found(&format!("campaign {id}")))
}

/// A campaign with its figures.
pub(super) async fn shown(desk: &Desk, row: CampaignRow) -> Result<Campaign, Problem> {
    let counts = desk.store().place_counts(&row.id).await?;
    let attempts = desk.store().attempt_counts(&row.id).await?;
    let hold = desk.hold(&row);
    Ok(Campaign::of(row, counts, &attempts, hold.as_ref()))
}

/// Campaigns, newest first, by pages.
#[utoipa::path(get, path = "/v1/campaigns", operation_id = "listCampaigns", tag = "campaigns", params(ListQuery),
    responses(
        (status = 200, description = "A page of campaigns.", body = CampaignList),
        BadParameter,
    ))]
pub(super) async fn list(
    State(desk): State<Desk>,
    _: May<SeeCampaigns>,
    Query(query): Query<ListQuery>,
) -> Result<Json<CampaignList>, Problem> {
    let page = desk.store().campaigns(query.after.as_ref(), query.limit).await?;
    let mut campaigns = Vec::with_capacity(page.items.len());
    for row in page.items {
        campaigns.push(shown(&desk, row).await?);
    }
    Ok(Json(CampaignList { campaigns, next: page.next.map(|cursor| cursor.to_string()) }))
}

/// Write a campaign: it is kept as a draft, with its flow pinned to the version that runs now.
#[utoipa::path(post, path = "/v1/campaigns", operation_id = "createCampaign", tag = "campaigns",
    request_body(content = Body),
    responses(
        (status = 201, description = "It is kept as a draft.", body = Campaign),
        BadField,
        TooLarge,
        (status = 409, description = "There is a campaign of that name.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "A setting is wrong; `errors` names all that are.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn create(
    State(desk): State<Desk>,
    author: May<RunCampaigns>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Campaign>), Problem> {
    let Body { name, settings: given } = json(body)?;
    let row = desk.create(&name, author.asks_as(), settings(&given)?, author.actor()).await?;
    Ok((StatusCode::CREATED, Json(shown(&desk, row).await?)))
}

/// One campaign, by its id or its name: its settings, how far it is, and what holds it back.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}", operation_id = "getCampaign", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign.")),
    responses(
        (status = 200, description = "The campaign.", body = Campaign),
        BadId,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn one(
    State(desk): State<Desk>,
    _: May<SeeCampaigns>,
    Path(id): Path<String>,
) -> Result<Json<Campaign>, Problem> {
    let row = found(&desk, &id).await?;
    Ok(Json(shown(&desk, row).await?))
}

/// Change a campaign, also while it runs. Settings that are absent stay, `null` gives one its usual value. `revision` is the one
/// that you saw: if somebody else changed the campaign meanwhile, nothing is changed. Calls under way end by the settings they began
/// with; contacts that a rule stopped are decided anew.
#[utoipa::path(patch, path = "/v1/campaigns/{campaign_id}", operation_id = "changeCampaign", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign.")),
    request_body(content = Change),
    responses(
        (status = 200, description = "The campaign as it is now.", body = Campaign),
        BadField,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It is over, or somebody else changed it.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
        (status = 422, description = "A setting is wrong; `errors` names all that are.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn change(
    State(desk): State<Desk>,
    author: May<RunCampaigns>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Campaign>, Problem> {
    let Change { revision, name, settings: given } = json(body)?;
    let row = found(&desk, &id).await?;
    let merged = shapes::merged(&row.settings, given)?;
    if merged == row.settings && name.as_ref().is_none_or(|name| *name == row.name) {
        let detail = "the body changes nothing; send `settings` or `name` with what is to change";
        return Err(Problem::new(Code::Malformed, detail));
    }
    let row = desk.change(&row.id, revision, name, merged, author.actor()).await?;
    Ok(Json(shown(&desk, row).await?))
}

/// Delete a campaign that is not under way. Its calls stay.
#[utoipa::path(delete, path = "/v1/campaigns/{campaign_id}", operation_id = "deleteCampaign", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign.")),
    responses(
        (status = 204, description = "It is gone."),
        BadId,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It is under way: stop it first.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn delete(
    State(desk): State<Desk>,
    author: May<RunCampaigns>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let row = found(&desk, &id).await?;
    desk.delete(&row.id, author.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who changed the settings when, newest first.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/revisions", operation_id = "listCampaignRevisions",
    tag = "campaigns", params(("campaign_id" = String, Path, description = "The campaign.")),
    responses(
        (status = 200, description = "The latest 200.", body = RevisionList),
        BadId,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn revisions(
    State(desk): State<Desk>,
    _: May<SeeCampaigns>,
    Path(id): Path<String>,
) -> Result<Json<RevisionList>, Problem> {
    let row = found(&desk, &id).await?;
    let rows = desk.store().campaign_revisions(&row.id).await?;
    Ok(Json(rows.into()))
}

/// Settings to begin with, by country and purpose: dated data with their source. Have them checked before you rely on them.
#[utoipa::path(get, path = "/v1/campaign-presets", operation_id = "listCampaignPresets", tag = "campaigns",
    responses((status = 200, description = "All of them.", body = PresetList)))]
pub(super) async fn presets(_: May<SeeCampaigns>) -> Json<PresetList> {
    Json(PresetList::all())
}
