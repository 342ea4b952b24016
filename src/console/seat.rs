//! Somebody who stays for a while: an answer that goes on ends when they are signed out or lose the right to it.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use axum::http::request::Parts;

use super::frame::peer;
use crate::access::{Right, Visit};
use crate::api::Api;

/// How long somebody who may no longer is still served, at most.
pub(super) const LOOKED_AFTER: Duration = Duration::from_secs(5);

/// With what somebody came who needs the right `R` as long as they stay.
pub(super) struct Seat<R> {
    headers: HeaderMap,
    peer: Option<IpAddr>,
    right: PhantomData<R>,
}

impl<R: Right> Seat<R> {
    /// Whether they may stay. While nobody can tell, they may not.
    pub(super) async fn holds(&self, api: &Api) -> bool {
        let visit = Visit { headers: &self.headers, peer: self.peer };
        let who = api.access.person(&visit).await.ok().flatten();
        who.is_some_and(|who| who.require(&R::RULE).is_ok())
    }

    /// What a stream of events told last, of a browser that comes back to it.
    pub(super) fn last_event_id(&self) -> Option<i64> {
        self.headers.get("last-event-id")?.to_str().ok()?.parse().ok()
    }
}

impl<R: Right> FromRequestParts<Api> for Seat<R> {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Self::Rejection> {
        let kept = parts.headers.iter().filter(|(name, _)| *name == COOKIE || *name == "last-event-id");
        let headers = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Self { headers, peer: peer(parts), right: PhantomData })
    }
}
