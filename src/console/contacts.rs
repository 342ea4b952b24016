//! Contacts: looked through, imported from a file, deleted.

use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Redirect, Response};
use callcore::number::Country;
use reqwest::Url;
use serde::Serialize;
use serde_json::Value;

use super::calls::listed;
use super::forms::Does;
use super::frame::{Crumb, Frame, Room, Sees, may};
use super::when::At;
use crate::access::{KeepContacts, KeepDoNotCall, SeeContacts};
use crate::api::Api;
use crate::api::contacts::import::keep_table;
use crate::api::do_not_call::{Desk, import};
use crate::api::error::{Code, Problem};
use crate::api::extract::{Pairs, Path};
use crate::store::{AuditAction, ContactRow, Cursor};

/// Contacts on a page.
const PAGE: u32 = 50;
/// Variables of a contact that are shown in the list, and the longest, characters.
const MOST_VARIABLES: usize = 4;
const LONGEST: usize = 60;
/// Longest reason, characters.
const LONGEST_REASON: usize = 200;

#[derive(Serialize)]
struct List {
    lines: Vec<Line>,
    search: String,
    next: Option<String>,
    first: bool,
    keeps: bool,
}

#[derive(Serialize)]
struct Line {
    id: String,
    name: String,
    number: String,
    /// Where the calls with this number are listed; empty for those who see no numbers.
    calls: String,
    flow: String,
    variables: Vec<(String, String)>,
    since: At,
    listed: Option<At>,
}

impl Line {
    fn of(frame: &Frame, row: ContactRow) -> Self {
        let number = frame.number(&row.number);
        let calls = if number == row.number { listed("number", &row.number) } else { String::new() };
        let variables = row.metadata.as_object().into_iter().flatten().take(MOST_VARIABLES);
        let text = |value: &Value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.chars().take(LONGEST).collect::<String>()
        };
        Self {
            variables: variables.map(|(name, value)| (name.clone(), text(value))).collect(),
            since: frame.zone.at(row.created_ms),
            listed: row.do_not_call_ms.map(|at| frame.zone.at(at)),
            id: row.id,
            name: row.name.unwrap_or_default(),
            flow: row.flow.unwrap_or_default(),
            number,
            calls,
        }
    }
}

/// The list.
pub(super) async fn page(
    sees: Sees<SeeContacts>,
    State(api): State<Api>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let given =
        |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim().to_owned());
    let search = given("q").unwrap_or_default();
    sees.may_look_for(&search)?;
    let after: Option<Cursor> = given("after").and_then(|after| after.parse().ok());
    let wanted = (!search.is_empty()).then_some(search.as_str());
    let found = api.store.contacts(wanted, after.as_ref(), PAGE).await?;
    let next = found.next.and_then(|cursor| {
        let pairs = [("q", search.clone()), ("after", cursor.to_string())];
        let url = Url::parse_with_params("http://page/contacts", pairs).ok()?;
        Some(format!("/contacts?{}", url.query()?))
    });
    let list = List {
        lines: found.items.into_iter().map(|row| Line::of(&sees, row)).collect(),
        first: after.is_none(),
        keeps: may::<KeepContacts>(&sees.who),
        search,
        next,
    };
    Ok(sees.page(&api, ("contacts.html", Room::Contacts), sees.say("nav_contacts"), &[], &list))
}

/// What became of a file.
#[derive(Serialize)]
struct Report {
    report: Value,
    /// Where what was imported is listed.
    back: &'static str,
    /// It holds numbers that are not called.
    blocks: bool,
}

fn reported<R>(
    api: &Api,
    form: &Does<R>,
    report: impl Serialize,
    (room, back, title): (Room, &'static str, &str),
) -> Response {
    let page = Report {
        report: serde_json::to_value(report).unwrap_or_default(),
        back,
        blocks: room == Room::DoNotCall,
    };
    let crumbs = [Crumb::new(back, form.by.say(title))];
    form.by.page(api, ("imported.html", room), form.by.say("imported_title"), &crumbs, &page)
}

/// The country of numbers that do not name their own, as a form says it.
fn country<R>(form: &Does<R>) -> Result<Option<Country>, Problem> {
    match form.written.text("country") {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| missing(form, "country", "import_country_bad")),
    }
}

fn missing<R>(form: &Does<R>, field: &str, key: &str) -> Problem {
    let why = form.by.say(key).to_owned();
    Problem::new(Code::Invalid, why.clone()).with_field(field, &why)
}

/// Takes contacts from a file.
pub(super) async fn bring(State(api): State<Api>, form: Does<KeepContacts>) -> Result<Response, Problem> {
    let file = form.written.file().ok_or_else(|| missing(&form, "file", "import_no_file"))?;
    let report = keep_table(&api, &form.by.who, file, country(&form)?).await?;
    Ok(reported(&api, &form, report, (Room::Contacts, "/contacts", "nav_contacts")))
}

/// Puts the numbers of a file on the do-not-call list.
pub(super) async fn block(State(api): State<Api>, form: Does<KeepDoNotCall>) -> Result<Response, Problem> {
    let file = form.written.file().ok_or_else(|| missing(&form, "file", "import_no_file"))?;
    let reason: String = form.written.text("reason").chars().take(LONGEST_REASON).collect();
    if reason.is_empty() {
        return Err(missing(&form, "reason", "reason_missing"));
    }
    let desk = Desk::from_ref(&api);
    let report = import::keep(&desk, file, &reason, country(&form)?, form.by.who.actor()).await?;
    Ok(reported(&api, &form, report, (Room::DoNotCall, "/do-not-call", "nav_do_not_call")))
}

/// Deletes a contact. Its calls stay, and so does the wish not to be called.
pub(super) async fn delete(
    State(api): State<Api>,
    Path(id): Path<String>,
    form: Does<KeepContacts>,
) -> Result<Response, Problem> {
    let gone = api.store.delete_contact(&id).await?;
    if gone {
        api.access.record(&form.by.who, AuditAction::ContactDelete, "").await;
    }
    let done = if gone { "contact_deleted" } else { "contact_gone" };
    Ok(Redirect::to(&format!("/contacts?done={done}")).into_response())
}
