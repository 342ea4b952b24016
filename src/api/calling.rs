//! The Calls API: call a contact, end a call, see the history. Names on the wire are that document's, in snake case.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::{Caller, SEEING};
use super::dialout;
use super::error::{Code, Problem, ProblemDocument};
use super::extract::{Path, Query, cursor, json, page_size, wrong};
use super::openapi::{BadField, BadParameter, EndedAlready, TooLarge};
use crate::session::{DialRequest, NotifyTarget};
use crate::store::{Act, ContactRow, HistoryRow};
use crate::wallclock::now_ms;

/// The bot that calls a contact when nobody names a flow.
const DEFAULT_BOT: &str = "default";
/// How far the clock of whoever ends a call may be ahead, ms.
const AHEAD_MS: i64 = 5_000;
/// How long the answer to an end waits for the call to be over.
const ENDING: Duration = Duration::from_secs(5);
const LONGEST_ID: usize = 64;

const NO_VIDEO: &str = "video calls are not possible: they need a trunk that carries video (SIP with H.264 or VP8) and \
                        a flow that shows something; the trunks of this server carry 8 kHz audio. Use \"voice\"";

const UNSIGNED: &str = "webhooks are signed with a secret of a client app, and this key acts for none; use a key that \
                        names an app (`dering app key … --app ID`), a token of the app, or leave notify_url out";

/// What kind of call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum CallType {
    #[serde(alias = "suara")]
    Voice,
    /// Understood, and refused: the trunks carry audio.
    Video,
}

/// A contact to call.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = MakeCall, example = json!({ "contact_id": "jj084", "type": "voice" }))]
#[serde(deny_unknown_fields)]
pub(super) struct Make {
    contact_id: String,
    /// `voice`, or `suara`, which is the same; `video` is refused.
    #[schema(pattern = "^(voice|suara|video)$", value_type = String)]
    r#type: CallType,
    /// Variables of the flow, above those of the contact.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// On whose behalf it is called; the history can be asked for it.
    #[schema(min_length = 1, max_length = 64)]
    user_id: Option<String>,
    /// `name`, `name@label` or `name@digest`. When absent: the contact's flow, else that of the bot `default`, else
    /// the only flow there is.
    #[schema(min_length = 1, max_length = 200)]
    flow: Option<String>,
    /// Our number, as the callee sees it.
    #[schema(max_length = 64)]
    caller: Option<String>,
    /// Which carrier, by its name in the configuration; the first one when absent.
    trunk: Option<String>,
    /// Where status changes are posted, signed with the secrets of the client app that asks, or that the key acts for.
    #[schema(format = "uri")]
    notify_url: Option<String>,
    /// Headers to send along with them.
    #[schema(value_type = Option<Object>)]
    notify_headers: Option<Map<String, Value>>,
    /// Call although the number's owner asked not to be called again. Only with a new consent.
    #[serde(default)]
    ignore_do_not_call: bool,
}

/// What to change about a call.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChangeCall, example = json!({ "end_time": "2023-08-21T08:10:00Z" }))]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// Ends the call now. Must lie between its start and now.
    #[schema(format = DateTime)]
    end_time: Option<String>,
    /// Merged into the call's metadata; a member that is `null` goes.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
}

/// A call of a contact.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallRecord {
    call_id: String,
    contact_id: String,
    r#type: CallType,
    #[schema(format = DateTime, example = "2023-08-21T08:00:00Z")]
    start_time: String,
    /// Absent while the call runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, example = "2023-08-21T08:10:00Z")]
    end_time: Option<String>,
    #[schema(value_type = Object)]
    metadata: Value,
    /// On whose behalf it was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
}

/// Calls of contacts, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallHistory {
    call_records: Vec<CallRecord>,
    /// The parameter `after` of the next page; `null` on the last one.
    next: Option<String>,
}

impl From<HistoryRow> for CallRecord {
    fn from(row: HistoryRow) -> Self {
        Self {
            call_id: row.call.id,
            contact_id: row.contact_id.unwrap_or_default(),
            r#type: CallType::Voice,
            start_time: second(row.call.created_ms),
            end_time: row.call.ended_ms.map(second),
            metadata: row.call.metadata,
            user_id: row.user_id,
        }
    }
}

