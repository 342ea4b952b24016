//! A file on its way into a list: sent, looked at with what its columns hold, imported.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use reqwest::Url;
use serde::Serialize;

use super::one::{crumbs, zone_key};
use crate::access::KeepContacts;
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::extract::{Pairs, Path};
use crate::api::lists::known;
use crate::console::brings::Brings;
use crate::console::faults::sentence;
use crate::console::forms::{Does, Written};
use crate::console::frame::{Frame, Room, Sees};
use crate::console::when::At;
use crate::lists::{Error, Look, Meaning, Sample, Taken};
use crate::store::{ImportState, ListRow};

/// Longest name of a file, characters.
const LONGEST_NAME: usize = 200;

/// Takes a file and shows what is in it.
pub(in crate::console) async fn upload(
    State(api): State<Api>,
    Path(id): Path<String>,
    form: Brings<KeepContacts>,
) -> Result<Response, Problem> {
    let list = known(&api.store, &id).await?;
    debug_assert!(!form.written.text("token").is_empty());
    let Some((file, name)) = form.file else {
        let why = form.by.say("import_no_file").to_owned();
        return Err(Problem::new(Code::Invalid, why.clone()).with_field("file", &why));
    };
    let name: String = name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    let path = format!("/lists/{}/files/{}", list.id, file.id);
    let url = Url::parse_with_params("http://page/", [("name", &name)]);
    let query = url.as_ref().ok().and_then(Url::query).unwrap_or_default();
    Ok(Redirect::to(&format!("{path}?{query}")).into_response())
}

#[derive(Serialize)]
struct Page {
    list: String,
    file: String,
    /// What the file is called.
    name: String,
    read_as: String,
    columns: Vec<Column>,
    meanings: Vec<(&'static str, &'static str)>,
    rows: Vec<Line>,
    /// What is wrong with what the columns hold, beside them.
    faults: Vec<String>,
    /// When the very same file was imported before.
    before: Option<At>,
    /// Rows, all of them or those shown, and how many of them would be refused.
    count: u64,
    refused: u64,
    whole: bool,
    wrong: bool,
}

#[derive(Serialize)]
struct Column {
    /// From 1.
    at: usize,
    name: String,
    holds: &'static str,
    variable: String,
    wrong: String,
    samples: String,
}

#[derive(Serialize)]
struct Line {
    line: u64,
    fields: Vec<String>,
    number: String,
    zone: String,
    zone_from: &'static str,
    problems: Vec<String>,
}

/// The words for what a column may hold.
const MEANINGS: [(&str, &str); 9] = [
    ("variable", "list_holds_variable"),
    ("phone", "list_holds_phone"),
    ("name", "list_holds_name"),
    ("zone", "list_holds_zone"),
    ("country", "list_holds_country"),
    ("externalId", "list_holds_external_id"),
    ("consentAt", "list_holds_consent_at"),
    ("consentSource", "list_holds_consent_source"),
    ("ignore", "list_holds_ignore"),
];

fn line(frame: &Frame, sample: &Sample) -> Line {
    let (line, fields) = (sample.line, sample.fields.clone());
    match &sample.taken {
        Taken::Contact(contact) => {
            let (zone, from) = contact
                .zone
                .as_ref()
                .map_or((String::new(), ""), |(zone, from)| (zone.clone(), from.as_str()));
            let number = frame.number(&contact.number);
            Line { line, fields, number, zone, zone_from: frame.say(zone_key(from)), problems: Vec::new() }
        }
        Taken::Refused(problems) => {
            let told = problems.iter().map(|wrong| match &wrong.field {
                Some(field) => format!("{field}: {}", wrong.problem),
                None => wrong.problem.clone(),
            });
            Line {
                line,
                fields,
                number: String::new(),
                zone: String::new(),
                zone_from: "",
                problems: told.collect(),
            }
        }
    }
}

fn columns(look: &Look) -> Vec<Column> {
    let column = |(at, (name, meaning)): (usize, &(String, Meaning))| {
        let shown = if name.is_empty() { format!("#{}", at + 1) } else { name.clone() };
        let wrong = look.faults.iter().find(|(column, _)| *column == shown).map(|(_, why)| sentence(why));
        let samples =
            look.samples.iter().filter_map(|sample| sample.fields.get(at)).filter(|text| !text.is_empty());
        Column {
            at: at + 1,
            name: shown,
            holds: meaning.word(),
            variable: if let Meaning::Variable(own) = meaning { own.clone() } else { String::new() },
            wrong: wrong.unwrap_or_default(),
            samples: samples.take(2).cloned().collect::<Vec<_>>().join(" · "),
        }
    };
    look.mapping.columns().iter().enumerate().map(column).collect()
}

