//! `/v1/calls`: what happened in each call.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use callcore::amd::{EventKind, Reason, Subtype};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::error::{Code, Problem, ProblemDocument};
use super::extract::{Path, Query, cursor, page_size, wrong};
use super::fields::{Fields, Given};
use super::may::{CallInPath, May};
use super::problems::{BadParameter, Deleted, EndedAlready, NoSuchCall};
use super::wanted_calls::WantedCalls;
use crate::access::{EndCalls, SeeCalls};
use crate::store::{CallRow, Cursor};
use crate::trunk::webrtc::without_tokens;

#[derive(Debug)]
pub(super) struct ListQuery {
    paging: Paging,
    wanted: WantedCalls,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct Paging {
    /// Calls on a page, 1 to 500; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: u32,
    /// `next` of the page before.
    #[param(value_type = Option<String>, pattern = r"^[0-9]{1,15}\.[A-Za-z0-9._-]+$")]
    after: Option<Cursor>,
}

/// Longest name of a bot, characters.
pub(super) const LONGEST_BOT: usize = 128;

impl Given for ListQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        let paging = Paging { limit: page_size(fields), after: cursor(fields) };
        Self { paging, wanted: WantedCalls::read(fields) }
    }
}

/// A call and how far it got. What is not known yet, or never was, is `null`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Call {
    call_id: String,
    bot_id: String,
    trunk: String,
    /// `outbound` or `inbound`.
    direction: String,
    /// The number that was called.
    target: String,
    /// The number that called.
    caller: String,
    flow: String,
    /// SHA-256 of the version that runs.
    flow_digest: String,
    /// What came with the request, and what it was changed to since.
    metadata: Value,
    /// `scheduled`, `queued`, `placing`, `dialing`, `ringing`, `connected`, `busy`, `failed`, `ended`.
    state: String,
    /// Times are ms since 1970-01-01 UTC.
    created_ms: i64,
    /// Of a planned call: not before and not after.
    start_ms: Option<i64>,
    expires_ms: Option<i64>,
    /// When it left the plan and asked for a line.
    began_ms: Option<i64>,
    /// The carrier's name of the call.
    session_id: Option<String>,
    answered_ms: Option<i64>,
    ended_ms: Option<i64>,
    /// As the carrier spells it, `NO ANSWER` for example.
    disposition: Option<String>,
    /// The carrier's hang-up cause.
    cause_code: Option<i64>,
    amd: Option<Verdict>,
    /// How the flow ended.
    outcome: Option<String>,
    /// The last check point that was heard.
    last_checkpoint: Option<String>,
    /// Whether a message was left on a machine.
    message_left: Option<bool>,
}

/// Who answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    #[schema(value_type = String, example = "amd_machine_detected")]
    event: EventKind,
    /// From the answer, ms.
    at_ms: Option<i64>,
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
    #[schema(value_type = Option<String>)]
    subtype: Option<Subtype>,
}

/// A page of calls, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallList {
    calls: Vec<Call>,
    /// The parameter `after` of the next page; `null` on the last one.
    next: Option<String>,
}

/// A call with what its verdict rests on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallWithEvidence {
    #[serde(flatten)]
    call: Call,
    /// As of `GET /v1/calls/{call_id}/evidence`; `null` where there is none.
    evidence: Value,
}

/// The webhooks of a call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallNotifications {
    call_id: String,
    /// Each with its `attempts`.
    #[schema(value_type = Vec<Object>)]
    notifications: Vec<Value>,
}

/// Calls, newest first, by pages.
#[utoipa::path(get, path = "/v1/calls", operation_id = "listCalls", tag = "calls",
    params(Paging, WantedCalls),
    responses(
        (status = 200, description = "A page of calls.", body = CallList),
        BadParameter,
    ))]
pub(super) async fn list(
    State(api): State<Api>,
    may: May<SeeCalls>,
    Query(query): Query<ListQuery>,
) -> Result<Json<CallList>, Problem> {
    if let Some(bot) = &query.wanted.bot_id {
        may.require_bot(bot)?;
    }
    let filter = query.wanted.filter(may.visibility(), api.calls.country());
    let Paging { limit, after } = query.paging;
    let page = api.store.calls(&filter, after.as_ref(), limit).await?;
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(Json(CallList { calls: page.items.into_iter().map(Call::from).collect(), next }))
}

/// One call, with what its verdict rests on.
#[utoipa::path(get, path = "/v1/calls/{call_id}", operation_id = "getCall", tag = "calls",
    params(("call_id" = String, Path, description = "The call.")),
    responses(
        (status = 200, description = "The call.", body = CallWithEvidence),
        NoSuchCall,
    ))]
pub(super) async fn one(
    State(api): State<Api>,
    call: CallInPath<SeeCalls>,
) -> Result<Json<CallWithEvidence>, Problem> {
    let call = call.found()?;
    let evidence = api.store.evidence(&call.id).await?.unwrap_or_default();
    Ok(Json(CallWithEvidence { call: call.into(), evidence }))
}

