//! Lists of contacts: looked through, made, filled from files, deleted.

pub(super) mod bring;
pub(super) mod one;
pub(super) mod report;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use reqwest::Url;
use serde::Serialize;

use super::forms::Does;
use super::frame::{Room, Sees, may};
use super::people_names::Names;
use super::when::At;
use crate::access::{KeepContacts, Right, SeeContacts};
use crate::api::Api;
use crate::api::error::Problem;
use crate::api::extract::Pairs;
use crate::api::lists::new_list;
use crate::store::{Cursor, Error};

/// Lists on a page.
const PAGE: u32 = 50;

#[derive(Default, Serialize)]
struct Page {
    lines: Vec<Line>,
    next: Option<String>,
    first: bool,
    keeps: bool,
    /// What was written in the form, and what is wrong with it.
    name: String,
    country: String,
    zone: String,
    name_error: String,
    country_error: String,
    zone_error: String,
    /// Where numbers are at home when a list does not say so.
    usual: String,
}

#[derive(Serialize)]
struct Line {
    id: String,
    name: String,
    contacts: i64,
    country: String,
    zone: String,
    author: String,
    changed: At,
}

/// Every list.
pub(super) async fn page(
    sees: Sees<SeeContacts>,
    State(api): State<Api>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let after = query.iter().find(|(name, _)| name == "after").and_then(|(_, after)| after.parse().ok());
    shown(&api, &sees, Page::default(), after).await
}

async fn shown<R: Right>(
    api: &Api,
    sees: &Sees<R>,
    mut page: Page,
    after: Option<Cursor>,
) -> Result<Response, Problem> {
    let found = api.store.lists(after.as_ref(), PAGE).await?;
    let mut names = Names::of(api);
    for row in found.items {
        page.lines.push(Line {
            author: names.name(&row.author).await?,
            changed: sees.zone.at(row.updated_ms),
            contacts: row.contacts,
            country: row.country.unwrap_or_default(),
            zone: row.zone.unwrap_or_default(),
            name: row.name,
            id: row.id,
        });
    }
    page.next = found.next.and_then(|cursor| {
        let url = Url::parse_with_params("http://page/lists", [("after", cursor.to_string())]).ok()?;
        Some(format!("/lists?{}", url.query()?))
    });
    page.first = after.is_none();
    page.keeps = may::<KeepContacts>(&sees.who);
    page.usual = api.calls.country().map(|country| country.to_string()).unwrap_or_default();
    Ok(sees.page(api, ("lists.html", Room::Lists), sees.say("nav_lists"), &[], &page))
}

/// Makes a list.
pub(super) async fn create(State(api): State<Api>, form: Does<KeepContacts>) -> Result<Response, Problem> {
    let text = |name: &str| form.written.text(name).to_owned();
    let mut page =
        Page { name: text("name"), country: text("country"), zone: text("zone"), ..Page::default() };
    let fields = ["name", "country", "zone"].map(|name| (name.to_owned(), text(name)));
    match new_list(fields.into()) {
        Ok(list) => match api.store.create_list(list, form.by.who.actor()).await {
            Ok(made) => return Ok(Redirect::to(&format!("/lists/{}", made.id)).into_response()),
            Err(Error::Exists { .. }) => page.name_error = form.by.say("lists_taken").to_owned(),
            Err(error) => return Err(error.into()),
        },
        Err(problem) => {
            for wrong in problem.errors() {
                let told = super::faults::sentence(&wrong.problem);
                match wrong.field.as_str() {
                    "name" => page.name_error = told,
                    "country" => page.country_error = form.by.say("import_country_bad").to_owned(),
                    "zone" => page.zone_error = told,
                    _ => return Err(problem),
                }
            }
        }
    }
    let mut response = shown(&api, &form.by, page, None).await?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}
