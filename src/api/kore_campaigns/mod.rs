//! Kore's public campaign API, for programs that were written for it: its paths, bodies and words, over the campaigns and lists
//! of this server. A campaign belongs to the client app that made it; the app sees no other.

mod body;
mod life;
mod lists;
mod status;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use super::Api;
use super::dialout::single::{IGNORED, named};
use super::error::{Code, Problem, ProblemDocument};
use super::extract::{Pairs, Path};
use super::may::Campaigner;
use super::problems::{BadField, BadId, TooLarge};
use crate::campaigns::Refused;
use crate::kore::{Campaign, CampaignStatus, NewCampaign, Standing, kores_field};
use crate::store::{CampaignRow, CampaignState, Cursor};
use crate::wallclock::iso;

/// Campaigns that are looked through for those of one app, at a time.
const PAGE: u32 = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    let add = routes!(lists::add).layer(DefaultBodyLimit::max(lists::LARGEST));
    OpenApiRouter::new()
        .routes(routes!(all, create))
        .routes(routes!(one, delete))
        .routes(routes!(life::schedule))
        .routes(routes!(status::status))
        .routes(routes!(lists::create))
        .routes(add)
        .routes(routes!(lists::all))
        .routes(routes!(lists::one, lists::delete))
        .layer(map_response(with_message))
}

/// Programs that were written for Kore look for a `message`.
async fn with_message(response: Response) -> Response {
    match response.extensions().get::<Problem>() {
        Some(problem) if problem.member("message").is_none() => {
            let message = problem.detail().to_owned();
            problem.clone().with_member("message", json!(message)).into_response()
        }
        Some(_) | None => response,
    }
}

/// What a request is answered that was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KoreReply)]
pub(super) struct Reply<T> {
    #[schema(pattern = "^success$")]
    status: &'static str,
    message: String,
    data: T,
}

impl<T: Serialize> Reply<T> {
    fn new(message: impl Into<String>, data: T) -> Self {
        Self { status: "success", message: message.into(), data }
    }

    /// As an answer that names fields which were not followed.
    fn ignoring(self, ignored: &[String]) -> Response {
        let mut response = axum::Json(self).into_response();
        if let Some(value) = named(ignored) {
            response.headers_mut().insert(IGNORED, value);
        }
        response
    }
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        self.ignoring(&[])
    }
}

/// What was refused, by the names of the request's fields.
fn in_kores_words(refused: Refused) -> Problem {
    let Refused::Wrong(mut problems) = refused else { return refused.into() };
    for wrong in &mut problems {
        wrong.field = kores_field(&wrong.field);
    }
    Refused::Wrong(problems).into()
}

/// A parameter of the query, in any case of its name's letters; those that mean nothing here are let pass.
fn parameter<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    let found = query.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}

/// # Errors
/// When campaigns of another kind are asked for.
fn voice_only(query: &[(String, String)]) -> Result<(), Problem> {
    match parameter(query, "campaignType") {
        Some(kind) if !kind.eq_ignore_ascii_case("voice") => {
            let text = "must be voice: this server makes telephone calls only";
            Err(super::extract::wrong("campaignType", text))
        }
        Some(_) | None => Ok(()),
    }
}

/// The app's campaign of this id.
async fn own(api: &Api, app_id: &str, id: &str) -> Result<CampaignRow, Problem> {
    let found = api.store.campaign(id).await?.filter(|row| row.app_id == app_id);
    found.ok_or_else(|| Problem::not_found(&format!("campaign {id} of this client app")))
}

/// Where a campaign stands, in Kore's words.
const fn status_of(state: CampaignState) -> CampaignStatus {
    match state {
        CampaignState::Draft => CampaignStatus::Preparing,
        CampaignState::Ready => CampaignStatus::Ready,
        // Calls are under way in both.
        CampaignState::Running | CampaignState::Draining => CampaignStatus::Active,
        CampaignState::Paused => CampaignStatus::Paused,
        CampaignState::Done => CampaignStatus::Completed,
        CampaignState::Stopped => CampaignStatus::Stopped,
    }
}

/// What the last look ahead found in the way of a campaign that is still a draft.
fn problems(row: &CampaignRow) -> Vec<String> {
    if row.state != CampaignState::Draft || row.preflight_revision != Some(row.revision) {
        return Vec::new();
    }
    let found = row.preflight.as_ref().and_then(|found| found["blockers"].as_array());
    let told = |blocker: &serde_json::Value| {
        let field = kores_field(blocker["field"].as_str()?);
        Some(format!("{field}: {}", blocker["problem"].as_str()?))
    };
    found.into_iter().flatten().filter_map(told).collect()
}

/// A campaign as it is answered.
async fn shown(api: &Api, row: &CampaignRow) -> Result<Campaign, Problem> {
    let mut lists = Vec::with_capacity(row.settings.lists.len());
    for id in &row.settings.lists {
        lists.push(api.store.list(id).await?.map_or_else(|| id.clone(), |list| list.name));
    }
    let standing = Standing {
        id: row.id.clone(),
        name: row.name.clone(),
        status: status_of(row.state),
        problems: problems(row),
        lists,
        created_at: iso(row.created_ms),
        updated_at: iso(row.updated_ms),
    };
    Ok(Campaign::of(standing, &row.settings))
}