async fn shown(
    api: &Api,
    frame: &Frame,
    list: &ListRow,
    (file, name, said): (&str, String, BTreeMap<String, String>),
) -> Result<Response, Problem> {
    let look = match api.lists.look(list, file, said).await {
        Ok(look) => look,
        Err(error @ (Error::File(_) | Error::TooLarge(_))) => {
            // Nobody can do anything with it.
            api.lists.discard_unless_begun(file).await;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    let digest = api.lists.received(file).await?.digest;
    let before = api.lists.same_file(list, &digest, ImportState::Done).await?;
    let columns = columns(&look);
    let beside = |(column, _): &&(String, String)| !columns.iter().any(|known| known.name == *column);
    let faults: Vec<String> = look.faults.iter().filter(beside).map(|(_, why)| sentence(why)).collect();
    let wrong = !look.faults.is_empty();
    let mut rows: Vec<Line> = look.samples.iter().map(|sample| line(frame, sample)).collect();
    if wrong {
        // What rows become is not known before their columns are.
        rows.iter_mut().for_each(|row| row.problems.clear());
    }
    let shown = || {
        let refused = rows.iter().filter(|row| !row.problems.is_empty()).count();
        (rows.len() as u64, refused as u64)
    };
    let (count, refused) = look.whole.map_or_else(shown, |whole| (whole.rows, whole.refused));
    let page = Page {
        list: list.id.clone(),
        file: file.to_owned(),
        read_as: look.read_as,
        meanings: MEANINGS.map(|(word, key)| (word, frame.say(key))).into(),
        count,
        refused,
        whole: look.whole.is_some(),
        wrong,
        before: before.and_then(|row| row.ended_ms).map(|at| frame.zone.at(at)),
        columns,
        rows,
        faults,
        name,
    };
    let title = frame.say("list_file_title");
    let mut response = frame.page(api, ("list_file.html", Room::Lists), title, &crumbs(frame, list), &page);
    if wrong {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// What is in a file, by what its columns are called.
pub(in crate::console) async fn page(
    sees: Sees<KeepContacts>,
    State(api): State<Api>,
    Path((id, file)): Path<(String, String)>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let list = known(&api.store, &id).await?;
    // Whoever comes back here after the import sees what became of it.
    if api.store.list_import(&list.id, &file).await?.is_some() {
        return Ok(Redirect::to(&format!("/lists/{}/imports/{file}", list.id)).into_response());
    }
    let name = query.into_iter().find(|(known, _)| known == "name").map(|(_, value)| value);
    shown(&api, &sees, &list, (&file, name.unwrap_or_default(), BTreeMap::new())).await
}

/// What somebody says that the columns hold, by their places.
fn said(written: &Written) -> BTreeMap<String, String> {
    let meaning = |(name, meaning): (String, String)| {
        let at = name.strip_prefix("holds-")?.to_owned();
        let variable = written.text(&format!("variable-{at}")).to_owned();
        let meaning = if meaning == "variable" { format!("variable:{variable}") } else { meaning };
        Some((format!("#{at}"), meaning))
    };
    written.pairs().into_iter().filter_map(meaning).collect()
}

/// Looks again, imports the file, or forgets it.
pub(in crate::console) async fn decide(
    State(api): State<Api>,
    Path((id, file)): Path<(String, String)>,
    form: Does<KeepContacts>,
) -> Result<Response, Problem> {
    let list = known(&api.store, &id).await?;
    let name: String = form.written.text("name").chars().take(LONGEST_NAME).collect();
    let said = said(&form.written);
    match form.written.text("do") {
        "import" => {
            let here = api.lists.received(&file).await?;
            let begun = api.lists.begin(&list, here, (name.clone(), said.clone()), form.by.who.actor()).await;
            match begun {
                Ok(import) => {
                    Ok(Redirect::to(&format!("/lists/{}/imports/{}", list.id, import.id)).into_response())
                }
                Err(Error::Mapping(_)) => shown(&api, &form.by, &list, (&file, name, said)).await,
                Err(error) => Err(error.into()),
            }
        }
        "discard" => {
            api.lists.discard_unless_begun(&file).await;
            Ok(Redirect::to(&format!("/lists/{}", list.id)).into_response())
        }
        _ => shown(&api, &form.by, &list, (&file, name, said)).await,
    }
}
