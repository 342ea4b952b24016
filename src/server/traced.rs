//! Each request as a trace, where there are traces.

use std::time::SystemTime;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;

use super::access_log::known;
use crate::telemetry::traces::{self, RequestTrace};

/// Tells of the request once its answer begins.
pub(super) async fn told(request: Request, next: Next) -> Response {
    let (began, method) = (SystemTime::now(), known(request.method()));
    let route = request.extensions().get::<MatchedPath>().cloned();
    let parent =
        request.headers().get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let response = next.run(request).await;
    traces::request(&RequestTrace {
        method,
        route: route.as_ref().map(MatchedPath::as_str),
        status: response.status().as_u16(),
        began,
        ended: SystemTime::now(),
        parent: parent.as_deref(),
    });
    response
}
