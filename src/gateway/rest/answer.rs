//! What REST answers: the documented envelopes of each version.

use std::borrow::Cow;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use crate::gateway::departure::{Departures, Left};
use crate::gateway::room::NoSession;
use crate::gateway::version::Version;

/// `{"status", "errors", "data"}`, as the service documents it.
#[derive(Serialize)]
struct Envelope<T> {
    status: u16,
    errors: String,
    data: T,
}

pub(super) fn success<T: Serialize>(data: T) -> Response {
    axum::Json(Envelope { status: 200, errors: String::new(), data }).into_response()
}

/// As [`success`]; `left` is told once the answer is on its way to the client in full.
pub(super) fn success_telling<T: Serialize>(data: T, departures: Departures, left: Left) -> Response {
    let envelope = Envelope { status: 200, errors: String::new(), data };
    match serde_json::to_vec(&envelope) {
        Ok(body) => {
            let answer = [(header::CONTENT_TYPE, "application/json")].into_response();
            departures.tell(answer, body.into(), left)
        }
        // As it is written by any other route: a failure of the server.
        Err(_) => axum::Json(envelope).into_response(),
    }
}

/// How soon a call is asked for again, in seconds.
const BUSY_SECONDS: &str = "1";

/// An error answer.
#[derive(Debug)]
pub(super) enum Problem {
    /// The HTTP status, and a sentence for the client.
    Refused(StatusCode, Cow<'static, str>),
    /// There is too much to do: to be asked again.
    Busy,
    /// A parameter that cannot be accepted, and why.
    Invalid { version: Version, field: String, reason: String },
}

impl Problem {
    pub(super) const NOT_FOUND: Self = Self::refused(StatusCode::NOT_FOUND, "Resource not found");
    pub(super) const NO_SESSION: Self = Self::refused(StatusCode::NOT_FOUND, "Session not found");
    pub(super) const NO_RECORD: Self = Self::refused(StatusCode::NOT_FOUND, "CDR not found");
    pub(super) const NO_LINE: Self = Self::refused(StatusCode::INTERNAL_SERVER_ERROR, "No line is available");
    pub(super) const WRONG_METHOD: Self = Self::refused(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");

    pub(super) const fn refused(status: StatusCode, reason: &'static str) -> Self {
        Self::Refused(status, Cow::Borrowed(reason))
    }

    pub(super) fn bad_request(reason: impl Into<String>) -> Self {
        Self::Refused(StatusCode::BAD_REQUEST, reason.into().into())
    }
}

/// A session that the account does not have.
impl From<NoSession> for Problem {
    fn from(NoSession: NoSession) -> Self {
        Self::NO_SESSION
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, reason) = match self {
            Self::Refused(status, reason) => (status, reason.into_owned()),
            Self::Busy => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let errors = "Too many calls for now".to_owned();
                let body = Envelope { status: status.as_u16(), errors, data: () };
                return (status, [(header::RETRY_AFTER, BUSY_SECONDS)], axum::Json(body)).into_response();
            }
            // Since 1.0.5 each field has its list of errors; before, there is one sentence.
            Self::Invalid { version, field, reason } if version.negotiates() => {
                let body = json!({"code": 422, "message": "Validation failed", "errors": {field: [reason]}});
                return (StatusCode::UNPROCESSABLE_ENTITY, axum::Json(body)).into_response();
            }
            Self::Invalid { reason, .. } => (StatusCode::BAD_REQUEST, reason),
        };
        let body = Envelope { status: status.as_u16(), errors: reason, data: () };
        (status, axum::Json(body)).into_response()
    }
}
