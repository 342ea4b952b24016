//! The console: pages for people, their templates, and what a browser needs to see them.

mod calls;
mod docs;
mod picture;
mod render;
mod viewer;
mod webhooks;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Api, Gate};

/// Every page and what belongs to it.
pub(crate) fn groups() -> [(Gate, OpenApiRouter<Api>); 2] {
    // Pages ask a browser for the key themselves.
    let pages = OpenApiRouter::new()
        .routes(routes!(calls::calls))
        .routes(routes!(webhooks::list))
        .routes(routes!(webhooks::redeliver))
        .routes(routes!(webhooks::one))
        .routes(routes!(webhooks::redeliver_one))
        .routes(routes!(docs::page))
        .routes(routes!(docs::asset));
    let parts = OpenApiRouter::new().routes(routes!(calls::rows)).routes(routes!(picture::amd));
    [(Gate::Open, pages), (Gate::Readers, parts)]
}
