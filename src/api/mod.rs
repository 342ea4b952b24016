//! The HTTP API: this list of routes, and handlers that translate each to one verb of the parts below.

pub mod auth;
mod calls;
mod cdr;
mod dialout;
pub mod error;
mod flows;
mod health;
pub mod openapi;
mod page;
mod picture;
mod transcript;
mod webhooks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use self::auth::Auth;
use self::error::{Code, Problem};
use self::openapi::Gate;
use crate::flows::Catalog;
use crate::outbox;
use crate::outbox::target::Reach;
use crate::session;
use crate::store::Store;

/// Largest request body, bytes.
const BODY_LIMIT: usize = 256 * 1024;
/// The scope of an API key that may read, and end calls.
pub const READ: &str = "read";
/// The scope of an API key that may upload flows and decide which version runs.
pub const FLOWS: &str = "flows";
/// Longest a request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct Api {
    pub store: Store,
    pub calls: session::Handle,
    pub outbox: outbox::Handle,
    pub flows: Arc<Catalog>,
    /// Which flow a bot runs, where it is not the flow of the bot's own name.
    pub bots: Arc<BTreeMap<String, String>>,
    pub metrics: Option<PrometheusHandle>,
    /// Which addresses a `notifyUrl` may name.
    pub reach: Reach,
}

impl Api {
    /// Lets a request pass that carries an API key: as bearer token, or, from a browser, as the password
    /// of basic authentication under any user name.
    async fn reader(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let auth = Auth::new(self.store.clone());
        let admitted = match basic_password(headers) {
            Some(key) => auth.api_key(&HeaderMap::from_iter([(AUTHORIZATION, key)]), READ).await,
            None => auth.api_key(headers, READ).await,
        };
        admitted.map(|_| ()).map_err(Problem::from)
    }
}

/// The password of basic authentication (RFC 7617), as the bearer token it stands for.
fn basic_password(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, coded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(coded.trim()).ok()?).ok()?;
    HeaderValue::from_str(&format!("Bearer {}", pair.split_once(':')?.1)).ok()
}

/// The gate of everything that changes flows; who passed is known to the handler.
async fn flow_writers_only(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let key = Auth::new(api.store.clone()).api_key(request.headers(), FLOWS).await?;
    request.extensions_mut().insert(flows::Author(key.name));
    Ok(next.run(request).await)
}

/// The gate of everything that reads.
async fn readers_only(State(api): State<Api>, request: Request, next: Next) -> Result<Response, Problem> {
    api.reader(request.headers()).await?;
    Ok(next.run(request).await)
}

async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(Code::NotFound, format!("there is nothing at {}", uri.path()))
}

async fn no_such_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}; the header `allow` names what it takes", uri.path());
    Problem::new(Code::MethodNotAllowed, detail)
}

/// Routes that anybody may ask, and those that check for themselves.
fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(flows::schema))
        .routes(routes!(dialout::single::dial_out))
        .routes(routes!(dialout::batch::batch))
        .routes(routes!(dialout::single::cancel))
        .routes(routes!(page::calls))
        .routes(routes!(health::health))
        .routes(routes!(openapi::description))
        .routes(routes!(openapi::page::page))
        .routes(routes!(openapi::page::asset))
}

/// Routes of those who read. One gate for all, so that none can be left open by mistake.
fn reading() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(calls::list))
        .routes(routes!(calls::one))
        .routes(routes!(calls::events))
        .routes(routes!(calls::evidence))
        .routes(routes!(picture::amd))
        .routes(routes!(transcript::transcript))
        .routes(routes!(calls::notifications))
        .routes(routes!(calls::recording))
        .routes(routes!(calls::message))
        .routes(routes!(calls::hang_up))
        .routes(routes!(calls::cancel))
        .routes(routes!(dialout::interactions::interactions))
        .routes(routes!(cdr::list))
        .routes(routes!(cdr::one))
        .routes(routes!(flows::list))
        .routes(routes!(flows::history))
        .routes(routes!(flows::text))
        .routes(routes!(health::metrics))
        .routes(routes!(page::rows))
}

/// Routes of those who change flows.
fn flow_writing() -> OpenApiRouter<Api> {
    let upload = routes!(flows::upload).layer(DefaultBodyLimit::max(flows::LARGEST));
    OpenApiRouter::new()
        .routes(upload)
        .routes(routes!(flows::label, flows::unlabel))
        .routes(routes!(flows::roll_back))
}

/// The description of every route and webhook: OpenAPI 3.1.
#[must_use]
pub fn description() -> OpenApi {
    let groups = [(Gate::Open, open()), (Gate::Readers, reading()), (Gate::Keys, flow_writing())];
    openapi::assemble(groups.map(|(gate, group)| (gate, group.into_openapi())))
}

/// Every route there is, behind its gate.
pub fn router(api: Api) -> Router {
    let reading = Router::from(reading())
        .merge(webhooks::routes())
        .route_layer(from_fn_with_state(api.clone(), readers_only));
    let writing =
        Router::from(flow_writing()).route_layer(from_fn_with_state(api.clone(), flow_writers_only));
    Router::from(open())
        .merge(webhooks::pages())
        .merge(reading)
        .merge(writing)
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, PATIENCE))
        .layer(TraceLayer::new_for_http())
        .with_state(api)
}
