//! `/v1/apps`: client apps.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use secrecy::ExposeSecret;

use super::shapes::{AppList, AppPatch, AppShown, NewAppBody};
use super::{json, no_effect, secrets};
use crate::access::{Access, Administer};
use crate::api::error::Problem;
use crate::api::extract::Path;
use crate::api::may::May;
use crate::store::{AppChange, AppPolicy, NewApp};

/// Every client app.
#[utoipa::path(get, path = "/v1/apps", operation_id = "listApps", tag = "access",
    responses((status = 200, description = "The apps by id.", body = AppList)))]
pub(super) async fn list(State(access): State<Access>, _: May<Administer>) -> Result<Json<AppList>, Problem> {
    let apps = access.store().apps().await?.into_iter().map(AppShown::from).collect();
    Ok(Json(AppList { apps }))
}

/// One client app.
#[utoipa::path(get, path = "/v1/apps/{app_id}", operation_id = "getApp", tag = "access", params(("app_id" = String, Path, description = "The app.")),
    responses((status = 200, description = "The app.", body = AppShown)))]
pub(super) async fn one(
    State(access): State<Access>,
    _: May<Administer>,
    Path(app_id): Path<String>,
) -> Result<Json<AppShown>, Problem> {
    Ok(Json(access.store().app_row(&app_id).await?.into()))
}

/// Make a client app. The answer is the one place where its secret is shown.
#[utoipa::path(post, path = "/v1/apps", operation_id = "createApp", tag = "access", request_body = NewAppBody,
    responses((status = 201, description = "The app, with its secret.", body = AppShown)))]
pub(super) async fn create(
    State(access): State<Access>,
    admin: May<Administer>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<AppShown>), Problem> {
    let body: NewAppBody = json(body)?;
    let id = body.id;
    let secret = secrets::given_or_new(body.secret);
    let app = NewApp {
        name: body.name,
        scopes: body.scopes.into_iter().map(String::from).collect(),
        bots: body.bots,
        secret: secret.clone(),
        id: id.clone(),
    };
    let policy = AppPolicy {
        require_jti: body.require_jti,
        max_token_age_s: body.max_token_age,
        rate: body.rate_limit,
    };
    access.store().enrol_app(app, policy, admin.actor()).await?;
    let mut shown = AppShown::from(access.store().app_row(&id).await?);
    shown.secret = Some(secret.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Change a client app. What is absent stays as it is; `null` goes back to the settings of the server.
#[utoipa::path(patch, path = "/v1/apps/{app_id}", operation_id = "changeApp", tag = "access", params(("app_id" = String, Path, description = "The app.")),
    request_body = AppPatch, responses((status = 200, description = "The app as it is now.", body = AppShown)))]
pub(super) async fn change(
    State(access): State<Access>,
    admin: May<Administer>,
    Path(app_id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<AppShown>, Problem> {
    let change: AppChange = json(body)?;
    if change == AppChange::default() {
        return Err(no_effect("name, scopes, bots, requireJti, maxTokenAge or rateLimit"));
    }
    access.store().change_app(&app_id, change, admin.actor()).await?;
    Ok(Json(access.store().app_row(&app_id).await?.into()))
}

/// Turn a client app away from now on, and the keys that act for it.
#[utoipa::path(delete, path = "/v1/apps/{app_id}", operation_id = "deleteApp", tag = "access", params(("app_id" = String, Path, description = "The app.")),
    responses((status = 204, description = "It is turned away.")))]
pub(super) async fn delete(
    State(access): State<Access>,
    admin: May<Administer>,
    Path(app_id): Path<String>,
) -> Result<StatusCode, Problem> {
    access.store().delete_app(&app_id, admin.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}
