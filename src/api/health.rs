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
use crate::telemetry::{Disk, Scrape};

const FULL: &str = "full";
/// A database that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether the server works.
#[derive(Serialize, ToSchema)]
struct Health {
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the server can place calls, part by part.
#[derive(Serialize, ToSchema)]
struct Readiness {
    #[schema(example = "ready")]
    status: &'static str,
    /// Trunks whose carrier is within reach.
    carriers: usize,
    /// Trunks there are.
    trunks: usize,
    /// Trunks whose carrier is out of reach, or refuses our registration; the log says why.
    away: Vec<String>,
    /// `ok`, or what is wrong with it.
    #[schema(example = "ok")]
    database: &'static str,
    /// `ok`, `low` below 2 GB (of a small disk 20 %), or `full` below 200 MB (5 %), on the fullest disk of database and recordings.
    #[schema(example = "ok")]
    disk: &'static str,
    /// `ok`, `held back` while endpoints take nothing, or `refused` when one answers and refused what was posted last, within a day. No
    /// reason to be unready.
    #[schema(example = "ok")]
    webhooks: &'static str,
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

/// Whether the server can place calls: it works, at least one carrier is within reach, and there is room on its disks. For
/// who spreads calls over several servers. Needs no key.
#[utoipa::path(get, path = "/ready", operation_id = "ready", tag = "server",
    responses(
        (status = 200, description = "It can place calls.", body = Readiness),
        (status = 503, description = "It does not work (see `GET /health`), no carrier is within reach, or a disk \
            is full.", body = Readiness),
    ))]
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let (carriers, trunks) = api.calls.carriers();
    let works = works(&api).await;
    let away = api.calls.trunks().iter().filter(|trunk| !trunk.is_reachable());
    let disk = disk(&api);
    let status = match works {
        Err(why) => why,
        Ok(()) if trunks > 0 && carriers == 0 => "no carrier is within reach",
        Ok(()) if disk == FULL => "the disk is full",
        Ok(()) => "ready",
    };
    let told = Readiness {
        status,
        carriers,
        trunks,
        away: away.map(|trunk| trunk.name().to_owned()).collect(),
        database: works.err().unwrap_or("ok"),
        disk,
        webhooks: match (api.outbox.troubled(), api.outbox.refusing()) {
            (0, 0) => "ok",
            (0, _) => "refused",
            (..) => "held back",
        },
    };
    if status == "ready" { Json(told).into_response() } else { unfit(told) }
}

/// How the fullest disk stands.
fn disk(api: &Api) -> &'static str {
    let disks: Vec<Disk> = api.disks.iter().filter_map(|(_, path)| Disk::of(path)).collect();
    if disks.iter().any(|disk| disk.is_full()) {
        FULL
    } else if disks.iter().any(|disk| disk.is_low()) {
        "low"
    } else {
        "ok"
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
    for trunk in api.calls.trunks() {
        let up = f64::from(u8::from(trunk.is_reachable()));
        metrics::gauge!("dering_trunk_up", "trunk" => trunk.name().to_owned()).set(up);
    }
    for (of, path) in api.disks.iter() {
        if let Some(disk) = Disk::of(path) {
            metrics::gauge!("dering_disk_free_bytes", "of" => *of).set(disk.free as f64);
        }
    }
    let text = api.metrics.as_ref().map(Scrape::render);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text.unwrap_or_default()).into_response()
}
