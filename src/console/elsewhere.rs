//! Signing in at an issuer elsewhere: to it, and back.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::frame::{Frame, cookie, inside};
use super::second_step::host;
use super::signing::{Asked, door_with, enter};
use crate::access::{Arrival, BadToken, Error, OpenIdRefused as Refused, Visit};
use crate::api::Api;
use crate::api::error::Problem;
use crate::api::extract::Pairs;

/// Where the issuer sends browsers back to.
const BACK: &str = "/sign-in/openid/back";
/// The cookie of a browser on its way; over TLS no neighbour's page and no open line can set it.
const fn name(over_tls: bool) -> &'static str {
    if over_tls { "__Host-dering_openid" } else { "dering_openid" }
}

/// The address of the way back: under that of the pages, or as the browser calls this server.
fn back(api: &Api, headers: &HeaderMap) -> Option<Url> {
    let public = api.public_url.of(BACK);
    if public.starts_with("http") {
        return Url::parse(&public).ok();
    }
    Url::parse(&format!("http://{}{BACK}", host(headers))).ok()
}

fn on_its_way(api: &Api, secret: &str, seconds: u32) -> Option<HeaderValue> {
    let over_tls = api.access.is_over_tls();
    let (name, secure) = (name(over_tls), if over_tls { "; Secure" } else { "" });
    let text = format!("{name}={secret}; Path=/; Max-Age={seconds}; SameSite=Lax; HttpOnly{secure}");
    HeaderValue::try_from(text).ok()
}

/// Sends the browser to the issuer.
pub(super) async fn depart(
    State(api): State<Api>,
    frame: Asked,
    headers: HeaderMap,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let next = query.iter().find(|(name, _)| name == "next").map_or("/", |(_, next)| next.as_str());
    let next = inside(next);
    let Some(back) = back(&api, &headers) else {
        return Ok(refused(&api, &frame.0, &next, &Refused::Stale).await);
    };
    match api.access.depart(&back, &next).await {
        Ok(departure) => {
            let mut response = Redirect::to(departure.to.as_str()).into_response();
            let kept = on_its_way(&api, departure.secret.expose_secret(), 600);
            response.headers_mut().extend(kept.map(|value| (header::SET_COOKIE, value)));
            Ok(response)
        }
        Err(why) => Ok(refused(&api, &frame.0, &next, &why).await),
    }
}

/// Takes the browser back.
pub(super) async fn arrive(
    State(api): State<Api>,
    frame: Asked,
    peer: Option<axum::Extension<axum::extract::ConnectInfo<std::net::SocketAddr>>>,
    headers: HeaderMap,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let given = |name: &str| {
        query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let arrival = Arrival { state: given("state"), code: given("code"), error: given("error") };
    let browser = cookie(&headers, name(api.access.is_over_tls())).map(SecretString::from);
    let visit = Visit { headers: &headers, peer: peer.map(|peer| peer.0.0.ip()) };
    let mut response = match api.access.arrive(&arrival, browser.as_ref(), &visit).await {
        Ok((entry, next)) => enter(&api, &frame.0, &headers, entry, &next).await?,
        Err(Refused::Here(Error::TooManyLogins { wait_s })) => {
            let told = frame.0.tell("sign_in_slow", &[("seconds", &wait_s.to_string())]);
            let mut response = door_with(&api, &frame.0, "/", told);
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
            response
        }
        Err(Refused::Here(error)) => return Err(error.into()),
        Err(why) => refused(&api, &frame.0, "/", &why).await,
    };
    let gone = on_its_way(&api, "", 0);
    response.headers_mut().extend(gone.map(|value| (header::SET_COOKIE, value)));
    Ok(response)
}

/// Why it did not work, on the page where one signs in.
async fn refused(api: &Api, frame: &Frame, next: &str, why: &Refused) -> Response {
    tracing::warn!("somebody could not sign in at the issuer: {why}");
    let (status, told) = match why {
        Refused::Away(_) => (StatusCode::BAD_GATEWAY, frame.say("openid_away").to_owned()),
        Refused::Denied(_) => (StatusCode::FORBIDDEN, frame.say("openid_denied").to_owned()),
        Refused::Stale => (StatusCode::BAD_REQUEST, frame.say("openid_stale").to_owned()),
        Refused::Token(bad) => {
            let key = match bad {
                BadToken::Unreadable | BadToken::Algorithm => "openid_unreadable",
                BadToken::NoKey | BadToken::Signature => "openid_signature",
                BadToken::Issuer | BadToken::Audience => "openid_not_ours",
                BadToken::Expired | BadToken::NotYet => "openid_clock",
                BadToken::Nonce => "openid_nonce",
            };
            (StatusCode::UNAUTHORIZED, frame.say(key).to_owned())
        }
        Refused::NoRole => (StatusCode::FORBIDDEN, frame.say("openid_no_role").to_owned()),
        Refused::NoName => (StatusCode::FORBIDDEN, frame.say("openid_no_name").to_owned()),
        Refused::NameTaken(name) => (StatusCode::FORBIDDEN, frame.tell("openid_taken", &[("name", name)])),
        Refused::Linked(name) => (StatusCode::FORBIDDEN, frame.tell("openid_linked", &[("name", name)])),
        Refused::Disabled | Refused::Here(_) => {
            (StatusCode::FORBIDDEN, frame.say("openid_disabled").to_owned())
        }
    };
    let mut response = door_with(api, frame, next, told);
    *response.status_mut() = status;
    response
}