/// Make a campaign.
///
/// It is `Preparing` until its contacts were taken over and looked at, then `Ready`; when that finds something in the way it
/// stays `Preparing`, with `problems`. With `schedule.isSchedulingEnabled` it begins as soon as it is ready. Names of fields
/// are taken in any case; those that are not followed are named in the answer's header `dering-ignored-fields`. Paths of
/// version 1, `/agentassist/api/v1/public/{stream_id}/…`, work the same, in any case of their letters.
#[utoipa::path(post, path = "/campaign/api/v2/public/{stream_id}/campaign", operation_id = "koreCreateCampaign",
    tag = "kore-campaigns", security(("appToken" = []), ("appBearer" = [])),
    params(("stream_id" = String, Path, description = "A bot; any will do where the body names the flow.")),
    request_body(content = NewCampaign),
    responses(
        (status = 200, description = "It is kept.", body = inline(Reply<Campaign>),
            headers(("dering-ignored-fields" = Option<String>, description = "Fields without a meaning here."))),
        BadField,
        (status = 409, description = "There is a campaign of that name.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
        (status = 422, description = "There is no such flow, list or zone; `errors` names all that is wrong.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn create(
    State(api): State<Api>,
    Campaigner { app_id, stream_id, principal }: Campaigner,
    Pairs(query): Pairs,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    voice_only(&query)?;
    let (asked, ignored) = body::new_campaign(&body?)?;
    let named = asked.experience_flow_name.as_deref().unwrap_or(&stream_id);
    let flow = api.bots.get(named).cloned().unwrap_or_else(|| named.to_owned());
    let settings = asked.settings(flow);
    let made = api.campaigns.create(&asked.name, app_id.clone(), settings, principal.actor()).await;
    let row = made.map_err(in_kores_words)?;
    let begins = asked.begins().then(|| (life::statement(&row, None, &app_id), principal.actor()));
    life::prepare(&api.campaigns, &row, begins);
    let data = shown(&api, &row).await?;
    Ok(Reply::new(format!("Campaign {} created successfully", row.name), data).ignoring(&ignored))
}

/// The campaigns that this client app made, newest first.
#[utoipa::path(get, path = "/campaign/api/v2/public/{stream_id}/campaign", operation_id = "koreListCampaigns",
    tag = "kore-campaigns", security(("appToken" = []), ("appBearer" = [])),
    params(("stream_id" = String, Path, description = "A bot; any will do.")),
    responses((status = 200, description = "All of them.", body = inline(Reply<Vec<Campaign>>)), BadId))]
pub(super) async fn all(
    State(api): State<Api>,
    Campaigner { app_id, .. }: Campaigner,
) -> Result<Reply<Vec<Campaign>>, Problem> {
    let mut campaigns = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = api.store.campaigns(after.as_ref(), PAGE).await?;
        for row in page.items.iter().filter(|row| row.app_id == app_id) {
            campaigns.push(shown(&api, row).await?);
        }
        after = page.next;
        if after.is_none() {
            return Ok(Reply::new("Campaigns retrieved successfully", campaigns));
        }
    }
}

/// One campaign of this client app.
#[utoipa::path(get, path = "/campaign/api/v2/public/{stream_id}/campaign/{campaign_id}", operation_id = "koreGetCampaign",
    tag = "kore-campaigns", security(("appToken" = []), ("appBearer" = [])),
    params(
        ("stream_id" = String, Path, description = "A bot; any will do."),
        ("campaign_id" = String, Path, description = "The campaign."),
    ),
    responses(
        (status = 200, description = "The campaign.", body = inline(Reply<Campaign>)),
        BadId,
        (status = 404, description = "The app has no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn one(
    State(api): State<Api>,
    Campaigner { app_id, .. }: Campaigner,
    Path((_, id)): Path<(String, String)>,
) -> Result<Reply<Campaign>, Problem> {
    let row = own(&api, &app_id, &id).await?;
    let data = shown(&api, &row).await?;
    Ok(Reply::new(format!("Campaign {} retrieved successfully", row.name), data))
}

/// Delete a campaign that is not active. Its calls stay.
#[utoipa::path(delete, path = "/campaign/api/v2/public/{stream_id}/campaign/{campaign_id}",
    operation_id = "koreDeleteCampaign", tag = "kore-campaigns", security(("appToken" = []), ("appBearer" = [])),
    params(
        ("stream_id" = String, Path, description = "A bot; any will do."),
        ("campaign_id" = String, Path, description = "The campaign."),
    ),
    responses(
        (status = 200, description = "It is gone; this is how it stood.", body = inline(Reply<Campaign>)),
        BadId,
        (status = 404, description = "The app has no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It is under way.", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn delete(
    State(api): State<Api>,
    Campaigner { app_id, principal, .. }: Campaigner,
    Pairs(query): Pairs,
    Path((_, id)): Path<(String, String)>,
) -> Result<Reply<Campaign>, Problem> {
    voice_only(&query)?;
    let row = own(&api, &app_id, &id).await?;
    let data = shown(&api, &row).await?;
    if row.state.is_under_way() {
        let text = format!(
            "the campaign {} is under way; stop it first (POST /v1/campaigns/{}/stop), and delete it then",
            row.name, row.id
        );
        return Err(Problem::new(Code::Conflict, text));
    }
    api.campaigns.delete(&row.id, principal.actor()).await?;
    Ok(Reply::new(format!("Campaign {} deleted successfully", row.name), data))
}