/// Why the detector decided as it did.
#[utoipa::path(get, path = "/v1/calls/{call_id}/evidence", operation_id = "getEvidence", tag = "calls",
    params(("call_id" = String, Path, description = "The call.")),
    responses(
        (status = 200, description = "The evidence.", body = Object),
        (status = 404, description = "There is no such call, it was not answered, or detection was off.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn evidence(
    State(api): State<Api>,
    call: CallInPath<SeeCalls>,
) -> Result<Json<Value>, Problem> {
    let evidence = api.store.evidence(&call.found()?.id).await?;
    evidence
        .map(Json)
        .ok_or_else(|| Problem::new(Code::NotFound, "this call was not answered, or detection was off"))
}

/// The webhooks of a call and how each fared.
#[utoipa::path(get, path = "/v1/calls/{call_id}/notifications", operation_id = "getCallNotifications", tag = "webhooks",
    params(("call_id" = String, Path, description = "The call.")),
    responses(
        (status = 200, description = "The notifications in their order.", body = CallNotifications),
        NoSuchCall,
    ))]
pub(super) async fn notifications(
    State(api): State<Api>,
    call: CallInPath<SeeCalls>,
) -> Result<Json<CallNotifications>, Problem> {
    let call_id = call.found()?.id;
    let mut notifications = Vec::new();
    for mut row in api.store.notifications(&call_id).await? {
        row.body = without_tokens(&row.body);
        let attempts = api.store.attempts(&row.id).await?;
        notifications.push(json!({ "notification": row, "attempts": attempts }));
    }
    Ok(Json(CallNotifications { call_id, notifications }))
}

pub(super) fn deleted() -> Problem {
    Problem::new(Code::Gone, "the recording of this call was deleted when its time was over")
}

/// A message that the callee left: WAV. The timeline numbers them.
#[utoipa::path(get, path = "/v1/calls/{call_id}/messages/{message}", operation_id = "getMessage", tag = "recordings",
    params(
        ("call_id" = String, Path, description = "The call."),
        ("message" = u32, Path, description = "Its number in the timeline."),
    ),
    responses(
        (status = 200, description = "The audio.", body = Vec<u8>, content_type = "audio/wav"),
        (status = 400, description = "The number of the message is no number.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such call or message.", body = ProblemDocument,
            content_type = "application/problem+json"),
        Deleted,
    ))]
pub(super) async fn message(
    State(api): State<Api>,
    call: CallInPath<SeeCalls>,
    Path((_, message)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let message =
        message.parse::<u32>().map_err(|_| wrong("message", "must be a whole number, 0 or more"))?;
    let call = call.found()?;
    let file = tokio::fs::read(api.calls.message_path(&call.id, message)).await;
    let Ok(file) = file else {
        let row = api.store.recording(&call.id).await?;
        return Err(if row.is_some_and(|row| row.deleted_ms.is_some()) {
            deleted()
        } else {
            Problem::new(Code::NotFound, "there is no such message of this call")
        });
    };
    Ok(([(header::CONTENT_TYPE, "audio/wav")], Body::from(file)).into_response())
}

/// End a running call, cancel a planned one.
///
/// Needs the scope `campaigns`; with `SmartAssist Dialout` an app ends the calls that it asked for.
#[utoipa::path(post, path = "/v1/calls/{call_id}/hangup", operation_id = "hangUp", tag = "calls",
    params(("call_id" = String, Path, description = "The call.")),
    responses(
        (status = 202, description = "It is being ended."),
        (status = 403, description = "The scope `campaigns` is needed, or `SmartAssist Dialout` and a call that this \
            app asked for; or the call is another bot's.", body = ProblemDocument,
            content_type = "application/problem+json"),
        NoSuchCall,
        EndedAlready,
    ))]
pub(super) async fn hang_up(
    State(api): State<Api>,
    call: CallInPath<EndCalls>,
) -> Result<StatusCode, Problem> {
    let actor = call.may.actor();
    if api.calls.end(&call.found()?.id, "api", actor).await? {
        Ok(StatusCode::ACCEPTED)
    } else {
        Err(Problem::new(Code::Conflict, "this call has ended already"))
    }
}

/// The same as `POST …/hangup`.
#[utoipa::path(delete, path = "/v1/calls/{call_id}", operation_id = "cancelCall", tag = "calls",
    params(("call_id" = String, Path, description = "The call.")),
    responses(
        (status = 202, description = "It is being ended."),
        (status = 403, description = "The scope `campaigns` is needed, or `SmartAssist Dialout` and a call that this \
            app asked for; or the call is another bot's.", body = ProblemDocument,
            content_type = "application/problem+json"),
        NoSuchCall,
        EndedAlready,
    ))]
pub(super) async fn cancel(api: State<Api>, call: CallInPath<EndCalls>) -> Result<StatusCode, Problem> {
    hang_up(api, call).await
}

impl From<CallRow> for Call {
    fn from(call: CallRow) -> Self {
        let (at_ms, reason, subtype) = (call.amd_ms, call.amd_reason, call.amd_subtype);
        Self {
            call_id: call.id,
            bot_id: call.bot_id,
            trunk: call.trunk,
            direction: call.direction.as_str().to_owned(),
            target: call.target,
            caller: call.caller,
            flow: call.flow,
            flow_digest: call.flow_digest,
            metadata: call.metadata,
            state: call.state.as_str().to_owned(),
            created_ms: call.created_ms,
            start_ms: call.start_ms,
            expires_ms: call.expires_ms,
            began_ms: call.began_ms,
            session_id: call.session_id,
            answered_ms: call.answered_ms,
            ended_ms: call.ended_ms,
            disposition: call.disposition.map(|disposition| disposition.as_str().to_owned()),
            cause_code: call.cause_code,
            amd: call.amd_event.map(|event| Verdict { event, at_ms, reason, subtype }),
            outcome: call.outcome,
            last_checkpoint: call.last_checkpoint,
            message_left: call.message_left,
        }
    }
}
