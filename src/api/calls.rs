//! `/v1/calls`: what happened in each call.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::error::{Code, Problem};
use super::transcript;
use crate::store::{CallFilter, CallRow, Cursor, Progress};

const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 500;
const LONGEST_TIMELINE: u32 = 10_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListQuery {
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
    bot_id: Option<String>,
    disposition: Option<String>,
    /// `live` or `ended`.
    progress: Option<String>,
}

/// `GET /v1/calls`: newest first, by pages.
pub(super) async fn list(
    State(api): State<Api>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::new(Code::Malformed, error.body_text()))?;
    let after = query
        .after
        .as_deref()
        .map(str::parse::<Cursor>)
        .transpose()
        .map_err(|problem| Problem::new(Code::Malformed, problem))?;
    let progress = match query.progress.as_deref() {
        None => Progress::Any,
        Some("live") => Progress::Live,
        Some("ended") => Progress::Ended,
        Some(other) => {
            return Err(Problem::new(Code::Malformed, format!("progress: \"{other}\" is not live or ended")));
        }
    };
    let filter = CallFilter {
        bot_id: query.bot_id,
        disposition: query.disposition,
        progress,
        ..CallFilter::default()
    };
    let limit = query.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let page = api.store.calls(&filter, after.as_ref(), limit).await?;
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(Json(json!({ "calls": page.calls.iter().map(shown).collect::<Vec<_>>(), "next": next })))
}

/// `GET /v1/calls/{id}`: the call, with what its verdict rests on.
pub(super) async fn one(State(api): State<Api>, Path(call_id): Path<String>) -> Result<Json<Value>, Problem> {
    let mut told = shown(&call(&api, &call_id).await?);
    told["evidence"] = api.store.evidence(&call_id).await?.unwrap_or_default();
    Ok(Json(told))
}

/// `GET /v1/calls/{id}/events`: the whole timeline.
pub(super) async fn events(
    State(api): State<Api>,
    Path(call_id): Path<String>,
) -> Result<Json<Value>, Problem> {
    call(&api, &call_id).await?;
    let events = api.store.events(&call_id, 0, LONGEST_TIMELINE).await?;
    Ok(Json(json!({ "callId": call_id, "events": events })))
}

/// `GET /v1/calls/{id}/evidence`: why the detector decided as it did.
pub(super) async fn evidence(
    State(api): State<Api>,
    Path(call_id): Path<String>,
) -> Result<Json<Value>, Problem> {
    call(&api, &call_id).await?;
    let evidence = api.store.evidence(&call_id).await?;
    evidence
        .map(Json)
        .ok_or_else(|| Problem::new(Code::NotFound, "this call was not answered, or detection was off"))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TranscriptQuery {
    /// `json`, `text` or `vtt`.
    format: Option<String>,
}

/// `GET /v1/calls/{id}/transcript`: who said what and when.
pub(super) async fn transcript(
    State(api): State<Api>,
    Path(call_id): Path<String>,
    query: Result<Query<TranscriptQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::new(Code::Malformed, error.body_text()))?;
    let call = call(&api, &call_id).await?;
    if call.words_deleted_ms.is_some() {
        return Err(Problem::new(Code::Gone, "the words of this call were deleted when their time was over"));
    }
    let events = api.store.events(&call_id, 0, LONGEST_TIMELINE).await?;
    let answered = call.answered_ms.and_then(|at| u64::try_from(at - call.created_ms).ok());
    let entries = transcript::entries(answered, &events);
    match query.format.as_deref() {
        None | Some("json") => {
            let utterances = api.store.transcripts(&call_id).await?;
            Ok(transcript::as_json(&call_id, answered, &entries, &utterances).into_response())
        }
        Some("text") => Ok(transcript::as_text(&entries)),
        Some("vtt") => Ok(transcript::as_captions(&entries)),
        Some(other) => {
            Err(Problem::new(Code::Malformed, format!("format: \"{other}\" is not json, text or vtt")))
        }
    }
}

/// `GET /v1/calls/{id}/notifications`: the webhooks of a call and how each fared.
pub(super) async fn notifications(
    State(api): State<Api>,
    Path(call_id): Path<String>,
) -> Result<Json<Value>, Problem> {
    call(&api, &call_id).await?;
    let mut shown = Vec::new();
    for row in api.store.notifications(&call_id).await? {
        let attempts = api.store.attempts(&row.id).await?;
        shown.push(json!({ "notification": row, "attempts": attempts }));
    }
    Ok(Json(json!({ "callId": call_id, "notifications": shown })))
}

/// `GET /v1/calls/{id}/recording`: the stereo WAV, callee left, bot right.
pub(super) async fn recording(
    State(api): State<Api>,
    Path(call_id): Path<String>,
) -> Result<Response, Problem> {
    call(&api, &call_id).await?;
    let missing = || Problem::new(Code::NotFound, "there is no recording of this call");
    let row = api.store.recording(&call_id).await?.ok_or_else(missing)?;
    if row.deleted_ms.is_some() {
        return Err(deleted());
    }
    let file = tokio::fs::read(&row.path).await.map_err(|error| {
        tracing::warn!(call.id = %call_id, %error, "a recording is gone from its folder");
        missing()
    })?;
    Ok(([(header::CONTENT_TYPE, "audio/wav")], Body::from(file)).into_response())
}

fn deleted() -> Problem {
    Problem::new(Code::Gone, "the recording of this call was deleted when its time was over")
}

/// `GET /v1/calls/{id}/messages/{n}`: the WAV of a message that the callee left; the timeline numbers them.
pub(super) async fn message(
    State(api): State<Api>,
    Path((call_id, message)): Path<(String, u32)>,
) -> Result<Response, Problem> {
    let call = call(&api, &call_id).await?;
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

/// `POST /v1/calls/{id}/hangup`: ends a running call.
pub(super) async fn hang_up(
    State(api): State<Api>,
    Path(call_id): Path<String>,
) -> Result<StatusCode, Problem> {
    call(&api, &call_id).await?;
    if api.calls.hang_up(&call_id, "api") {
        Ok(StatusCode::ACCEPTED)
    } else {
        Err(Problem::new(Code::Conflict, "this call has ended already"))
    }
}

pub(super) async fn call(api: &Api, call_id: &str) -> Result<CallRow, Problem> {
    let found = api.store.call(call_id).await?;
    found.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no call {call_id}")))
}

fn shown(call: &CallRow) -> Value {
    json!({
        "callId": call.id,
        "botId": call.bot_id,
        "trunk": call.trunk,
        "direction": call.direction,
        "target": call.target,
        "caller": call.caller,
        "flow": call.flow,
        "flowDigest": call.flow_digest,
        "metadata": call.metadata,
        "state": call.state,
        "createdMs": call.created_ms,
        "sessionId": call.session_id,
        "answeredMs": call.answered_ms,
        "endedMs": call.ended_ms,
        "disposition": call.disposition,
        "causeCode": call.cause_code,
        "amd": call.amd_event.as_ref().map(|event| json!({
            "event": event, "atMs": call.amd_ms, "reason": call.amd_reason, "subtype": call.amd_subtype,
        })),
        "outcome": call.outcome,
        "lastCheckpoint": call.last_checkpoint,
        "messageLeft": call.message_left,
    })
}
