//! The door: sign in, sign out, and links that let somebody in once.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use secrecy::SecretString;
use serde::Serialize;

use super::forms::{Does, Posted, Written};
use super::frame::{Anybody, Frame, LANGUAGE, Room, THEME, Theme, ZONE, inside};
use super::let_in::{keep_zone, let_in, wish};
use super::second_step;
use super::when::Zone;
use super::words::Language;
use crate::access::{
    Entry, Error, LONGEST_NAME, SessionCookie, Visit, WeakPassword, is_name, judge_password,
};
use crate::api::Api;
use crate::api::error::Problem;
use crate::api::extract::Pairs;
use crate::store;

#[derive(Default, Serialize)]
struct SignIn {
    name: String,
    next: String,
    /// Why it failed.
    error: String,
    /// Nobody can sign in yet.
    first: bool,
    /// Where else one may sign in, and the way there; empty where one may not.
    issuer: String,
    issuer_href: String,
}

#[derive(Default, Serialize)]
struct Welcome {
    link: String,
    /// Whose link it is; empty where it makes the first admin.
    owner: String,
    name: String,
    name_error: String,
    password_error: String,
}

fn pair(pairs: &[(String, String)], name: &str) -> String {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

/// The page where one signs in.
pub(super) async fn sign_in_page(
    State(api): State<Api>,
    frame: Asked,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let next = inside(&pair(&query, "next"));
    if frame.0.person().is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    let first = api.store.people().await?.is_empty();
    let error = if pair(&query, "why") == "late" { frame.0.say("factor_late") } else { "" };
    Ok(door(&api, &frame.0, SignIn { next, first, error: error.to_owned(), ..SignIn::default() }))
}

/// The frame of a page for anybody.
pub(super) struct Asked(pub(super) Frame);

impl axum::extract::FromRequestParts<Api> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, api: &Api) -> Result<Self, Problem> {
        Frame::of(parts, api).await.map(Self)
    }
}

/// The page where one signs in, with a word why it did not work.
pub(super) fn door_with(api: &Api, frame: &Frame, next: &str, error: String) -> Response {
    door(api, frame, SignIn { next: next.to_owned(), error, ..SignIn::default() })
}

fn door(api: &Api, frame: &Frame, mut page: SignIn) -> Response {
    if let Some(label) = api.access.issuer_label().filter(|_| !page.first) {
        let url = reqwest::Url::parse_with_params("http://page/", [("next", &page.next)]);
        let query = url.as_ref().ok().and_then(|url| url.query()).unwrap_or_default();
        page.issuer_href = format!("/sign-in/openid?{query}");
        label.clone_into(&mut page.issuer);
    }
    let frame = frame.reached_by("/sign-in", &[("next", &page.next)]);
    frame.page(api, ("sign_in.html", Room::Elsewhere), frame.say("sign_in_title"), &[], &page)
}

