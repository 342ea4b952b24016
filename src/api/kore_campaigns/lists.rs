//! Contact lists, and contacts that are added to them.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use callcore::language::zone_name;
use callcore::number::Country;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Reply;
use crate::api::Api;
use crate::api::error::{Code, Problem, ProblemDocument};
use crate::api::extract::Path;
use crate::api::fields::{Faults, Fields, Names, Object};
use crate::api::may::Campaigner;
use crate::api::numbers;
use crate::api::problems::{BadField, BadId, TooLarge};
use crate::store::{Actor, CampaignState, Cursor, ImportRow, ImportState, ListRow, NewList};
use crate::wallclock::iso;

/// Largest body with contacts, bytes.
pub(super) const LARGEST: usize = 8 * 1024 * 1024;
/// Most contacts in one request.
const MOST: usize = 20_000;
/// How long a request waits until its contacts are in the list.
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_NAME: usize = 48;
const LONGEST_DESCRIPTION: usize = 256;
const LONGEST_WORD: usize = 64;
const LONGEST_LIST: usize = 200;
/// Contacts that were refused and are told one by one.
const TOLD: u32 = 100;
const PAGE: u32 = 500;

/// What our files call Kore's columns.
const COLUMNS: [(&str, &str); 3] =
    [("phoneNumber", "phone"), ("uniqueId", "externalId"), ("timeZone", "timezone")];

/// A list to make.
#[derive(Debug, Default, PartialEq, ToSchema)]
#[schema(as = KoreNewContactList, example = json!({ "name": "november", "description": "Renewals", "source": "passiveApi",
    "allowDuplicates": false, "country": "ID", "timezone": "Asia/Jakarta" }))]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    #[schema(min_length = 1, max_length = 48)]
    name: String,
    /// Not kept.
    #[schema(value_type = Option<String>, max_length = 256)]
    description: (),
    /// `passiveApi`.
    #[schema(value_type = Option<String>)]
    source: (),
    /// A list keeps each number once, whatever this says.
    #[schema(value_type = Option<bool>)]
    allow_duplicates: (),
    /// Not at Kore: the country of numbers that do not name their own; that of the server when absent.
    #[schema(value_type = Option<String>, pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    country: Option<Country>,
    /// Not at Kore: the zone of contacts whose zone neither they nor their number tell.
    timezone: Option<String>,
}

fn new_list(body: &[u8]) -> Result<(Asked, Vec<String>), Problem> {
    let mut faults = Faults::default();
    let read = Object::read(body, "body")?.fields(Names::AnyCase, &mut faults, |fields| {
        let name = fields.required("name", "give the list a name", |fields, name| {
            fields.read(name, LONGEST_NAME, |text| {
                let is_id = text.to_ascii_lowercase().starts_with("ls_");
                if is_id {
                    Err("begins like an id, ls_; choose another name".into())
                } else {
                    Ok(text.to_owned())
                }
            })
        });
        if fields.text("description", LONGEST_DESCRIPTION).is_some() {
            fields.ignore("description");
        }
        if let Some(source) = fields.text("source", LONGEST_WORD)
            && !source.to_ascii_lowercase().starts_with("passiveapi")
        {
            fields.fault(
                "source",
                "must be passiveApi; files are imported by POST /v1/lists/{list_id}/imports",
            );
        }
        if fields.yes("allowDuplicates") == Some(true) {
            fields.ignore("allowDuplicates");
        }
        let timezone = fields
            .read("timezone", LONGEST_WORD, |text| zone_name(text).map_err(|unknown| unknown.to_string()));
        let country = numbers::country(fields);
        Asked { name, country, timezone, ..Asked::default() }
    });
    Ok((read, faults.end(Code::Malformed)?))
}

/// A contact list as it is answered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KoreContactList)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContactList {
    #[serde(rename = "_id")]
    underscored: String,
    id: String,
    name: String,
    total_record_count: i64,
    #[schema(pattern = "^Ready$")]
    status: &'static str,
    #[schema(pattern = "^call$")]
    list_type: &'static str,
    source: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<ListRow> for ContactList {
    fn from(row: ListRow) -> Self {
        Self {
            underscored: row.id.clone(),
            id: row.id,
            name: row.name,
            total_record_count: row.contacts,
            status: "Ready",
            list_type: "call",
            source: "passiveApi",
            created_at: iso(row.created_ms),
            updated_at: iso(row.updated_ms),
        }
    }
}

