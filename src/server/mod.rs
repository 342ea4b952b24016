//! One server for programs and people: the routes of the API and of the console under one router, what every request
//! meets on its way to them, and the description of them all.

mod access_log;
mod cross_origin;
mod description;
mod hardening;
mod kore_path;
mod traced;

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use tower::Layer;
use tower::util::{MapRequestLayer, option_layer};
use tower_http::classify::ServerErrorsFailureClass;
use tower_http::trace::TraceLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::description::{description, text};
use crate::api::error::{Code, Problem};
use crate::api::may::authenticate;
use crate::api::{self, Api, BODY_LIMIT, Gate};
use crate::console;
use crate::telemetry::traces;

/// Longest a request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest a request may take that brings a file of hundreds of megabytes.
const PATIENCE_WITH_FILES: Duration = Duration::from_secs(15 * 60);
/// Where such files are sent to and looked at.
const FILES: [&str; 3] = ["/v1/lists/{list_id}/imports", "/lists/{id}/import", "/lists/{id}/files/{file}"];

async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(Code::NotFound, format!("there is nothing at {}", uri.path()))
}

async fn no_such_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}; the header `allow` names what it takes", uri.path());
    Problem::new(Code::MethodNotAllowed, detail)
}

/// Ends requests that take too long. A live timeline has answered by then; it goes on.
async fn within_patience(request: Request, next: Next) -> Result<Response, Problem> {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let patience =
        if path.is_some_and(|path| FILES.contains(&path)) { PATIENCE_WITH_FILES } else { PATIENCE };
    let waiting = tokio::time::timeout(patience, next.run(request)).await;
    let late = format!(
        "the request took longer than {} s and was given up; what it began may have been done",
        patience.as_secs()
    );
    waiting.map_err(|_| Problem::new(Code::TimedOut, late))
}

/// How long requests take, by class of their status.
async fn measured(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let response = next.run(request).await;
    let class = match response.status().as_u16() {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    };
    metrics::histogram!("dering_http_request_seconds", "status" => class)
        .record(began.elapsed().as_secs_f64());
    response
}

/// What the log says of a request: not its query, which may carry the signature of a link.
fn span(request: &Request) -> tracing::Span {
    tracing::debug_span!("request", method = %request.method(), path = %request.uri().path())
}

/// A request that failed. 503 is an answer that was meant: it says what is not ready, and the log has said why.
fn failed(failure: ServerErrorsFailureClass, took: Duration, _span: &tracing::Span) {
    match failure {
        ServerErrorsFailureClass::StatusCode(StatusCode::SERVICE_UNAVAILABLE) => {
            tracing::debug!(?took, "answered with 503");
        }
        ServerErrorsFailureClass::StatusCode(_) | ServerErrorsFailureClass::Error(_) => {
            tracing::error!(%failure, ?took, "a request failed");
        }
    }
}

/// Every route, in groups of those who may use them.
fn groups() -> Vec<(Gate, OpenApiRouter<Api>)> {
    let own = OpenApiRouter::new().routes(routes!(description::openapi));
    let groups = api::groups().into_iter().chain(console::groups());
    groups.chain([(Gate::Open, own)]).collect()
}

/// Every route there is, also under the spellings that Kore's callers use.
pub fn router(api: Api) -> Router {
    Router::new().fallback_service(MapRequestLayer::new(kore_path::spelt).layer(routes(api)))
}

/// Every route there is. What each needs stands in the signature of its handler.
pub fn routes(api: Api) -> Router {
    let all = groups().into_iter().fold(OpenApiRouter::new(), |all, (_, group)| all.merge(group));
    Router::from(all)
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(api.access.clone(), authenticate))
        .layer(from_fn_with_state(api.clone(), console::faults::shown))
        .layer(from_fn_with_state(api.browsers.clone(), cross_origin::told))
        .layer(from_fn(within_patience))
        .layer(from_fn(hardening::hardened))
        .layer(from_fn(measured))
        .layer(option_layer(api.access_log.then(|| from_fn(access_log::written))))
        .layer(option_layer(traces::are_on().then(|| from_fn(traced::told))))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(failed))
        .with_state(api)
}
