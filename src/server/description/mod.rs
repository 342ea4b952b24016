//! The description of the API (OpenAPI 3.1), made from the annotations of the handlers.
//!
//! A route is described where it is handled. What a whole group of routes shares (who may pass, the answers
//! of a server that fails) is added here once, so that the description cannot forget it.

mod bodies;
mod links;
mod texts;
mod webhooks;

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    ResponseBuilder, Server,
};
use utoipa::{PartialSchema, ToSchema};

use crate::api::error::{FieldProblem, ProblemDocument};
use crate::api::{Api, Gate};

const ABOUT: &str = "Places telephone calls, tells people from machines, and reports every step.\n\n\
    Errors are problem details (RFC 9457, `application/problem+json`): `status`, a stable `code`, and a sentence in \
    `detail` that says what to do. Lists come by pages: `next` of one page is the parameter `after` of the following \
    one. Under *webhooks* is what the server posts to your `notifyUrl`.";

const TAGS: [(&str, &str); 14] = [
    ("dial-out", "Ask for a call, in Kore's shape."),
    ("calls", "Contacts are called, calls are ended, and what happened is told."),
    ("contacts", "People and their numbers."),
    ("lists", "Lists of contacts that campaigns call, and the files that are read into them."),
    ("do-not-call", "Numbers that are not called, whoever asks."),
    (
        "campaigns",
        "Contact lists are called by a flow within rules, and everybody can see what is in the way.",
    ),
    ("kore-campaigns", "Campaigns and lists, in Kore's shape: each app has to do with those that it made."),
    ("recordings", "The audio of a call, and links to it that expire."),
    ("records", "Call detail records in the carrier's own shape."),
    ("flows", "Versions of flows, and which one runs."),
    (
        "accuracy",
        "What other settings of the detector would have said of labelled calls, and better ones searched for.",
    ),
    ("webhooks", "What was posted to you, and how it fared."),
    ("access", "Apps, their secrets, API keys: who may do what; and the log of who did."),
    ("server", "The server itself: health, metrics, this description."),
];

/// Answers that any route may give, by status: the name of the component, what it means.
const ALWAYS: [(&str, &str, &str); 4] = [
    ("400", "BadRequest", "The request cannot be read; `errors` names what is wrong with it."),
    ("500", "InternalError", "The server failed; its log says why."),
    (
        "503",
        "Unavailable",
        "The server is stopping, or cannot use its database just now; `Retry-After` says when to try again.",
    ),
    ("504", "TimedOut", "The request took longer than 30 s."),
];
/// Answers of routes that want to know who calls.
const GATED: [(&str, &str, &str); 3] = [
    ("401", "Unauthorized", "No key or token came along, or it is not known, or no longer valid."),
    ("403", "Forbidden", "The key or token lacks the scope that is needed, or is tied to other bots."),
    (
        "429",
        "TooMany",
        "More requests than this app or key may make; `Retry-After` says how many seconds to wait.",
    ),
];
/// Answers of routes that decide who may do what.
const DECIDING: [(&str, &str, &str); 4] = [
    ("400", "Malformed", "The body or a parameter cannot be read."),
    ("404", "NotFound", "There is no such app, secret or key."),
    ("409", "Conflict", "The id is taken, or the last secret of an app would end."),
    ("422", "Invalid", "A field is wrong; `errors` names it."),
];

/// The description of groups of routes below an address.
fn assemble(address: &str, groups: impl IntoIterator<Item = (Gate, OpenApi)>) -> OpenApi {
    let mut described = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Dering")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT))
                .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
                .build(),
        )
        .servers(Some([Server::new(address)]))
        .tags(Some(TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build())))
        .webhooks(Some(webhooks::paths()))
        .components(Some(components()))
        .build();
    for (gate, mut group) in groups {
        for item in group.paths.paths.values_mut() {
            bodies::of_path(item);
            operations(item).for_each(|operation| complete(operation, gate));
        }
        described.merge(group);
    }
    if let Some(components) = &mut described.components {
        texts::of_bodies(components);
        bodies::of_components(components);
    }
    described
}

