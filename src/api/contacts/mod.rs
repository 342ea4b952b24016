//! `/v1/contacts`: people, their numbers, and what a flow is to know of them. Names on the wire are those of
//! the Calls API, in snake case.

pub(super) mod columns;
pub(crate) mod import;
mod person;
pub(super) mod sheet;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use self::person::{Body, Change, TOO_MUCH};
use super::Api;
use super::error::{Code, Problem, ProblemDocument};
use super::extract::{Path, Query, cursor, page_size, wrong};
use super::fields::{self, Fields, json};
use super::may::May;
use super::problems::{BadField, BadId, BadParameter, NoSuchContact, TooLarge};
use crate::access::{KeepContacts, SeeContacts};
use crate::store::{AuditAction, ContactChange, ContactRow, Cursor, Merged};
use crate::telemetry::mask;
use crate::wallclock::iso;

/// A person who can be called.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Contact {
    contact_id: String,
    /// As it is dialled: digits, with a plus where it was given with its country. `null` where they are called by links in
    /// their browser.
    #[schema(example = "+6281234567890")]
    phone_number: Option<String>,
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
            phone_number: Some(row.number).filter(|number| !number.is_empty()),
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

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Part of a name or of a number (3 digits or more), or a whole id.
    #[param(min_length = 1, max_length = 200)]
    search: Option<String>,
    /// Contacts on a page; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: u32,
    /// `next` of the page before.
    #[param(value_type = Option<String>, pattern = r"^[0-9]{1,15}\.[A-Za-z0-9._-]+$")]
    after: Option<Cursor>,
}

impl fields::Given for ListQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        let search = fields.any_text("search");
        Self {
            search: search
                .and_then(|text| fields.checked("search", |_| fields::short_text(&text, LONGEST_SEARCH))),
            limit: page_size(fields),
            after: cursor(fields),
        }
    }
}

/// Longest text that is looked for, characters.
const LONGEST_SEARCH: usize = 200;

/// Contacts, newest first, by pages.
#[utoipa::path(get, path = "/v1/contacts", operation_id = "listContacts", tag = "contacts", params(ListQuery),
    responses(
        (status = 200, description = "A page of contacts.", body = ContactList),
        BadParameter,
    ))]
pub(super) async fn list(
    State(api): State<Api>,
    _: May<SeeContacts>,
    Query(query): Query<ListQuery>,
) -> Result<Json<ContactList>, Problem> {
    let page = api.store.contacts(query.search.as_deref(), query.after.as_ref(), query.limit).await?;
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(Json(ContactList { contacts: page.items.into_iter().map(Contact::from).collect(), next }))
}

/// Add a contact.
#[utoipa::path(post, path = "/v1/contacts", operation_id = "createContact", tag = "contacts",
    request_body(content = Body),
    responses(
        (status = 201, description = "The contact is kept.", body = Contact),
        BadField,
        (status = 409, description = "There is a contact of that id.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
    ))]
pub(super) async fn create(
    State(api): State<Api>,
    keeper: May<KeepContacts>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Contact>), Problem> {
    let contact = json::<Body>(body)?.at_home(api.calls.country())?;
    let kept = api.store.create_contact(contact).await?;
    api.access.record(&keeper, AuditAction::ContactCreate, "").await;
    Ok((StatusCode::CREATED, Json(kept.into())))
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
    _: May<SeeContacts>,
    Path(contact_id): Path<String>,
) -> Result<Json<Contact>, Problem> {
    let found = api.store.contact(&contact_id).await?;
    Ok(Json(found.ok_or_else(|| unknown(&contact_id))?.into()))
}

/// Change a contact. What is absent stays; `null` takes a field away; `metadata` is merged and may have 16 KiB.
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
    keeper: May<KeepContacts>,
    Path(contact_id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Contact>, Problem> {
    let change = json::<Change>(body)?.at_home(api.calls.country())?;
    let merges_nothing = change.metadata.as_ref().is_none_or(|patch| *patch == serde_json::json!({}));
    if merges_nothing && (ContactChange { metadata: None, ..change.clone() }) == ContactChange::default() {
        if api.store.contact(&contact_id).await?.is_none() {
            return Err(unknown(&contact_id));
        }
        let detail = "the body changes nothing; send `phone_number`, `name`, `flow` or `metadata` with what is to change";
        return Err(Problem::new(Code::Malformed, detail));
    }
    match api.store.change_contact(&contact_id, change).await? {
        (Merged::TooLarge, _) => Err(wrong("metadata", TOO_MUCH)),
        (Merged::Done | Merged::Unknown, row) => {
            let kept = row.ok_or_else(|| unknown(&contact_id))?;
            api.access.record(&keeper, AuditAction::ContactChange, &without_number(&contact_id)).await;
            Ok(Json(kept.into()))
        }
    }
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
    keeper: May<KeepContacts>,
    Path(contact_id): Path<String>,
) -> Result<StatusCode, Problem> {
    if api.store.delete_contact(&contact_id).await? {
        api.access.record(&keeper, AuditAction::ContactDelete, &without_number(&contact_id)).await;
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(unknown(&contact_id))
    }
}

/// The id of a contact for the audit log, masked when it is a telephone number.
fn without_number(id: &str) -> String {
    let digits = id.trim_start_matches('+');
    let is_number = digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { mask(id) } else { id.to_owned() }
}

fn unknown(contact_id: &str) -> Problem {
    Problem::not_found(&format!("contact {contact_id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_a_number_is_masked_in_the_audit_log() {
        assert_eq!(without_number("62812345678"), "…78");
        assert_eq!(without_number("jj084"), "jj084");
    }
}
