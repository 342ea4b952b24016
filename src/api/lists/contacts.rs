//! `GET /v1/lists/{list_id}/contacts`.

use axum::Json;
use axum::extract::State;
use callcore::number::{self, Country};
use utoipa::IntoParams;

use super::shapes::{ListContact, ListContactPage};
use super::{Desk, known};
use crate::access::SeeContacts;
use crate::api::error::Problem;
use crate::api::extract::{Path, Query, page_size};
use crate::api::fields::{self, Fields, short_text};
use crate::api::may::May;
use crate::api::problems::{BadParameter, NoSuchList};
use crate::store::{ListRow, ListSearch};

/// Longest text that is looked for, characters.
const LONGEST_SEARCH: usize = 200;
/// Longest place in a list, characters.
const LONGEST_PLACE: usize = 20;
/// Fewest digits of a number that is looked for.
const FEWEST_DIGITS: usize = 3;

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ContactsQuery {
    /// The beginning of a number (3 digits or more), a part of a name, or a whole external id.
    #[param(min_length = 1, max_length = 200)]
    search: Option<String>,
    /// Contacts on a page; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: u32,
    /// `next` of the page before.
    #[param(value_type = Option<String>, pattern = "^[0-9]{1,19}$")]
    after: Option<i64>,
}

impl fields::Given for ContactsQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        let search = fields.any_text("search");
        Self {
            search: search.and_then(|text| fields.checked("search", |_| short_text(&text, LONGEST_SEARCH))),
            limit: page_size(fields),
            after: fields.read("after", LONGEST_PLACE, |text| {
                text.parse().map_err(|_| "is no place of an earlier page".to_owned())
            }),
        }
    }
}

/// What somebody looks for in a list; `usual` is the country of numbers where the list has none.
pub(crate) fn searched(text: &str, list: &ListRow, usual: Option<Country>) -> Option<ListSearch> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let digits = text.chars().filter(char::is_ascii_digit).count();
    if digits >= FEWEST_DIGITS && !text.contains(char::is_alphabetic) {
        let own = list.country.as_deref().and_then(|country| country.parse().ok());
        return Some(ListSearch::Digits(number::key_of_beginning(text, own.or(usual))));
    }
    Some(ListSearch::Text(text.to_owned()))
}

/// The contacts of a list, in the order of its files, by pages.
#[utoipa::path(get, path = "/v1/lists/{list_id}/contacts", operation_id = "listListContacts", tag = "lists",
    params(("list_id" = String, Path, description = "The list, by its id or its name."), ContactsQuery),
    responses(
        (status = 200, description = "A page of contacts.", body = ListContactPage),
        BadParameter,
        NoSuchList,
    ))]
pub(super) async fn list(
    State(desk): State<Desk>,
    _: May<SeeContacts>,
    Path(list_id): Path<String>,
    Query(query): Query<ContactsQuery>,
) -> Result<Json<ListContactPage>, Problem> {
    let list = known(&desk.store, &list_id).await?;
    let search = query.search.as_deref().and_then(|text| searched(text, &list, desk.country));
    let page = desk.store.list_contacts(&list.id, search.as_ref(), query.after, query.limit).await?;
    let next = page.next.map(|id| id.to_string());
    Ok(Json(ListContactPage { contacts: page.items.into_iter().map(ListContact::from).collect(), next }))
}
