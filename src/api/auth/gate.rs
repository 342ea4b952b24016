//! The gates of the routes. [`meet`] meets every request once; the others let those through who may.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, MatchedPath, RawPathParams, Request, State};
use axum::http::{Extensions, HeaderMap};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::credential::{Credential, by_password};
use super::{ADMIN, ASKING, Auth, AuthError, CAMPAIGNS, Caller, READ, RESENDING, SEEING, own_wish};
use crate::api::Api;
use crate::api::audit::{AuditDetail, Deed, ToldElsewhere};
use crate::api::error::{Code, Problem};
use crate::api::limits::{Standing, too_many};
use crate::store::Rate;
use crate::wallclock::now_ms;

/// Proves who calls, counts the request, takes a token that is good for one, and writes what was done into the audit
/// log. Who proves nothing, or something wrong, goes on without a [`Caller`]: the route's own gate has the answer.
pub(in crate::api) async fn meet(State(auth): State<Auth>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let admitted = match admit(&auth, request.headers(), peer).await {
        Ok(admitted) => admitted,
        Err(problem) => return problem.into_response(),
    };
    let Some((caller, standing)) = admitted else { return next.run(request).await };
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let deed = route.and_then(|route| Deed::of(request.method(), route, request.uri().path()));
    let act = deed.is_some().then(|| caller.act());
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if let Some(standing) = standing {
        standing.write(response.headers_mut());
    }
    if let (Some(deed), Some(act)) = (deed, act)
        && response.status().is_success()
        && response.extensions().get::<ToldElsewhere>().is_none()
    {
        let detail = response.extensions().get::<AuditDetail>().cloned();
        deed.write_down(&auth, act, detail).await;
    }
    response
}

