//! Calls that people place in their browsers: an offer is answered, and the call runs like any that comes in. And those that ring
//! there, by a link.
//!
//! | module | owns |
//! |---|---|
//! | `tokens` | one-use tokens, so that no page holds a key; pure |
//! | `addresses` | from where a request came, and where a call is ended |
//! | `links` | links that ring: opened, accepted, declined |
//! | `misses` | who guesses tokens is slowed down; pure |
//! | `shapes` | bodies |
//! | `placing` | an offer becomes a call; the console uses it, too |

mod addresses;
mod links;
mod misses;
mod placing;
mod shapes;
mod tokens;

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use callcore::flow::MachineDetection;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::addresses::{end_at, sent_from};
pub use self::placing::BrowserCalls;
pub(crate) use self::placing::{Placed, Wanted, place};
pub(in crate::api) use self::shapes::offer;
use self::shapes::{BrowserCall, BrowserToken, NewCall, NewToken};
pub(crate) use self::tokens::Grant;
use super::Api;
use super::error::{Code, Problem, ProblemDocument};
use super::extract::Path;
use super::fields::json;
use super::may::May;
use super::problems::{BadField, TooLarge};
use crate::access::PlaceCalls;
use crate::wallclock::{iso, now_ms};

const UNKNOWN_TOKEN: &str = "this token is none, was used, or is too old: a token is good for one call, for the time that \
                             it was made for; ask `POST /v1/browser-tokens` for another";
const TOKENS_FULL: &str = "too many tokens wait to be used; ask again when some of them are too old";

/// Make a token for a call in the browser.
///
/// A page that holds it may place one call to the flow, once, and nothing else, so that no page needs a key. Hand it
/// to the page when somebody is about to call.
#[utoipa::path(post, path = "/v1/browser-tokens", operation_id = "makeBrowserToken", tag = "calls",
    request_body(content = NewToken),
    responses(
        (status = 201, description = "The token. It is told this once.", body = BrowserToken),
        BadField,
        (status = 404, description = "There is no such flow.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
        (status = 422, description = "The flow has errors.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many tokens wait to be used.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 503, description = "This server takes no calls in the browser.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
async fn make_token(
    State(api): State<Api>,
    may: May<PlaceCalls>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let asked: NewToken = json(body)?;
    api.browsers.open()?;
    may_call(&api, &may, &asked.flow).await?;
    let grant =
        Grant { flow: asked.flow, variables: asked.variables, app_id: may.asks_as(), subject: may.subject() };
    let lasts = Duration::from_secs(u64::from(asked.expires_in));
    let token = api.browsers.tokens().issue(grant, lasts, Instant::now());
    let token = token.ok_or_else(|| Problem::too_many(TOKENS_FULL, 30))?;
    let expires_at = iso(now_ms() + i64::from(asked.expires_in) * 1_000);
    Ok((StatusCode::CREATED, Json(BrowserToken { token, expires_at })).into_response())
}

/// Place a call in the browser.
///
/// `sdp` is the offer of an `RTCPeerConnection` with one audio track; its answer comes back, and the call begins when the
/// browser has connected and the flow's first prompt is there. Either with a token of `POST /v1/browser-tokens` in the
/// body and no other credential, or with the scope `campaigns` or `SmartAssist Dialout` and `flow`.
#[utoipa::path(post, path = "/v1/browser-calls", operation_id = "placeBrowserCall", tag = "calls",
    security((), ("apiKey" = []), ("appToken" = []), ("appBearer" = [])),
    request_body(content = NewCall),
    responses(
        (status = 201, description = "The call rings. `Location` is its address for `DELETE`; nobody else knows it.",
            body = BrowserCall, headers(("location" = String, description = "Ends the call with `DELETE`."))),
        BadField,
        (status = 401, description = "Neither a key nor a token that is good.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such flow.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
        (status = 422, description = "The offer cannot be answered (it says why), or the flow lacks a variable.",
            body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "Too many calls run: in all, of this app, or from this address.",
            body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "This server takes no calls in the browser.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
async fn call(
    State(api): State<Api>,
    may: Result<May<PlaceCalls>, Problem>,
    headers: HeaderMap,
    extensions: Extensions,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    // Who brings neither a key nor a token is told so, whatever else is wrong.
    let body = body?;
    let asked = match (&may, json::<NewCall>(Ok(body))) {
        (_, Ok(asked)) => asked,
        (Ok(_), Err(problem)) => return Err(problem),
        (Err(problem), Err(_)) => return Err(problem.clone()),
    };
    let address = sent_from(&api, &extensions, &headers);
    let grant = match asked.token {
        Some(token) => {
            api.browsers.open()?;
            let taken = api.browsers.tokens().take(&token, Instant::now());
            taken.ok_or_else(|| Problem::new(Code::CredentialsInvalid, UNKNOWN_TOKEN))?
        }
        None => {
            let may = may?;
            let Some(flow) = asked.flow else {
                let why = "is missing; name the flow that takes the call";
                return Err(Problem::new(Code::Malformed, format!("flow: {why}")).with_field("flow", why));
            };
            may_call(&api, &may, &flow).await?;
            let variables = asked.variables.unwrap_or_default();
            Grant { flow, variables, app_id: may.asks_as(), subject: may.subject() }
        }
    };
    let wanted = Wanted { sdp: &asked.sdp, grant, address, machine_detection: MachineDetection::Disabled };
    let Placed { call_id, sdp, secret } = place(&api, wanted).await?;
    Ok((StatusCode::CREATED, end_at(&secret), Json(BrowserCall { call_id, sdp })).into_response())
}

/// End a call in the browser, as the person there does.
///
/// The address is the secret: it is the `Location` that came with the answer.
#[utoipa::path(delete, path = "/v1/browser-calls/{secret}", operation_id = "endBrowserCall", tag = "calls",
    params(("secret" = String, Path, description = "As `Location` has it.")),
    responses(
        (status = 204, description = "It is ended."),
        (status = 404, description = "There is no such call, or it has ended.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
async fn end(State(api): State<Api>, Path(secret): Path<String>) -> Result<StatusCode, Problem> {
    if api.browsers.hang_up(&secret) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("such call in a browser, or it has ended"))
    }
}

/// Whether somebody may have a flow called.
async fn may_call(api: &Api, may: &May<PlaceCalls>, flow: &str) -> Result<(), Problem> {
    let bot = flow.split('@').next().unwrap_or_default();
    api.access.may_place(may, bot).await?;
    api.flows.find(flow).await?;
    Ok(())
}

/// Routes that check for themselves: a token in the body is the credential, and a secret address.
pub(super) fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(call)).routes(routes!(end)).merge(links::routes_of_links())
}

/// Routes of those who ask for calls.
pub(super) fn calling() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(make_token))
}
