//! `/v1/apps/{appId}/secrets`: rotation without an interruption. A new secret works beside the old ones; those end at
//! once, at a time, or never.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use super::parts::{json, secret};
use crate::access::{Access, Administer, new_app_secret};
use crate::api::error::{Code, Problem};
use crate::api::extract::Path;
use crate::api::fields::{Fields, Given, optional};
use crate::api::may::May;
use crate::api::when::{Moment, moment};
use crate::store::SecretRow;
use crate::wallclock::{iso, now_ms};

/// The secrets of an app.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SecretList {
    pub(super) secrets: Vec<SecretShown>,
}

/// A secret to be made. An empty body makes one.
#[derive(Debug, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSecret)]
pub(super) struct NewSecretBody {
    /// A secret that the app has already; without it one is made.
    #[schema(value_type = Option<String>, min_length = 32, max_length = 1024)]
    pub(super) secret: Option<SecretString>,
    /// When the older secrets end; without it they stay. A time that has passed is now.
    #[schema(value_type = Option<Moment>)]
    pub(super) retire_others_at: Option<i64>,
}

impl Given for NewSecretBody {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { secret: secret(fields), retire_others_at: moment(fields, "retireOthersAt") }
    }
}

/// When a secret ends; `null` takes an end back.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SecretPatch {
    #[schema(value_type = Option<Moment>, required)]
    pub(super) retire_at: Option<i64>,
}

impl Given for SecretPatch {
    fn read(fields: &mut Fields<'_>) -> Self {
        let end = fields.nullable("retireAt", moment);
        if end.is_none() {
            fields.fault("retireAt", "is missing; give a time, or null to take the end back");
        }
        Self { retire_at: end.flatten() }
    }
}

/// A secret as it is shown; the secret itself is present once, when it was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Secret)]
pub(super) struct SecretShown {
    /// From 1 within an app.
    id: i64,
    /// `active`, `ending` or `retired`.
    state: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
    age_days: i64,
    #[schema(format = DateTime)]
    retire_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
}

impl From<SecretRow> for SecretShown {
    fn from(row: SecretRow) -> Self {
        let now = now_ms();
        let state = match row.retired_ms {
            None => "active",
            Some(end) if end > now => "ending",
            Some(_) => "retired",
        };
        Self {
            id: row.seq,
            state,
            created_at: iso(row.created_ms),
            age_days: (now - row.created_ms).div_euclid(86_400_000),
            retire_at: row.retired_ms.map(iso),
            secret: None,
        }
    }
}

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
    let secret = body.secret.unwrap_or_else(new_app_secret);
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

async fn shown(access: &Access, app_id: &str, seq: i64) -> Result<SecretShown, Problem> {
    let row = access.store().secret_rows(app_id).await?.into_iter().find(|row| row.seq == seq);
    Ok(row.ok_or_else(|| Problem::not_found("such secret"))?.into())
}
