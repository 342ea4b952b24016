//! `dering webhook listen --forward-to`: what arrives goes on to a program on this machine, which decides what is answered.

use std::fmt;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use reqwest::{Client, Url};
use tokio::sync::mpsc;

use crate::cli::out::one_line;
use crate::outbox::receiver::Inbox;

/// A little less than the server that posts waits itself.
const PATIENCE: Duration = Duration::from_secs(9);
/// Of an answer's body this much is given back; the server keeps less.
const BODY: usize = 64 * 1024;

/// What is of one connection, and not of the message.
const OF_CONNECTION: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What became of a post that went on.
#[derive(Debug)]
pub(super) struct Answered {
    /// Of the post.
    number: u64,
    to: Url,
    took: Duration,
    /// The status, or why there is none.
    outcome: Result<StatusCode, String>,
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, to, took, outcome } = self;
        match outcome {
            Ok(status) => writeln!(f, "#{number} {to} answered {status} after {} ms\n", took.as_millis()),
            Err(why) => writeln!(f, "#{number} {to} {why}\n"),
        }
    }
}

/// Where posts go on to.
#[derive(Clone, Debug)]
struct Forwarding {
    inbox: Inbox,
    client: Client,
    to: Url,
    tell: mpsc::Sender<Answered>,
}

/// An address that can be posted to.
///
/// # Errors
/// Says what is wrong with it.
pub(super) fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| "that is no address; write it as in http://localhost:3000/webhooks".to_owned())
}

/// Routes that file every post in `inbox` and, when its signatures hold, give back what `to` answers; `tell` hears of it.
///
/// # Errors
/// When the HTTP client cannot be set up.
pub(super) fn router(inbox: Inbox, to: Url, tell: mpsc::Sender<Answered>) -> anyhow::Result<Router> {
    let client =
        Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build()?;
    Ok(Router::new().fallback(post(take)).with_state(Forwarding { inbox, client, to, tell }))
}

async fn take(State(forwarding): State<Forwarding>, headers: HeaderMap, body: Bytes) -> Response {
    let (number, problem) = forwarding.inbox.file(&headers, &body);
    if let Some(problem) = problem {
        return (StatusCode::UNAUTHORIZED, problem.to_string()).into_response();
    }
    let began = Instant::now();
    let (outcome, response) = match forwarding.pass_on(&headers, body).await {
        Ok(response) => (Ok(response.status()), response),
        Err((status, why)) => (Err(why.clone()), (status, why).into_response()),
    };
    let answered = Answered { number, to: forwarding.to.clone(), took: began.elapsed(), outcome };
    // Nobody prints any more once the command is stopped.
    drop(forwarding.tell.send(answered).await);
    response
}

impl Forwarding {
    async fn pass_on(&self, headers: &HeaderMap, body: Bytes) -> Result<Response, (StatusCode, String)> {
        let theirs = headers.iter().filter(|(name, _)| !OF_CONNECTION.contains(&name.as_str()));
        let theirs: HeaderMap = theirs.map(|(name, value)| (name.clone(), value.clone())).collect();
        let sent = self.client.post(self.to.clone()).headers(theirs).body(body).send().await;
        let mut answer = sent.map_err(|error| unreached(&error))?;
        let (status, told) = (answer.status(), self.told(answer.headers()));
        let mut body = Vec::new();
        while body.len() < BODY
            && let Ok(Some(part)) = answer.chunk().await
        {
            body.extend_from_slice(&part[..part.len().min(BODY - body.len())]);
        }
        Ok((status, told, body).into_response())
    }

    /// What of an answer's headers means something to the server that posted.
    fn told(&self, headers: &HeaderMap) -> HeaderMap {
        let mut told: HeaderMap =
            [CONTENT_TYPE, RETRY_AFTER].into_iter().filter_map(|name| kept(headers, name)).collect();
        // A redirect within that program leads to that program, not here.
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.and_then(|location| self.to.join(location).ok());
        if let Some(location) = location.and_then(|url| HeaderValue::try_from(url.as_str()).ok()) {
            told.insert(LOCATION, location);
        }
        told
    }
}

fn kept(headers: &HeaderMap, name: HeaderName) -> Option<(HeaderName, HeaderValue)> {
    let value = headers.get(&name)?.clone();
    Some((name, value))
}

fn unreached(error: &reqwest::Error) -> (StatusCode, String) {
    if error.is_timeout() {
        let why = format!("did not answer within {} s", PATIENCE.as_secs());
        return (StatusCode::GATEWAY_TIMEOUT, why);
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    (StatusCode::BAD_GATEWAY, format!("cannot be reached: {}", one_line(&cause.to_string())))
}
