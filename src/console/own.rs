//! One's own page: browsers in which one is signed in, the password, language, zone and light.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use secrecy::SecretString;
use serde::Serialize;

use super::forms::Does;
use super::frame::{Anybody, Room, Sees};
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