fn components() -> Components {
    let mut components = Components::new();
    let mut schemas = Vec::new();
    ProblemDocument::schemas(&mut schemas);
    schemas.push((ProblemDocument::name().into_owned(), ProblemDocument::schema()));
    schemas.push((FieldProblem::name().into_owned(), FieldProblem::schema()));
    webhooks::schemas(&mut schemas);
    components.schemas.extend(schemas);
    for (_, name, about) in ALWAYS.into_iter().chain(GATED).chain(DECIDING) {
        let content =
            ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))).build();
        let response =
            ResponseBuilder::new().description(about).content("application/problem+json", content).build();
        components.responses.insert(name.to_owned(), RefOr::T(response));
    }
    let bearer = |about: &str, format: Option<&str>| {
        let mut scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about));
        if let Some(format) = format {
            scheme = scheme.bearer_format(format);
        }
        SecurityScheme::Http(scheme.build())
    };
    let auth_header = ApiKeyValue::with_description(
        "auth",
        "A JWT, HS256 over a secret of the client app; the claim `appId`, or else `iss`, names the app.",
    );
    components.add_security_scheme("appToken", SecurityScheme::ApiKey(ApiKey::Header(auth_header)));
    components.add_security_scheme("appBearer", bearer("The same JWT as a bearer token.", Some("JWT")));
    components.add_security_scheme("apiKey", bearer("An API key, made with `dering app key`.", None));
    let basic = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("An API key as the password, under any user name: for browsers."));
    components.add_security_scheme("basic", SecurityScheme::Http(basic.build()));
    components
}

/// Adds what the group shares.
fn complete(operation: &mut Operation, gate: Gate) {
    links::add(operation);
    texts::of_parameters(operation);
    let own_check = operation.security.is_some();
    let schemes: &[&str] = match gate {
        Gate::Open => &[],
        Gate::Readers | Gate::Resenders => &["apiKey", "appToken", "appBearer", "basic"],
        Gate::Keys | Gate::Admins | Gate::Callers => &["apiKey", "appToken", "appBearer"],
    };
    if !own_check {
        operation.security = Some(schemes.iter().copied().map(requirement).collect());
    }
    let deciding = if gate == Gate::Admins { &DECIDING[..] } else { &[] };
    let gated = if gate != Gate::Open || own_check { &GATED[..] } else { &[] };
    for (status, name, _) in ALWAYS.iter().chain(gated).chain(deciding) {
        let responses = &mut operation.responses.responses;
        responses.entry((*status).to_owned()).or_insert_with(|| RefOr::Ref(Ref::from_response_name(*name)));
    }
}

fn requirement(scheme: &str) -> SecurityRequirement {
    SecurityRequirement::new(scheme, std::iter::empty::<String>())
}

/// The operations of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch, &mut item.head]
        .into_iter()
        .filter_map(Option::as_mut)
}

/// The description of every route and webhook: OpenAPI 3.1. `address` is where the server is, a slash when that is
/// where the description is.
fn described(address: &str) -> OpenApi {
    assemble(address, super::groups().into_iter().map(|(gate, group)| (gate, group.into_openapi())))
}

/// The description of every route and webhook: OpenAPI 3.1.
#[must_use]
pub fn description() -> OpenApi {
    described("/")
}

fn written(address: &str) -> String {
    serde_json::to_string_pretty(&described(address)).unwrap_or_else(|error| {
        tracing::error!(%error, "the description of the API could not be written");
        json!({ "error": "the description could not be written" }).to_string()
    })
}

/// The description as JSON; made once.
static TEXT: LazyLock<String> = LazyLock::new(|| written("/"));

/// The description as text.
#[must_use]
pub fn text() -> &'static str {
    &TEXT
}

/// The description of this API: OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", operation_id = "description", tag = "server",
    responses((status = 200, description = "The description.", body = Object)))]
pub(super) async fn openapi(State(api): State<Api>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    match api.public_url.of("").as_str() {
        "" => (headers, text()).into_response(),
        address => (headers, written(address)).into_response(),
    }
}
