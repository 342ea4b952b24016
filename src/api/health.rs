//! Whether the server works, for machines.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa::ToSchema;

use super::Api;
use crate::store::CallFilter;

/// Whether the server works.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of the answers of `health`")]
struct Health {
    #[schema(example = "ok")]
    status: String,
}

/// Whether the server works: it does while its database answers. Needs no key and tells nothing else.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "server",
    responses(
        (status = 200, description = "It works.", body = Health),
        (status = 503, description = "The database does not answer, or the server is stopping.", body = Health),
    ))]
pub(super) async fn health(State(api): State<Api>) -> Response {
    match api.store.calls(&CallFilter::default(), None, 1).await {
        Ok(_) => Json(json!({ "status": "ok" })).into_response(),
        Err(error) => {
            tracing::error!(%error, "the health check failed");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "the database does not answer" })))
                .into_response()
        }
    }
}

/// Metrics as Prometheus text.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "server",
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain")))]
pub(super) async fn metrics(State(api): State<Api>) -> Response {
    let text = api.metrics.as_ref().map(metrics_exporter_prometheus::PrometheusHandle::render);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text.unwrap_or_default()).into_response()
}
