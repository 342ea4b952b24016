//! `/v1/keys`: API keys.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use secrecy::ExposeSecret;

use super::shapes::{KeyList, KeyPatch, KeyShown, NewKeyBody};
use super::{json, no_effect};
use crate::access::{Access, Administer, new_api_key};
use crate::api::error::Problem;
use crate::api::extract::Path;
use crate::api::may::May;
use crate::store::KeyChange;

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
    let body: NewKeyBody = json(body)?;
    let (mut kept, key) = new_api_key(&body.name, &body.scopes);
    if let Some(bots) = body.bots {
        kept.bots = bots;
    }
    kept.app_id = body.app_id;
    kept.rate = body.rate_limit;
    kept.expires_ms = body.expires_at;
    let id = kept.id.clone();
    access.store().issue_api_key(kept, admin.actor()).await?;
    let mut shown = KeyShown::from(access.store().api_key_row(&id).await?);
    shown.key = Some(key.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(shown)))
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
    let change: KeyChange = json(body)?;
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
