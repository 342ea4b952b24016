//! What handlers name in their signatures: somebody with a right, and the call, record or webhook in the path, after checking
//! access to it. Nothing here looks at a route; a handler that asks for no right shows up in the test that calls every
//! operation with every kind of credential.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use axum::extract::{ConnectInfo, FromRef, FromRequestParts, RawPathParams, Request, State};
use axum::http::Extensions;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Api;
use super::error::{Code, Problem};
use super::extract::wrong;
use crate::access::{self, Access, Admission, EditFlows, Principal, Right, SeeCalls, SeeFlows};
use crate::flows::Author;
use crate::store::{CallRow, CdrRow, ClientApp, DeliveryRow, Visibility};

/// Hears who sent a request, where the access log wants to know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asker(Arc<OnceLock<String>>);

impl Asker {
    /// Tells it.
    pub(crate) fn of(extensions: &Extensions, principal: &Principal) {
        if let Some(Self(asker)) = extensions.get() {
            asker.get_or_init(|| principal.subject());
        }
    }

    /// `app:ID`, `key:ID`, `person:ID` or `cli:USER`, once it is known.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

/// Proves once who sent a request, counts it, and leaves the [`Admission`] with it.
pub(crate) async fn authenticate(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let admission = match access.authenticate(request.headers(), peer).await {
        Ok(admission) => admission,
        Err(error) => return Problem::from(error).into_response(),
    };
    let status = match &admission {
        Admission::Known(principal, status) => {
            Asker::of(request.extensions(), principal);
            *status
        }
        Admission::Unknown(_) => None,
    };
    request.extensions_mut().insert(admission);
    let mut response = next.run(request).await;
    response.headers_mut().extend(status.into_iter().flat_map(access::RateLimitStatus::headers));
    response
}

/// Who sent the request.
fn sender(parts: &Parts) -> Result<Principal, access::Error> {
    match parts.extensions.get::<Admission>() {
        Some(Admission::Known(principal, _)) => Ok(principal.clone()),
        Some(Admission::Unknown(why)) => Err(why.clone()),
        None => Err(access::Error::KeyMissing),
    }
}

/// Somebody who has the right `R`.
#[derive(Debug)]
pub(crate) struct May<R> {
    principal: Principal,
    right: PhantomData<R>,
}

impl<R> Clone for May<R> {
    fn clone(&self) -> Self {
        Self { principal: self.principal.clone(), right: PhantomData }
    }
}

impl<R> Deref for May<R> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

impl<R: Right> May<R> {
    /// The calls that a list may show.
    pub(crate) fn visibility(&self) -> Visibility {
        self.principal.visibility(&R::RULE)
    }

    /// What belongs to a call that is not there is kept from those who may not have to do with all calls.
    async fn require_call_of(&self, access: &Access, call_id: &str) -> Result<(), Problem> {
        let seen = self.visibility();
        if seen.is_all() {
            return Ok(());
        }
        match access.store().call(call_id).await? {
            Some(call) => Ok(self.principal.require_call(&call, &R::RULE)?),
            None => Err(match self.tied_to() {
                Some(bots) => {
                    access::Error::BotsOnly(bots.join(", "), "nobody knows which bot's call this is about")
                }
                None => access::Error::OthersCall,
            }
            .into()),
        }
    }
}

impl<R: Right, S: Send + Sync> FromRequestParts<S> for May<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let principal = sender(parts)?;
        principal.require(&R::RULE)?;
        Ok(Self { principal, right: PhantomData })
    }
}

/// A part of the path by its name. A handler that asks for one which its route has not serves nobody.
async fn part<S: Send + Sync>(parts: &mut Parts, state: &S, wanted: &'static str) -> Result<String, Problem> {
    let params =
        RawPathParams::from_request_parts(parts, state).await.map_err(|_| wrong(wanted, "is not UTF-8"))?;
    let found = params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned());
    found.ok_or_else(|| {
        tracing::error!(part = wanted, "a handler asks for a part of the path that its route has not");
        Problem::new(Code::Internal, "the server does not know what this path is about")
    })
}

/// The call that the path names in `{call_id}`.
pub(crate) struct CallInPath<R> {
    pub(crate) may: May<R>,
    pub(crate) id: String,
    row: Option<CallRow>,
}

impl<R> CallInPath<R> {
    /// # Errors
    /// When there is none.
    pub(crate) fn found(self) -> Result<CallRow, Problem> {
        let Self { id, row, .. } = self;
        row.ok_or_else(|| Problem::not_found(&format!("call {id}")))
    }
}

