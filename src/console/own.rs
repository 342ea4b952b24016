//! One's own page: browsers in which one is signed in, the password, language, zone and light.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use secrecy::SecretString;
use serde::Serialize;

use super::forms::Does;
use super::frame::{Anybody, Room, Sees};
use super::second_step::{Square, host};
use super::signing::weak;
use super::when::At;
use crate::access::Error;
use crate::api::Api;
use crate::api::error::Problem;
use crate::wallclock::now_ms;

#[derive(Default, Serialize)]
struct Own {
    browsers: Vec<Browser>,
    current_error: String,
    password_error: String,
    /// They have a password, which is asked for beside the first code.
    has_password: bool,
    /// Since when a code is asked for.
    factor_since: Option<At>,
    factor_required: bool,
    codes_left: i64,
    /// A second factor that is being set up.
    enrol: Option<Square>,
    /// Recovery codes that were just made.
    codes: Vec<String>,
    code_error: String,
    off_error: String,
}

#[derive(Serialize)]
struct Browser {
    agent: String,
    address: String,
    since: At,
    seen: At,
    this: bool,
}

async fn shown(api: &Api, sees: &Sees<Anybody>, mut page: Own) -> Result<Response, Problem> {
    let Some(person) = sees.person() else { return Ok(Redirect::to("/sign-in").into_response()) };
    for row in api.store.browsers_of(&person.id, now_ms()).await? {
        page.browsers.push(Browser {
            agent: row.agent.unwrap_or_default(),
            address: row.address.unwrap_or_default(),
            since: sees.zone.at(row.created_ms),
            seen: sees.zone.at(row.seen_ms),
            this: row.digest == person.browser,
        });
    }
    page.has_password = api.access.has_password(person).await?;
    page.factor_required = api.access.wants_second_factor(person.role);
    if let Some(factor) = api.access.second_factor(person).await? {
        page.factor_since = factor.confirmed_ms.map(|at| sees.zone.at(at));
        page.codes_left = factor.codes_left;
    }
    Ok(sees.page(api, ("own.html", Room::Own), sees.say("own_title"), &[], &page))
}

/// One's own page.
pub(super) async fn page(State(api): State<Api>, sees: Sees<Anybody>) -> Result<Response, Problem> {
    shown(&api, &sees, Own::default()).await
}

/// Changes one's own password. Every other browser is signed out.
pub(super) async fn change_password(
    State(api): State<Api>,
    form: Does<Anybody>,
) -> Result<Response, Problem> {
    let Some(person) = form.by.person().cloned() else { return Ok(Redirect::to("/sign-in").into_response()) };
    let mut page = Own { password_error: weak(&form.by, &form.written, &person.name), ..Own::default() };
    if page.password_error.is_empty() {
        let current = SecretString::from(form.written.exactly("current"));
        match api.access.confirm(&person, current, &form.visit()).await {
            Ok(()) => {
                let password = SecretString::from(form.written.exactly("password"));
                let cookie = api.access.change_password(&person, password, &form.visit()).await?;
                let mut response = Redirect::to("/me?done=password").into_response();
                response.headers_mut().extend(cookie.header().map(|value| (header::SET_COOKIE, value)));
                return Ok(response);
            }
            Err(Error::SignIn) => page.current_error = form.by.say("password_wrong").to_owned(),
            Err(error) => return Err(error.into()),
        }
    }
    let mut response = shown(&api, &form.by, page).await?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

/// Sets one's own second factor up, turns it on by its first code, or off.
pub(super) async fn second_factor(State(api): State<Api>, form: Does<Anybody>) -> Result<Response, Problem> {
    let Some(person) = form.by.person().cloned() else { return Ok(Redirect::to("/sign-in").into_response()) };
    let (mut page, code) = (Own::default(), form.written.text("code"));
    let slow = |wait_s: u64| form.by.tell("sign_in_slow", &[("seconds", &wait_s.to_string())]);
    let password = SecretString::from(form.written.exactly("current"));
    let begun = form.written.text("begun");
    match form.written.text("do") {
        "on" => {
            let turned_on =
                api.access.turn_on_second_factor(&person, password, (begun, code), &form.visit()).await;
            match turned_on {
                Ok(codes) => page.codes = codes,
                Err(Error::SignIn) => page.code_error = form.by.say("factor_on_wrong").to_owned(),
                Err(Error::TooManyLogins { wait_s }) => page.code_error = slow(wait_s),
                Err(error) => return Err(error.into()),
            }
        }
        // Who must have one cannot turn it off.
        "off" if !api.access.wants_second_factor(person.role) => {
            match api.access.turn_off_second_factor(&person, password, code, &form.visit()).await {
                Ok(()) => return Ok(Redirect::to("/me?done=factor_off").into_response()),
                Err(Error::SignIn) => page.off_error = form.by.say("factor_off_wrong").to_owned(),
                Err(Error::TooManyLogins { wait_s }) => page.off_error = slow(wait_s),
                Err(error) => return Err(error.into()),
            }
        }
        _ => {}
    }
    if page.codes.is_empty() && page.off_error.is_empty() {
        let enrolment = api.access.enrol(&person, begun, host(&form.headers), &form.visit()).await?;
        page.enrol = enrolment.as_ref().map(Square::of);
    }
    let failed = !page.code_error.is_empty() || !page.off_error.is_empty();
    let mut response = shown(&api, &form.by, page).await?;
    if failed {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}
