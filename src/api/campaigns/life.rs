//! The life of a campaign: looked ahead for, launched, paused, resumed, drained, stopped.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRef, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shapes::Campaign;
use super::{Desk, found, shown};
use crate::access::{RunCampaigns, SeeCampaigns};
use crate::api::error::{Problem, ProblemDocument};
use crate::api::extract::Path;
use crate::api::fields::{self, Fields, json as read};
use crate::api::may::May;
use crate::api::problems::{BadField, BadId, TooLarge};

/// Longest consent statement, characters.
const LONGEST_CONSENT: usize = 2_000;
/// How often a watched campaign is looked at, and how often a quiet stream says that it lives.
const LOOK: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Desk: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(preflight, last_preflight))
        .routes(routes!(launch))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(drain))
        .routes(routes!(stop))
        .routes(routes!(test_call))
        .routes(routes!(events))
}

/// Whom to call for a test.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CampaignTestCall, example = json!({ "number": "+6281234567890" }))]
pub(super) struct TestCall {
    /// Your own telephone, for example.
    #[schema(min_length = 1, max_length = 100)]
    number: String,
}

impl fields::Given for TestCall {
    fn read(fields: &mut Fields<'_>) -> Self {
        let example = "give the number to call, as in \"+6281234567890\"";
        Self { number: fields.required("number", example, |fields, name| fields.text(name, 100)) }
    }
}

/// A call that was placed for a test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignTestCalled)]
pub(super) struct TestCalled {
    call_id: String,
}

/// Who answers for a launch.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CampaignLaunch, example = json!({ "revision": 1, "consent": "customers with a contract; consent given in the app" }))]
pub(super) struct Launch {
    /// The revision that the pre-flight looked at.
    revision: i64,
    /// On which ground these people may be called, in your words; it is kept with your name.
    #[schema(min_length = 10, max_length = 2000)]
    consent: String,
}

impl fields::Given for Launch {
    fn read(fields: &mut Fields<'_>) -> Self {
        let revision =
            fields.required("revision", "say which revision the pre-flight looked at", |fields, name| {
                fields.whole(name, 1..=i64::MAX)
            });
        let consent =
            fields.required("consent", "say on which ground these people may be called", |fields, name| {
                fields.text(name, LONGEST_CONSENT)
            });
        Self { revision, consent }
    }
}

