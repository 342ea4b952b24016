//! What every speech service over HTTP has in common: its address, its key, how it fails.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};

/// Of an error's body this much goes into the message.
const SHOWN_BYTES: usize = 200;

/// A speech service. The address comes from the operator's settings, so private addresses are fine.
#[derive(Clone, Debug)]
pub(super) struct Service {
    client: Client,
    base: String,
    key: Option<SecretString>,
}

/// Why a service gave no answer that can be used.
#[derive(Debug)]
pub(super) enum Failure {
    TimedOut,
    /// It says that it is busy (429 or 503).
    Busy,
    Other(String),
}

impl Service {
    /// `base` as OpenAI's clients take it, with or without a trailing `/v1`.
    pub(super) fn new(base: &str, key: Option<SecretString>) -> Result<Self, String> {
        let base = base.trim_end_matches('/').trim_end_matches("/v1").to_owned();
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return Err(format!("{base:?} is not an http or https address"));
        }
        // A second call finds the provider installed, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { client, base, key })
    }

    pub(super) fn post(&self, path: &str, patience: Duration) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.base)).timeout(patience);
        match &self.key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        }
    }
}

/// Sends, and turns every answer but a success into a failure.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, Failure> {
    let response = request.send().await.map_err(|error| failure(&error))?;
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Err(Failure::Busy),
        status => {
            let body = limited(response, SHOWN_BYTES).await.unwrap_or_default();
            Err(Failure::Other(format!("it answers {status}: {}", String::from_utf8_lossy(&body).trim())))
        }
    }
}

/// At most `limit` bytes of the body; the rest is not read.
pub(super) async fn limited(mut response: Response, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while body.len() < limit {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(limit - body.len())]),
            Ok(None) => break,
            Err(error) => return Err(failure(&error)),
        }
    }
    Ok(body)
}

/// The innermost cause says what happened; the outer ones repeat the address.
pub(super) fn failure(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        return Failure::TimedOut;
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    Failure::Other(inner.to_string())
}
