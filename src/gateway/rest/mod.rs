//! The REST side: place and end calls, look up records, open plain WebSockets.

mod answer;
mod api;
mod place;
mod ring_in;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use self::answer::{Problem, success, success_telling};
use self::api::{Api, Caller, invalid, read};
use super::departure::Departures;
use super::events::MAX_MESSAGE;
use super::plain;
use super::record::Party;
use super::shared::Shared;
use crate::cdr_wire::CdrQuery;

/// Largest request body, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// The REST routes.
pub(super) fn router(shared: Arc<Shared>, media_port: Option<u16>) -> Router {
    let router = Router::new()
        .route("/pbx/call", post(place))
        .route("/pbx/hangup", post(hang_up))
        .route("/gateway/dial-in", post(ring_in::ring_in))
        .route("/gateway/dial-in/{session_id}", get(ring_in::became))
        .route("/v1/cdr", get(list))
        .route("/v1/cdr/{session_id}", get(detail));
    let router = if media_port.is_some() { router } else { router.route("/ws/{session_id}", get(websocket)) };
    finished(router, Api { shared, media_port })
}

/// What the media host of 1.0.5 serves beside Socket.IO.
pub(super) fn media_router(shared: Arc<Shared>) -> Router {
    finished(Router::new().route("/ws/{session_id}", get(websocket)), Api { shared, media_port: None })
}

fn finished(router: Router<Api>, api: Api) -> Router {
    router
        .fallback(async || Problem::NOT_FOUND)
        .method_not_allowed_fallback(async || Problem::WRONG_METHOD)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(api)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Placed {
    phone_number: String,
    session_id: Arc<str>,
    /// Where the media of the call are, since 1.0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_url: Option<String>,
}

async fn place(
    State(api): State<Api>,
    Caller(holder): Caller,
    ConnectInfo(departures): ConnectInfo<Departures>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let version = holder.version;
    let request = place::read(&read(body)?, version).map_err(|wrong| Problem::Invalid {
        version,
        field: wrong.field.into(),
        reason: wrong.reason,
    })?;
    let phone_number = request.number.clone();
    if api.shared.is_late() {
        metrics::counter!("dering_gateway_calls_put_off_total").increment(1);
        return Err(Problem::Busy);
    }
    let (left, answered) = oneshot::channel();
    let session_id = api.shared.place(holder, request, answered).ok_or(Problem::NO_LINE)?;
    let endpoint_url = version.negotiates().then(|| api.endpoint_url(&headers));
    Ok(success_telling(Placed { phone_number, session_id, endpoint_url }, departures, left))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HungUp {
    session_id: String,
}

async fn hang_up(
    State(api): State<Api>,
    Caller(holder): Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let session_id = read(body)?.get("sessionId").and_then(Value::as_str).unwrap_or_default().to_owned();
    if session_id.is_empty() {
        return Err(invalid(holder.version, "sessionId", "Session ID is required"));
    }
    api.shared.rooms.find(holder.account, &session_id)?.hang_up(Party::Bot);
    Ok(success(HungUp { session_id }))
}

async fn list(
    State(api): State<Api>,
    Caller(holder): Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    if !holder.version.has_records() {
        return Err(Problem::NOT_FOUND);
    }
    let pairs = decode_query(&query.unwrap_or_default())?;
    let query = CdrQuery::from_pairs(pairs).map_err(|errors| {
        // The carrier's envelope holds one.
        let error = errors.into_iter().next();
        error.map_or_else(
            || Problem::bad_request("The query cannot be read"),
            |error| {
                let reason =
                    if holder.version.negotiates() { error.problem.clone() } else { error.to_string() };
                invalid(holder.version, &error.parameter, reason)
            },
        )
    })?;
    Ok(axum::Json(api.shared.records.list(holder.account, &query)).into_response())
}

async fn detail(
    State(api): State<Api>,
    Caller(holder): Caller,
    Path(session_id): Path<String>,
) -> Result<Response, Problem> {
    if !holder.version.has_records() {
        return Err(Problem::NOT_FOUND);
    }
    api.shared.records.find(holder.account, &session_id).map(success).ok_or(Problem::NO_RECORD)
}

/// Splits and percent-decodes a query; keys may repeat, which is how several filters of one field come.
fn decode_query(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let uri: axum::http::Uri =
        format!("/?{query}").parse().map_err(|_| Problem::bad_request("The query cannot be read"))?;
    axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map(|pairs| pairs.0)
        .map_err(|error| Problem::bad_request(error.to_string()))
}

async fn websocket(
    State(api): State<Api>,
    Caller(holder): Caller,
    Path(session_id): Path<String>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    if !holder.version.negotiates() {
        return Err(Problem::NOT_FOUND);
    }
    let room = api.shared.rooms.find(holder.account, &session_id)?;
    let upgrade = upgrade.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    Ok(upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| plain::serve(socket, api.shared, room)))
}
