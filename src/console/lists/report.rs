//! What became of a file, and how it is undone.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use super::one::{crumbs, state_key};
use crate::access::{KeepContacts, SeeContacts};
use crate::api::Api;
use crate::api::error::Problem;
use crate::api::extract::Path;
use crate::api::lists::known;
use crate::console::faults::sentence;
use crate::console::forms::Does;
use crate::console::frame::{Room, Sees, may};
use crate::console::people_names::Names;
use crate::console::when::At;
use crate::lists::{Mapping, Meaning};
use crate::store::{ImportRow, ImportState, KEPT_ERRORS, ListRow, RowErrorKind};

#[derive(Serialize)]
struct Page {
    list: String,
    id: String,
    state: &'static str,
    problem: String,
    read_as: String,
    author: String,
    at: At,
    rows: i64,
    added: i64,
    duplicates: i64,
    refused: i64,
    elsewhere: i64,
    zones: Vec<(&'static str, i64)>,
    columns: Vec<(String, String)>,
    wrong: Vec<Line>,
    twice: Vec<Line>,
    /// How many of each are told.
    most: i64,
    /// Hundredths of the file that were read.
    share: i64,
    running: bool,
    undoing: bool,
    /// Its contacts left the list.
    out: bool,
    may_undo: bool,
}

#[derive(Serialize)]
struct Line {
    line: i64,
    field: String,
    problem: String,
}

/// What became of a file.
pub(in crate::console) async fn page(
    sees: Sees<SeeContacts>,
    State(api): State<Api>,
    Path((id, import)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let list = known(&api.store, &id).await?;
    let row = found(&api, &list, &import).await?;
    let (file, page) = (row.source.clone(), shown(&api, &sees, &list, row).await?);
    Ok(sees.page(&api, ("list_import.html", Room::Lists), &file, &crumbs(&sees, &list), &page))
}

async fn found(api: &Api, list: &ListRow, import: &str) -> Result<ImportRow, Problem> {
    let row = api.store.list_import(&list.id, import).await?;
    row.ok_or_else(|| Problem::not_found(&format!("import {import}")))
}

async fn shown(api: &Api, sees: &Sees<SeeContacts>, list: &ListRow, row: ImportRow) -> Result<Page, Problem> {
    let most = u32::try_from(KEPT_ERRORS * 2).unwrap_or(u32::MAX);
    let (mut wrong, mut twice) = (Vec::new(), Vec::new());
    for error in api.store.import_errors(&row.id, most).await? {
        let told = Line {
            line: error.line,
            field: error.field.unwrap_or_default(),
            problem: sees.told(&error.problem),
        };
        match error.kind {
            RowErrorKind::Refused => wrong.push(told),
            RowErrorKind::Duplicate => twice.push(told),
        }
    }
    let meaning = |(name, meaning): &(String, Meaning)| {
        let told = if let Meaning::Variable(own) = meaning {
            sees.tell("list_holds_variable_of", &[("name", own)])
        } else {
            sees.say(holds_key(meaning)).to_owned()
        };
        (name.clone(), told)
    };
    let mapping = Mapping::from_json(&row.mapping);
    let unknown = row.added - row.zone_column - row.zone_number - row.zone_list;
    let zones = [
        ("list_zone_column", row.zone_column),
        ("list_zone_number", row.zone_number),
        ("list_zone_list", row.zone_list),
        ("list_zone_unknown", unknown),
    ];
    Ok(Page {
        list: list.id.clone(),
        state: sees.say(state_key(row.state)),
        problem: row.problem.as_deref().map(sentence).unwrap_or_default(),
        author: Names::of(api).name(&row.author).await?,
        at: sees.zone.at(row.at_ms),
        zones: zones
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(key, count)| (sees.say(key), count))
            .collect(),
        columns: mapping.iter().flat_map(Mapping::columns).map(meaning).collect(),
        share: row.position * 100 / row.size.max(1),
        running: row.state == ImportState::Running,
        undoing: row.state == ImportState::Undoing,
        out: row.undone_ms.is_some(),
        may_undo: row.state == ImportState::Done && may::<KeepContacts>(&sees.who),
        read_as: row.read_as.unwrap_or_default(),
        rows: row.rows,
        added: row.added,
        duplicates: row.duplicates,
        refused: row.refused,
        elsewhere: row.elsewhere,
        most: KEPT_ERRORS,
        id: row.id,
        wrong,
        twice,
    })
}

/// The key of what a column holds.
const fn holds_key(meaning: &Meaning) -> &'static str {
    match meaning {
        Meaning::Phone => "list_holds_phone",
        Meaning::Name => "list_holds_name",
        Meaning::Zone => "list_holds_zone",
        Meaning::Country => "list_holds_country",
        Meaning::ExternalId => "list_holds_external_id",
        Meaning::ConsentAt => "list_holds_consent_at",
        Meaning::ConsentSource => "list_holds_consent_source",
        Meaning::Variable(_) => "list_holds_variable",
        Meaning::Ignore => "list_holds_ignore",
    }
}

/// Takes the contacts of a file out of the list.
pub(in crate::console) async fn undo(
    State(api): State<Api>,
    Path((id, import)): Path<(String, String)>,
    form: Does<KeepContacts>,
) -> Result<Response, Problem> {
    let list = known(&api.store, &id).await?;
    api.lists.undo(&list.id, &import, form.by.who.actor()).await?;
    Ok(Redirect::to(&format!("/lists/{}/imports/{import}?done=import_undone", list.id)).into_response())
}