async fn found(api: &Api, id: &str) -> Result<ListRow, Problem> {
    api.store.list(id).await?.ok_or_else(|| Problem::not_found(&format!("contact list {id}")))
}

/// Make a contact list. Lists are those of the whole server: an app may also use one that a person has filled.
#[utoipa::path(post, path = "/campaign/api/v2/public/{stream_id}/campaign/contactList/createContactList",
    operation_id = "koreCreateContactList", tag = "kore-campaigns", security(("appToken" = []), ("appBearer" = [])),
    params(("stream_id" = String, Path, description = "A bot; any will do.")),
    request_body(content = Asked),
    responses(
        (status = 200, description = "It is made.", body = inline(Reply<ContactList>),
            headers(("dering-ignored-fields" = Option<String>, description = "Fields without a meaning here."))),
        BadField,
        (status = 409, description = "There is a list of that name.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
    ))]
pub(super) async fn create(
    State(api): State<Api>,
    Campaigner { principal, .. }: Campaigner,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (asked, ignored) = new_list(&body?)?;
    let country = asked.country.map(|country| country.to_string());
    let list = NewList { name: asked.name, country, zone: asked.timezone };
    let row = api.store.create_list(list, principal.actor()).await?;
    let message = format!("Contact list {} created successfully", row.name);
    Ok(Reply::new(message, ContactList::from(row)).ignoring(&ignored))
}

/// All contact lists of the server, newest first.
#[utoipa::path(post, path = "/campaign/api/v2/public/{stream_id}/campaign/contactList/getAllListDetails",
    operation_id = "koreListContactLists", tag = "kore-campaigns", security(("appToken" = []), ("appBearer" = [])),
    params(("stream_id" = String, Path, description = "A bot; any will do.")),
    responses((status = 200, description = "All of them.", body = inline(Reply<Vec<ContactList>>)), BadId))]
pub(super) async fn all(State(api): State<Api>, _: Campaigner) -> Result<Reply<Vec<ContactList>>, Problem> {
    let mut lists = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = api.store.lists(after.as_ref(), PAGE).await?;
        lists.extend(page.items.into_iter().map(ContactList::from));
        after = page.next;
        if after.is_none() {
            return Ok(Reply::new("", lists));
        }
    }
}

/// One contact list, by its id or its name.
#[utoipa::path(get, path = "/campaign/api/v2/public/{stream_id}/campaign/contactList/{list_id}",
    operation_id = "koreGetContactList", tag = "kore-campaigns", security(("appToken" = []), ("appBearer" = [])),
    params(
        ("stream_id" = String, Path, description = "A bot; any will do."),
        ("list_id" = String, Path, description = "The list."),
    ),
    responses(
        (status = 200, description = "The list.", body = inline(Reply<ContactList>)),
        BadId,
        (status = 404, description = "There is no such list.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn one(
    State(api): State<Api>,
    _: Campaigner,
    Path((_, id)): Path<(String, String)>,
) -> Result<Reply<ContactList>, Problem> {
    Ok(Reply::new("", found(&api, &id).await?.into()))
}

/// Delete a contact list that no campaign calls.
#[utoipa::path(delete, path = "/campaign/api/v2/public/{stream_id}/campaign/contactList/{list_id}",
    operation_id = "koreDeleteContactList", tag = "kore-campaigns", security(("appToken" = []), ("appBearer" = [])),
    params(
        ("stream_id" = String, Path, description = "A bot; any will do."),
        ("list_id" = String, Path, description = "The list."),
    ),
    responses(
        (status = 200, description = "It is gone; this is how it stood.", body = inline(Reply<ContactList>)),
        BadId,
        (status = 404, description = "There is no such list.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "A campaign calls it.", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn delete(
    State(api): State<Api>,
    Campaigner { principal, .. }: Campaigner,
    Path((_, id)): Path<(String, String)>,
) -> Result<Reply<ContactList>, Problem> {
    let row = found(&api, &id).await?;
    api.lists.delete(&row.id, principal.actor()).await?;
    let message = format!("Contact list {} deleted successfully", row.name);
    Ok(Reply::new(message, row.into()))
}

/// Contacts for a list.
#[derive(Debug, ToSchema)]
#[schema(as = KoreNewContacts, example = json!({ "contact_list_name": "november",
    "data": [{ "phoneNumber": "+6281234567890", "uniqueId": "K7", "firstName": "Ani", "amount": 120 }] }))]
