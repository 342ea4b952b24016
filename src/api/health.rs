//! Whether the server works, for machines.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::may::May;
use crate::access::SeeServer;
use crate::store::{CallFilter, Visibility};

/// A database that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether the server works.
#[derive(Serialize, ToSchema)]
struct Health {
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the server can place calls.
#[derive(Serialize, ToSchema)]
struct Readiness {
    #[schema(example = "ready")]
    status: &'static str,
    /// Trunks whose carrier is within reach.
    carriers: usize,
    /// Trunks there are.
    trunks: usize,
}

/// Whether the server works: its database can be read and written, and it is not stopping. Needs no key and tells
/// nothing else.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "server",
    responses(
        (status = 200, description = "It works.", body = Health),
        (status = 503, description = "The database cannot be read or written, or the server is stopping.", body = Health),
    ))]
pub(super) async fn health(State(api): State<Api>) -> Response {
    match works(&api).await {
        Ok(()) => Json(Health { status: "ok" }).into_response(),
        Err(status) => unfit(Health { status }),
    }
}

/// Whether the server can place calls: it works, and at least one carrier is within reach. For who spreads calls over
/// several servers. Needs no key.
#[utoipa::path(get, path = "/ready", operation_id = "ready", tag = "server",
    responses(
        (status = 200, description = "It can place calls.", body = Readiness),
        (status = 503, description = "It does not work (see `GET /health`), or no carrier is within reach.",
            body = Readiness),
    ))]
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let (carriers, trunks) = api.calls.carriers();
    let told = |status| Readiness { status, carriers, trunks };
    match works(&api).await {
        Err(why) => unfit(told(why)),
        Ok(()) if trunks > 0 && carriers == 0 => unfit(told("no carrier is within reach")),
        Ok(()) => Json(told("ready")).into_response(),
    }
}

async fn works(api: &Api) -> Result<(), &'static str> {
    if api.calls.is_stopping() {
        return Err("the server is stopping");
    }
    let check = async {
        api.store.calls(&CallFilter::within(Visibility::all()), None, 1).await.map_err(|error| {
            tracing::error!(%error, "the health check failed");
            "the database does not answer"
        })?;
        // The writer logs why.
        api.store.check_writing().await.map_err(|_| "the database cannot be written")
    };
    tokio::time::timeout(PATIENCE, check).await.unwrap_or(Err("the database does not answer"))
}

fn unfit(told: impl Serialize) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "2")], Json(told)).into_response()
}

/// Metrics as Prometheus text.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "server",
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain")))]
pub(super) async fn metrics(_: May<SeeServer>, State(api): State<Api>) -> Response {
    let text = api.metrics.as_ref().map(metrics_exporter_prometheus::PrometheusHandle::render);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text.unwrap_or_default()).into_response()
}
