//! What a browser is given when somebody comes in: the cookie, and the wishes that it says.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::frame::ZONE;
use super::when::Zone;
use crate::access::SessionCookie;
use crate::api::Api;

/// Goes on with a cookie.
pub(super) fn let_in(cookie: &SessionCookie, to: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    response.headers_mut().extend(cookie.header().map(|value| (header::SET_COOKIE, value)));
    response
}

/// A cookie that holds a wish and nothing else.
pub(super) fn wish(api: &Api, name: &str, value: &str) -> Option<HeaderValue> {
    let secure = if api.access.is_over_tls() { "; Secure" } else { "" };
    let age = if value.is_empty() { 0 } else { 31_536_000 };
    HeaderValue::try_from(format!("{name}={value}; Path=/; Max-Age={age}; SameSite=Lax; HttpOnly{secure}"))
        .ok()
}

/// A browser says which zone it is in when it signs in; whoever chose another one keeps that.
pub(super) fn keep_zone(api: &Api, zone: &str, mut response: Response) -> Response {
    if let Some(zone) = Zone::named(zone) {
        let kept = wish(api, ZONE, zone.name()).map(|value| (header::SET_COOKIE, value));
        response.headers_mut().extend(kept);
    }
    response
}
