//! `/v1/apps`: client apps.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use secrecy::ExposeSecret;

use super::shapes::{AppList, AppPatch, AppShown, NewAppBody};
use super::{bots, invalid, malformed, name, scopes, secrets};
use crate::api::auth::{ANY_BOT, Auth, Caller, DIALOUT};
use crate::api::error::Problem;
use crate::store::{AppChange, AppPolicy, NewApp};

/// Longest age of a token that can be asked for: ten years, in seconds.
const LONGEST_AGE_S: i64 = 315_360_000;

/// Every client app.
#[utoipa::path(get, path = "/v1/apps", operation_id = "listApps", tag = "access",
    responses((status = 200, description = "The apps by id.", body = AppList)))]
pub(super) async fn list(State(auth): State<Auth>) -> Result<Json<AppList>, Problem> {
    let apps = auth.store().apps().await?.into_iter().map(AppShown::from).collect();
    Ok(Json(AppList { apps }))
}

/// One client app.
#[utoipa::path(get, path = "/v1/apps/{app_id}", operation_id = "getApp", tag = "access", params(("app_id" = String, Path, description = "The app.")),
    responses((status = 200, description = "The app.", body = AppShown)))]
pub(super) async fn one(
    State(auth): State<Auth>,
    Path(app_id): Path<String>,
) -> Result<Json<AppShown>, Problem> {
    Ok(Json(auth.store().app_row(&app_id).await?.into()))
}

/// Make a client app. The answer is the one place where its secret is shown.
#[utoipa::path(post, path = "/v1/apps", operation_id = "createApp", tag = "access", request_body = NewAppBody,
    responses((status = 201, description = "The app, with its secret.", body = AppShown)))]
pub(super) async fn create(
    State(auth): State<Auth>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewAppBody>, JsonRejection>,
) -> Result<(StatusCode, Json<AppShown>), Problem> {
    let Json(body) = body.map_err(|rejection| malformed(&rejection))?;
    let id = checked_id(&body.id)?;
    let secret = secrets::given_or_new(body.secret)?;
    let app = NewApp {
        name: name(body.name.as_deref().unwrap_or(&id))?,
        scopes: scopes(body.scopes.unwrap_or_else(|| vec![DIALOUT.to_owned()]))?,
        bots: bots(body.bots.unwrap_or_else(|| vec![ANY_BOT.to_owned()]))?,
        secret: secret.clone(),
        id: id.clone(),
    };
    let policy = AppPolicy {
        require_jti: body.require_jti,
        max_token_age_s: body.max_token_age.map(age).transpose()?,
        rate: body.rate_limit.map(super::shapes::RateLimit::checked).transpose()?,
    };
    auth.store().enrol_app(app, policy, caller.act()).await?;
    let mut shown = AppShown::from(auth.store().app_row(&id).await?);
    shown.secret = Some(secret.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Change a client app. What is absent stays as it is; `null` goes back to the settings of the server.
#[utoipa::path(patch, path = "/v1/apps/{app_id}", operation_id = "changeApp", tag = "access", params(("app_id" = String, Path, description = "The app.")),
    request_body = AppPatch, responses((status = 200, description = "The app as it is now.", body = AppShown)))]
pub(super) async fn change(
    State(auth): State<Auth>,
    Extension(caller): Extension<Caller>,
    Path(app_id): Path<String>,
    body: Result<Json<AppPatch>, JsonRejection>,
) -> Result<Json<AppShown>, Problem> {
    let Json(body) = body.map_err(|rejection| malformed(&rejection))?;
    let change = AppChange {
        name: body.name.as_deref().map(name).transpose()?,
        scopes: body.scopes.map(scopes).transpose()?,
        bots: body.bots.map(bots).transpose()?,
        require_jti: body.require_jti,
        max_token_age_s: body.max_token_age.map(|given| given.map(age).transpose()).transpose()?,
        rate: body
            .rate_limit
            .map(|given| given.map(super::shapes::RateLimit::checked).transpose())
            .transpose()?,
    };
    auth.store().change_app(&app_id, change, caller.act()).await?;
    Ok(Json(auth.store().app_row(&app_id).await?.into()))
}

/// Turn a client app away from now on, and the keys that act for it.
#[utoipa::path(delete, path = "/v1/apps/{app_id}", operation_id = "deleteApp", tag = "access", params(("app_id" = String, Path, description = "The app.")),
    responses((status = 204, description = "It is turned away.")))]
pub(super) async fn delete(
    State(auth): State<Auth>,
    Extension(caller): Extension<Caller>,
    Path(app_id): Path<String>,
) -> Result<StatusCode, Problem> {
    auth.store().delete_app(&app_id, caller.act()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An id goes into tokens, paths and logs.
fn checked_id(id: &str) -> Result<String, Problem> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let good = (1..=64).contains(&id.len()) && id.chars().all(allowed) && !id.starts_with('.');
    if good { Ok(id.to_owned()) } else { Err(invalid("id", "must have 1 to 64 letters, digits, -, _ or .")) }
}

fn age(seconds: i64) -> Result<i64, Problem> {
    if (1..=LONGEST_AGE_S).contains(&seconds) {
        return Ok(seconds);
    }
    Err(invalid("maxTokenAge", "is a number of seconds, 1 or more"))
}
