//! HTTP requests of flows: JSON out, JSON in, with the same address checks as webhooks.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use callcore::call::Input;
use callcore::flow::{ExternalStepEnd, Method, Request};
use callcore::ids::ExternalStepId;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response};
use tokio::sync::Semaphore;

use crate::net::guard::{AddressPolicy, GuardError, NO_HOSTS, guarded_client};

/// Largest answer, bytes.
const LARGEST_ANSWER: usize = 256 * 1024;
/// Largest body sent, bytes.
const LARGEST_BODY: usize = 64 * 1024;
/// HttpRequests of all calls at the same time; one more fails at once, so that no queue builds up.
const AT_ONCE: usize = 256;
/// Redirects followed, all on the server that was asked.
const REDIRECTS: usize = 3;

/// Makes the requests of all calls. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpRequests {
    client: Client,
    policy: AddressPolicy,
    slots: Arc<Semaphore>,
}

impl HttpRequests {
    /// HttpRequests go only where `policy` admits.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(policy: AddressPolicy) -> Result<Self, reqwest::Error> {
        let client = guarded_client(&policy, NO_HOSTS, "requests of flows", |builder| {
            builder
                .redirect(Policy::custom(same_server))
                .user_agent(concat!("dering/", env!("CARGO_PKG_VERSION")))
        })?;
        Ok(Self { client, policy, slots: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// Makes a request and hands back what came of it.
    pub(in crate::session) async fn make(self, id: ExternalStepId, request: Box<Request>) -> Input {
        let patience = Duration::from_millis(request.timeout_ms);
        let end = match self.slots.try_acquire() {
            Err(_) => Err(format!("{AT_ONCE} requests of other calls are under way")),
            Ok(_slot) => tokio::time::timeout(patience, self.exchange(&request))
                .await
                .unwrap_or_else(|_| Err("the service did not answer in time".to_owned())),
        };
        let result = if end.is_ok() { "answered" } else { "failed" };
        metrics::counter!("dering_flow_requests_total", "result" => result).increment(1);
        let end = end.unwrap_or_else(|reason| {
            tracing::info!(request = ?request, reason, "a flow's request failed");
            ExternalStepEnd::Failed(reason)
        });
        Input::ExternalStepEnded { id, end }
    }

    async fn exchange(&self, request: &Request) -> Result<ExternalStepEnd, String> {
        let url = self.policy.check(&request.url).map_err(|error| error.to_string())?;
        let mut sending = self.client.request(method(request.method), url).headers(headers(request)?);
        if let Some(body) = &request.body {
            if body.len() > LARGEST_BODY {
                return Err(format!("the body has more than {} KiB", LARGEST_BODY / 1024));
            }
            sending = sending.body(body.clone());
        }
        let response = sending.send().await.map_err(|error| reason(&error))?;
        let status = response.status().as_u16();
        let body = read(response).await?;
        // What is not JSON is for the flow to judge: it may need none.
        Ok(ExternalStepEnd::Answered { status, body: serde_json::from_slice(&body).ok() })
    }
}

/// Follows a redirect on the server that was asked, which keeps headers and body with it, and never to a
/// less safe scheme.
fn same_server(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let first = attempt.previous().first();
    let same = first.is_some_and(|first| {
        let next = attempt.url();
        first.host_str() == next.host_str()
            && first.port_or_known_default() == next.port_or_known_default()
            && first.scheme() == next.scheme()
    });
    if !same {
        attempt.error("the service redirects to another server, which is not followed")
    } else if attempt.previous().len() > REDIRECTS {
        attempt.error("the service redirects too often")
    } else {
        attempt.follow()
    }
}

const fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

fn headers(request: &Request) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    for (name, value) in &request.headers {
        let parsed = (HeaderName::try_from(name), HeaderValue::try_from(value));
        let (Ok(header), Ok(mut value)) = parsed else {
            return Err(format!("the header `{name}` cannot be sent with this value"));
        };
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    if request.body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(headers)
}

async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(format!("the answer has more than {} KiB", LARGEST_ANSWER / 1024));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The last cause as a sentence, without the URL, which may hold what nobody else may read.
fn reason(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = "it could not be sent".to_owned();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<GuardError>() {
            return refused.to_string();
        }
        text = inner.to_string();
        cause = inner.source();
    }
    format!("the request failed: {text}")
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Bytes;
    use axum::http::{HeaderMap, StatusCode};
    use axum::response::Redirect;
    use axum::routing::{get, post};
    use serde_json::json;

    use super::*;

    async fn server() -> String {
        let echo = |headers: HeaderMap, body: Bytes| async move {
            let key = headers.get("x-api-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
            let sent: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            (StatusCode::CREATED, json!({ "key": key, "sent": sent }).to_string())
        };
        let router = Router::new()
            .route("/echo", post(echo))
            .route("/here", get(|| async { Redirect::temporary("/json") }))
            .route("/round", get(|| async { Redirect::temporary("/round") }))
            .route("/away", get(|| async { Redirect::temporary("http://127.0.0.2:9/json") }))
            .route("/json", get(|| async { "{\"balance\": 7}" }))
            .route("/text", get(|| async { "hello" }))
            .route("/large", get(|| async { "x".repeat(LARGEST_ANSWER + 1) }))
            .route("/slow", get(|| async { tokio::time::sleep(Duration::from_secs(60)).await }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    fn request(method: Method, url: String) -> Request {
        let headers = vec![("x-api-key".to_owned(), "secret".to_owned())];
        Request { method, shown_url: "http://shown".into(), url, headers, body: None, timeout_ms: 300 }
    }

    async fn made(
        policy: AddressPolicy,
        request: Request,
    ) -> Result<(u16, Option<serde_json::Value>), String> {
        let requests = HttpRequests::new(policy).unwrap();
        let ended = requests.make(ExternalStepId(1), Box::new(request)).await;
        if let Input::ExternalStepEnded { end: ExternalStepEnd::Answered { status, body }, .. } = ended {
            return Ok((status, body));
        }
        let Input::ExternalStepEnded { end: ExternalStepEnd::Failed(reason), .. } = ended else {
            return Err(format!("{ended:?}"));
        };
        Err(reason)
    }

    #[tokio::test]
    async fn json_goes_out_with_the_flows_headers_and_json_comes_back() {
        let mut asked = request(Method::Post, format!("{}/echo", server().await));
        asked.body = Some("{\"a\":1}".to_owned());
        let answer = made(AddressPolicy::Anywhere, asked).await.unwrap();
        assert_eq!(answer, (201, Some(json!({ "key": "secret", "sent": { "a": 1 } }))));
    }

    #[tokio::test]
    async fn what_a_service_does_wrong_is_told_in_a_sentence_without_the_url() {
        let server = server().await;
        for (path, expected) in [
            ("/away", "the request failed: the service redirects to another server, which is not followed"),
            ("/round", "the request failed: the service redirects too often"),
            ("/large", "the answer has more than 256 KiB"),
            ("/slow", "the service did not answer in time"),
        ] {
            let told = made(AddressPolicy::Anywhere, request(Method::Get, format!("{server}{path}"))).await;
            assert_eq!(told, Err(expected.to_owned()), "{path}");
        }
        let here = made(AddressPolicy::Anywhere, request(Method::Get, format!("{server}/here"))).await;
        assert_eq!(here, Ok((200, Some(json!({ "balance": 7 })))));
        let text = made(AddressPolicy::Anywhere, request(Method::Get, format!("{server}/text"))).await;
        assert_eq!(text, Ok((200, None)));
    }

    #[tokio::test]
    async fn private_addresses_are_refused_by_number_and_by_name() {
        let server = server().await;
        let named = server.replace("127.0.0.1", "localhost");
        for url in [server, named, "http://169.254.169.254/latest".into()] {
            let refused =
                made(AddressPolicy::Public, request(Method::Get, format!("{url}/json"))).await.unwrap_err();
            assert!(refused.contains("not at a public address"), "{url}: {refused}");
        }
    }

    #[test]
    fn a_request_is_logged_without_its_secrets() {
        let mut shown = request(Method::Get, "http://x/y?token=1".into());
        shown.body = Some("{\"pin\":1}".into());
        assert_eq!(format!("{shown:?}"), "GET http://shown");
    }
}
