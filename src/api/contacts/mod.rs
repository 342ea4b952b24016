//! `/v1/contacts`: people, their numbers, and what a flow is to know of them. Names on the wire are those of
//! the Calls API, in snake case.

pub(super) mod import;
mod person;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use self::person::{Change, Given};
use super::Api;
use super::error::{Problem, ProblemDocument};
use super::extract::{Path, Query, cursor, json, page_size};
use super::openapi::{BadField, BadId, BadParameter, NoSuchContact, TooLarge};
use crate::store::ContactRow;
use crate::wallclock::iso;

/// A person who can be called.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Contact {
    contact_id: String,
    /// As it is dialled: digits, with a plus where it was given with its country.
    #[schema(example = "+6281234567890")]
    phone_number: String,
    name: Option<String>,
    /// The flow of calls that name none.
    flow: Option<String>,
    /// Variables of the flow.
    #[schema(value_type = Object)]
    metadata: Value,
    /// The number's owner asked not to be called again.
    do_not_call: bool,
    /// When they asked.
    #[schema(format = DateTime)]
    do_not_call_since: Option<String>,
    /// The call in which they asked.
    do_not_call_id: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<ContactRow> for Contact {
    fn from(row: ContactRow) -> Self {
        Self {
            contact_id: row.id,
            phone_number: row.number,
            name: row.name,
            flow: row.flow,
            metadata: row.metadata,
            do_not_call: row.do_not_call_ms.is_some(),
            do_not_call_since: row.do_not_call_ms.map(iso),
            do_not_call_id: row.do_not_call_id,
            created_at: iso(row.created_ms),
            updated_at: iso(row.updated_ms),
        }
    }
}

/// A page of contacts, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContactList {
    contacts: Vec<Contact>,
    /// The parameter `after` of the next page; `null` on the last one.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Part of a name or of a number (3 digits or more), or a whole id.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Contacts on a page; 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(pattern = r"^[0-9]{1,15}\.[A-Za-z0-9._-]+$")]
    after: Option<String>,
}

/// Contacts, newest first, by pages.
#[utoipa::path(get, path = "/v1/contacts", operation_id = "listContacts", tag = "contacts", params(ListQuery),
    responses(
        (status = 200, description = "A page of contacts.", body = ContactList),
        BadParameter,
    ))]
pub(super) async fn list(
    State(api): State<Api>,
    Query(query): Query<ListQuery>,
) -> Result<Json<ContactList>, Problem> {
    let after = cursor(query.after.as_deref())?;
    let limit = page_size(query.limit)?;
    let search = query.search.as_deref().map(str::trim).filter(|search| !search.is_empty());
    let page = api.store.contacts(search, after.as_ref(), limit).await?;
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(Json(ContactList { contacts: page.contacts.into_iter().map(Contact::from).collect(), next }))
}

/// Add a contact.
#[utoipa::path(post, path = "/v1/contacts", operation_id = "createContact", tag = "contacts",
    request_body(content = Given),
    responses(
        (status = 201, description = "The contact is kept.", body = Contact),
        BadField,
        (status = 409, description = "There is a contact of that id.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
    ))]
pub(super) async fn create(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Contact>), Problem> {
    let contact = json::<Given>(body)?.checked()?;
    Ok((StatusCode::CREATED, Json(api.store.create_contact(contact).await?.into())))
}

/// One contact.
#[utoipa::path(get, path = "/v1/contacts/{contact_id}", operation_id = "getContact", tag = "contacts",
    params(("contact_id" = String, Path, description = "The contact.")),
    responses(
        (status = 200, description = "The contact.", body = Contact),
        BadId,
        NoSuchContact,
    ))]
pub(super) async fn one(
    State(api): State<Api>,
    Path(contact_id): Path<String>,
) -> Result<Json<Contact>, Problem> {
    let found = api.store.contact(&contact_id).await?;
    Ok(Json(found.ok_or_else(|| unknown(&contact_id))?.into()))
}

/// Change a contact. What is absent stays; `null` takes a field away; `metadata` is merged.
#[utoipa::path(patch, path = "/v1/contacts/{contact_id}", operation_id = "changeContact", tag = "contacts",
    params(("contact_id" = String, Path, description = "The contact.")),
    request_body(content = Change),
    responses(
        (status = 200, description = "The contact as it is now.", body = Contact),
        BadField,
        NoSuchContact,
        TooLarge,
    ))]
pub(super) async fn change(
    State(api): State<Api>,
    Path(contact_id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Contact>, Problem> {
    let change = json::<Change>(body)?.checked()?;
    let changed = api.store.change_contact(&contact_id, change).await?;
    Ok(Json(changed.ok_or_else(|| unknown(&contact_id))?.into()))
}

/// Delete a contact. Its calls stay, and so does the wish not to be called.
#[utoipa::path(delete, path = "/v1/contacts/{contact_id}", operation_id = "deleteContact", tag = "contacts",
    params(("contact_id" = String, Path, description = "The contact.")),
    responses(
        (status = 204, description = "It is gone."),
        BadId,
        NoSuchContact,
    ))]
pub(super) async fn delete(
    State(api): State<Api>,
    Path(contact_id): Path<String>,
) -> Result<StatusCode, Problem> {
    if api.store.delete_contact(&contact_id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(unknown(&contact_id))
    }
}

fn unknown(contact_id: &str) -> Problem {
    Problem::not_found(&format!("contact {contact_id}"))
}