/// `None`: a request without a caller.
async fn admit(
    auth: &Auth,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> Result<Option<(Caller, Option<Standing>)>, Problem> {
    let Some(credential) = Credential::of(headers) else { return Ok(None) };
    let address = auth.origin(peer, headers);
    let inner = &*auth.0;
    if let (Some(rate), Some(address)) = (inner.options.failed_logins, address)
        && !inner.logins.is_quiet()
    {
        let claimed = auth.claimed(&credential).await;
        if let Some(wait) = inner.logins.wait(rate, address, claimed.as_deref(), inner.rates.now()) {
            metrics::counter!("dering_logins_slowed").increment(1);
            let detail = format!("too many logins from this address failed; try again in {wait} s");
            return Err(too_many(&detail, wait));
        }
    }
    let proven = match auth.prove(&credential, headers).await {
        Ok(proven) => proven,
        Err(error) => {
            if let (Some(rate), Some(address)) = (inner.options.failed_logins, address) {
                count_failure(auth, rate, address, &credential, &error).await;
            }
            return Ok(None);
        }
    };
    let mut caller = proven.caller;
    caller.address = address;
    let standing = match proven.rate {
        None => None,
        Some(rate) => Some(inner.rates.take(&caller.actor(), rate).map_err(|standing| {
            metrics::counter!("dering_requests_limited").increment(1);
            standing.refusal()
        })?),
    };
    if let Some((app_id, jti, until_ms)) = proven.once
        && !auth.store().take_token(&app_id, &jti, until_ms).await?
    {
        if let (Some(rate), Some(address)) = (inner.options.failed_logins, address) {
            count_failure(auth, rate, address, &credential, &AuthError::Replayed).await;
        }
        return Err(AuthError::Replayed.into());
    }
    proven.used.at(now_ms());
    Ok(Some((caller, standing)))
}

async fn count_failure(auth: &Auth, rate: Rate, address: IpAddr, credential: &Credential, error: &AuthError) {
    if !error.is_a_guess() {
        return;
    }
    metrics::counter!("dering_logins_failed").increment(1);
    let claimed = auth.claimed(credential).await;
    let now = (auth.0.rates.now(), now_ms());
    auth.0.logins.failed(rate, (address, claimed.as_deref()), &error.to_string(), now);
}

/// The caller whom [`meet`] left with the request, if it holds `scope`.
pub(in crate::api) async fn require(
    auth: &Auth,
    (extensions, headers): (&Extensions, &HeaderMap),
    scope: &str,
) -> Result<Caller, Problem> {
    if scope != READ && by_password(headers) {
        let detail =
            "a user name and password do not do for this; send the key as Authorization: Bearer <key>";
        return Err(Problem::new(Code::CrossSite, detail));
    }
    let caller = met(auth, (extensions, headers)).await?;
    caller.hold(scope)?;
    Ok(caller)
}

/// The gate of everything that decides who may do what.
pub(in crate::api) async fn admins(
    State(auth): State<Auth>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = require(&auth, (request.extensions(), request.headers()), ADMIN).await?;
    Ok(pass(caller, request, next).await)
}

/// The gate of the Calls API and of ending calls: whoever may dial out or runs campaigns. Who only reads also passes
/// with the scope `read`.
pub(in crate::api) async fn callers(
    State(api): State<Api>,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = met(&api.auth, (request.extensions(), request.headers())).await?;
    let reads = request.method().is_safe();
    if !(caller.holds_any(ASKING) || reads && caller.hold(READ).is_ok()) {
        return Err(AuthError::NoneOf(if reads { SEEING } else { ASKING }).into());
    }
    if !reads {
        own_wish(request.headers())?;
    }
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    if let (Some(bots), true) = (caller.tied_to(), route.starts_with("/v1/contacts")) {
        let advice = "contacts belong to no bot, so use a key that is not tied to bots; calling one by its id is possible";
        return Err(AuthError::BotsOnly(bots.join(", "), advice).into());
    }
    if let Some(call_id) = param(&params, "call_id") {
        about_call(&api, &caller, call_id, &[CAMPAIGNS]).await?;
    }
    Ok(pass(caller, request, next).await)
}

/// The gate of sending webhooks again.
pub(in crate::api) async fn resenders(
    State(api): State<Api>,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = met(&api.auth, (request.extensions(), request.headers())).await?;
    if !caller.holds_any(RESENDING) {
        return Err(AuthError::NoneOf(RESENDING).into());
    }
    own_wish(request.headers())?;
    if let Some(id) = param(&params, "id") {
        about_delivery(&api, &caller, id).await?;
    }
    Ok(pass(caller, request, next).await)
}

/// The gate of everything that reads. Who is tied to bots sees what is about them.
pub(in crate::api) async fn readers(
    State(api): State<Api>,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = require(&api.auth, (request.extensions(), request.headers()), READ).await?;
    if !request.method().is_safe() {
        own_wish(request.headers())?;
    }
    if let Some(bots) = caller.tied_to() {
        let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
        if let Some(call_id) = param(&params, "call_id") {
            about_call(&api, &caller, call_id, &[READ]).await?;
        } else if let Some(id) = param(&params, "id").filter(|_| route.starts_with("/v1/webhooks/")) {
            about_delivery(&api, &caller, id).await?;
        } else if let Some(session_id) = param(&params, "session_id") {
            // A record that is not there is the route's to answer.
            if let Some(record) = api.store.cdr(session_id).await? {
                about_call(&api, &caller, &record.call_id, &[READ]).await?;
            }
        } else if let Some(flow) = param(&params, "name").filter(|_| route.starts_with("/v1/flows/")) {
            if !api.runs(bots, flow) {
                return Err(AuthError::BotsOnly(bots.join(", "), "none of them runs this flow").into());
            }
        } else if !NARROWED.contains(&route) {
            return Err(AuthError::BotsOnly(bots.join(", "), "use a key that is not tied to bots").into());
        }
    }
    Ok(pass(caller, request, next).await)
}

/// Lists that leave out by themselves what the caller may not see. Whatever is not here is kept from those who are
/// tied to bots.
const NARROWED: [&str; 5] =
    ["/v1/calls", "/v1/interactions", "/v1/cdr", "/v1/flows", "/v1/webhooks/deliveries"];

/// Whoever sent the request, with whatever scope.
async fn met(auth: &Auth, (extensions, headers): (&Extensions, &HeaderMap)) -> Result<Caller, Problem> {
    match extensions.get::<Caller>() {
        Some(caller) => Ok(caller.clone()),
        None => Ok(auth.anybody(headers).await?),
    }
}

/// Lets a request in, with its caller beside it.
async fn pass(caller: Caller, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(caller);
    next.run(request).await
}

fn param<'a>(params: &'a RawPathParams, wanted: &str) -> Option<&'a str> {
    params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// A call that is not there is the route's to answer.
async fn about_call(api: &Api, caller: &Caller, call_id: &str, scopes: &[&str]) -> Result<(), Problem> {
    match api.store.call(call_id).await? {
        Some(call) => Ok(caller.require_call(&call, scopes)?),
        None => Ok(()),
    }
}

/// Nothing is looked up for those who are tied to no bot.
async fn about_delivery(api: &Api, caller: &Caller, id: &str) -> Result<(), Problem> {
    if caller.tied_to().is_none() {
        return Ok(());
    }
    match api.store.delivery(id).await? {
        Some(row) => about_call(api, caller, &row.notification.call_id, &[READ, CAMPAIGNS, ADMIN]).await,
        None => Ok(()),
    }
}
