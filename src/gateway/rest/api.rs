//! What every request to the REST side has: the state of the gateway, an account, a body.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::extract::rejection::BytesRejection;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value};

use super::answer::Problem;
use crate::gateway::accounts::{Holder, bearer};
use crate::gateway::shared::Shared;
use crate::gateway::version::Version;

#[derive(Clone)]
pub(super) struct Api {
    pub(super) shared: Arc<Shared>,
    /// Port of the media host, where it is one of its own.
    pub(super) media_port: Option<u16>,
}

/// The account whose token the request carries.
pub(super) struct Caller(pub(super) Holder);

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let refuse = |reason| Problem::refused(StatusCode::UNAUTHORIZED, reason);
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(bearer).ok_or(refuse("Authentication token is required"))?;
        api.shared.accounts.holder(token).map(Self).ok_or(refuse("Invalid authentication token"))
    }
}

/// The JSON object of a request.
pub(super) fn read(body: Result<Bytes, BytesRejection>) -> Result<Map<String, Value>, Problem> {
    let body = body.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::refused(StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large")
        } else {
            Problem::bad_request("Request body cannot be read")
        }
    })?;
    // Editors and shells put a byte order mark in front.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body);
    serde_json::from_slice(body)
        .map_err(|error| Problem::bad_request(format!("Invalid request body: {error}")))
}

impl Api {
    /// The media host, under the name by which the client reached this one.
    pub(super) fn endpoint_url(&self, headers: &HeaderMap) -> String {
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
        let host = host.map_or_else(|| self.shared.options.listen.to_string(), str::to_owned);
        match self.media_port {
            Some(port) => format!("http://{}:{port}", without_port(&host)),
            None => format!("http://{host}"),
        }
    }
}

/// The name or address in a `Host` header.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

/// A field of a request that cannot be used.
pub(super) fn invalid(version: Version, field: &str, reason: impl Into<String>) -> Problem {
    Problem::Invalid { version, field: field.to_owned(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_host_keeps_the_name_by_which_the_gateway_was_reached() {
        for (host, name) in [
            ("127.0.0.1:4500", "127.0.0.1"),
            ("gateway.local", "gateway.local"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(without_port(host), name);
        }
    }
}
