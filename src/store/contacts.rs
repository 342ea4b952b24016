//! Contacts: people, their numbers and what a flow is to know of them. And whose calls are whose.

use callcore::number;
use futures_util::FutureExt;
use serde_json::Value;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteExecutor};
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::batch::exists_or;
use super::calls::CallRow;
use super::do_not_call::digits;
use super::model::{Cursor, Page};
use super::query::{like, newest_first};
use super::{Error, Store, Visibility};
use crate::wallclock::now_ms;

/// Largest metadata of a contact, and of a call once it was changed, bytes of JSON.
pub const LARGEST_METADATA: usize = 16 * 1024;
/// Fewest digits that are looked for inside numbers.
const SEARCHED_DIGITS: usize = 3;

/// A contact as it is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewContact {
    /// One is made where there is none.
    pub id: Option<String>,
    /// As it is dialled.
    pub number: String,
    pub name: Option<String>,
    /// The flow of calls that name none.
    pub flow: Option<String>,
    /// A JSON object: variables of the flow.
    pub metadata: Value,
}

/// What is to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContactChange {
    pub number: Option<String>,
    /// `Some(None)` takes it away.
    pub name: Option<Option<String>>,
    pub flow: Option<Option<String>>,
    /// Merged (RFC 7396): a member that is null goes.
    pub metadata: Option<Value>,
}

/// A contact as it is kept.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct ContactRow {
    pub id: String,
    pub number: String,
    pub name: Option<String>,
    pub flow: Option<String>,
    #[sqlx(json)]
    pub metadata: Value,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// Since when the number's owner does not want to be called, and the call in which they said so.
    pub do_not_call_ms: Option<i64>,
    pub do_not_call_id: Option<String>,
}

/// What became of one contact of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Created,
    /// The contact of that id, or the only one of that number, was there and is now as given.
    Updated,
    /// No id was given, and several contacts have the number.
    Ambiguous,
}

/// A call and whose it is.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct HistoryRow {
    #[sqlx(flatten)]
    pub call: CallRow,
    pub contact_id: Option<String>,
    pub user_id: Option<String>,
    /// What was kept of the contact for flows when it was called.
    #[sqlx(json(nullable))]
    pub contact_data: Option<Value>,
}

/// What became of a change of metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    Done,
    /// There is nothing of that id.
    Unknown,
    /// It would be larger than [`LARGEST_METADATA`]; nothing was changed.
    TooLarge,
}

async fn by_id<'e>(source: impl SqliteExecutor<'e>, id: &str) -> Result<Option<ContactRow>, Error> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push(" AND c.id = ").push_bind(id.to_owned());
    Ok(query.build_query_as().fetch_optional(source).await?)
}

const SELECT: &str = "SELECT c.id, c.number, c.name, c.flow, c.metadata, c.created_ms, c.updated_ms, \
                      d.at_ms AS do_not_call_ms, d.call_id AS do_not_call_id \
                      FROM contacts c LEFT JOIN do_not_call d ON d.number = c.digits WHERE 1 = 1";

impl Store {
    /// Keeps a new contact and hands it back.
    ///
    /// # Errors
    /// [`Error::Exists`] when its id is taken.
    pub async fn create_contact(&self, contact: NewContact) -> Result<ContactRow, Error> {
        let id = contact.id.clone().unwrap_or_else(new_id);
        let row = NewContact { id: Some(id.clone()), ..contact };
        // Read in the same transaction: a moment later somebody may have deleted it.
        self.write(move |connection| {
            async move {
                insert(connection, row, now_ms()).await?;
                let kept = by_id(&mut *connection, &id).await?;
                kept.ok_or(Error::NoSuch { what: format!("contact {id}") })
            }
            .boxed()
        })
        .await
    }

