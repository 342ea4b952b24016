//! Contacts: looked for, looked at one by one, imported from a file, deleted.

pub(super) mod one;
mod search;

use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Redirect, Response};
use callcore::number::Country;
use serde::Serialize;
use serde_json::Value;

use super::forms::Does;
use super::frame::{Crumb, Room};
use crate::access::{KeepContacts, KeepDoNotCall};
use crate::api::Api;
use crate::api::contacts::import::keep_table;
use crate::api::do_not_call::{Desk, import};
use crate::api::error::{Code, Problem};
use crate::api::extract::Path;
use crate::store::AuditAction;

pub(super) use search::page;

/// Longest reason, characters.
const LONGEST_REASON: usize = 200;

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
