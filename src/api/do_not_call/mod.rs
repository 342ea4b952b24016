//! `/v1/do-not-call`: numbers that are not called, looked up, added and taken off, always with a reason.

pub(crate) mod import;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRef, State};
use axum::http::StatusCode;
use callcore::number::{self, Country};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use super::Api;
use super::error::{Code, Problem, ProblemDocument};
use super::extract::{Path, Query, cursor, page_size, wrong};
use super::fields::{self, Fields, json};
use super::may::May;
use super::numbers;
use super::problems::{BadField, BadParameter, TooLarge};
use crate::access::{KeepDoNotCall, SeeDoNotCall};
use crate::store::{Cursor, DoNotCallRow, Store, is_linked_contact};
use crate::wallclock::iso;

/// Longest reason, and longest text that is looked for, characters.
const LONGEST: usize = 200;

/// What the handlers of this folder need.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    store: Store,
    /// Of numbers that do not name their own.
    country: Option<Country>,
}

impl Desk {
    /// `country` is that of numbers which do not name their own.
    pub(super) const fn new(store: Store, country: Option<Country>) -> Self {
        Self { store, country }
    }
}

impl FromRef<Api> for Desk {
    fn from_ref(api: &Api) -> Self {
        Self::new(api.store.clone(), api.calls.country())
    }
}

/// The routes, for whatever state has a [`Desk`].
pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Desk: FromRef<S>,
{
    let import = routes!(import::import).layer(DefaultBodyLimit::max(import::LARGEST));
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(one, remove)).routes(import)
}

/// A number that is not called.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DoNotCall)]
pub(super) struct Listed {
    /// Digits with the country code, and a plus in front where the country is known.
    #[schema(example = "+6281234567890")]
    number: String,
    #[schema(format = DateTime)]
    since: String,
    /// The call in which its owner asked.
    call_id: Option<String>,
    /// What they said then, when a recogniser heard it.
    words: Option<String>,
    /// Why it was put there by hand, and by whom.
    reason: Option<String>,
    author: Option<String>,
}

impl From<DoNotCallRow> for Listed {
    fn from(row: DoNotCallRow) -> Self {
        let DoNotCallRow { number, call_id, at_ms, words, reason, author, place: _ } = row;
        let number = shown(number);
        Self { number, since: iso(at_ms), call_id, words, reason, author }
    }
}

/// A number of the list as it is written: with a plus where it begins with the code of a country.
pub(crate) fn shown(number: String) -> String {
    number::read(&format!("+{number}"), None).map_or(number, |read| read.into_parts().0)
}

/// A page of the list, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DoNotCallList)]
pub(super) struct List {
    numbers: Vec<Listed>,
    /// All numbers on the list, whatever was looked for.
    total: u64,
    /// The parameter `after` of the next page; `null` on the last one.
    next: Option<String>,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// A number in any spelling, or some of its digits.
    #[param(min_length = 1, max_length = 200)]
    search: Option<String>,
    /// Numbers on a page; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: u32,
    /// The country of a searched number that does not name its own. That of the server when absent.
    #[param(value_type = Option<String>, pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    country: Option<Country>,
    /// `next` of the page before.
    #[param(value_type = Option<String>, pattern = r"^[0-9]{1,15}\.[A-Za-z0-9._-]+$")]
    after: Option<Cursor>,
}

impl fields::Given for ListQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        let (search, country) = (fields.text("search", LONGEST), numbers::country(fields));
        Self { search, limit: page_size(fields), country, after: cursor(fields) }
    }
}

/// A number that is not to be called any more.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDoNotCall, example = json!({ "number": "+6281234567890", "reason": "asked by letter of 3 May" }))]
pub(super) struct Body {
    /// Or `browser:` and the id of a contact who is called by links.
    #[schema(
        pattern = r"^(\+[1-9][0-9]{6,13}|0[1-9][0-9]{5,12}|[1-9][0-9]{2,14}|browser:[A-Za-z0-9_-]{1,64})$"
    )]
    number: String,
    /// The country of a number that does not name its own: `ID`, or its calling code `62`. That of the server when
    /// absent.
    #[schema(value_type = Option<String>, pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    country: Option<Country>,
    /// Why; it stands in the list and in the audit log.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

impl fields::Given for Body {
    fn read(fields: &mut Fields<'_>) -> Self {
        let country = numbers::country(fields);
        let number =
            fields.required("number", "give the number, as in \"+6281234567890\"", |fields, name| {
                numbers::party(fields, name, country)
            });
        let reason = fields
            .required("reason", "say why nobody is to call it", |fields, name| fields.text(name, LONGEST));
        Self { number, country, reason }
    }
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct NumberQuery {
    /// The country of a number that does not name its own. That of the server when absent.
    #[param(value_type = Option<String>, pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    country: Option<Country>,
}

impl fields::Given for NumberQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { country: numbers::country(fields) }
    }
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RemoveQuery {
    /// Why it may be called again; it stands in the audit log.
    #[param(min_length = 1, max_length = 200)]
    reason: String,
    /// The country of a number that does not name its own. That of the server when absent.
    #[param(value_type = Option<String>, pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    country: Option<Country>,
}

