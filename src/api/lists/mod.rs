//! `/v1/lists`: lists of contacts that campaigns call, and the files that are read into them.

pub(crate) mod contacts;
mod imports;
mod shapes;
mod upload;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRef, State};
use axum::http::StatusCode;
use callcore::language::{unfit_name, zone_name};
use callcore::number::Country;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use self::shapes::{List, ListPage};
use super::Api;
use super::error::{Code, Problem, ProblemDocument};
use super::extract::{Path, Query, cursor, page_size};
use super::fields::{self, Fields, json, short_text};
use super::may::May;
use super::numbers;
use super::problems::{BadField, BadId, BadParameter, NoSuchList, TooLarge};
use crate::access::{KeepContacts, SeeContacts};
use crate::lists::{self, LARGEST_FILE, Lists};
use crate::store::{Cursor, ListRow, NewList, Store};

pub(crate) use self::upload::receive;

/// Longest name of a list, characters.
const LONGEST_NAME: usize = 200;
/// Longest name of a zone, characters.
const LONGEST_ZONE: usize = 60;
/// What stands around a file in a form, bytes.
const AROUND: u64 = 1024 * 1024;

/// The largest body of an upload, bytes.
pub(crate) fn body_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(usize::try_from(LARGEST_FILE + AROUND).unwrap_or(usize::MAX))
}

/// What the handlers of this folder need.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    store: Store,
    lists: Lists,
    /// Of numbers that do not name their own.
    country: Option<Country>,
}

impl Desk {
    /// `country` is that of numbers which do not name their own.
    pub(super) const fn new(store: Store, lists: Lists, country: Option<Country>) -> Self {
        Self { store, lists, country }
    }
}

impl FromRef<Api> for Desk {
    fn from_ref(api: &Api) -> Self {
        Self::new(api.store.clone(), api.lists.clone(), api.calls.country())
    }
}

/// The routes, for whatever state has a [`Desk`].
pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Desk: FromRef<S>,
{
    let import = routes!(imports::list, imports::import).layer(body_limit());
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, delete))
        .routes(import)
        .routes(routes!(imports::one))
        .routes(routes!(imports::undo))
        .routes(routes!(contacts::list))
}

/// A list to make.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewList, example = json!({ "name": "June reminders", "country": "ID", "zone": "Asia/Jakarta" }))]
pub(super) struct Body {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The country of numbers that do not name their own: `ID`, or its calling code `62`. That of the server when
    /// absent.
    #[schema(value_type = Option<String>, pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    country: Option<Country>,
    /// The time zone of contacts whose zone neither their file nor their number tells, as in `Asia/Jakarta`. Without it the
    /// zone of such contacts is not known.
    #[schema(min_length = 1, max_length = 60)]
    zone: Option<String>,
}

impl fields::Given for Body {
    fn read(fields: &mut Fields<'_>) -> Self {
        let name = fields.required("name", "name the list, as in \"June reminders\"", |fields, name| {
            let text = fields.any_text(name)?;
            fields.checked(name, |_| list_name(&text))
        });
        let zone = fields.read("zone", LONGEST_ZONE, |text| zone_name(text).map_err(|bad| bad.to_string()));
        Self { name, country: numbers::country(fields), zone }
    }
}

impl Body {
    fn list(self) -> NewList {
        NewList { name: self.name, country: self.country.map(|country| country.to_string()), zone: self.zone }
    }
}

/// A list as a form says it: name, country, zone.
///
/// # Errors
/// With all that is wrong, by field.
pub(crate) fn new_list(pairs: Vec<(String, String)>) -> Result<NewList, Problem> {
    // What is not filled in was not said.
    let pairs = pairs.into_iter().filter(|(_, text)| !text.trim().is_empty()).collect();
    fields::form(pairs, <Body as fields::Given>::read).map(Body::list)
}

