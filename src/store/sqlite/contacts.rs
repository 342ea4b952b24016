//! Contacts, and the calls of contacts.

use futures_util::FutureExt;
use serde_json::Value;
use sqlx::QueryBuilder;
use sqlx::types::Json;
use sqlx_sqlite::{Sqlite, SqliteConnection, SqliteExecutor};
use uuid::Uuid;

use super::do_not_call::digits;
use super::engine::Engine;
use super::error::exists_or;
use super::query::{like, narrow, newest_first};
use crate::store::error::Error;
use crate::store::model::{
    ContactChange, ContactRow, Cursor, HistoryRow, Kept, LARGEST_METADATA, Merged, NewContact, Page,
    Visibility, linked_contact, party_key,
};
use crate::wallclock::now_ms;

/// Fewest digits that are looked for inside numbers.
const SEARCHED_DIGITS: usize = 3;

async fn by_id<'e>(source: impl SqliteExecutor<'e>, id: &str) -> Result<Option<ContactRow>, Error> {
    let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
    query.push(" FROM contacts c").push(WISHES).push(" WHERE c.id = ").push_bind(id.to_owned());
    Ok(query.build_query_as().fetch_optional(source).await?)
}

pub(super) const COLUMNS: &str = "SELECT c.id, c.number, c.name, c.flow, c.metadata, c.created_ms, c.updated_ms, \
                                  d.at_ms AS do_not_call_ms, d.call_id AS do_not_call_id";
/// What the do-not-call list says of each, by their number or as calls by links name them.
pub(super) const WISHES: &str = " LEFT JOIN do_not_call d ON d.number = CASE WHEN EXISTS \
     (SELECT 1 FROM do_not_call n WHERE n.number = c.digits) THEN c.digits ELSE 'browser:' || c.id END";

impl Engine {
    pub(in crate::store) async fn create_contact(&self, contact: NewContact) -> Result<ContactRow, Error> {
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

    pub(in crate::store) async fn change_contact(
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

    pub(in crate::store) async fn delete_contact(&self, id: &str) -> Result<bool, Error> {
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

    pub(in crate::store) async fn put_contacts(&self, contacts: Vec<NewContact>) -> Result<Vec<Kept>, Error> {
        self.write(move |connection| async move { put_all(connection, contacts).await }.boxed()).await
    }

    pub(in crate::store) async fn contact(&self, id: &str) -> Result<Option<ContactRow>, Error> {
        by_id(&self.readers, id).await
    }

    pub(in crate::store) async fn contacts(
        &self,
        search: Option<&str>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<ContactRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
        query.push(" FROM contacts c").push(WISHES).push(" WHERE 1 = 1");
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

    pub(in crate::store) async fn history(
        &self,
        user: Option<&str>,
        visibility: &Visibility,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<HistoryRow>, Error> {
        let mut query = history_query();
        narrow(visibility, &mut query, "k");
        if let Some(user) = user {
            query.push(" AND (p.contact_id = ").push_bind(user.to_owned());
            query.push(" OR p.user_id = ").push_bind(user.to_owned()).push(")");
        }
        newest_first(&mut query, "k", after, limit);
        let calls = query.build_query_as().fetch_all(&self.readers).await?;
        Ok(Page::cut(calls, limit, |row: &HistoryRow| Cursor::new(row.call.created_ms, &row.call.id)))
    }

    pub(in crate::store) async fn contact_call(&self, call_id: &str) -> Result<Option<HistoryRow>, Error> {
        let mut query = history_query();
        query.push(" AND k.id = ").push_bind(call_id.to_owned());
        Ok(query.build_query_as().fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn merge_metadata(
        &self,
        call_id: &str,
        patch: Value,
    ) -> Result<Merged, Error> {
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

/// By what calls and the do-not-call list know a contact.
fn key(id: &str, number: &str) -> String {
    party_key(&if number.is_empty() { linked_contact(id) } else { number.to_owned() })
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
    .bind(key(&id, &contact.number))
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
        query.push(", digits = ").push_bind(key(id, &number));
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
        // Without a number, none is the same: nobody has this key.
        None => sqlx::query_scalar("SELECT id FROM contacts WHERE digits = $1 LIMIT 2")
            .bind(key("", &contact.number)),
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
            .bind(key(id, &contact.number))
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