    /// Changes a contact, and hands it back when that could be done.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_contact(
        &self,
        id: &str,
        change: ContactChange,
    ) -> Result<(Merged, Option<ContactRow>), Error> {
        let id = id.to_owned();
        let changed = self.write(move |connection| {
            async move {
                let merged = update(&mut *connection, &id, change).await?;
                let row = by_id(&mut *connection, &id).await?;
                Ok(match (merged, row) {
                    (_, None) => (Merged::Unknown, None),
                    (true, row) => (Merged::Done, row),
                    (false, Some(_)) => (Merged::TooLarge, None),
                })
            }
            .boxed()
        });
        changed.await
    }

    /// Deletes a contact; false when there is none. Its calls stay.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_contact(&self, id: &str) -> Result<bool, Error> {
        let id = id.to_owned();
        let deleted = self.write(move |connection| {
            async move {
                let query = sqlx::query("DELETE FROM contacts WHERE id = $1").bind(id);
                Ok(query.execute(connection).await?.rows_affected())
            }
            .boxed()
        });
        Ok(deleted.await? > 0)
    }

    /// Creates or replaces contacts in one transaction and says for each what became of it. A contact with an id
    /// replaces the one of that id; one without replaces the only one of its number.
    ///
    /// # Errors
    /// When the database fails; then nothing is kept.
    pub async fn put_contacts(&self, contacts: Vec<NewContact>) -> Result<Vec<Kept>, Error> {
        self.write(move |connection| async move { put_all(connection, contacts).await }.boxed()).await
    }

    /// # Errors
    /// When the database fails.
    pub async fn contact(&self, id: &str) -> Result<Option<ContactRow>, Error> {
        by_id(&self.readers, id).await
    }

    /// At most `limit` contacts, newest first, behind `after`. With `search` those whose name or number holds it,
    /// or whose id it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn contacts(
        &self,
        search: Option<&str>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<ContactRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        if let Some(search) = search {
            query.push(" AND (c.id = ").push_bind(search.to_owned());
            query.push(" OR c.name LIKE ").push_bind(like(search)).push(" ESCAPE '\\'");
            // Kept with their country, they are looked for as people write them: `0812`.
            let part = digits(search).trim_start_matches('0').to_owned();
            if part.len() >= SEARCHED_DIGITS {
                query.push(" OR c.digits LIKE ").push_bind(like(&part));
            }
            query.push(")");
        }
        newest_first(&mut query, "c", after, limit);
        let contacts = query.build_query_as().fetch_all(&self.readers).await?;
        Ok(Page::cut(contacts, limit, |row: &ContactRow| Cursor::new(row.created_ms, &row.id)))
    }

    /// At most `limit` calls of contacts within `visibility`, newest first, behind `after`; with `user` those in which that user is
    /// the contact or the one who asked for the call.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn history(
        &self,
        user: Option<&str>,
        visibility: &Visibility,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<HistoryRow>, Error> {
        let mut query = history_query();
        visibility.narrow(&mut query, "k");
        if let Some(user) = user {
            query.push(" AND (p.contact_id = ").push_bind(user.to_owned());
            query.push(" OR p.user_id = ").push_bind(user.to_owned()).push(")");
        }
        newest_first(&mut query, "k", after, limit);
        let calls = query.build_query_as().fetch_all(&self.readers).await?;
        Ok(Page::cut(calls, limit, |row: &HistoryRow| Cursor::new(row.call.created_ms, &row.call.id)))
    }

    /// One call and whose it is; `None` when there is none, or no contact has to do with it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn contact_call(&self, call_id: &str) -> Result<Option<HistoryRow>, Error> {
        let mut query = history_query();
        query.push(" AND k.id = ").push_bind(call_id.to_owned());
        Ok(query.build_query_as().fetch_optional(&self.readers).await?)
    }

    /// Merges `patch` into a call's metadata (RFC 7396).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn merge_metadata(&self, call_id: &str, patch: Value) -> Result<Merged, Error> {
        let call_id = call_id.to_owned();
        self.write(move |connection| {
            async move {
                let merged = sqlx::query(
                    "UPDATE calls SET metadata = json_patch(metadata, $2) \
                     WHERE id = $1 AND octet_length(json_patch(metadata, $2)) <= $3",
                )
                .bind(&call_id)
                .bind(Json(patch))
                .bind(LARGEST_METADATA as i64)
                .execute(&mut *connection)
                .await?;
                if merged.rows_affected() > 0 {
                    return Ok(Merged::Done);
                }
                let known: Option<i64> = sqlx::query_scalar("SELECT 1 FROM calls WHERE id = $1")
                    .bind(&call_id)
                    .fetch_optional(connection)
                    .await?;
                Ok(if known.is_some() { Merged::TooLarge } else { Merged::Unknown })
            }
            .boxed()
        })
        .await
    }
}

