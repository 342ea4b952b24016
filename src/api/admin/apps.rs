//! `/v1/apps`: client apps.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use super::parts::{
    BotName, LONGEST_ID, RateLimit, bots, json, name, no_effect, rate, scopes, secret, words,
};
use crate::access::{Access, Administer, Scope, new_app_secret};
use crate::api::error::Problem;
use crate::api::extract::Path;
use crate::api::fields::{Fields, Given};
use crate::api::may::May;
use crate::store::{AppChange, AppPolicy, AppRow, NewApp, Rate};
use crate::wallclock::iso;

/// Every app.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AppList {
    pub(super) apps: Vec<AppShown>,
}

/// An app to be made.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewApp)]
pub(super) struct NewAppBody {
    /// As tokens name it.
    #[schema(pattern = "^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$", example = "shop")]
    id: String,
    /// For people; the id when absent.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    name: String,
    #[schema(value_type = Option<Vec<Scope>>)]
    scopes: Vec<Scope>,
    /// `*` stands for all.
    #[schema(min_items = 1, value_type = Option<Vec<BotName>>)]
    bots: Vec<BotName>,
    /// A secret that the app has already; without it one is made.
    #[schema(value_type = Option<String>, min_length = 32, max_length = 1024)]
    secret: Option<SecretString>,
    #[schema(value_type = Option<bool>)]
    require_jti: bool,
    /// How old a token may be since its `iat`, seconds.
    #[schema(minimum = 1, maximum = 315_360_000)]
    max_token_age: Option<i64>,
    rate_limit: Option<RateLimit>,
}

/// Longest age of a token that can be asked for: ten years, in seconds.
const LONGEST_AGE_S: i64 = 315_360_000;

impl Given for NewAppBody {
    fn read(fields: &mut Fields<'_>) -> Self {
        let id = fields
            .required("id", "tokens name the app by it", |fields, name| fields.read(name, LONGEST_ID, id));
        Self {
            name: name(fields, "name").unwrap_or_else(|| id.clone()),
            id,
            scopes: scopes(fields, "scopes").unwrap_or_else(|| vec![Scope::Dialout]),
            bots: bots(fields, "bots").unwrap_or_else(|| vec![BotName::any()]),
            secret: secret(fields),
            require_jti: fields.yes("requireJti").unwrap_or_default(),
            max_token_age: fields.whole("maxTokenAge", 1..=LONGEST_AGE_S),
            rate_limit: rate(fields, "rateLimit"),
        }
    }
}

/// An id goes into tokens, paths and logs.
fn id(id: &str) -> Result<String, String> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let good = id.chars().all(allowed) && !id.starts_with('.');
    if good { Ok(id.to_owned()) } else { Err("must have 1 to 64 letters, digits, -, _ or .".to_owned()) }
}

/// What of an app becomes different. `null` goes back to the settings of the server.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AppPatch {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    scopes: Option<Vec<Scope>>,
    /// `*` stands for all.
    #[schema(min_items = 1)]
    bots: Option<Vec<BotName>>,
    require_jti: Option<bool>,
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 315_360_000)]
    max_token_age: Option<Option<i64>>,
    #[schema(value_type = Option<RateLimit>)]
    rate_limit: Option<Option<RateLimit>>,
}

impl Given for AppPatch {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            name: name(fields, "name"),
            scopes: scopes(fields, "scopes"),
            bots: bots(fields, "bots"),
            require_jti: fields.yes("requireJti"),
            max_token_age: fields
                .nullable("maxTokenAge", |fields, name| fields.whole(name, 1..=LONGEST_AGE_S)),
            rate_limit: fields.nullable("rateLimit", rate),
        }
    }
}

impl From<AppPatch> for AppChange {
    fn from(patch: AppPatch) -> Self {
        Self {
            name: patch.name,
            scopes: patch.scopes.map(words),
            bots: patch.bots.map(words),
            require_jti: patch.require_jti,
            max_token_age_s: patch.max_token_age,
            rate: patch.rate_limit.map(|limit| limit.map(Rate::from)),
        }
    }
}

/// An app as it is shown; the secret is present once, when it was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = App)]
pub(super) struct AppShown {
    id: String,
    name: String,
    #[schema(value_type = Vec<Scope>)]
    scopes: Vec<String>,
    bots: Vec<String>,
    require_jti: bool,
    max_token_age: Option<i64>,
    rate_limit: Option<RateLimit>,
    #[schema(format = DateTime)]
    created_at: String,
    /// Accurate to a minute.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    active_secrets: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
}

impl From<AppRow> for AppShown {
    fn from(row: AppRow) -> Self {
        Self {
            rate_limit: row.rate().map(RateLimit::from),
            id: row.id,
            name: row.name,
            scopes: row.scopes,
            bots: row.bots,
            require_jti: row.require_jti,
            max_token_age: row.max_token_age_s,
            created_at: iso(row.created_ms),
            last_used_at: row.last_used_ms.map(iso),
            active_secrets: row.active_secrets,
            secret: None,
        }
    }
}

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
    let secret = body.secret.unwrap_or_else(new_app_secret);
    let app = NewApp {
        name: body.name,
        scopes: words(body.scopes),
        bots: words(body.bots),
        secret: secret.clone(),
        id: id.clone(),
    };
    let policy = AppPolicy {
        require_jti: body.require_jti,
        max_token_age_s: body.max_token_age,
        rate: body.rate_limit.map(Rate::from),
    };
    access.store().add_app(app, policy, admin.actor()).await?;
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
    let change = AppChange::from(json::<AppPatch>(body)?);
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
