//! The REST side: place and end calls, look up records. Every answer has the documented envelope.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, RawQuery, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use socketioxide::SocketIo;

use super::accounts::bearer;
use super::cdr::Query;
use super::shared::Shared;

/// Largest request body, in bytes.
const MAX_BODY: usize = 64 * 1024;

#[derive(Clone)]
struct Api {
    shared: Arc<Shared>,
    io: SocketIo,
}

/// The REST routes.
pub(super) fn router(shared: Arc<Shared>, io: SocketIo) -> Router {
    Router::new()
        .route("/pbx/call", post(place))
        .route("/pbx/hangup", post(hang_up))
        .route("/v1/cdr", get(list))
        .route("/v1/cdr/{session_id}", get(detail))
        .fallback(async || Refusal::NOT_FOUND)
        .method_not_allowed_fallback(async || Refusal {
            status: StatusCode::METHOD_NOT_ALLOWED,
            reason: "Method not allowed".into(),
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Api { shared, io })
}

/// `{"status", "errors", "data"}`, as the service documents it.
#[derive(Serialize)]
struct Envelope<T> {
    status: u16,
    errors: String,
    data: T,
}

fn success<T: Serialize>(data: T) -> Response {
    axum::Json(Envelope { status: 200, errors: String::new(), data }).into_response()
}

/// An error answer: the HTTP status, and a sentence for the client.
struct Refusal {
    status: StatusCode,
    reason: std::borrow::Cow<'static, str>,
}

impl Refusal {
    const NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, "Resource not found");
    const NO_SESSION: Self = Self::new(StatusCode::NOT_FOUND, "Session not found");

    const fn new(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason: std::borrow::Cow::Borrowed(reason) }
    }

    fn bad_request(reason: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason: reason.into().into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Envelope { status: self.status.as_u16(), errors: self.reason.into_owned(), data: () };
        (self.status, axum::Json(body)).into_response()
    }
}

/// The account whose token the request carries.
struct Caller(usize);

impl FromRequestParts<Api> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refusal> {
        let refuse = |reason| Refusal::new(StatusCode::UNAUTHORIZED, reason);
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(bearer).ok_or(refuse("Authentication token is required"))?;
        api.shared.accounts.holder(token).map(Self).ok_or(refuse("Invalid authentication token"))
    }
}

/// A request body in full, its refusal in the documented envelope.
struct Body(Bytes);

impl axum::extract::FromRequest<Api> for Body {
    type Rejection = Refusal;

    async fn from_request(request: axum::extract::Request, api: &Api) -> Result<Self, Refusal> {
        Bytes::from_request(request, api).await.map(Self).map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large")
            } else {
                Refusal::bad_request("Request body cannot be read")
            }
        })
    }
}

impl Body {
    fn read<'de, T: Deserialize<'de>>(&'de self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.0)
            .map_err(|error| Refusal::bad_request(format!("Invalid request body: {error}")))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlaceRequest {
    phone_number: Option<serde_json::Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Placed {
    phone_number: String,
    session_id: String,
}

async fn place(State(api): State<Api>, Caller(account): Caller, body: Body) -> Result<Response, Refusal> {
    let request: PlaceRequest = body.read()?;
    // Some clients send the number as a JSON number.
    let number = match request.phone_number.unwrap_or_default() {
        serde_json::Value::String(text) => text.trim().to_owned(),
        serde_json::Value::Number(number) => number.to_string(),
        serde_json::Value::Null => String::new(),
        serde_json::Value::Bool(_) | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            return Err(Refusal::bad_request("Invalid phone number format"));
        }
    };
    if number.is_empty() {
        return Err(Refusal::bad_request("Phone number is required"));
    }
    if !is_dialable(&number) {
        return Err(Refusal::bad_request("Invalid phone number format"));
    }
    let session_id = api
        .shared
        .place(&api.io, account, number.clone())
        .await
        .ok_or(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "No line is available"))?;
    Ok(success(Placed { phone_number: number, session_id }))
}

/// 3 to 20 digits, one leading `+`, and the separators that people write.
fn is_dialable(number: &str) -> bool {
    let rest = number.strip_prefix('+').unwrap_or(number);
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    (3..=20).contains(&digits)
        && number.len() <= 40
        && rest.chars().all(|c| c.is_ascii_digit() || " -().".contains(c))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HangupRequest {
    session_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HungUp {
    session_id: String,
}

async fn hang_up(State(api): State<Api>, Caller(account): Caller, body: Body) -> Result<Response, Refusal> {
    let request: HangupRequest = body.read()?;
    let session_id = request.session_id.filter(|id| !id.is_empty());
    let session_id = session_id.ok_or_else(|| Refusal::bad_request("Session ID is required"))?;
    let room = api.shared.rooms.find(account, &session_id).ok_or(Refusal::NO_SESSION)?;
    room.hangup.notify_one();
    Ok(success(HungUp { session_id }))
}

async fn list(
    State(api): State<Api>,
    Caller(account): Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let query = query.unwrap_or_default();
    let pairs = decode_query(&query)?;
    let query = Query::parse(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .map_err(|error| Refusal::bad_request(error.to_string()))?;
    Ok(axum::Json(api.shared.records.list(account, &query)).into_response())
}

async fn detail(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(session_id): Path<String>,
) -> Result<Response, Refusal> {
    let record = api.shared.records.find(account, &session_id);
    record.map(success).ok_or(Refusal::new(StatusCode::NOT_FOUND, "CDR not found"))
}

/// Splits and percent-decodes a query; keys may repeat, which is how several filters of one field come.
fn decode_query(query: &str) -> Result<Vec<(String, String)>, Refusal> {
    let uri: axum::http::Uri =
        format!("/?{query}").parse().map_err(|_| Refusal::bad_request("The query cannot be read"))?;
    axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map(|pairs| pairs.0)
        .map_err(|error| Refusal::bad_request(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them_are_dialable_and_others_are_not() {
        for number in ["+15550001", "089608675796", "(021) 555-123", "911"] {
            assert!(is_dialable(number), "{number}");
        }
        for number in ["", "12", "call me", "++155500", "1234567890123456789012", "155+50001", "-12345e3"] {
            assert!(!is_dialable(number), "{number}");
        }
    }
}