/// Look ahead: take the contacts over from their lists, decide on each, and foretell the campaign. A campaign whose pre-flight finds
/// nothing in the way is ready to be launched.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/preflight", operation_id = "preflightCampaign", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign.")),
    responses(
        (status = 200, description = "What was found: `contacts`, `by_rule`, `forecast`, `samples`, `warnings`, `blockers`.",
            body = Object),
        (status = 202, description = "It takes longer; `GET` it later. `progress`: `lists`, `rules` or `forecast`.", body = Object),
        BadId,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It is over, or a pre-flight of it runs already.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "A setting is wrong.", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn preflight(
    State(desk): State<Desk>,
    _: May<RunCampaigns>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let row = found(&desk, &id).await?;
    Ok(match desk.preflight(&row.id).await? {
        Some(found) => (StatusCode::OK, Json(serde_json::to_value(found).unwrap_or_default())),
        None => (StatusCode::ACCEPTED, Json(json!({ "progress": desk.progress(&row.id) }))),
    })
}

/// What the last pre-flight found.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/preflight", operation_id = "getCampaignPreflight", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign.")),
    responses(
        (status = 200, description = "What it found, and of which `revision`.", body = Object),
        (status = 202, description = "One runs now: its `progress`.", body = Object),
        BadId,
        (status = 404, description = "There is no such campaign, or it had no pre-flight.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn last_preflight(
    State(desk): State<Desk>,
    _: May<SeeCampaigns>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let row = found(&desk, &id).await?;
    if let Some(progress) = desk.progress(&row.id) {
        return Ok((StatusCode::ACCEPTED, Json(json!({ "progress": progress }))));
    }
    let found = row.preflight.ok_or_else(|| Problem::not_found(&format!("pre-flight of campaign {id}")))?;
    Ok((StatusCode::OK, Json(found)))
}

/// Launch a campaign that is ready.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/launch", operation_id = "launchCampaign", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign.")),
    request_body(content = Launch),
    responses(
        (status = 200, description = "It runs.", body = Campaign),
        BadField,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It is not ready, or was changed after its pre-flight.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
        (status = 422, description = "The consent statement is too short.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn launch(
    State(desk): State<Desk>,
    author: May<RunCampaigns>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Campaign>, Problem> {
    let Launch { revision, consent } = read(body)?;
    let row = found(&desk, &id).await?;
    let row = desk.launch(&row.id, revision, &consent, author.actor()).await?;
    Ok(Json(shown(&desk, row).await?))
}

/// Pause a campaign: no calls begin, those under way go on.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/pause", operation_id = "pauseCampaign", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign.")),
    responses(
        (status = 200, description = "It is paused.", body = Campaign),
        BadId,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It does not run.", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn pause(
    State(desk): State<Desk>,
    author: May<RunCampaigns>,
    Path(id): Path<String>,
) -> Result<Json<Campaign>, Problem> {
    let row = found(&desk, &id).await?;
    Ok(Json(shown(&desk, desk.pause(&row.id, author.actor()).await?).await?))
}

/// Let a paused campaign go on; its rate rises anew.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/resume", operation_id = "resumeCampaign", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign.")),
    responses(
        (status = 200, description = "It runs.", body = Campaign),
        BadId,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It is not paused.", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn resume(
    State(desk): State<Desk>,
    author: May<RunCampaigns>,
    Path(id): Path<String>,
) -> Result<Json<Campaign>, Problem> {
    let row = found(&desk, &id).await?;
    Ok(Json(shown(&desk, desk.resume(&row.id, author.actor()).await?).await?))
}

/// Stop a campaign gently: no calls begin, and it ends when those under way have.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/drain", operation_id = "drainCampaign", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign.")),
    responses(
        (status = 200, description = "It lets its calls end.", body = Campaign),
        BadId,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It is not under way.", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn drain(
    State(desk): State<Desk>,
    author: May<RunCampaigns>,
    Path(id): Path<String>,
) -> Result<Json<Campaign>, Problem> {
    let row = found(&desk, &id).await?;
    Ok(Json(shown(&desk, desk.drain(&row.id, author.actor()).await?).await?))
}

/// Stop a campaign at once: no calls begin, and those under way are ended.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/stop", operation_id = "stopCampaign", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign.")),
    responses(
        (status = 200, description = "It is stopped, for good.", body = Campaign),
        BadId,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It is not under way.", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn stop(
    State(desk): State<Desk>,
    author: May<RunCampaigns>,
    Path(id): Path<String>,
) -> Result<Json<Campaign>, Problem> {
    let row = found(&desk, &id).await?;
    Ok(Json(shown(&desk, desk.stop(&row.id, author.actor()).await?).await?))
}

/// Call one number as the campaign would call its first contact, with that contact's variables. It counts as no attempt and waits for no
/// window; the do-not-call list holds.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/test-call", operation_id = "testCampaign", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign.")),
    request_body(content = TestCall),
    responses(
        (status = 201, description = "The call is placed.", body = TestCalled),
        BadField,
        (status = 403, description = "The number is on the do-not-call list.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
        (status = 409, description = "The digest of the flow fits several versions.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "The call cannot be placed.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 429, description = "All lines are busy.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn test_call(
    State(desk): State<Desk>,
    _: May<RunCampaigns>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<TestCalled>), Problem> {
    let TestCall { number } = read(body)?;
    let row = found(&desk, &id).await?;
    let dialed = desk.test_call(&row.id, &number).await?;
    Ok((StatusCode::CREATED, Json(TestCalled { call_id: dialed.call_id })))
}

/// A campaign as it goes on: server-sent events named `campaign`, each with what `GET` of the campaign answers, whenever that changes;
/// the stream closes when it is over.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/events", operation_id = "watchCampaign", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign.")),
    responses(
        (status = 200, description = "The stream.", content((String = "text/event-stream"))),
        BadId,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn events(
    State(desk): State<Desk>,
    _: May<SeeCampaigns>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let row = found(&desk, &id).await?;
    let watched = Watched { desk, id: row.id, told: String::new(), over: false };
    let stream = unfold(watched, |mut watched| async move {
        let event = watched.next().await?;
        Some((Ok::<_, Infallible>(event), watched))
    });
    let mut response = Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies of the kind of nginx hold a stream back otherwise.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// A campaign that somebody watches.
struct Watched {
    desk: Desk,
    id: String,
    /// What went out last.
    told: String,
    over: bool,
}

impl Watched {
    /// The next change; `None` when there will be none, or the database fails: then the reader comes back by itself.
    async fn next(&mut self) -> Option<Event> {
        while !self.over {
            if !self.told.is_empty() {
                tokio::time::sleep(LOOK).await;
            }
            let row = self.desk.store().campaign(&self.id).await.ok()??;
            self.over = row.state.is_over();
            let campaign = shown(&self.desk, row).await.ok()?;
            let text = serde_json::to_string(&campaign).ok()?;
            if text != self.told {
                self.told.clone_from(&text);
                return Some(Event::default().event("campaign").data(text));
            }
        }
        None
    }
}