impl fields::Given for RemoveQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        let reason = fields
            .required("reason", "say why it may be called again", |fields, name| fields.text(name, LONGEST));
        Self { reason, country: numbers::country(fields) }
    }
}

/// The digits under which a number is kept.
///
/// A contact who was called by a link is listed as such calls name them.
fn key(field: &str, number: &str, country: Option<Country>) -> Result<String, Problem> {
    if is_linked_contact(number) {
        return Ok(number.to_owned());
    }
    match number::read(number, country) {
        Ok(read) => Ok(read.as_str().trim_start_matches('+').to_owned()),
        Err(bad) => Err(wrong(field, &bad.to_string())),
    }
}

/// Numbers that are not called, newest first, by pages.
#[utoipa::path(get, path = "/v1/do-not-call", operation_id = "listDoNotCall", tag = "do-not-call", params(ListQuery),
    responses(
        (status = 200, description = "A page of the list.", body = List),
        BadParameter,
    ))]
pub(super) async fn list(
    State(desk): State<Desk>,
    _: May<SeeDoNotCall>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List>, Problem> {
    let country = query.country.or(desk.country);
    let digits = query.search.as_deref().map(|text| number::key(text, country));
    let total = desk.store.count_do_not_call().await?;
    // No number holds a text without digits.
    if digits.as_deref() == Some("") {
        return Ok(Json(List { numbers: Vec::new(), total, next: None }));
    }
    let page = desk.store.do_not_call_list(digits.as_deref(), query.after.as_ref(), query.limit).await?;
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(Json(List { numbers: page.items.into_iter().map(Listed::from).collect(), total, next }))
}

/// Put a number on the list. Calls to it that are planned end without being dialled.
#[utoipa::path(post, path = "/v1/do-not-call", operation_id = "addDoNotCall", tag = "do-not-call",
    request_body(content = Body),
    responses(
        (status = 201, description = "It is on the list from now on.", body = Listed),
        (status = 200, description = "It was on the list before, and stays there as it was.", body = Listed),
        BadField,
        TooLarge,
    ))]
pub(super) async fn add(
    State(desk): State<Desk>,
    keeper: May<KeepDoNotCall>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Listed>), Problem> {
    let Body { number, country, reason } = json(body)?;
    let key = key("number", &number, country.or(desk.country))?;
    let new = desk.store.put_on_do_not_call(&key, &reason, keeper.actor()).await?;
    let row = desk.store.do_not_call(&key).await?.ok_or_else(|| unlisted(&number))?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(row.into())))
}

/// Whether a number, in any spelling, is on the list, and since when.
#[utoipa::path(get, path = "/v1/do-not-call/{number}", operation_id = "getDoNotCall", tag = "do-not-call",
    params(("number" = String, Path, description = "The number."), NumberQuery),
    responses(
        (status = 200, description = "It is not called.", body = Listed),
        BadParameter,
        (status = 404, description = "It is not on the list.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn one(
    State(desk): State<Desk>,
    _: May<SeeDoNotCall>,
    Path(number): Path<String>,
    Query(query): Query<NumberQuery>,
) -> Result<Json<Listed>, Problem> {
    let key = key("number", &number, query.country.or(desk.country))?;
    let row = desk.store.do_not_call(&key).await?;
    Ok(Json(row.ok_or_else(|| unlisted(&number))?.into()))
}

/// Take a number off the list: it may be called again. The audit log keeps who did it and why.
#[utoipa::path(delete, path = "/v1/do-not-call/{number}", operation_id = "removeDoNotCall", tag = "do-not-call",
    params(("number" = String, Path, description = "The number."), RemoveQuery),
    responses(
        (status = 204, description = "It may be called again."),
        BadParameter,
        (status = 404, description = "It is not on the list.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn remove(
    State(desk): State<Desk>,
    keeper: May<KeepDoNotCall>,
    Path(number): Path<String>,
    Query(query): Query<RemoveQuery>,
) -> Result<StatusCode, Problem> {
    let key = key("number", &number, query.country.or(desk.country))?;
    if desk.store.take_off_do_not_call(&key, &query.reason, keeper.actor()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(unlisted(&number))
    }
}

fn unlisted(number: &str) -> Problem {
    Problem::new(Code::NotFound, format!("{number} is not on the do-not-call list"))
}