impl<R: Right, S> FromRequestParts<S> for CallInPath<R>
where
    S: Send + Sync,
    Access: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let may = May::from_request_parts(parts, state).await?;
        let id = part(parts, state, "call_id").await?;
        let row = Access::from_ref(state).store().call(&id).await?;
        if let Some(call) = &row {
            may.principal.require_call(call, &R::RULE)?;
        }
        Ok(Self { may, id, row })
    }
}

/// The notification that the path names in `{id}`.
pub(crate) struct DeliveryInPath<R> {
    pub(crate) may: May<R>,
    pub(crate) row: DeliveryRow,
}

impl<R: Right, S> FromRequestParts<S> for DeliveryInPath<R>
where
    S: Send + Sync,
    Access: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let may = May::<R>::from_request_parts(parts, state).await?;
        let id = part(parts, state, "id").await?;
        let access = Access::from_ref(state);
        let row = access.store().delivery(&id).await?;
        let row = row.ok_or_else(|| Problem::not_found(&format!("notification {id}")))?;
        let about = &row.notification;
        if about.campaign_id.is_none() || !may.visibility().covers_campaigns_of(&about.app_id) {
            may.require_call_of(&access, &about.call_id).await?;
        }
        Ok(Self { may, row })
    }
}

/// The record that the path names in `{session_id}`.
pub(crate) struct RecordInPath(pub(crate) CdrRow);

impl<S> FromRequestParts<S> for RecordInPath
where
    S: Send + Sync,
    Access: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let may = May::<SeeCalls>::from_request_parts(parts, state).await?;
        let id = part(parts, state, "session_id").await?;
        let access = Access::from_ref(state);
        let row = access.store().cdr(&id).await?;
        let row = row.ok_or_else(|| Problem::not_found(&format!("record of session {id}")))?;
        may.require_call_of(&access, &row.call_id).await?;
        Ok(Self(row))
    }
}

/// The name of the flow that the path names in `{name}`, for somebody who may see it.
pub(crate) struct FlowInPath(pub(crate) String);

impl FromRequestParts<Api> for FlowInPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        Ok(Self(flow_of_theirs::<SeeFlows>(parts, api).await?.1))
    }
}

/// The same, for somebody who may change it; and the name under which they do.
pub(crate) struct EditedFlow {
    pub(crate) name: String,
    pub(crate) author: Author,
}

impl FromRequestParts<Api> for EditedFlow {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let (may, name) = flow_of_theirs::<EditFlows>(parts, api).await?;
        Ok(Self { name, author: Author::new(may.name(), may.actor()) })
    }
}

async fn flow_of_theirs<R: Right>(parts: &mut Parts, api: &Api) -> Result<(May<R>, String), Problem> {
    let may = May::<R>::from_request_parts(parts, api).await?;
    let name = part(parts, api, "name").await?;
    match may.tied_to() {
        Some(bots) if !api.runs(bots, &name) => {
            Err(access::Error::BotsOnly(bots.join(", "), "none of them runs this flow").into())
        }
        Some(_) | None => Ok((may, name)),
    }
}

/// The client app that dials out for the bot which the path names in `{bot_id}`, by its token or by a key that acts for
/// it; and who sent the request.
pub(crate) struct Dialler {
    pub(crate) app: ClientApp,
    pub(crate) bot_id: String,
    pub(crate) principal: Principal,
}

impl FromRequestParts<Api> for Dialler {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let principal = match sender(parts) {
            Ok(principal) => principal,
            Err(told) => return Err(api.access.why_no_app(&parts.headers, told).await.into()),
        };
        let bot_id = part(parts, api, "bot_id").await?;
        let app = api.access.dialling_app(&principal, &bot_id).await?;
        Ok(Self { app, bot_id, principal })
    }
}

/// The client app that runs campaigns in Kore's way, by its token or by a key that acts for it; the bot that the path names
/// in `{stream_id}`; and who sent the request.
pub(crate) struct Campaigner {
    /// The app's id: campaigns belong to it.
    pub(crate) app_id: String,
    pub(crate) stream_id: String,
    pub(crate) principal: Principal,
}

impl FromRequestParts<Api> for Campaigner {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let principal = match sender(parts) {
            Ok(principal) => principal,
            Err(told) => return Err(api.access.why_no_app(&parts.headers, told).await.into()),
        };
        let stream_id = part(parts, api, "stream_id").await?;
        let app = api.access.campaigning_app(&principal).await?;
        Ok(Self { app_id: app.id.clone(), stream_id, principal })
    }
}
