//! `/v1/apps/{appId}/secrets`: rotation without an interruption. A new secret works beside the old ones; those end at
//! once, at a time, or never.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::shapes::{NewSecretBody, SecretPatch, SecretShown};
use super::{invalid, malformed, moment};
use crate::api::auth::{Auth, Caller, new_app_secret};
use crate::api::error::{Code, Problem};
use crate::wallclock::now_ms;

/// A secret that is brought along must be as hard to guess as RFC 7518 §3.2 asks of HS256, bytes.
const SHORTEST: usize = 32;
const LONGEST: usize = 1024;

/// `GET /v1/apps/{appId}/secrets`: oldest first, never the secret itself.
pub(super) async fn list(
    State(auth): State<Auth>,
    Path(app_id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let rows = auth.store().secret_rows(&app_id).await?;
    let secrets: Vec<SecretShown> = rows.into_iter().map(SecretShown::from).collect();
    Ok(Json(json!({ "secrets": secrets })))
}

/// `POST /v1/apps/{appId}/secrets`: the answer is the one place where the secret is shown.
pub(super) async fn create(
    State(auth): State<Auth>,
    Extension(caller): Extension<Caller>,
    Path(app_id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<SecretShown>), Problem> {
    let body = body?;
    let body: NewSecretBody = if body.is_empty() {
        NewSecretBody::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Problem::new(Code::Malformed, format!("the body cannot be read: {error}")))?
    };
    let others_end =
        body.retire_others_at.map(|at| moment("retireOthersAt", &at)).transpose()?.map(|at| at.max(now_ms()));
    let secret = given_or_new(body.secret)?;
    let seq = auth.store().rotate_secret(&app_id, secret.clone(), others_end, caller.act()).await?;
    let mut shown = shown(&auth, &app_id, seq).await?;
    shown.secret = Some(secret.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(shown)))
}

/// `PATCH /v1/apps/{appId}/secrets/{id}`: lets it end at a time, or takes that back.
pub(super) async fn change(
    State(auth): State<Auth>,
    Extension(caller): Extension<Caller>,
    Path((app_id, seq)): Path<(String, i64)>,
    body: Result<Json<SecretPatch>, JsonRejection>,
) -> Result<Json<SecretShown>, Problem> {
    let Json(SecretPatch { retire_at }) = body.map_err(|rejection| malformed(&rejection))?;
    let at = match retire_at {
        Value::Null => None,
        at => Some(moment("retireAt", &at)?.max(now_ms())),
    };
    auth.store().retire_secret(&app_id, seq, at, caller.act()).await?;
    Ok(Json(shown(&auth, &app_id, seq).await?))
}

/// `DELETE /v1/apps/{appId}/secrets/{id}`: ends it now.
pub(super) async fn retire(
    State(auth): State<Auth>,
    Extension(caller): Extension<Caller>,
    Path((app_id, seq)): Path<(String, i64)>,
) -> Result<StatusCode, Problem> {
    auth.store().retire_secret(&app_id, seq, Some(now_ms()), caller.act()).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn given_or_new(given: Option<SecretString>) -> Result<SecretString, Problem> {
    let Some(secret) = given else { return Ok(new_app_secret()) };
    if (SHORTEST..=LONGEST).contains(&secret.expose_secret().len()) {
        return Ok(secret);
    }
    Err(invalid("secret", "must have 32 to 1024 bytes; leave it out to have one made"))
}

async fn shown(auth: &Auth, app_id: &str, seq: i64) -> Result<SecretShown, Problem> {
    let row = auth.store().secret_rows(app_id).await?.into_iter().find(|row| row.seq == seq);
    Ok(row.ok_or_else(|| Problem::not_found("such secret"))?.into())
}