pub(super) struct NewContacts {
    /// The list's name, or its id.
    contact_list_name: String,
    /// Each with its `phoneNumber`; `uniqueId`, `timeZone`, `country`, `name`, `consentAt` mean what they mean in a file of
    /// contacts, and everything else is a variable of the flow.
    #[schema(value_type = Vec<Object>)]
    data: Vec<Map<String, Value>>,
}

fn new_contacts(body: &[u8]) -> Result<(NewContacts, Vec<String>), Problem> {
    let mut faults = Faults::default();
    let read = Object::read(body, "body")?.fields(Names::AnyCase, &mut faults, |fields| NewContacts {
        contact_list_name: fields
            .required("contact_list_name", "name the list", |fields, name| fields.text(name, LONGEST_LIST)),
        data: fields.required(
            "data",
            "send contacts, as in [{ \"phoneNumber\": \"+6281234567890\" }]",
            contacts,
        ),
    });
    Ok((read, faults.end(Code::Malformed)?))
}

fn contacts(fields: &mut Fields<'_>, name: &'static str) -> Option<Vec<Map<String, Value>>> {
    let Some(Value::Array(items)) = fields.take(name) else {
        fields.fault(name, "must be a list of objects, [ { … } ]");
        return None;
    };
    if items.is_empty() || items.len() > MOST {
        fields.fault(name, format!("has {} contacts; send 1 to {MOST} in a request", items.len()));
        return None;
    }
    let mut contacts = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        match item {
            Value::Object(members) => {
                let contact = renamed(members);
                if contact.get("phone").is_none_or(Value::is_null) {
                    fields.fault(&format!("{name}[{at}].phoneNumber"), "is missing");
                }
                contacts.push(contact);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                fields.fault(&format!("{name}[{at}]"), "must be an object, { … }");
            }
        }
    }
    Some(contacts)
}

/// A contact with its columns by the names of our files.
fn renamed(members: Map<String, Value>) -> Map<String, Value> {
    let ours = |name: String| {
        let known = COLUMNS.iter().find(|(kores, _)| kores.eq_ignore_ascii_case(&name));
        known.map_or(name, |(_, ours)| (*ours).to_owned())
    };
    members.into_iter().map(|(name, value)| (ours(name), value)).collect()
}

/// What became of contacts that were sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KoreAddedContacts)]
pub(super) struct Added {
    /// Numbers that the list has now and had not before.
    added: i64,
    /// Numbers that it had, or that came twice.
    duplicates: i64,
    refused: i64,
    /// Why, of the first hundred.
    problems: Vec<String>,
}

/// Add contacts to a list; each number is kept once. A campaign that runs calls them, too.
///
/// They are in the list when this is answered; of more than a few seconds' work the message is `… is in progress`.
#[utoipa::path(post, path = "/campaign/api/v2/public/{stream_id}/campaign/contactList/addContacts",
    operation_id = "koreAddContacts", tag = "kore-campaigns", security(("appToken" = []), ("appBearer" = [])),
    params(("stream_id" = String, Path, description = "A bot; any will do.")),
    request_body(content = NewContacts),
    responses(
        (status = 200, description = "What became of them.", body = inline(Reply<Added>)),
        BadField,
        (status = 404, description = "There is no such list.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "A file is being read into the list.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 413, description = "The body is larger than 8 MiB.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "Every contact was refused; `errors` says why.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn add(
    State(api): State<Api>,
    Campaigner { app_id, principal, .. }: Campaigner,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            Code::TooLarge,
            "the body is larger than 8 MiB; send the contacts in several requests",
        ),
        _ => rejection.into(),
    })?;
    let (asked, ignored) = new_contacts(&body)?;
    let list = found(&api, &asked.contact_list_name).await?;
    let import = imported(&api, &list, &asked.data, &app_id, principal.actor()).await?;
    let problems = api.store.import_errors(&import.id, TOLD).await?;
    let told = |row: &crate::store::RowErrorRow| {
        // Lines are counted from 1, entries from 0.
        let at = format!("data[{}]", row.line - 1);
        let part = row.field.as_deref().map(|field| format!(".{}", kores_column(field))).unwrap_or_default();
        (format!("{at}{part}"), row.problem.clone())
    };
    let problems: Vec<(String, String)> = problems.iter().map(told).collect();
    if import.state == ImportState::Done && import.added == 0 && import.duplicates == 0 {
        let refused = Problem::new(Code::Invalid, "none of the contacts can be called; `errors` says why");
        return Err(problems.iter().fold(refused, |refused, (field, why)| refused.with_field(field, why)));
    }
    let message = match import.state {
        ImportState::Running => "Adding contacts to public list is in progress".to_owned(),
        ImportState::Failed => {
            let why = import.problem.as_deref().unwrap_or("its reading failed");
            return Err(Problem::new(Code::Invalid, format!("the contacts were not added: {why}")));
        }
        ImportState::Done | ImportState::Undoing | ImportState::Undone => {
            format!("{} contacts added to {}", import.added, list.name)
        }
    };
    call_them(&api, &list).await?;
    let told = problems.into_iter().map(|(field, why)| format!("{field}: {why}")).collect();
    let data =
        Added { added: import.added, duplicates: import.duplicates, refused: import.refused, problems: told };
    Ok(Reply::new(message, data).ignoring(&ignored))
}

