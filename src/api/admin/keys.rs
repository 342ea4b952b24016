//! `/v1/keys`: API keys.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::parts::{BotName, LONGEST_ID, RateLimit, bots, json, name, no_effect, rate, scopes, words};
use crate::access::{Access, Administer, Scope, new_api_key};
use crate::api::error::Problem;
use crate::api::extract::Path;
use crate::api::fields::{Fields, Given};
use crate::api::may::May;
use crate::api::when::{Moment, moment};
use crate::store::{self, ApiKeyRow, KeyChange, Rate};
use crate::wallclock::{iso, now_ms};

/// Every key.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KeyList {
    pub(super) keys: Vec<KeyShown>,
}

/// A key to be made.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewKey)]
pub(super) struct NewKeyBody {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    scopes: Vec<Scope>,
    /// `*` stands for all.
    #[schema(min_items = 1)]
    bots: Option<Vec<BotName>>,
    /// The client app it acts for; needed to place calls with it.
    #[schema(min_length = 1, max_length = 64)]
    app_id: Option<String>,
    rate_limit: Option<RateLimit>,
    /// A time to come; one that has passed is a 422.
    #[schema(value_type = Option<Moment>)]
    expires_at: Option<i64>,
}

impl Given for NewKeyBody {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            name: fields.required("name", "say what the key is for", name),
            scopes: fields.required("scopes", "say what the key may do", scopes),
            bots: bots(fields, "bots"),
            app_id: fields.text("appId", LONGEST_ID),
            rate_limit: rate(fields, "rateLimit"),
            expires_at: to_come(fields, "expiresAt"),
        }
    }
}

/// A time that has not passed.
fn to_come(fields: &mut Fields<'_>, name: &'static str) -> Option<i64> {
    let at = moment(fields, name)?;
    if at > now_ms() {
        return Some(at);
    }
    fields.fault(name, "has passed; DELETE revokes a key");
    None
}

/// What of a key becomes different. `null` takes a limit or an end away.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KeyPatch {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    scopes: Option<Vec<Scope>>,
    /// `*` stands for all.
    #[schema(min_items = 1)]
    bots: Option<Vec<BotName>>,
    #[schema(value_type = Option<RateLimit>)]
    rate_limit: Option<Option<RateLimit>>,
    /// A time to come; one that has passed is a 422.
    #[schema(value_type = Option<Moment>)]
    expires_at: Option<Option<i64>>,
}

impl Given for KeyPatch {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            name: name(fields, "name"),
            scopes: scopes(fields, "scopes"),
            bots: bots(fields, "bots"),
            rate_limit: fields.nullable("rateLimit", rate),
            expires_at: fields.nullable("expiresAt", to_come),
        }
    }
}

impl From<KeyPatch> for KeyChange {
    fn from(patch: KeyPatch) -> Self {
        Self {
            name: patch.name,
            scopes: patch.scopes.map(words),
            bots: patch.bots.map(words),
            rate: patch.rate_limit.map(|limit| limit.map(Rate::from)),
            expires_ms: patch.expires_at,
        }
    }
}

/// A key as it is shown; the key itself is present once, when it was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Key)]
pub(super) struct KeyShown {
    id: String,
    name: String,
    /// `active`, `expired` or `revoked`.
    state: &'static str,
    #[schema(value_type = Vec<Scope>)]
    scopes: Vec<String>,
    bots: Vec<String>,
    app_id: Option<String>,
    rate_limit: Option<RateLimit>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    /// Accurate to a minute.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
}

impl From<ApiKeyRow> for KeyShown {
    fn from(row: ApiKeyRow) -> Self {
        let state = if row.revoked_ms.is_some() {
            "revoked"
        } else if row.expires_ms.is_some_and(|end| end <= now_ms()) {
            "expired"
        } else {
            "active"
        };
        Self {
            rate_limit: row.rate().map(RateLimit::from),
            id: row.id,
            name: row.name,
            state,
            scopes: row.scopes,
            bots: row.bots,
            app_id: row.app_id,
            created_at: iso(row.created_ms),
            expires_at: row.expires_ms.map(iso),
            revoked_at: row.revoked_ms.map(iso),
            last_used_at: row.last_used_ms.map(iso),
            key: None,
        }
    }
}

