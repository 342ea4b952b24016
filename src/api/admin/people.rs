//! `/v1/people`: people who sign in to the pages. They choose their passwords themselves, by links that are good once.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::parts::{json, name, no_effect};
use crate::access::{Access, Administer, Role};
use crate::api::error::Problem;
use crate::api::extract::Path;
use crate::api::fields::{Fields, Given};
use crate::api::may::May;
use crate::store::{FactorGone, PersonChange, PersonRow};
use crate::wallclock::iso;

/// Everybody.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PersonList {
    people: Vec<PersonShown>,
}

/// Somebody to be.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPerson)]
pub(super) struct NewPersonBody {
    /// What they sign in with; its case does not matter.
    #[schema(min_length = 1, max_length = 60)]
    name: String,
    role: Role,
}

/// Longest name, characters.
const LONGEST_NAME: usize = 60;

fn role(fields: &mut Fields<'_>, name: &'static str) -> Option<Role> {
    fields.word(name, &Role::ALL.map(|role| (role.as_str(), role)))
}

fn short_name(fields: &mut Fields<'_>, field: &'static str) -> Option<String> {
    let given = name(fields, field)?;
    if given.chars().count() <= LONGEST_NAME {
        return Some(given);
    }
    fields.fault(field, format!("is longer than {LONGEST_NAME} characters"));
    None
}

impl Given for NewPersonBody {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            name: fields.required("name", "say what they sign in with", short_name),
            role: fields.required("role", "say what they may do", role),
        }
    }
}

/// What of somebody becomes different.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonPatch {
    role: Option<Role>,
    /// Who is disabled is signed out everywhere at once.
    disabled: Option<bool>,
}

impl Given for PersonPatch {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { role: role(fields, "role"), disabled: fields.yes("disabled") }
    }
}

/// Somebody.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Person)]
pub(super) struct PersonShown {
    id: String,
    name: String,
    #[schema(value_type = Role)]
    role: String,
    /// `invited` until they chose a password or came from the issuer, `active`, or `disabled`.
    state: &'static str,
    /// Browsers in which they are signed in.
    browsers: i64,
    /// A code is asked of them beside the password.
    second_factor: bool,
    #[schema(format = DateTime)]
    created_at: String,
    /// Accurate to some minutes.
    #[schema(format = DateTime)]
    last_seen_at: Option<String>,
    /// The path of the link with which they choose a password, within a day and once; only when it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl From<PersonRow> for PersonShown {
    fn from(row: PersonRow) -> Self {
        let state = match (row.disabled_ms, row.has_password || row.has_openid) {
            (Some(_), _) => "disabled",
            (None, true) => "active",
            (None, false) => "invited",
        };
        Self {
            id: row.id,
            name: row.name,
            role: row.role,
            state,
            browsers: row.browsers,
            second_factor: row.has_second_factor,
            created_at: iso(row.created_ms),
            last_seen_at: row.last_seen_ms.map(iso),
            link: None,
        }
    }
}

async fn shown(access: &Access, id: &str) -> Result<PersonShown, Problem> {
    Ok(access.store().person(id).await?.into())
}

/// Everybody who may sign in, by name.
#[utoipa::path(get, path = "/v1/people", operation_id = "listPeople", tag = "access",
    responses((status = 200, description = "They.", body = PersonList)))]
pub(super) async fn list(
    State(access): State<Access>,
    _: May<Administer>,
) -> Result<Json<PersonList>, Problem> {
    let people = access.store().people().await?.into_iter().map(PersonShown::from).collect();
    Ok(Json(PersonList { people }))
}

/// Invite somebody. The answer is the one place where their link is shown.
#[utoipa::path(post, path = "/v1/people", operation_id = "invitePerson", tag = "access", request_body = NewPersonBody,
    responses((status = 201, description = "They, and their link.", body = PersonShown)))]
pub(super) async fn invite(
    State(access): State<Access>,
    admin: May<Administer>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<PersonShown>), Problem> {
    let body: NewPersonBody = json(body)?;
    let person = access.add_person(&body.name, body.role, admin.actor()).await?;
    let link = access.password_link(&person.id, admin.actor()).await?;
    let shown = PersonShown { link: Some(link.expose_secret().to_owned()), ..person.into() };
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Change what somebody may do, or whether they may sign in.
#[utoipa::path(patch, path = "/v1/people/{person_id}", operation_id = "changePerson", tag = "access",
    params(("person_id" = String, Path, description = "The person's id.")), request_body = PersonPatch,
    responses((status = 200, description = "They as they are now.", body = PersonShown)))]
pub(super) async fn change(
    State(access): State<Access>,
    admin: May<Administer>,
    Path(person_id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<PersonShown>, Problem> {
    let patch: PersonPatch = json(body)?;
    let change = PersonChange { role: patch.role.map(String::from), disabled: patch.disabled };
    if change == PersonChange::default() {
        return Err(no_effect("role or disabled"));
    }
    access.store().change_person(&person_id, change, admin.actor()).await?;
    Ok(Json(shown(&access, &person_id).await?))
}

/// Give somebody a new link to choose a password with; earlier links are good no more.
///
/// Their present password goes on until they choose the next one.
#[utoipa::path(post, path = "/v1/people/{person_id}/link", operation_id = "linkPerson", tag = "access",
    params(("person_id" = String, Path, description = "The person's id.")),
    responses((status = 201, description = "They, and their link.", body = PersonShown)))]
pub(super) async fn link(
    State(access): State<Access>,
    admin: May<Administer>,
    Path(person_id): Path<String>,
) -> Result<(StatusCode, Json<PersonShown>), Problem> {
    let link = access.password_link(&person_id, admin.actor()).await?;
    let person = shown(&access, &person_id).await?;
    Ok((StatusCode::CREATED, Json(PersonShown { link: Some(link.expose_secret().to_owned()), ..person })))
}

/// Take somebody's second factor away, with its recovery codes.
///
/// For who lost their telephone and their codes. They sign in with the password alone from then on, or, where their role needs a
/// second factor, set it up anew when they do.
#[utoipa::path(delete, path = "/v1/people/{person_id}/second-factor", operation_id = "resetSecondFactor", tag = "access",
    params(("person_id" = String, Path, description = "The person's id.")),
    responses((status = 200, description = "They as they are now.", body = PersonShown)))]
pub(super) async fn reset_second_factor(
    State(access): State<Access>,
    admin: May<Administer>,
    Path(person_id): Path<String>,
) -> Result<Json<PersonShown>, Problem> {
    let person = access.store().person(&person_id).await?;
    access.store().drop_second_factor(&person.id, FactorGone::Reset, admin.actor()).await?;
    Ok(Json(shown(&access, &person_id).await?))
}
