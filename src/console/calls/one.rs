//! The page of one call: what happened, what was heard, why it was decided so, and what was told about it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::json;

use super::ladder::{Ladder, ladder};
use super::sentence::sentence;
use super::timeline::{Happened, happened};
use super::wave::{Wave, wave};
use crate::access::{EndCalls, LabelCalls, ResendWebhooks, SeeCalls};
use crate::accuracy::Truth;
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::extract::Path;
use crate::api::transcript::{self, Kind, LONGEST_TIMELINE, Speaker};
use crate::api::{listening, recordings, watching};
use crate::console::files;
use crate::console::forms::Does;
use crate::console::frame::{Crumb, Frame, Room, Sees, may};
use crate::console::people_names::Names;
use crate::console::picture;
use crate::console::seat::Seat;
use crate::console::when::{At, length};
use crate::console::who::{Who, who_of_call};
use crate::session::camera_path;
use crate::store::{CallRow, CdrRow, LabelOrigin};

#[derive(Serialize)]
struct One {
    id: String,
    sentence: String,
    who: Who,
    live: bool,
    /// The last event that the page shows.
    seq: i64,
    phase: String,
    /// Somebody talks on it, and who looks may listen.
    talks: bool,
    /// The callee shows a camera now.
    has_camera: bool,
    /// Of the camera, live and recorded.
    script: &'static str,
    /// What their camera showed is kept beside the recording.
    filmed: bool,
    /// It may be ended by who looks.
    ends: bool,
    facts: Vec<(String, String)>,
    began: At,
    flow: String,
    version: String,
    recording: Recording,
    wave: Option<Wave>,
    picture: bool,
    words: Vec<Said>,
    words_deleted: bool,
    timeline: Vec<Happened>,
    sip: Option<Ladder>,
    label: Option<Label>,
    labels: Vec<(&'static str, &'static str)>,
    may_label: bool,
    decided: bool,
    webhooks: Vec<Webhook>,
    resends: bool,
    cdr: Vec<(String, String)>,
    metadata: String,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Recording {
    There,
    None,
    Deleted,
}

/// Something that was said, pressed or reached.
#[derive(Serialize)]
struct Said {
    at: String,
    bot: bool,
    kind: &'static str,
    text: String,
    note: String,
}

#[derive(Serialize)]
struct Label {
    truth: String,
    author: String,
    at: At,
}

#[derive(Serialize)]
struct Webhook {
    id: String,
    kind: String,
    state: String,
    attempts: i64,
    made: At,
}

pub(super) async fn call(api: &Api, id: &str) -> Result<CallRow, Problem> {
    api.store.call(id).await?.ok_or_else(|| Problem::not_found(&format!("call {id}")))
}

/// The page of one call.
pub(in crate::console) async fn page(
    sees: Sees<SeeCalls>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let call = call(&api, &id).await?;
    let events = api.store.events(&id, 0, LONGEST_TIMELINE).await?;
    let answered = call.answered_ms.and_then(|at| u64::try_from(at - call.created_ms).ok());
    let recording = api.store.recording(&id).await?;
    let live = call.ended_ms.is_none();
    let phase = api.calls.live().into_iter().find(|live| live.call_id == id);
    let label = api.store.call_label(&id).await?;
    let mut webhooks = Vec::new();
    for row in api.store.notifications(&id).await? {
        webhooks.push(Webhook {
            id: row.id,
            kind: row.kind,
            state: row.state.as_str().to_owned(),
            attempts: row.attempts,
            made: sees.zone.at(row.created_ms),
        });
    }
    let cdr = api.store.cdr_of_call(&id).await?;
    let wave = match recording.as_ref().filter(|row| !live && row.deleted_ms.is_none()) {
        Some(row) => wave(&sees, row, &events).await,
        None => None,
    };
    let one = One {
        sentence: sentence(&sees, &call),
        who: who_of_call(&sees, &call),
        live,
        seq: events.last().map_or(0, |row| row.seq),
        phase: phase
            .map(|live| sees.say(&format!("phase_{}", live.phase.as_str())).to_owned())
            .unwrap_or_default(),
        talks: live && call.answered_ms.is_some(),
        script: files::camera(),
        has_camera: live && api.browsers.has_camera(call.session_id.as_deref()),
        filmed: match &recording {
            Some(row) if !live && row.deleted_ms.is_none() => {
                tokio::fs::try_exists(camera_path(row.path.as_ref())).await.unwrap_or_default()
            }
            _ => false,
        },
        ends: live && may::<EndCalls>(&sees.who),
        facts: facts(&sees, &call),
        began: sees.zone.at(call.created_ms),
        flow: call.flow.clone(),
        version: call.flow_digest.get(..8).unwrap_or_default().to_owned(),
        picture: api.store.evidence(&id).await?.is_some()
            && recording.as_ref().is_some_and(|row| row.deleted_ms.is_none()),
        wave,
        recording: match recording {
            Some(row) if row.deleted_ms.is_some() => Recording::Deleted,
            Some(_) => Recording::There,
            None => Recording::None,
        },
        words: transcript::entries(answered, &events).into_iter().map(|entry| said(&sees, entry)).collect(),
        words_deleted: call.words_deleted_ms.is_some(),
        timeline: events.iter().map(|row| happened(&sees, row)).collect(),
        sip: ladder(&sees, &api, &call).await?,
        label: match label {
            Some(row) => Some(Label {
                truth: sees.say(&format!("truth_{}", row.truth)).to_owned(),
                author: Names::of(&api).name(&row.author).await?,
                at: sees.zone.at(row.at_ms),
            }),
            None => None,
        },
        labels: truths(&sees),
        may_label: call.answered_ms.is_some() && may::<LabelCalls>(&sees.who),
        decided: call.amd_event.is_some(),
        webhooks,
        resends: may::<ResendWebhooks>(&sees.who),
        cdr: cdr.map(|row| record(&sees, &row)).unwrap_or_default(),
        metadata: if call.metadata.as_object().is_some_and(serde_json::Map::is_empty) {
            String::new()
        } else {
            format!("{:#}", call.metadata)
        },
        id,
    };
    let crumbs = [Crumb::new("/calls", sees.say("nav_calls"))];
    let title = sees.tell("call_title", &[("number", &other_party(&sees, &call))]);
    Ok(sees.page(&api, ("call.html", Room::Calls), &title, &crumbs, &one))
}

pub(in crate::console) fn other_party(frame: &Frame, call: &CallRow) -> String {
    let inbound = call.direction == callcore::call::Direction::Inbound;
    frame.number(if inbound { &call.caller } else { &call.target })
}

/// What may be said about who answered: its name and its words.
pub(in crate::console) fn truths(frame: &Frame) -> Vec<(&'static str, &'static str)> {
    Truth::ALL.map(|truth| (truth.as_str(), frame.say(&format!("truth_{}", truth.as_str())))).into()
}

fn facts(frame: &Frame, call: &CallRow) -> Vec<(String, String)> {
    let fact = |key: &str, value: String| (frame.say(key).to_owned(), value);
    let mut facts = vec![
        fact("call_direction", frame.say(&format!("direction_{}", call.direction.as_str())).to_owned()),
        fact("filter_trunk", call.trunk.clone()),
        fact("filter_app", call.app_id.clone()),
    ];
    let known = [
        ("call_verdict_after", call.amd_ms.map(length)),
        (
            "call_reason",
            call.amd_reason.and_then(|reason| serde_json::to_value(reason).ok()?.as_str().map(str::to_owned)),
        ),
        ("call_checkpoint", call.last_checkpoint.clone()),
        ("call_session", call.session_id.clone()),
        ("call_cause", call.cause_code.map(|code| code.to_string())),
    ];
    facts.extend(known.into_iter().filter_map(|(key, value)| Some(fact(key, value?))));
    facts
}

fn said(frame: &Frame, entry: transcript::Entry) -> Said {
    let at = entry.recording_start_ms;
    let note = match (&entry.interrupted_by, &entry.heard) {
        (Some(by), Some(heard)) => {
            let (heard_words, words) = (heard.words.to_string(), entry.words.unwrap_or_default().to_string());
            frame.tell(
                "said_cut",
                &[("by", by), ("heard", &heard_words), ("words", &words), ("text", &heard.text)],
            )
        }
        _ if entry.confidence.is_some_and(|sure| sure < 0.5) => frame.say("said_unsure").to_owned(),
        _ => String::new(),
    };
    Said {
        at: format!("{}:{:02}.{}", at / 60_000, at / 1_000 % 60, at / 100 % 10),
        bot: entry.speaker == Speaker::Bot,
        kind: match entry.kind {
            Kind::Speech if entry.without_words => "sound",
            Kind::Speech => "speech",
            Kind::Key => "key",
            Kind::Checkpoint => "checkpoint",
        },
        text: entry.text,
        note,
    }
}

fn record(frame: &Frame, row: &CdrRow) -> Vec<(String, String)> {
    let shown = serde_json::to_value(row).unwrap_or_default();
    let cells = shown.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let text = |name: &str, value: &serde_json::Value| match (name, value.as_str()) {
        ("destination" | "source", Some(number)) => frame.number(number),
        (_, Some(text)) => text.to_owned(),
        (_, None) => value.to_string(),
    };
    cells.map(|(name, value)| (name.clone(), text(name, value))).collect()
}

/// The recording of a call, for the player of its page.
pub(in crate::console) async fn recording(
    _: Sees<SeeCalls>,
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let call = call(&api, &id).await?;
    recordings::file(&api, &call.id, request).await
}

/// A running call to listen to, for the player of its page.
pub(in crate::console) async fn listen(
    sees: Sees<SeeCalls>,
    seat: Seat<SeeCalls>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let call = call(&api, &id).await?;
    let (seat, looked) = (Arc::new(seat), api.clone());
    let holds = move || -> BoxFuture<'static, bool> {
        let (seat, api) = (Arc::clone(&seat), looked.clone());
        Box::pin(async move { seat.holds(&api).await })
    };
    listening::live(&api, &call, &sees.who, listening::For::Browsers, holds).await
}

