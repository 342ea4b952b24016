//! `POST /gateway/dial-in`: has one of the callees call the clients of the account, and `GET /gateway/dial-in/{id}`:
//! what became of that. Our addition; no version of the service has them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};

use super::answer::{Problem, success};
use super::api::{Api, Caller, invalid, read};
use super::place::{caller_id, number, ring};
use crate::gateway::callees::model::Outcome;
use crate::gateway::cdr::Cdr;
use crate::gateway::messages::Incoming;
use crate::gateway::placing::RingIn;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rung {
    session_id: Arc<str>,
    caller_id: String,
    did_number: String,
}

pub(super) async fn ring_in(
    State(api): State<Api>,
    Caller(holder): Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = read(body)?;
    let asked = asked(&api, &body).map_err(|(field, reason)| invalid(holder.version, field, reason))?;
    let Incoming { caller, called } = asked.incoming.clone();
    let session_id = api.shared.ring_in(holder, asked).ok_or(Problem::NO_LINE)?;
    Ok(success(Rung { session_id, caller_id: caller, did_number: called }))
}

/// `didNumber` is dialled by `callerId`: by the callee of that name, or the one who has that number.
fn asked(api: &Api, body: &Map<String, Value>) -> Result<RingIn, (&'static str, String)> {
    let field = |name| body.get(name).unwrap_or(&Value::Null);
    let called = number("didNumber", field("didNumber")).map_err(|wrong| (wrong.field, wrong.reason))?;
    let from = caller_id(field("callerId")).map_err(|wrong| (wrong.field, wrong.reason))?;
    let ring = ring("ring", field("ring")).map_err(|wrong| (wrong.field, wrong.reason))?;
    let callees = &api.shared.callees;
    let caller = match field("callee").as_str() {
        Some(name) => callees.named(name).ok_or_else(|| {
            ("callee", format!("The gateway has no callee {}", name.chars().take(80).collect::<String>()))
        })?,
        None => from
            .as_deref()
            .and_then(|from| callees.find(from))
            .ok_or_else(|| ("callerId", "Name a callee, or the number of one as callerId".to_owned()))?,
    };
    if caller.file.outcome != Outcome::Answer {
        return Err(("callee", format!("The callee {} answers no calls, so it places none", caller.name)));
    }
    let own = caller.file.numbers.iter().find(|number| !number.prefix).map(|number| number.text.clone());
    let incoming = Incoming { caller: from.or(own).unwrap_or_default(), called };
    Ok(RingIn { incoming, caller, ring })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Became {
    session_id: String,
    /// `ringing`, `connected` or `ended`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cdr: Option<Arc<Cdr>>,
}

pub(super) async fn became(
    State(api): State<Api>,
    Caller(holder): Caller,
    Path(session_id): Path<String>,
) -> Result<Response, Problem> {
    if let Ok(room) = api.shared.rooms.find(holder.account, &session_id) {
        let state = if room.is_connected() { "connected" } else { "ringing" };
        return Ok(success(Became { session_id, state, cdr: None }));
    }
    let record = api.shared.records.find(holder.account, &session_id);
    let record = record.ok_or(Problem::refused(StatusCode::NOT_FOUND, "Session not found"))?;
    Ok(success(Became { session_id, state: "ended", cdr: Some(record.cdr) }))
}