fn history_query() -> QueryBuilder<Sqlite> {
    QueryBuilder::new(
        "SELECT k.*, p.contact_id, p.user_id, p.contact_data FROM call_parties p JOIN calls k ON k.id = p.call_id WHERE 1 = 1",
    )
}

fn new_id() -> String {
    format!("ct_{}", Uuid::now_v7().simple())
}

async fn insert(connection: &mut SqliteConnection, contact: NewContact, now: i64) -> Result<(), Error> {
    let id = contact.id.unwrap_or_else(new_id);
    sqlx::query(
        "INSERT INTO contacts (id, number, digits, name, flow, metadata, created_ms, updated_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
    )
    .bind(&id)
    .bind(&contact.number)
    .bind(number::key(&contact.number, None))
    .bind(contact.name)
    .bind(contact.flow)
    .bind(Json(contact.metadata))
    .bind(now)
    .execute(connection)
    .await
    .map_err(|error| exists_or(error, || format!("the contact {id}")))?;
    Ok(())
}

/// False when there is none of that id, or its metadata would be too large.
async fn update(connection: &mut SqliteConnection, id: &str, change: ContactChange) -> Result<bool, Error> {
    let patch = change.metadata;
    let mut query = QueryBuilder::<Sqlite>::new("UPDATE contacts SET updated_ms = ");
    query.push_bind(now_ms());
    if let Some(number) = change.number {
        query.push(", digits = ").push_bind(number::key(&number, None));
        query.push(", number = ").push_bind(number);
    }
    if let Some(name) = change.name {
        query.push(", name = ").push_bind(name);
    }
    if let Some(flow) = change.flow {
        query.push(", flow = ").push_bind(flow);
    }
    if let Some(patch) = &patch {
        query.push(", metadata = json_patch(metadata, ").push_bind(Json(patch.clone())).push(")");
    }
    query.push(" WHERE id = ").push_bind(id.to_owned());
    if let Some(patch) = patch {
        query.push(" AND octet_length(json_patch(metadata, ").push_bind(Json(patch));
        query.push(")) <= ").push_bind(LARGEST_METADATA as i64);
    }
    Ok(query.build().execute(connection).await?.rows_affected() > 0)
}

async fn put_all(connection: &mut SqliteConnection, contacts: Vec<NewContact>) -> Result<Vec<Kept>, Error> {
    let now = now_ms();
    let mut kept = Vec::with_capacity(contacts.len());
    for contact in contacts {
        kept.push(put(connection, contact, now).await?);
    }
    Ok(kept)
}

async fn put(connection: &mut SqliteConnection, contact: NewContact, now: i64) -> Result<Kept, Error> {
    let known: Vec<String> = match &contact.id {
        Some(id) => sqlx::query_scalar("SELECT id FROM contacts WHERE id = $1").bind(id),
        None => sqlx::query_scalar("SELECT id FROM contacts WHERE digits = $1 LIMIT 2")
            .bind(number::key(&contact.number, None)),
    }
    .fetch_all(&mut *connection)
    .await?;
    match known.as_slice() {
        [] => {
            insert(connection, contact, now).await?;
            Ok(Kept::Created)
        }
        [id] => {
            sqlx::query(
                "UPDATE contacts SET number = $2, digits = $3, name = $4, flow = $5, metadata = $6, \
                 updated_ms = $7 WHERE id = $1",
            )
            .bind(id)
            .bind(&contact.number)
            .bind(number::key(&contact.number, None))
            .bind(contact.name)
            .bind(contact.flow)
            .bind(Json(contact.metadata))
            .bind(now)
            .execute(connection)
            .await?;
            Ok(Kept::Updated)
        }
        _ => Ok(Kept::Ambiguous),
    }
}