/// A time as the Calls API writes it: whole seconds, UTC.
fn second(epoch_ms: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(epoch_ms.div_euclid(1000)).ok();
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

/// Call a contact.
///
/// The call is written down before the answer is sent, then placed in the background. Its `call_id` leads to
/// everything else: timeline, transcript, recording.
#[utoipa::path(post, path = "/v1/calls", operation_id = "makeCall", tag = "calls", request_body(content = Make),
    responses(
        (status = 201, description = "The call is accepted.", body = CallRecord,
            headers(("location" = String, description = "The path of the call."))),
        BadField,
        (status = 403, description = "The key or app may not place this call; or, with code `do_not_call`, the \
            number's owner asked not to be called again.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such contact or flow.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
        (status = 409, description = "The digest of the flow fits several versions.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "The call cannot be placed: it is of the type `video`, no flow was named and \
            none is the default, the flow has errors or lacks a variable, there is no such trunk, or `notify_url` \
            came with a key that acts for no app.",
            body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "All lines are busy.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn make(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let mut asked: Make = json(body)?;
    if asked.r#type == CallType::Video {
        return Err(Problem::new(Code::Invalid, NO_VIDEO).with_field("type", NO_VIDEO));
    }
    if asked.user_id.as_ref().is_some_and(|user| user.is_empty() || user.chars().count() > LONGEST_ID) {
        return Err(wrong("user_id", "must have 1 to 64 characters"));
    }
    let notify = notify(&api, &caller, &mut asked)?;
    let contact = api.store.contact(&asked.contact_id).await?;
    let contact = contact.ok_or_else(|| Problem::not_found(&format!("contact {}", asked.contact_id)))?;
    let (bot_id, flow) = flow(&api, asked.flow, &contact)?;
    api.auth.may_place(&caller, &bot_id).await?;
    let user_id = asked.user_id.clone();
    let request = DialRequest {
        app_id: caller.asks_as(),
        bot_id,
        flow,
        number: contact.number.clone(),
        caller: asked.caller.filter(|caller| !caller.is_empty()),
        trunk: asked.trunk,
        metadata: variables(&contact, asked.metadata.unwrap_or_default()),
        notify,
        ignore_do_not_call: asked.ignore_do_not_call,
        ..DialRequest::default()
    };
    let dialed = api.calls.dial(request).await?;
    api.store.name_parties(&dialed.call_id, &contact.id, user_id).await?;
    let record = record(&api, &dialed.call_id).await?;
    let location = HeaderValue::from_str(&format!("/v1/calls/{}", dialed.call_id));
    let mut response = (StatusCode::CREATED, Json(record)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Where its status changes are posted. Nothing is posted unsigned, so a caller without an app is told at once.
fn notify(api: &Api, caller: &Caller, asked: &mut Make) -> Result<Option<NotifyTarget>, Problem> {
    let headers = asked.notify_headers.take().unwrap_or_default();
    let headers = dialout::notify_headers(headers).map_err(|problem| wrong("notify_headers", &problem))?;
    let Some(url) = asked.notify_url.take() else { return Ok(None) };
    if caller.app_id().is_none() {
        return Err(Problem::new(Code::Invalid, UNSIGNED).with_field("notify_url", UNSIGNED));
    }
    api.reach.check(&url).map_err(|error| wrong("notify_url", &error.to_string()))?;
    Ok(Some(NotifyTarget { url, headers, amd_events: None }))
}

/// The bot and the flow of a call.
fn flow(api: &Api, asked: Option<String>, contact: &ContactRow) -> Result<(String, String), Problem> {
    if let Some(flow) = asked.or_else(|| contact.flow.clone()) {
        let bot = flow.split('@').next().unwrap_or_default().to_owned();
        return Ok((bot, flow));
    }
    if let Some(flow) = api.bots.get(DEFAULT_BOT) {
        return Ok((DEFAULT_BOT.to_owned(), flow.clone()));
    }
    let flows = api.flows.all();
    let named = flows.iter().find(|flow| flow.flow == DEFAULT_BOT);
    match (named, flows.as_slice()) {
        (Some(flow), _) | (None, [flow]) => Ok((flow.flow.clone(), flow.flow.clone())),
        (None, _) => {
            let detail = "no flow was named: send `flow`, give the contact one, or set `bots: { default: <flow> }` in \
                          the configuration";
            Err(Problem::new(Code::Invalid, detail).with_field("flow", "is missing and there is no default"))
        }
    }
}

/// What the flow is to know: the contact's name, what is kept of them, and what came with the call.
fn variables(contact: &ContactRow, asked: Map<String, Value>) -> Map<String, Value> {
    let mut variables = Map::new();
    variables.extend(contact.name.clone().map(|name| ("name".to_owned(), Value::String(name))));
    variables.extend(contact.metadata.as_object().cloned().unwrap_or_default());
    variables.extend(asked);
    variables
}

async fn record(api: &Api, call_id: &str) -> Result<CallRecord, Problem> {
    let found = api.store.contact_call(call_id).await?;
    found.map(CallRecord::from).ok_or_else(|| {
        let detail = format!(
            "there is no call {call_id} of a contact; GET /v1/calls/{call_id} has calls of all kinds"
        );
        Problem::new(Code::NotFound, detail)
    })
}

/// End a call, or change its metadata.
///
/// With `end_time` a running call is hung up now; the answer waits up to 5 s for it to be over and holds the real
/// end. `metadata` is merged at any time.
#[utoipa::path(patch, path = "/v1/calls/{call_id}", operation_id = "changeCall", tag = "calls",
    params(("call_id" = String, Path, description = "The call.")),
    request_body(content = Change),
    responses(
        (status = 200, description = "The call as it is now.", body = CallRecord),
        (status = 400, description = "The body cannot be read, or a field of it is wrong: `end_time` lies in the \
            future or before the start.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "There is no such call of a contact.", body = ProblemDocument,
            content_type = "application/problem+json"),
        EndedAlready,
        TooLarge,
    ))]
pub(super) async fn change(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(call_id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<CallRecord>, Problem> {
    let asked: Change = json(body)?;
    record(&api, &call_id).await?;
    let call = super::calls::call(&api, &call_id).await?;
    if let Some(end_time) = &asked.end_time {
        let end = OffsetDateTime::parse(end_time, &Rfc3339)
            .map_err(|_| wrong("end_time", "is not a time such as 2023-08-21T08:10:00Z"))?;
        let end_s = end.unix_timestamp();
        if end_s < call.created_ms.div_euclid(1000) {
            return Err(wrong("end_time", "lies before the start of the call"));
        }
        if end_s > (now_ms() + AHEAD_MS).div_euclid(1000) {
            return Err(wrong("end_time", "lies in the future; a call is ended now"));
        }
        if call.ended_ms.is_some() {
            return Err(Problem::new(Code::Conflict, "this call has ended already"));
        }
    }
    if let Some(metadata) = asked.metadata.filter(|metadata| !metadata.is_empty()) {
        api.store.merge_metadata(&call_id, Value::Object(metadata)).await?;
    }
    if asked.end_time.is_some() {
        end(&api, &call_id, caller.act()).await?;
    }
    record(&api, &call_id).await.map(Json)
}

/// Hangs up and waits for the end to be written down.
async fn end(api: &Api, call_id: &str, act: Act) -> Result<(), Problem> {
    let watch = api.store.watch_call(call_id);
    if !api.calls.end(call_id, "api", act).await? {
        return Err(Problem::new(Code::Conflict, "this call has ended already"));
    }
    let Some(mut watch) = watch else { return Ok(()) };
    let ended = async {
        while api.store.call(call_id).await?.is_some_and(|call| call.ended_ms.is_none()) {
            watch.changed().await;
        }
        Ok::<(), Problem>(())
    };
    // A carrier that is slow to end the call does not hold the answer up.
    tokio::time::timeout(ENDING, ended).await.unwrap_or(Ok(()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryQuery {
    /// Only calls of this user: the contact that was called or called us, or the `user_id` on whose behalf.
    #[param(max_length = 64)]
    user_id: Option<String>,
    /// Records on a page; 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(pattern = r"^[0-9]{1,15}\.[A-Za-z0-9._-]+$")]
    after: Option<String>,
}

/// The calls of contacts, newest first, by pages, whichever way they were placed.
#[utoipa::path(get, path = "/v1/calls/history", operation_id = "getHistory", tag = "calls", params(HistoryQuery),
    responses(
        (status = 200, description = "A page of calls.", body = CallHistory),
        BadParameter,
    ))]
pub(super) async fn history(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<CallHistory>, Problem> {
    let after = cursor(query.after.as_deref())?;
    let limit = page_size(query.limit)?;
    let sight = caller.sight(SEEING);
    let page = api.store.history(query.user_id.as_deref(), &sight, after.as_ref(), limit).await?;
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(Json(CallHistory { call_records: page.calls.into_iter().map(CallRecord::from).collect(), next }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_read_as_in_the_document() {
        assert_eq!(second(1_692_604_800_999), "2023-08-21T08:00:00Z");
    }

    #[test]
    fn voice_may_be_called_suara() {
        for word in ["voice", "suara"] {
            assert_eq!(serde_json::from_value::<CallType>(json!(word)).unwrap(), CallType::Voice);
        }
        assert_eq!(json!(CallType::Voice), "voice");
    }

    #[test]
    fn what_comes_with_the_call_goes_before_what_is_kept_of_the_contact() {
        let contact = ContactRow {
            id: "a".into(),
            number: "+1555".into(),
            name: Some("Jaya".into()),
            flow: None,
            metadata: json!({"amount": 1, "due": "Friday"}),
            created_ms: 0,
            updated_ms: 0,
            do_not_call_ms: None,
            do_not_call_id: None,
        };
        let asked = json!({"amount": 2}).as_object().cloned().unwrap();
        let variables = Value::Object(variables(&contact, asked));
        assert_eq!(variables, json!({"name": "Jaya", "amount": 2, "due": "Friday"}));
    }
}
