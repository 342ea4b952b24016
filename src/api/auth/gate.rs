//! The gates of the routes. [`meet`] meets every request once; the others let those through who may.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, MatchedPath, Query, RawPathParams, Request, State};
use axum::http::{Extensions, HeaderMap, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::credential::{Credential, by_password};
use super::{ADMIN, Auth, AuthError, CAMPAIGNS, Caller, DIALOUT, READ};
use crate::api::Api;
use crate::api::audit::{AuditDetail, Deed};
use crate::api::error::{Code, Problem};
use crate::api::limits::{Standing, too_many};
use crate::store::Rate;
use crate::wallclock::now_ms;

/// The header that pages of other sites cannot send with a browser's remembered password.
const OWN_WISH: &str = "x-dering-request";

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
    match extensions.get::<Caller>() {
        Some(caller) => {
            caller.hold(scope)?;
            Ok(caller.clone())
        }
        None => Ok(auth.caller(headers, scope).await?),
    }
}

/// The gate of everything that decides who may do what.
pub(in crate::api) async fn admins(
    State(auth): State<Auth>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = require(&auth, (request.extensions(), request.headers()), ADMIN).await?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The gate of the Calls API: whoever may dial out or keeps campaigns. Who only reads also passes with the scope `read`.
pub(in crate::api) async fn callers(
    State(auth): State<Auth>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let may_call = |caller: &&Caller| [CAMPAIGNS, DIALOUT].iter().any(|scope| caller.hold(scope).is_ok());
    let least = if request.method() == Method::GET { READ } else { CAMPAIGNS };
    let caller = match request.extensions().get::<Caller>().filter(may_call) {
        Some(caller) => caller.clone(),
        None => require(&auth, (request.extensions(), request.headers()), least).await?,
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The gate of everything that reads. Who is tied to bots sees what is about them.
pub(in crate::api) async fn readers(
    State(api): State<Api>,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = require(&api.auth, (request.extensions(), request.headers()), READ).await?;
    if !request.method().is_safe()
        && by_password(request.headers())
        && !request.headers().contains_key(OWN_WISH)
    {
        let detail = "with a user name and password this request needs the header x-dering-request: 1";
        return Err(Problem::new(Code::CrossSite, detail));
    }
    if let Some(bots) = caller.tied_to() {
        let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
        let param = |wanted: &str| params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
        let about = match param("call_id") {
            Some(call_id) => About::call(&api, call_id).await?,
            None => About::of(&api, bots, route, request.uri(), param("name")),
        };
        if !about.is_ok_for(&caller) {
            return Err(about.refusal(bots).into());
        }
    }
    Ok(next.run(request).await)
}

/// What a request of somebody tied to bots is about.
enum About {
    Bot(String),
    /// Something that is not there.
    Nothing,
    /// A flow that one of the bots runs, or not.
    Flow(bool),
    /// Several or all bots.
    Many(&'static str),
}

impl About {
    async fn call(api: &Api, call_id: &str) -> Result<Self, Problem> {
        // The route says itself that there is no such call.
        Ok(api.store.call(call_id).await?.map_or(Self::Nothing, |call| Self::Bot(call.bot_id)))
    }

    fn of(api: &Api, bots: &[String], route: &str, uri: &Uri, flow: Option<&str>) -> Self {
        if let Some(flow) = flow.filter(|_| route.starts_with("/v1/flows/")) {
            return Self::Flow(bots.iter().any(|bot| api.bots.get(bot).unwrap_or(bot) == flow));
        }
        if route == "/v1/calls" {
            let query = Query::<Vec<(String, String)>>::try_from_uri(uri);
            let named =
                query.map(|query| query.0).unwrap_or_default().into_iter().find(|(name, _)| name == "botId");
            return named.map_or(Self::Many("name one of them as botId"), |(_, bot)| Self::Bot(bot));
        }
        Self::Many("use a key that is not tied to bots")
    }

    fn is_ok_for(&self, caller: &Caller) -> bool {
        match self {
            Self::Bot(bot) => caller.may_use(bot),
            Self::Nothing => true,
            Self::Flow(own) => *own,
            Self::Many(_) => false,
        }
    }

    fn refusal(self, bots: &[String]) -> AuthError {
        let bots = bots.join(", ");
        match self {
            Self::Bot(_) | Self::Nothing => AuthError::BotsOnly(bots, "this call is another bot's"),
            Self::Flow(_) => AuthError::BotsOnly(bots, "none of them runs this flow"),
            Self::Many(advice) => AuthError::BotsOnly(bots, advice),
        }
    }
}
