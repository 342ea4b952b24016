//! Pages of other origins that may place and take calls in the browser: what their browsers want to be told (the Fetch
//! standard's CORS protocol). Of no other route, and of no other page.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::BrowserCalls;

/// What begins so is asked by pages, and carries its own credential in the body or the path.
const PATHS: [&str; 3] = ["/v1/browser-calls", "/v1/browser-calls/", "/v1/ring-links/"];

fn is_for_pages(path: &str) -> bool {
    PATHS.into_iter().any(|known| path == known || (known.ends_with('/') && path.starts_with(known)))
}

/// Lets the pages that the settings name read the answers about calls.
pub(super) async fn told(State(calls): State<BrowserCalls>, request: Request, next: Next) -> Response {
    if !is_for_pages(request.uri().path()) {
        return next.run(request).await;
    }
    let origin = request.headers().get(header::ORIGIN).filter(|origin| calls.allows(origin)).cloned();
    let is_question = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let Some(origin) = origin else { return next.run(request).await };
    let is = HeaderValue::from_static;
    let mut response = if is_question {
        let told = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, is("POST, DELETE")),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, is("content-type")),
            (header::ACCESS_CONTROL_MAX_AGE, is("600")),
        ];
        (StatusCode::NO_CONTENT, told).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, is("location, retry-after"));
    headers.append(header::VARY, is("origin"));
    response
}
