//! The HTTP API: this list of routes, and handlers that translate each to one verb of the parts below.

pub mod auth;
mod calls;
mod cdr;
mod dialout;
pub mod error;
mod health;
mod kore;
mod page;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::outbox::target::Reach;
use crate::session;
use crate::store::Store;

/// Largest request body, bytes.
const BODY_LIMIT: usize = 256 * 1024;
/// Longest a request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct Api {
    pub store: Store,
    pub calls: session::Handle,
    /// Which flow a bot runs, where it is not the flow of the bot's own name.
    pub bots: Arc<BTreeMap<String, String>>,
    pub metrics: Option<PrometheusHandle>,
    /// Which addresses a `notifyUrl` may name.
    pub reach: Reach,
}

/// Every route there is.
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/api/1.1/public/bot/{bot_id}/smartassist/dialout", post(kore::dial_out))
        .route("/v1/calls", get(calls::list))
        .route("/v1/calls/{call_id}", get(calls::one))
        .route("/v1/calls/{call_id}/events", get(calls::events))
        .route("/v1/calls/{call_id}/evidence", get(calls::evidence))
        .route("/v1/calls/{call_id}/transcript", get(calls::transcript))
        .route("/v1/calls/{call_id}/notifications", get(calls::notifications))
        .route("/v1/calls/{call_id}/recording", get(calls::recording))
        .route("/v1/calls/{call_id}/hangup", post(calls::hang_up))
        .route("/v1/cdr", get(cdr::list))
        .route("/v1/cdr/{session_id}", get(cdr::one))
        .route("/", get(page::calls))
        .route("/calls/rows", get(page::rows))
        .route("/metrics", get(health::metrics))
        .route("/health", get(health::health))
        .fallback(error::no_such_route)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, PATIENCE))
        .layer(TraceLayer::new_for_http())
        .with_state(api)
}