/// Takes a name and a password.
pub(super) async fn sign_in(State(api): State<Api>, posted: Posted) -> Result<Response, Problem> {
    let (written, frame) = (&posted.written, &posted.frame);
    let (name, next) = (written.text("name").to_owned(), inside(written.text("next")));
    let password = SecretString::from(written.exactly("password"));
    let shortened: String = name.chars().take(LONGEST_NAME).collect();
    match api.access.sign_in(&shortened, password, &posted.visit()).await {
        Ok(Entry::In(cookie)) => Ok(keep_zone(&api, written.text("zone"), let_in(&cookie, &next))),
        Ok(Entry::Code(secret)) => {
            let step = (&secret, next.as_str(), written.text("zone"));
            second_step::asked(&api, frame, &posted.headers, step, String::new()).await
        }
        Err(Error::SignIn) => {
            let error = frame.say("sign_in_wrong").to_owned();
            let mut response =
                door(&api, frame, SignIn { name: shortened, next, error, ..SignIn::default() });
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            Ok(response)
        }
        Err(Error::TooManyLogins { wait_s }) => {
            let error = frame.tell("sign_in_slow", &[("seconds", &wait_s.to_string())]);
            let mut response =
                door(&api, frame, SignIn { name: shortened, next, error, ..SignIn::default() });
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

/// Goes on to `next`, or to the second step before.
pub(super) async fn enter(
    api: &Api,
    frame: &Frame,
    headers: &HeaderMap,
    entry: Entry,
    next: &str,
) -> Result<Response, Problem> {
    match entry {
        Entry::In(cookie) => Ok(let_in(&cookie, next)),
        Entry::Code(secret) => {
            second_step::asked(api, frame, headers, (&secret, next, ""), String::new()).await
        }
    }
}

/// Signs this browser out, or all of them.
pub(super) async fn sign_out(State(api): State<Api>, form: Does<Anybody>) -> Result<Response, Problem> {
    let Some(person) = form.by.person() else { return Ok(Redirect::to("/sign-in").into_response()) };
    if form.written.text("where") == "everywhere" {
        api.store.close_browsers_of(&person.id, form.by.who.actor()).await?;
    } else {
        api.store.close_browser(&person.browser, form.by.who.actor()).await?;
    }
    let mut response = Redirect::to("/sign-in").into_response();
    let forgotten = SessionCookie::forgotten(api.access.is_over_tls());
    response.headers_mut().extend(forgotten.map(|value| (header::SET_COOKIE, value)));
    Ok(response)
}

/// Where a link leads that lets somebody in once.
pub(super) async fn welcome_page(
    State(api): State<Api>,
    frame: Asked,
    Pairs(query): Pairs,
    headers: axum::http::HeaderMap,
    peer: Option<axum::Extension<axum::extract::ConnectInfo<std::net::SocketAddr>>>,
) -> Result<Response, Problem> {
    let link = pair(&query, "link");
    let Some(known) = api.access.known_link(&link).await? else { return Ok(stale(&api, &frame.0)) };
    if known.signs_in() {
        let visit = Visit { headers: &headers, peer: peer.map(|peer| peer.0.0.ip()) };
        return match api.access.sign_in_by_link(&link, &visit).await? {
            None => Ok(stale(&api, &frame.0)),
            Some(entry) => enter(&api, &frame.0, &headers, entry, "/").await,
        };
    }
    let page = Welcome { link, owner: known.name.unwrap_or_default(), ..Welcome::default() };
    Ok(welcome(&api, &frame.0, &page))
}

fn welcome(api: &Api, frame: &Frame, page: &Welcome) -> Response {
    let frame = frame.reached_by("/welcome", &[("link", &page.link)]);
    frame.page(api, ("welcome.html", Room::Elsewhere), frame.say("welcome_title"), &[], page)
}

/// A link that was used, is too old, or never was one: nobody is told which.
fn stale(api: &Api, frame: &Frame) -> Response {
    let page =
        SignIn { error: frame.say("welcome_stale").to_owned(), next: "/".to_owned(), ..SignIn::default() };
    let mut response = door(api, frame, page);
    *response.status_mut() = StatusCode::GONE;
    response
}

/// Takes the password that somebody chose, and lets them in.
pub(super) async fn welcome_in(State(api): State<Api>, posted: Posted) -> Result<Response, Problem> {
    let (written, frame) = (&posted.written, &posted.frame);
    let link = written.text("link").to_owned();
    let Some(known) = api.access.known_link(&link).await? else { return Ok(stale(&api, frame)) };
    let first = known.person_id.is_none();
    let owner = known.name.unwrap_or_default();
    let name = if first { written.text("name").to_owned() } else { owner.clone() };
    let mut page = Welcome { link: link.clone(), owner, name: name.clone(), ..Welcome::default() };
    if first && !is_name(&name) {
        page.name_error = frame.say("name_bad").to_owned();
    }
    page.password_error = weak(frame, written, &name);
    if page.name_error.is_empty() && page.password_error.is_empty() {
        let password = SecretString::from(written.exactly("password"));
        let named = first.then_some(name.as_str());
        match api.access.choose_password(&link, named, password, &posted.visit()).await {
            Ok(Some(entry)) => return enter(&api, frame, &posted.headers, entry, "/?done=welcome").await,
            Ok(None) => return Ok(stale(&api, frame)),
            Err(Error::Store(store::Error::Exists { .. })) => {
                page.name_error = frame.say("name_taken").to_owned();
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut response = welcome(&api, frame, &page);
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

/// What is wrong with the password of a form, in which it stands twice.
pub(super) fn weak(frame: &Frame, written: &Written, name: &str) -> String {
    let password = written.exactly("password");
    if password != written.exactly("again") {
        return frame.say("password_differs").to_owned();
    }
    match judge_password(&SecretString::from(password), name) {
        Ok(()) => String::new(),
        Err(WeakPassword::Short) => frame.say("password_short").to_owned(),
        Err(WeakPassword::Long) => frame.say("password_long").to_owned(),
        Err(WeakPassword::Guessable) => frame.say("password_guessable").to_owned(),
    }
}

/// Keeps which language, light and zone somebody wants, in their browser.
pub(super) async fn prefer(State(api): State<Api>, posted: Posted) -> Response {
    let written = &posted.written;
    let mut response = Redirect::to(&inside(written.text("back"))).into_response();
    let language =
        Language::of_tag(written.text("language")).map(|language| (LANGUAGE, language.tag().to_owned()));
    let theme = written.holds("theme").then(|| {
        (
            THEME,
            Theme::named(written.text("theme")).map_or_else(String::new, |theme| theme.as_str().to_owned()),
        )
    });
    let zone = Zone::named(written.text("zone")).map(|zone| (ZONE, zone.name().to_owned()));
    for (name, value) in [language, theme, zone].into_iter().flatten() {
        if let Some(value) = wish(&api, name, &value) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}