/// Every API key, newest first; revoked ones, too.
#[utoipa::path(get, path = "/v1/keys", operation_id = "listKeys", tag = "access",
    responses((status = 200, description = "The keys.", body = KeyList)))]
pub(super) async fn list(State(access): State<Access>, _: May<Administer>) -> Result<Json<KeyList>, Problem> {
    let keys = access.store().api_keys().await?.into_iter().map(KeyShown::from).collect();
    Ok(Json(KeyList { keys }))
}

/// One API key.
#[utoipa::path(get, path = "/v1/keys/{key_id}", operation_id = "getKey", tag = "access", params(("key_id" = String, Path, description = "The key's id; not the key itself.")),
    responses((status = 200, description = "The key.", body = KeyShown)))]
pub(super) async fn one(
    State(access): State<Access>,
    _: May<Administer>,
    Path(key_id): Path<String>,
) -> Result<Json<KeyShown>, Problem> {
    Ok(Json(access.store().api_key_row(&key_id).await?.into()))
}

/// Make an API key. The answer is the one place where it is shown.
#[utoipa::path(post, path = "/v1/keys", operation_id = "createKey", tag = "access", request_body = NewKeyBody,
    responses((status = 201, description = "The key.", body = KeyShown)))]
pub(super) async fn create(
    State(access): State<Access>,
    admin: May<Administer>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<KeyShown>), Problem> {
    let app = body.as_ref().ok().and_then(|body| named_app(body));
    let body: NewKeyBody = match json(body) {
        Ok(body) => body,
        Err(problem) => return Err(without_app(&access, app, problem).await),
    };
    let (mut kept, key) = new_api_key(&body.name, &body.scopes);
    if let Some(bots) = body.bots {
        kept.bots = words(bots);
    }
    kept.app_id = body.app_id;
    kept.rate = body.rate_limit.map(Rate::from);
    kept.expires_ms = body.expires_at;
    let id = kept.id.clone();
    access.store().issue_api_key(kept, admin.actor()).await?;
    let mut shown = KeyShown::from(access.store().api_key_row(&id).await?);
    shown.key = Some(key.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(shown)))
}

/// The app that a body names, whatever else is wrong with it.
fn named_app(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(body.get("appId")?.as_str()?.trim().to_owned())
}

/// What is wrong with a body, and that there is no such app, too.
async fn without_app(access: &Access, app: Option<String>, problem: Problem) -> Problem {
    let told = problem.errors().iter().any(|error| error.field == "appId");
    match app.filter(|_| !told) {
        Some(app) => match access.store().app_row(&app).await {
            Err(unknown @ store::Error::UnknownApp(_)) => problem.with_field("appId", &unknown.to_string()),
            Ok(_) | Err(_) => problem,
        },
        None => problem,
    }
}

/// Change an API key. What is absent stays as it is; `null` takes a limit or an end away.
#[utoipa::path(patch, path = "/v1/keys/{key_id}", operation_id = "changeKey", tag = "access", params(("key_id" = String, Path, description = "The key's id; not the key itself.")),
    request_body = KeyPatch, responses((status = 200, description = "The key as it is now.", body = KeyShown)))]
pub(super) async fn change(
    State(access): State<Access>,
    admin: May<Administer>,
    Path(key_id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<KeyShown>, Problem> {
    let change = KeyChange::from(json::<KeyPatch>(body)?);
    if change == KeyChange::default() {
        return Err(no_effect("name, scopes, bots, rateLimit or expiresAt"));
    }
    access.store().change_api_key(&key_id, change, admin.actor()).await?;
    Ok(Json(access.store().api_key_row(&key_id).await?.into()))
}

/// Revoke an API key: the next request with it is refused.
#[utoipa::path(delete, path = "/v1/keys/{key_id}", operation_id = "revokeKey", tag = "access", params(("key_id" = String, Path, description = "The key's id; not the key itself.")),
    responses((status = 204, description = "It is revoked.")))]
pub(super) async fn revoke(
    State(access): State<Access>,
    admin: May<Administer>,
    Path(key_id): Path<String>,
) -> Result<StatusCode, Problem> {
    if access.store().revoke_api_key_by(&key_id, admin.actor()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found(&format!("API key {key_id} that is not revoked")))
}