/// What the callee's camera showed, for the player of its page.
pub(in crate::console) async fn camera(
    _: Sees<SeeCalls>,
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let call = call(&api, &id).await?;
    recordings::camera_file(&api, &call.id, request).await
}

/// Answers the browser of somebody who watches the camera of a running call.
pub(in crate::console) async fn watch(
    State(api): State<Api>,
    seat: Seat<SeeCalls>,
    Path(id): Path<String>,
    form: Does<SeeCalls>,
) -> Result<Response, Problem> {
    let call = call(&api, &id).await?;
    let (seat, looked) = (Arc::new(seat), api.clone());
    let holds = move || -> BoxFuture<'static, bool> {
        let (seat, api) = (Arc::clone(&seat), looked.clone());
        Box::pin(async move { seat.holds(&api).await })
    };
    let sdp = form.written.exactly("sdp");
    let watched = watching::show(&api, &call, &form.by.who, &sdp, holds).await?;
    let end = format!("/v1/browser-calls/{}", watched.secret);
    Ok((StatusCode::CREATED, Json(json!({ "sdp": watched.sdp, "end": end }))).into_response())
}

/// Why it was decided so, as a picture.
pub(in crate::console) async fn evidence(
    _: Sees<SeeCalls>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let call = call(&api, &id).await?;
    picture::of_call(&api, &call.id).await
}

