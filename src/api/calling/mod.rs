//! The Calls API: call a contact or a number, end a call, see the history. Names on the wire are that document's, in snake case.

mod forecast;
mod ring;
mod shapes;

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use self::forecast::CallForecast;
use self::ring::Made;
use self::shapes::{CallHistory, CallRecord, CallType, Change, HistoryQuery, Make, TOO_MUCH};
use super::Api;
use super::dialout::single::{IGNORED, REPLAYED, named};
use super::dialout::{digest, parts};
use super::error::{Code, Problem, ProblemDocument};
use super::extract::{Query, wrong};
use super::fields::{Faults, Names, Object, json};
use super::may::{CallInPath, May};
use super::problems::{BadField, BadParameter, EndedAlready, NoSuchCall, TooLarge};
use crate::access::{EndCalls, PlaceCalls, Principal, SeeHistory};
use crate::session::{Contact, DialRequest, Dialed, Key, NotifyTarget, RingLink};
use crate::store::{Actor, AuditAction, ContactRow, Merged};
use crate::wallclock::now_ms;

/// The bot that calls a contact when nobody names a flow.
const DEFAULT_BOT: &str = "default";
/// How far the clock of a client that ends a call may be ahead, ms.
const AHEAD_MS: i64 = 5_000;
/// How long the answer to an end waits for the call to be over.
const ENDING: Duration = Duration::from_secs(5);
/// Stands in front of the idempotency keys' digests, so that no bot's dial-out is taken for one of ours.
const DOOR: &str = "/v1/calls";

const NO_EFFECT: &str =
    "the body changes nothing; send `end_time` to end the call, or `metadata` with what is to change";

const UNSIGNED: &str = "webhooks are signed with a secret of a client app, and this key acts for none; use a key that \
                        names an app (`dering app key … --app ID`), a token of the app, or leave notify_url out";

