//! The HTTP API: this list of routes, and handlers that translate each to one verb of the parts below.

pub mod admin;
mod audit;
mod calling;
mod calls;
mod cdr;
mod contacts;
mod dialout;
pub mod error;
mod extract;
mod fields;
mod flows;
mod hardening;
mod health;
mod kore_path;
mod may;
mod numbers;
pub mod openapi;
mod page;
mod picture;
mod public_url;
mod recordings;
mod timeline;
mod transcript;
mod uploads;
mod viewer;
mod webhooks;
mod when;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, Request};
use axum::http::{Method, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use metrics_exporter_prometheus::PrometheusHandle;
use tower::Layer;
use tower::util::MapRequestLayer;
use tower_http::trace::TraceLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use self::error::{Code, Problem};
use self::openapi::Gate;
pub use self::public_url::PublicUrl;
pub use self::uploads::Uploads;
use crate::access::Access;
use crate::flows::Catalog;
use crate::net::guard::AddressPolicy;
use crate::outbox;
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
    /// Who may do what.
    pub access: Access,
    pub calls: session::Handle,
    pub outbox: outbox::Handle,
    pub flows: Arc<Catalog>,
    /// Which flow a bot runs, where it is not the flow of the bot's own name.
    pub bots: Arc<BTreeMap<String, String>>,
    pub metrics: Option<PrometheusHandle>,
    /// Which addresses a `notifyUrl` may name.
    pub policy: AddressPolicy,
    /// How others reach this server.
    pub public_url: PublicUrl,
    pub uploads: Uploads,
}

impl FromRef<Api> for Access {
    fn from_ref(api: &Api) -> Self {
        api.access.clone()
    }
}

impl Api {
    /// Whether one of these bots runs the flow.
    fn runs(&self, bots: &[String], flow: &str) -> bool {
        let flow_of = |bot: &String| {
            let runs = self.bots.get(bot).unwrap_or(bot);
            runs.split_once('@').map_or(runs.as_str(), |(name, _)| name) == flow
        };
        bots.iter().any(flow_of)
    }
}

async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(Code::NotFound, format!("there is nothing at {}", uri.path()))
}

async fn no_such_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}; the header `allow` names what it takes", uri.path());
    Problem::new(Code::MethodNotAllowed, detail)
}

/// Ends requests that take too long. A live timeline has answered by then; it goes on.
async fn within_patience(request: Request, next: Next) -> Result<Response, Problem> {
    let waiting = tokio::time::timeout(PATIENCE, next.run(request)).await;
    let late = "the request took longer than 30 s and was given up; what it began may have been done";
    waiting.map_err(|_| Problem::new(Code::TimedOut, late))
}

/// What the log says of a request: not its query, which may carry the signature of a link.
fn span(request: &Request) -> tracing::Span {
    tracing::debug_span!("request", method = %request.method(), path = %request.uri().path())
}

/// Routes that anybody may ask, and those that check for themselves.
fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(flows::schema))
        .routes(routes!(dialout::single::dial_out))
        .routes(routes!(dialout::batch::batch))
        .routes(routes!(dialout::single::cancel))
        .routes(routes!(page::calls))
        .merge(webhooks::pages())
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(recordings::linked))
        .routes(routes!(openapi::description))
        .routes(routes!(openapi::page::page))
        .routes(routes!(openapi::page::asset))
}

/// Routes of those who read.
fn reading() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(calls::list))
        .routes(routes!(calls::one))
        .routes(routes!(timeline::events))
        .routes(routes!(calls::evidence))
        .routes(routes!(picture::amd))
        .routes(routes!(transcript::transcript))
        .routes(routes!(calls::notifications))
        .routes(routes!(recordings::recording))
        .routes(routes!(recordings::link))
        .routes(routes!(calls::message))
        .routes(routes!(dialout::interactions::interactions))
        .routes(routes!(cdr::list))
        .routes(routes!(cdr::one))
        .routes(routes!(flows::list))
        .routes(routes!(flows::history))
        .routes(routes!(flows::text))
        .routes(routes!(health::metrics))
        .routes(routes!(page::rows))
        .merge(webhooks::reading())
}

/// Routes of those who change flows.
fn flow_writing() -> OpenApiRouter<Api> {
    let upload = routes!(flows::upload).layer(DefaultBodyLimit::max(flows::LARGEST));
    OpenApiRouter::new()
        .routes(upload)
        .routes(routes!(flows::label, flows::unlabel))
        .routes(routes!(flows::roll_back))
}

/// Routes of those who ask for calls and end them.
fn calling() -> OpenApiRouter<Api> {
    let import = routes!(contacts::import::import).layer(DefaultBodyLimit::max(contacts::import::LARGEST));
    OpenApiRouter::new()
        .routes(routes!(calling::make))
        .routes(routes!(calling::change))
        .routes(routes!(calling::history))
        .routes(routes!(calls::hang_up))
        .routes(routes!(calls::cancel))
        .routes(routes!(contacts::list, contacts::create))
        .routes(import)
        .routes(routes!(contacts::one, contacts::change, contacts::delete))
}

/// Routes of those who look after the server.
fn administering() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(recordings::revoke))
}

/// The description of every route and webhook: OpenAPI 3.1.
#[must_use]
pub fn description() -> OpenApi {
    let groups = [
        (Gate::Open, open()),
        (Gate::Readers, reading()),
        (Gate::Callers, calling()),
        (Gate::Resenders, webhooks::resending()),
        (Gate::Keys, flow_writing()),
        (Gate::Admins, administering()),
    ];
    let groups = groups.map(|(gate, group)| (gate, group.into_openapi()));
    openapi::assemble(groups.into_iter().chain([(Gate::Admins, admin::routes::<Api>().into_openapi())]))
}

/// Every route there is, also under the spellings that Kore's callers use.
pub fn router(api: Api) -> Router {
    Router::new().fallback_service(MapRequestLayer::new(kore_path::spelt).layer(routes(api)))
}

/// Every route there is. What each needs stands in the signature of its handler.
pub fn routes(api: Api) -> Router {
    let groups = [open(), reading(), calling(), webhooks::resending(), flow_writing(), administering()];
    let all = groups.into_iter().fold(admin::routes(), OpenApiRouter::merge);
    Router::from(all)
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(api.access.clone(), may::authenticate))
        .layer(from_fn(within_patience))
        .layer(from_fn(hardening::hardened))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .with_state(api)
}