/// Somebody says who answered.
pub(in crate::console) async fn label(
    State(api): State<Api>,
    Path(id): Path<String>,
    form: Does<LabelCalls>,
) -> Result<Response, Problem> {
    let id = keep_label(&api, &id, &form, LabelOrigin::Noticed).await?;
    Ok(Redirect::to(&format!("/calls/{id}?done=labelled")).into_response())
}

/// Keeps what a form says who answered the call `id`.
///
/// # Errors
/// When there is no such call, or the form says nothing that is known.
pub(in crate::console) async fn keep_label(
    api: &Api,
    id: &str,
    form: &Does<LabelCalls>,
    origin: LabelOrigin,
) -> Result<String, Problem> {
    let call = call(api, id).await?;
    if call.answered_ms.is_none() {
        let why = "nobody answered this call, so there is nothing to say about who it was";
        return Err(Problem::new(Code::Conflict, why));
    }
    let Some(truth) = Truth::named(form.written.text("truth")) else {
        let why = form.by.say("label_missing").to_owned();
        return Err(Problem::new(Code::Invalid, why.clone()).with_field("truth", &why));
    };
    let verdict = call.amd_event.map(|event| match call.amd_subtype {
        Some(kind) => format!("{} {}", event.as_str(), kind.as_str()),
        None => event.as_str().to_owned(),
    });
    api.store.label_call(&call.id, truth.as_str(), verdict, origin, form.by.who.actor()).await?;
    Ok(call.id)
}

/// Ends a call.
pub(in crate::console) async fn hang_up(
    State(api): State<Api>,
    Path(id): Path<String>,
    form: Does<EndCalls>,
) -> Result<Response, Problem> {
    let call = call(&api, &id).await?;
    let done = api.calls.end(&call.id, "console", form.by.who.actor()).await?;
    let done = if done { "hung_up" } else { "ended_before" };
    Ok(Redirect::to(&format!("/calls/{}?done={done}", call.id)).into_response())
}
