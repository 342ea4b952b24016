//! People with a browser: who may look at pages, and how a browser learns that it needs a key.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::access::{Error, Identity, SeeServer};
use crate::api::Api;
use crate::api::error::Problem;
use crate::api::may::May;

/// Somebody who may look at pages: who reads and is not tied to bots. Others are asked for a key.
pub(super) struct Viewer(pub(super) May<SeeServer>);

impl Viewer {
    /// The digest of their key, which no other site knows; an app's token opens no page with a form.
    ///
    /// # Errors
    /// When they did not come with a key.
    pub(super) fn key(&self) -> Result<&str, Error> {
        match self.0.identity() {
            Identity::Key(key) => Ok(&key.digest),
            Identity::App(_) | Identity::Local(_) => Err(Error::KeyUnknown),
        }
    }
}

impl FromRequestParts<Api> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        May::from_request_parts(parts, api).await.map(Self).map_err(ask_for_key)
    }
}

/// A browser asks for the key when it is told how: any user name, the API key as the password.
pub(super) fn ask_for_key(problem: impl Into<Problem>) -> Response {
    let mut response = problem.into().into_response();
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"Dering: an API key as the password\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
