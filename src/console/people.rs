//! People: invited, given another role or a new link, turned away. And what else may call: apps and keys, to look at.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::forms::Does;
use super::frame::{Room, Sees};
use super::when::At;
use crate::access::{Administer, Error, Role, is_name};
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::extract::Path;
use crate::store::{self, FactorGone, PersonChange};

#[derive(Default, Serialize)]
struct Shown {
    people: Vec<Line>,
    /// Where else people may sign in; empty where they may not.
    issuer: String,
    roles: Vec<(&'static str, String)>,
    name: String,
    role: String,
    name_error: String,
    /// Of whom a link was just made, and the link: shown this once.
    linked: String,
    link: String,
}

#[derive(Serialize)]
struct Line {
    id: String,
    name: String,
    role: String,
    state: &'static str,
    state_word: String,
    browsers: i64,
    seen: Option<At>,
    own: bool,
    /// A code is asked of them.
    factor: bool,
    /// They sign in at the issuer, too.
    elsewhere: bool,
}

async fn shown(api: &Api, sees: &Sees<Administer>, mut page: Shown) -> Result<Response, Problem> {
    let own = sees.person().map(|person| person.id.clone()).unwrap_or_default();
    page.roles =
        Role::ALL.map(|role| (role.as_str(), sees.say(&format!("role_{}", role.as_str())).to_owned())).into();
    page.issuer = api.access.issuer_label().unwrap_or_default().to_owned();
    for row in api.store.people().await? {
        let state = match (row.disabled_ms, row.has_password || row.has_openid) {
            (Some(_), _) => "disabled",
            (None, true) => "active",
            (None, false) => "invited",
        };
        page.people.push(Line {
            own: row.id == own,
            factor: row.has_second_factor,
            elsewhere: row.has_openid,
            id: row.id,
            name: row.name,
            role: row.role,
            state,
            state_word: sees.say(&format!("person_{state}")).to_owned(),
            browsers: row.browsers,
            seen: row.last_seen_ms.map(|at| sees.zone.at(at)),
        });
    }
    Ok(sees.page(api, ("people.html", Room::People), sees.say("nav_people"), &[], &page))
}

/// Everybody.
pub(super) async fn page(sees: Sees<Administer>, State(api): State<Api>) -> Result<Response, Problem> {
    shown(&api, &sees, Shown { role: Role::Viewer.into(), ..Shown::default() }).await
}

/// Invites somebody, and shows their link this once.
pub(super) async fn invite(State(api): State<Api>, form: Does<Administer>) -> Result<Response, Problem> {
    let name = form.written.text("name").to_owned();
    let role = role(form.written.text("role"))?;
    let mut page = Shown { name: name.clone(), role: role.into(), ..Shown::default() };
    if !is_name(&name) {
        page.name_error = form.by.say("name_bad").to_owned();
    } else {
        match api.access.add_person(&name, role, form.by.who.actor()).await {
            Ok(person) => return linked(&api, &form, &person.id, person.name).await,
            Err(Error::Store(store::Error::Exists { .. })) => {
                page.name_error = form.by.say("name_taken").to_owned();
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut response = shown(&api, &form.by, page).await?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

async fn linked(api: &Api, form: &Does<Administer>, id: &str, name: String) -> Result<Response, Problem> {
    let link = api.access.password_link(id, form.by.who.actor()).await?;
    let link = link.expose_secret();
    let public = api.public_url.of(link);
    let host = form.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let link = if public.starts_with("http") { public } else { format!("http://{host}{link}") };
    let page = Shown { role: Role::Viewer.into(), linked: name, link, ..Shown::default() };
    shown(api, &form.by, page).await
}

fn role(name: &str) -> Result<Role, Problem> {
    name.parse().map_err(|error: crate::access::NoRole| Problem::new(Code::Invalid, error.to_string()))
}

/// A new link for somebody.
pub(super) async fn link(
    State(api): State<Api>,
    Path(id): Path<String>,
    form: Does<Administer>,
) -> Result<Response, Problem> {
    let person = api.store.person(&id).await?;
    linked(&api, &form, &id, person.name).await
}

/// Takes somebody's second factor away, who lost their telephone and their codes.
pub(super) async fn reset_second_factor(
    State(api): State<Api>,
    Path(id): Path<String>,
    form: Does<Administer>,
) -> Result<Response, Problem> {
    let person = api.store.person(&id).await?;
    api.store.drop_second_factor(&person.id, FactorGone::Reset, form.by.who.actor()).await?;
    Ok(Redirect::to("/people?done=factor_reset").into_response())
}

/// Whether somebody may sign in at the issuer, and by which address the issuer knows them.
pub(super) async fn elsewhere(
    State(api): State<Api>,
    Path(id): Path<String>,
    form: Does<Administer>,
) -> Result<Response, Problem> {
    let person = api.store.person(&id).await?;
    let act = form.written.text("do");
    let done = if act == "drop" {
        api.store.drop_openid(&person.id, form.by.who.actor()).await?;
        "openid_dropped"
    } else if act != "expect" {
        return Err(unknown_act(&form));
    } else {
        let email = form.written.text("email");
        if !email.contains('@') || !is_name(email) {
            let why = form.by.say("openid_email_bad").to_owned();
            return Err(Problem::new(Code::Invalid, why.clone()).with_field("email", &why));
        }
        match api.store.expect_openid(&person.id, email, form.by.who.actor()).await {
            Ok(()) => "openid_expected",
            Err(store::Error::Exists { .. }) => {
                let why = form.by.tell("openid_email_taken", &[("email", email)]);
                return Err(Problem::new(Code::Conflict, why.clone()).with_field("email", &why));
            }
            Err(error) => return Err(error.into()),
        }
    };
    Ok(Redirect::to(&format!("/people?done={done}")).into_response())
}

/// A form that none of our pages has.
fn unknown_act(form: &Does<Administer>) -> Problem {
    let why = form.by.say("act_unknown");
    Problem::new(Code::Invalid, why).with_field("do", why)
}

/// Another role for somebody, or a door that is shut or open.
pub(super) async fn change(
    State(api): State<Api>,
    Path(id): Path<String>,
    form: Does<Administer>,
) -> Result<Response, Problem> {
    let (change, done) = match form.written.text("do") {
        "disable" => (PersonChange { disabled: Some(true), ..PersonChange::default() }, "disabled"),
        "enable" => (PersonChange { disabled: Some(false), ..PersonChange::default() }, "enabled"),
        "role" => {
            let role = role(form.written.text("role"))?;
            (PersonChange { role: Some(role.into()), ..PersonChange::default() }, "role")
        }
        _ => return Err(unknown_act(&form)),
    };
    api.store.change_person(&id, change, form.by.who.actor()).await?;
    Ok(Redirect::to(&format!("/people?done={done}")).into_response())
}

#[derive(Serialize)]
struct Callers {
    apps: Vec<App>,
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct App {
    id: String,
    name: String,
    scopes: String,
    bots: String,
    secrets: i64,
    used: Option<At>,
}

#[derive(Serialize)]
struct Key {
    id: String,
    name: String,
    scopes: String,
    bots: String,
    app: String,
    state: &'static str,
    expires: Option<At>,
    used: Option<At>,
}

/// Apps and keys.
pub(super) async fn callers(sees: Sees<Administer>, State(api): State<Api>) -> Result<Response, Problem> {
    let at = |ms: Option<i64>| ms.map(|ms| sees.zone.at(ms));
    let apps = api.store.apps().await?.into_iter().map(|row| App {
        scopes: row.scopes.join(", "),
        bots: row.bots.join(", "),
        secrets: row.active_secrets,
        used: at(row.last_used_ms),
        id: row.id,
        name: row.name,
    });
    let apps = apps.collect();
    let now = crate::wallclock::now_ms();
    let keys = api.store.api_keys().await?.into_iter().map(|row| Key {
        scopes: row.scopes.join(", "),
        bots: row.bots.join(", "),
        app: row.app_id.unwrap_or_default(),
        state: match (row.revoked_ms, row.expires_ms) {
            (Some(_), _) => "revoked",
            (None, Some(end)) if end <= now => "expired",
            (None, _) => "active",
        },
        expires: at(row.expires_ms),
        used: at(row.last_used_ms),
        id: row.id,
        name: row.name,
    });
    let page = Callers { apps, keys: keys.collect() };
    Ok(sees.page(&api, ("callers.html", Room::Callers), sees.say("nav_callers"), &[], &page))
}
