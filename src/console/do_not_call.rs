//! The do-not-call list: looked through, added to and taken from, always with a reason.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use callcore::number;
use reqwest::Url;
use serde::Serialize;

use super::forms::Does;
use super::frame::{Room, Sees, may};
use super::people_names::Names;
use super::when::At;
use crate::access::{KeepDoNotCall, SeeCalls};
use crate::api::Api;
use crate::api::do_not_call::shown as kept_as;
use crate::api::error::{Code, Problem};
use crate::api::extract::Pairs;
use crate::store::Cursor;

/// Numbers on a page.
const PAGE: u32 = 50;
/// Longest reason, characters.
const LONGEST_REASON: usize = 200;

#[derive(Default, Serialize)]
struct List {
    lines: Vec<Line>,
    total: u64,
    search: String,
    next: Option<String>,
    first: bool,
    keeps: bool,
    number: String,
    country: String,
    reason: String,
    /// Where numbers are at home when nobody says so.
    usual: String,
    number_error: String,
    country_error: String,
    reason_error: String,
}

#[derive(Serialize)]
struct Line {
    /// As it is kept; only for those who may take it off.
    key: String,
    shown: String,
    at: At,
    call_id: String,
    /// Why, in the words of whoever asked or put it there.
    why: String,
    author: String,
}

fn pair(pairs: &[(String, String)], name: &str) -> String {
    pairs
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

/// The list.
pub(super) async fn page(
    sees: Sees<SeeCalls>,
    State(api): State<Api>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let list = List { search: pair(&query, "q"), ..List::default() };
    sees.may_look_for(&list.search)?;
    shown(&api, &sees, list, pair(&query, "after").parse().ok()).await
}

async fn shown<R: crate::access::Right>(
    api: &Api,
    sees: &Sees<R>,
    mut list: List,
    after: Option<Cursor>,
) -> Result<Response, Problem> {
    // A text without digits finds nothing.
    let digits = (!list.search.is_empty()).then(|| match number::key(&list.search, api.calls.country()) {
        digits if digits.is_empty() => list.search.clone(),
        digits => digits,
    });
    let found = api.store.do_not_call_list(digits.as_deref(), after.as_ref(), PAGE).await?;
    let mut names = Names::of(api);
    list.keeps = may::<KeepDoNotCall>(&sees.who);
    list.first = after.is_none();
    list.usual = api.calls.country().map(|country| country.to_string()).unwrap_or_default();
    list.total = api.store.count_do_not_call().await?;
    for row in found.items {
        let author = match &row.author {
            Some(author) => names.name(author).await?,
            None => String::new(),
        };
        list.lines.push(Line {
            shown: sees.number(&kept_as(row.number.clone())),
            key: if list.keeps { row.number } else { String::new() },
            at: sees.zone.at(row.at_ms),
            call_id: row.call_id.unwrap_or_default(),
            why: row.reason.or(row.words).unwrap_or_default(),
            author,
        });
    }
    list.next = found.next.and_then(|cursor| {
        let mut url = Url::parse("http://page/do-not-call").ok()?;
        url.query_pairs_mut().append_pair("q", &list.search).append_pair("after", &cursor.to_string());
        Some(format!("/do-not-call?{}", url.query()?))
    });
    Ok(sees.page(api, ("do_not_call.html", Room::DoNotCall), sees.say("nav_do_not_call"), &[], &list))
}

/// Puts a number on the list.
pub(super) async fn add(State(api): State<Api>, form: Does<KeepDoNotCall>) -> Result<Response, Problem> {
    let written = &form.written;
    let mut list = List {
        number: written.text("number").to_owned(),
        country: written.text("country").to_owned(),
        reason: written.text("reason").chars().take(LONGEST_REASON).collect(),
        ..List::default()
    };
    let country = match list.country.as_str() {
        "" => api.calls.country(),
        text => text.parse().ok(),
    };
    if country.is_none() && !list.country.is_empty() {
        list.country_error = form.by.say("import_country_bad").to_owned();
    }
    let read = number::read(&list.number, country);
    if list.country_error.is_empty()
        && let Err(bad) = &read
    {
        list.number_error = form.by.tell("dnc_bad", &[("why", &bad.to_string())]);
    }
    if list.reason.is_empty() {
        list.reason_error = form.by.say("reason_missing").to_owned();
    }
    if [&list.number_error, &list.country_error, &list.reason_error].iter().all(|error| error.is_empty()) {
        let key = number::key(&list.number, country);
        let new = api.store.put_on_do_not_call(&key, &list.reason, form.by.who.actor()).await?;
        let done = if new { "listed" } else { "listed_before" };
        return Ok(Redirect::to(&format!("/do-not-call?done={done}")).into_response());
    }
    let mut response = shown(&api, &form.by, list, None).await?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

/// Takes a number off the list.
pub(super) async fn remove(State(api): State<Api>, form: Does<KeepDoNotCall>) -> Result<Response, Problem> {
    let reason: String = form.written.text("reason").chars().take(LONGEST_REASON).collect();
    if reason.is_empty() {
        let why = form.by.say("reason_missing").to_owned();
        return Err(Problem::new(Code::Invalid, why.clone()).with_field("reason", &why));
    }
    let gone = api.store.take_off_do_not_call(form.written.text("key"), &reason, form.by.who.actor()).await?;
    let done = if gone { "unlisted" } else { "unlisted_before" };
    Ok(Redirect::to(&format!("/do-not-call?done={done}")).into_response())
}
