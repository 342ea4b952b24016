//! `/v1/apps/{appId}/secrets`: rotation without an interruption. A new secret works beside the old ones; those end at
//! once, at a time, or never.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use secrecy::{ExposeSecret, SecretString};

use super::json;
use super::shapes::{NewSecretBody, SecretList, SecretPatch, SecretShown};
use crate::access::{Access, Administer, new_app_secret};
use crate::api::error::{Code, Problem};
use crate::api::extract::Path;
use crate::api::fields::{Fields, optional};
use crate::api::may::May;
use crate::wallclock::now_ms;

/// A secret that is brought along must be as hard to guess as RFC 7518 §3.2 asks of HS256, bytes.
const SHORTEST: usize = 32;
const LONGEST: usize = 1024;

/// The secrets of an app with their ages, oldest first; never the secrets themselves.
#[utoipa::path(get, path = "/v1/apps/{app_id}/secrets", operation_id = "listSecrets", tag = "access", params(("app_id" = String, Path, description = "The app.")),
    responses((status = 200, description = "The secrets.", body = SecretList)))]
pub(super) async fn list(
    State(access): State<Access>,
    _: May<Administer>,
    Path(app_id): Path<String>,
) -> Result<Json<SecretList>, Problem> {
    let rows = access.store().secret_rows(&app_id).await?;
    Ok(Json(SecretList { secrets: rows.into_iter().map(SecretShown::from).collect() }))
}

/// Add a secret to an app, beside those it has. The answer is the one place where it is shown.
#[utoipa::path(post, path = "/v1/apps/{app_id}/secrets", operation_id = "addSecret", tag = "access", params(("app_id" = String, Path, description = "The app.")),
    request_body = Option<NewSecretBody>, responses((status = 201, description = "The secret.", body = SecretShown)))]
pub(super) async fn create(
    State(access): State<Access>,
    admin: May<Administer>,
    Path(app_id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<SecretShown>), Problem> {
    let body: NewSecretBody = optional(body, Code::Invalid)?.unwrap_or_default();
    let others_end = body.retire_others_at.map(|at| at.max(now_ms()));
    let secret = given_or_new(body.secret);
    let seq = access.store().rotate_secret(&app_id, secret.clone(), others_end, admin.actor()).await?;
    let mut shown = shown(&access, &app_id, seq).await?;
    shown.secret = Some(secret.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Let a secret end at a time, or take that back. A time that has passed is now.
#[utoipa::path(patch, path = "/v1/apps/{app_id}/secrets/{secret_id}", operation_id = "changeSecret", tag = "access",
    params(("app_id" = String, Path, description = "The app."), ("secret_id" = i64, Path, description = "Its number in the list, from 1.", minimum = 1)),
    request_body = SecretPatch, responses((status = 200, description = "The secret as it is now.", body = SecretShown)))]
pub(super) async fn change(
    State(access): State<Access>,
    admin: May<Administer>,
    Path((app_id, seq)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<SecretShown>, Problem> {
    let SecretPatch { retire_at } = json(body)?;
    let seq = number(&seq)?;
    let at = retire_at.map(|at| at.max(now_ms()));
    access.store().retire_secret(&app_id, seq, at, admin.actor()).await?;
    Ok(Json(shown(&access, &app_id, seq).await?))
}

/// End a secret now.
#[utoipa::path(delete, path = "/v1/apps/{app_id}/secrets/{secret_id}", operation_id = "retireSecret", tag = "access",
    params(("app_id" = String, Path, description = "The app."), ("secret_id" = i64, Path, description = "Its number in the list, from 1.", minimum = 1)),
    responses((status = 204, description = "It has ended.")))]
pub(super) async fn retire(
    State(access): State<Access>,
    admin: May<Administer>,
    Path((app_id, seq)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    access.store().retire_secret(&app_id, number(&seq)?, Some(now_ms()), admin.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn number(given: &str) -> Result<i64, Problem> {
    given.parse().map_err(|_| Problem::not_found("such secret; secrets have numbers"))
}

/// A secret that is brought along.
pub(super) fn secret(fields: &mut Fields<'_>) -> Option<SecretString> {
    let secret = fields.any_text("secret")?;
    if (SHORTEST..=LONGEST).contains(&secret.len()) {
        return Some(secret.into());
    }
    fields.fault("secret", "must have 32 to 1024 bytes; leave it out to have one made");
    None
}

pub(super) fn given_or_new(given: Option<SecretString>) -> SecretString {
    given.unwrap_or_else(new_app_secret)
}

async fn shown(access: &Access, app_id: &str, seq: i64) -> Result<SecretShown, Problem> {
    let row = access.store().secret_rows(app_id).await?.into_iter().find(|row| row.seq == seq);
    Ok(row.ok_or_else(|| Problem::not_found("such secret"))?.into())
}