/// A name of a list, which is no id.
fn list_name(text: &str) -> Result<String, String> {
    let name = short_text(text.trim(), LONGEST_NAME)?;
    if let Some(why) = unfit_name(&name) {
        return Err(why.to_owned());
    }
    if name.to_ascii_lowercase().starts_with("ls_") {
        return Err("begins like an id, ls_; choose another name".to_owned());
    }
    Ok(name)
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Entries on a page; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: u32,
    /// `next` of the page before.
    #[param(value_type = Option<String>, pattern = r"^[0-9]{1,15}\.[A-Za-z0-9._-]+$")]
    after: Option<Cursor>,
}

impl fields::Given for PageQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { limit: page_size(fields), after: cursor(fields) }
    }
}

/// The list of this id or name.
///
/// # Errors
/// When there is none.
pub(crate) async fn known(store: &Store, list_id: &str) -> Result<ListRow, Problem> {
    store.list(list_id).await?.ok_or_else(|| Problem::not_found(&format!("list {list_id}")))
}

/// Lists of contacts, newest first, by pages.
#[utoipa::path(get, path = "/v1/lists", operation_id = "listLists", tag = "lists", params(PageQuery),
    responses(
        (status = 200, description = "A page of lists.", body = ListPage),
        BadParameter,
    ))]
async fn list(
    State(desk): State<Desk>,
    _: May<SeeContacts>,
    Query(query): Query<PageQuery>,
) -> Result<Json<ListPage>, Problem> {
    let page = desk.store.lists(query.after.as_ref(), query.limit).await?;
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(Json(ListPage { lists: page.items.into_iter().map(List::from).collect(), next }))
}

/// Make an empty list.
#[utoipa::path(post, path = "/v1/lists", operation_id = "createList", tag = "lists",
    request_body(content = Body),
    responses(
        (status = 201, description = "The list is there.", body = List),
        BadField,
        (status = 409, description = "There is a list of that name.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
    ))]
async fn create(
    State(desk): State<Desk>,
    keeper: May<KeepContacts>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<List>), Problem> {
    let list = json::<Body>(body)?.list();
    let made = desk.store.create_list(list, keeper.actor()).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// One list.
#[utoipa::path(get, path = "/v1/lists/{list_id}", operation_id = "getList", tag = "lists",
    params(("list_id" = String, Path, description = "The list, by its id or its name.")),
    responses(
        (status = 200, description = "The list.", body = List),
        BadId,
        NoSuchList,
    ))]
async fn one(
    State(desk): State<Desk>,
    _: May<SeeContacts>,
    Path(list_id): Path<String>,
) -> Result<Json<List>, Problem> {
    Ok(Json(known(&desk.store, &list_id).await?.into()))
}

/// Delete a list with its contacts. What was called stays in the calls.
#[utoipa::path(delete, path = "/v1/lists/{list_id}", operation_id = "deleteList", tag = "lists",
    params(("list_id" = String, Path, description = "The list, by its id or its name.")),
    responses(
        (status = 204, description = "It is gone."),
        BadId,
        NoSuchList,
        (status = 409, description = "A campaign calls it.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
async fn delete(
    State(desk): State<Desk>,
    keeper: May<KeepContacts>,
    Path(list_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let list = known(&desk.store, &list_id).await?;
    desk.lists.delete(&list.id, keeper.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<lists::Error> for Problem {
    fn from(error: lists::Error) -> Self {
        let told = error.to_string();
        match error {
            lists::Error::File(_) => Self::new(Code::Invalid, told),
            lists::Error::TooLarge(_) => Self::new(Code::TooLarge, told),
            lists::Error::Mapping(faults) => {
                faults.iter().fold(Self::new(Code::Invalid, told), |problem, (column, why)| {
                    problem.with_field(column, why)
                })
            }
            lists::Error::Gone => Self::new(Code::Gone, told),
            lists::Error::Trouble(_) => Self::unavailable(told),
            lists::Error::Store(error) => error.into(),
        }
    }
}