/// Call a contact, or a number.
///
/// A contact without a telephone number is called by a link that rings in their browser: the answer has it, and `notify_url`
/// is told it, for you to deliver. A `video` call goes on by voice where nothing on its way carries a picture, and its
/// timeline says so (`video_not_carried`). The call is written down before the answer is sent, then placed in the background. Its `call_id` leads to
/// everything else: timeline, transcript, recording.
#[utoipa::path(post, path = "/v1/calls", operation_id = "makeCall", tag = "calls", request_body(content = Make),
    params(
        ("idempotency-key" = Option<String>, Header, description = "Within 24 hours the same key with the same body \
            gets the same call, and nobody is called twice. 1 to 255 plain characters.", pattern = "^[!-~]([ -~]{0,253}[!-~])?$",
            min_length = 1, max_length = 255),
    ),
    responses(
        (status = 200, description = "With `dry_run`: what would become of the call.", body = CallForecast),
        (status = 201, description = "The call is accepted.", body = CallRecord,
            headers(
                ("location" = String, description = "The path of the call."),
                ("dering-ignored-fields" = Option<String>, description = "Fields of the body that are not followed."),
                ("idempotency-replayed" = Option<String>, description = "`true` when the call is that of an earlier \
                    request with the same key."),
            )),
        BadField,
        (status = 403, description = "The key or app may not place this call; or, with code `do_not_call`, the \
            number's owner asked not to be called again.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such contact or flow.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
        (status = 409, description = "The digest of the flow fits several versions.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "The call cannot be placed: no flow was named and \
            none is the default, the flow has errors or lacks a variable, there is no such trunk, or `notify_url` \
            came with a key that acts for no app; or, with code `key_reused`, the idempotency key stands for \
            another request.",
            body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "All lines are busy.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn make(
    State(api): State<Api>,
    caller: May<PlaceCalls>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = Object::read(&body?, "body")?;
    let digest = digest(DOOR, body.members());
    let key = parts::key(&headers)?.map(|key| Key { key, digest });
    let mut faults = Faults::default();
    let asked = body.fields(Names::Exact, &mut faults, |fields| Make::read(fields, &api.policy));
    let mut ignored = faults.end(Code::Malformed)?;
    if let Some(key) = &key
        && !asked.dry_run
        && let Some(before) = api.calls.answered_before(&caller.asks_as(), key).await?
    {
        ignored.extend(before.ignored.iter().cloned());
        return made(&api, &before, &ignored, None).await;
    }
    let dry_run = asked.dry_run;
    let mut request = DialRequest { key, ..request(&api, &caller, asked).await? };
    if dry_run {
        let forecast = api.calls.foresee(&request).await?;
        ignored.extend(forecast.ignored.iter().cloned());
        let told: HeaderMap = named(&ignored).into_iter().map(|value| (IGNORED, value)).collect();
        return Ok((told, Json(CallForecast::from(forecast))).into_response());
    }
    let link = Made::of(&api, &caller.subject(), &mut request)?;
    let told = request.link.clone();
    let keep = |dialed: &Dialed| link.filter(|_| !dialed.again).map_or((), Made::keep);
    let dialed = api.calls.dial_then(request, keep).await?;
    ignored.extend(dialed.ignored.iter().cloned());
    made(&api, &dialed, &ignored, told.filter(|_| !dialed.again)).await
}

/// What is asked of the session.
async fn request(api: &Api, caller: &Principal, asked: Make) -> Result<DialRequest, Problem> {
    if asked.notify_url.is_some() && caller.app_id().is_none() {
        return Err(Problem::new(Code::Invalid, UNSIGNED).with_field("notify_url", UNSIGNED));
    }
    let contact = match &asked.contact_id {
        Some(id) => Some(api.store.contact(id).await?.ok_or_else(|| {
            let why = "there is no such contact";
            Problem::not_found(&format!("contact {id}")).with_field("contact_id", why)
        })?),
        None => None,
    };
    let kept_flow = contact.as_ref().and_then(|contact| contact.flow.clone());
    let (bot_id, flow) = flow(api, asked.flow.or(kept_flow))?;
    api.access.may_place(caller, &bot_id).await?;
    let number = contact.as_ref().map(|contact| contact.number.clone()).or(asked.number);
    let headers = asked.notify_headers;
    let mut request = DialRequest {
        app_id: caller.asks_as(),
        bot_id,
        flow,
        number: number.unwrap_or_default(),
        video: asked.r#type == CallType::Video,
        ring_timeout_ms: asked.ring_timeout.map(|seconds| u64::from(seconds) * 1_000),
        country: asked.country,
        caller: asked.caller,
        trunk: asked.trunk,
        metadata: asked.metadata.unwrap_or_default(),
        contact: contact.as_ref().map(|contact| Contact {
            data: kept(contact),
            id: contact.id.clone(),
            user_id: asked.user_id,
        }),
        notify: asked.notify_url.map(|url| NotifyTarget { url, headers, amd_events: None }),
        ignore_do_not_call: asked.ignore_do_not_call,
        ..DialRequest::default()
    };
    ring::by_link(&mut request, contact.as_ref())?;
    Ok(request)
}

/// The answer to a call that was accepted, now or before.
async fn made(
    api: &Api,
    dialed: &Dialed,
    ignored: &[String],
    link: Option<RingLink>,
) -> Result<Response, Problem> {
    let record = record(api, &dialed.call_id).await?.with_link(link);
    let location = HeaderValue::from_str(&format!("/v1/calls/{}", dialed.call_id)).ok();
    let replayed = dialed.again.then(|| HeaderValue::from_static("true"));
    let told = [(header::LOCATION, location), (IGNORED, named(ignored)), (REPLAYED, replayed)];
    let told: HeaderMap = told.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    Ok((StatusCode::CREATED, told, Json(record)).into_response())
}

/// The bot and the flow of a call.
fn flow(api: &Api, asked: Option<String>) -> Result<(String, String), Problem> {
    if let Some(flow) = asked {
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

/// What is kept of a contact for flows.
fn kept(contact: &ContactRow) -> Map<String, Value> {
    let mut kept = Map::new();
    kept.extend(contact.name.clone().map(|name| ("name".to_owned(), Value::String(name))));
    kept.extend(contact.metadata.as_object().cloned().unwrap_or_default());
    kept
}

async fn record(api: &Api, call_id: &str) -> Result<CallRecord, Problem> {
    if let Some(of_contact) = api.store.contact_call(call_id).await? {
        return Ok(of_contact.into());
    }
    let call = api.store.call(call_id).await?;
    call.map(CallRecord::from).ok_or_else(|| Problem::not_found(&format!("call {call_id}")))
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
        (status = 400, description = "The body cannot be read, changes nothing, or a field of it is wrong: `end_time` \
            lies in the future or before the start, or the metadata would be larger than 16 KiB.", body = ProblemDocument, content_type = "application/problem+json"),
        NoSuchCall,
        EndedAlready,
        TooLarge,
    ))]
pub(super) async fn change(
    State(api): State<Api>,
    call: CallInPath<EndCalls>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let asked: Change = json(body)?;
    record(&api, &call.id).await?;
    let metadata = asked.metadata.filter(|metadata| !metadata.is_empty());
    if metadata.is_none() && asked.end_time.is_none() {
        return Err(Problem::new(Code::Malformed, NO_EFFECT));
    }
    let principal = call.may.clone();
    let call = call.found()?;
    let call_id = call.id;
    if let Some(end) = asked.end_time {
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
    let changes_metadata = metadata.is_some();
    if let Some(metadata) = metadata {
        match api.store.merge_metadata(&call_id, Value::Object(metadata)).await? {
            Merged::Done => {}
            Merged::TooLarge => return Err(wrong("metadata", TOO_MUCH)),
            Merged::Unknown => return Err(Problem::not_found(&format!("call {call_id}"))),
        }
    }
    if asked.end_time.is_some() {
        end(&api, &call_id, principal.actor()).await?;
    }
    let record = record(&api, &call_id).await?;
    // The end of a call is written down with its last lines.
    if changes_metadata {
        api.access.record(&principal, AuditAction::CallChange, &call_id).await;
    }
    Ok(Json(record).into_response())
}

/// Hangs up and waits for the end to be written down.
async fn end(api: &Api, call_id: &str, actor: Actor) -> Result<(), Problem> {
    let watch = api.store.bus().watch_call(call_id);
    if !api.calls.end(call_id, "api", actor).await? {
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

/// The calls of contacts, newest first, by pages, whichever way they were placed.
#[utoipa::path(get, path = "/v1/calls/history", operation_id = "getHistory", tag = "calls", params(HistoryQuery),
    responses(
        (status = 200, description = "A page of calls.", body = CallHistory),
        BadParameter,
    ))]
pub(super) async fn history(
    State(api): State<Api>,
    may: May<SeeHistory>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<CallHistory>, Problem> {
    let visibility = may.visibility();
    let page =
        api.store.history(query.user_id.as_deref(), &visibility, query.after.as_ref(), query.limit).await?;
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(Json(CallHistory { call_records: page.items.into_iter().map(CallRecord::from).collect(), next }))
}
