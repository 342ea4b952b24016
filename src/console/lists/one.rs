//! One list: what is in it, the files it was filled from, a way to bring another.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use reqwest::Url;
use serde::Serialize;
use serde_json::Value;

use crate::access::{KeepContacts, SeeContacts};
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::extract::{Pairs, Path};
use crate::api::lists::contacts::searched;
use crate::api::lists::known;
use crate::console::forms::Does;
use crate::console::frame::{Crumb, Frame, Room, Sees, may};
use crate::console::people_names::Names;
use crate::console::when::At;
use crate::store::{ImportState, ListContactRow, ListRow};

/// Imports, and contacts, on a page.
const IMPORTS: u32 = 50;
const CONTACTS: u32 = 50;
/// Variables of a contact that are shown, and the longest, characters.
const MOST_VARIABLES: usize = 4;
const LONGEST: usize = 60;

#[derive(Serialize)]
struct Page {
    id: String,
    name: String,
    contacts: i64,
    country: String,
    zone: String,
    variables: Vec<String>,
    version: i64,
    imports: Vec<Line>,
    keeps: bool,
    /// An import runs, so the page looks again.
    running: bool,
    /// What is wrong with the name that was written to delete it.
    name_error: String,
}

#[derive(Serialize)]
struct Line {
    id: String,
    file: String,
    state: &'static str,
    author: String,
    at: At,
    added: i64,
    duplicates: i64,
    refused: i64,
}

/// The key of the word for how far an import is.
pub(super) const fn state_key(state: ImportState) -> &'static str {
    match state {
        ImportState::Running => "list_state_running",
        ImportState::Done => "list_state_done",
        ImportState::Undoing => "list_state_undoing",
        ImportState::Undone => "list_state_undone",
        ImportState::Failed => "list_state_failed",
    }
}

/// The way back to a list.
pub(super) fn crumbs(frame: &Frame, list: &ListRow) -> [Crumb; 2] {
    [
        Crumb::new("/lists", frame.say("nav_lists")),
        Crumb::new(format!("/lists/{}", list.id), list.name.clone()),
    ]
}

/// A list.
pub(in crate::console) async fn page(
    sees: Sees<SeeContacts>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let list = known(&api.store, &id).await?;
    let keeps = may::<KeepContacts>(&sees.who);
    shown(&api, &sees, list, (keeps, String::new())).await
}

async fn shown(
    api: &Api,
    frame: &Frame,
    list: ListRow,
    (keeps, name_error): (bool, String),
) -> Result<Response, Problem> {
    let mut names = Names::of(api);
    let mut imports = Vec::new();
    let mut running = false;
    for row in api.store.list_imports(&list.id, None, IMPORTS).await?.items {
        running |= matches!(row.state, ImportState::Running | ImportState::Undoing);
        imports.push(Line {
            author: names.name(&row.author).await?,
            at: frame.zone.at(row.at_ms),
            state: frame.say(state_key(row.state)),
            added: row.added,
            duplicates: row.duplicates,
            refused: row.refused,
            file: row.source,
            id: row.id,
        });
    }
    let crumbs = [Crumb::new("/lists", frame.say("nav_lists"))];
    let usual = || api.calls.country().map(|country| country.to_string()).unwrap_or_default();
    let page = Page {
        country: list.country.unwrap_or_else(usual),
        zone: list.zone.unwrap_or_default(),
        contacts: list.contacts,
        variables: list.columns,
        version: list.version,
        id: list.id,
        name: list.name.clone(),
        imports,
        keeps,
        running,
        name_error,
    };
    Ok(frame.page(api, ("list.html", Room::Lists), &list.name, &crumbs, &page))
}

#[derive(Serialize)]
struct People {
    id: String,
    lines: Vec<Person>,
    search: String,
    next: Option<String>,
    first: bool,
}

#[derive(Serialize)]
struct Person {
    number: String,
    name: String,
    external_id: String,
    zone: String,
    zone_from: &'static str,
    consent: Option<At>,
    consent_source: String,
    variables: Vec<(String, String)>,
}

fn person(frame: &Frame, row: ListContactRow) -> Person {
    let text = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.chars().take(LONGEST).collect::<String>()
    };
    let variables = row.variables.as_object().into_iter().flatten().take(MOST_VARIABLES);
    Person {
        variables: variables.map(|(name, value)| (name.clone(), text(value))).collect(),
        number: frame.number(&row.number),
        name: row.name.unwrap_or_default(),
        external_id: row.external_id.unwrap_or_default(),
        zone_from: row.zone_from.map_or("", |from| frame.say(zone_key(from.as_str()))),
        zone: row.zone.unwrap_or_default(),
        consent: row.consent_ms.map(|at| frame.zone.at(at)),
        consent_source: row.consent_source.unwrap_or_default(),
    }
}

/// The key of how a zone is known.
pub(super) fn zone_key(from: &str) -> &'static str {
    match from {
        "column" => "list_zone_column",
        "number" => "list_zone_number",
        "list" => "list_zone_list",
        _ => "list_zone_unknown",
    }
}

/// The people of a list.
pub(in crate::console) async fn contacts(
    sees: Sees<SeeContacts>,
    State(api): State<Api>,
    Path(id): Path<String>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let list = known(&api.store, &id).await?;
    let given = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim());
    let search = given("q").unwrap_or_default().to_owned();
    sees.may_look_for(&search)?;
    let after: Option<i64> = given("after").and_then(|after| after.parse().ok());
    let wanted = searched(&search, &list, api.calls.country());
    let found = api.store.list_contacts(&list.id, wanted.as_ref(), after, CONTACTS).await?;
    let next = found.next.and_then(|id| {
        let pairs = [("q", search.clone()), ("after", id.to_string())];
        let url = Url::parse_with_params("http://page/", pairs).ok()?;
        Some(format!("/lists/{}/contacts?{}", list.id, url.query()?))
    });
    let page = People {
        lines: found.items.into_iter().map(|row| person(&sees, row)).collect(),
        first: after.is_none(),
        id: list.id.clone(),
        search,
        next,
    };
    let title = sees.tell("list_contacts_of", &[("name", &list.name)]);
    Ok(sees.page(&api, ("list_contacts.html", Room::Lists), &title, &crumbs(&sees, &list), &page))
}

/// Deletes a list, for who writes its name.
pub(in crate::console) async fn delete(
    State(api): State<Api>,
    Path(id): Path<String>,
    form: Does<KeepContacts>,
) -> Result<Response, Problem> {
    let list = known(&api.store, &id).await?;
    if form.written.text("name") != list.name {
        let wrong = form.by.say("list_delete_name_bad").to_owned();
        let mut response = shown(&api, &form.by, list, (true, wrong)).await?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    if !api.lists.delete(&list.id, form.by.who.actor()).await? {
        return Err(Problem::new(Code::NotFound, form.by.say("list_gone")));
    }
    Ok(Redirect::to("/lists?done=list_deleted").into_response())
}
