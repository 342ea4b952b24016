//! From where a request came, and where a call is ended.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderValue, header};

use crate::api::Api;

/// From where a request came.
pub(crate) fn sent_from(api: &Api, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    api.access.origin(peer, headers)
}

/// Where a call is ended by its secret.
pub(crate) fn end_at(secret: &str) -> HeaderMap {
    let location = HeaderValue::from_str(&format!("/v1/browser-calls/{secret}")).ok();
    location.into_iter().map(|value| (header::LOCATION, value)).collect()
}