/// The name of a column in Kore's request.
fn kores_column(ours: &str) -> &str {
    COLUMNS.iter().find(|(_, name)| *name == ours).map_or(ours, |(kores, _)| kores)
}

/// Reads contacts into the list, as lines of a file; waits until they are there, but not for ever.
async fn imported(
    api: &Api,
    list: &ListRow,
    contacts: &[Map<String, Value>],
    app_id: &str,
    actor: Actor,
) -> Result<ImportRow, Problem> {
    // A list reads one file at a time.
    for running in api.store.running_imports().await?.into_iter().filter(|row| row.list_id == list.id) {
        api.lists.wait(running, PATIENCE).await?;
    }
    let mut incoming = api.lists.receive().await?;
    for contact in contacts {
        let mut line = serde_json::to_vec(contact).unwrap_or_default();
        line.push(b'\n');
        incoming.take(&line).await?;
    }
    let file = incoming.end().await?;
    let source = format!("contacts by {app_id}");
    let import = api.lists.begin(list, file, (source, BTreeMap::new()), actor).await?;
    Ok(api.lists.wait(import, PATIENCE).await?)
}

/// Has campaigns that run call contacts that are new in one of their lists.
async fn call_them(api: &Api, list: &ListRow) -> Result<(), Problem> {
    let under_way = api.store.campaigns_under_way().await?;
    let open = |state| matches!(state, CampaignState::Running | CampaignState::Paused);
    for row in under_way.iter().filter(|row| open(row.state) && row.settings.lists.contains(&list.id)) {
        api.store.fill_places(&row.id, &row.settings.lists, &[]).await?;
    }
    api.calls.planned_is_written();
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_read_as_kore_documents_it() {
        let body =
            json!({ "name": "Passive", "description": "x", "source": "passiveApi", "allowDuplicates": true });
        let (asked, ignored) = new_list(body.to_string().as_bytes()).unwrap();
        assert_eq!((asked.name.as_str(), asked.country), ("Passive", None));
        assert_eq!(ignored, ["description", "allowDuplicates"]);
        let body = json!({ "source": "file", "timezone": "Mars" });
        let problem = new_list(body.to_string().as_bytes()).unwrap_err();
        let fields: Vec<&str> = problem.errors().iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["name", "source", "timezone"]);
    }

    #[test]
    fn contacts_are_lines_of_a_file_with_the_names_that_it_has() {
        let body = json!({ "contact_list_name": "a", "data": [{ "PHONENUMBER": "628", "uniqueId": 7, "amount": 120 }] });
        let (asked, _) = new_contacts(body.to_string().as_bytes()).unwrap();
        let contact = asked.data.into_iter().next().map(Value::Object);
        assert_eq!(contact, Some(json!({ "phone": "628", "externalId": 7, "amount": 120 })));
    }

    #[test]
    fn every_contact_without_a_number_is_named() {
        let body =
            json!({ "data": [{ "phoneNumber": "628" }, { "name": "Ani" }, 5, { "phoneNumber": null }] });
        let problem = new_contacts(body.to_string().as_bytes()).unwrap_err();
        let fields: Vec<&str> = problem.errors().iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["contact_list_name", "data[1].phoneNumber", "data[2]", "data[3].phoneNumber"]);
        for data in [json!([]), json!({}), json!("x")] {
            let body = json!({ "contact_list_name": "a", "data": data }).to_string();
            assert!(new_contacts(body.as_bytes()).is_err());
        }
    }
}
