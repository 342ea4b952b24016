//! Lists of contacts.

mod imports;
mod rows;
mod sweep;
#[cfg(test)]
mod tests;

use futures_util::FutureExt;
use serde_json::json;
use sqlx::QueryBuilder;
use sqlx_sqlite::{Sqlite, SqliteConnection, SqliteExecutor};
use uuid::Uuid;

use super::engine::Engine;
use super::error::exists_or;
use super::query::{like, newest_first};
use crate::store::error::Error;
use crate::store::model::{
    Actor, AuditAction, Cursor, ListContactRow, ListRow, ListSearch, NewAudit, NewList, Page,
};
use crate::store::sqlite::audit;
use crate::wallclock::now_ms;

const SELECT: &str = "SELECT l.id, l.name, l.country, l.zone, l.columns, l.version, l.contacts, l.author, l.created_ms, \
                      l.updated_ms FROM lists l WHERE l.deleted_ms IS NULL";

/// So many digits are the beginning of few numbers.
const LONG_BEGINNING: usize = 8;

/// A name as it is compared.
fn name_key(name: &str) -> String {
    name.to_lowercase()
}

async fn by_id<'e>(source: impl SqliteExecutor<'e>, id_or_name: &str) -> Result<Option<ListRow>, Error> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push(" AND (l.id = ").push_bind(id_or_name);
    query
        .push(" OR l.name_key = ")
        .push_bind(name_key(id_or_name))
        .push(") ORDER BY l.id <> ")
        .push_bind(id_or_name);
    Ok(query.build_query_as().fetch_optional(source).await?)
}

fn no_such(id: &str) -> Error {
    Error::NoSuch { what: format!("list {id}") }
}

/// Why contacts of a list, or those of one import of it, cannot be taken out: a sentence that names the campaign which
/// has them.
async fn held_by_campaign(
    connection: &mut SqliteConnection,
    list_id: &str,
    import_id: Option<&str>,
) -> Result<Option<String>, Error> {
    let calls: Option<String> = sqlx::query_scalar(
        "SELECT k.name FROM campaigns k WHERE k.state NOT IN ('done', 'stopped') AND EXISTS (SELECT 1 FROM list_contacts c \
         JOIN places p ON p.contact_id = c.id WHERE c.list_id = $1 AND ($2 IS NULL OR c.import_id = $2) \
         AND p.campaign_id = k.id) LIMIT 1",
    )
    .bind(list_id)
    .bind(import_id)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(name) = calls {
        let text = format!(
            "the campaign {name:?} calls contacts of it; take the list out of the campaign, or stop it, first"
        );
        return Ok(Some(text));
    }
    // An import that is undone may have put people on a suppression list by mistake; the list itself stays.
    if import_id.is_some() {
        return Ok(None);
    }
    let spares: Option<String> = sqlx::query_scalar(
        "SELECT k.name FROM campaigns k WHERE k.state NOT IN ('done', 'stopped') \
         AND EXISTS (SELECT 1 FROM json_each(k.settings, '$.suppression_lists') s WHERE s.value = $1) LIMIT 1",
    )
    .bind(list_id)
    .fetch_optional(connection)
    .await?;
    Ok(spares.map(|name| {
        format!("it is a suppression list of the campaign {name:?}, which would call its contacts without it; take the list out of the campaign, or stop it, first")
    }))
}

impl Engine {
    pub(in crate::store) async fn create_list(&self, list: NewList, actor: Actor) -> Result<ListRow, Error> {
        self.write(move |connection| {
            async move {
                let id = format!("ls_{}", Uuid::now_v7().simple());
                sqlx::query(
                    "INSERT INTO lists (id, name, name_key, country, zone, columns, version, contacts, author, \
                     created_ms, updated_ms) VALUES ($1, $2, $3, $4, $5, '[]', 0, 0, $6, $7, $7)",
                )
                .bind(&id)
                .bind(&list.name)
                .bind(name_key(&list.name))
                .bind(&list.country)
                .bind(&list.zone)
                .bind(&actor.name)
                .bind(now_ms())
                .execute(&mut *connection)
                .await
                .map_err(|error| exists_or(error, || format!("a list {}", list.name)))?;
                let detail = json!({ "name": list.name });
                let entry = NewAudit::new(actor, AuditAction::ListCreate, id.clone(), detail);
                audit::append(connection, entry).await?;
                by_id(&mut *connection, &id).await?.ok_or_else(|| no_such(&id))
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn lists(
        &self,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<ListRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        newest_first(&mut query, "l", after, limit);
        let rows = query.build_query_as().fetch_all(&self.readers).await?;
        Ok(Page::cut(rows, limit, |row: &ListRow| Cursor::new(row.created_ms, &row.id)))
    }

    pub(in crate::store) async fn list(&self, id_or_name: &str) -> Result<Option<ListRow>, Error> {
        by_id(&self.readers, id_or_name).await
    }

    pub(in crate::store) async fn delete_list(&self, id: &str, actor: Actor) -> Result<bool, Error> {
        let id = id.to_owned();
        self.write(move |connection| {
            async move {
                let Some(list) = by_id(&mut *connection, &id).await? else { return Ok(false) };
                if let Some(why) = held_by_campaign(connection, &list.id, None).await? {
                    return Err(Error::Conflict(why));
                }
                let now = now_ms();
                sqlx::query("UPDATE lists SET deleted_ms = $2, name_key = id WHERE id = $1")
                    .bind(&list.id)
                    .bind(now)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query(
                    "UPDATE list_imports SET state = 'failed', problem = 'the list was deleted', ended_ms = $2 \
                     WHERE list_id = $1 AND state = 'running'",
                )
                .bind(&list.id)
                .bind(now)
                .execute(&mut *connection)
                .await?;
                // What was told of refused rows may hold numbers of people.
                sqlx::query(
                    "DELETE FROM list_import_errors WHERE import_id IN (SELECT id FROM list_imports WHERE list_id = $1)",
                )
                .bind(&list.id)
                .execute(&mut *connection)
                .await?;
                let detail = json!({ "name": list.name, "contacts": list.contacts });
                audit::append(connection, NewAudit::new(actor, AuditAction::ListDelete, list.id, detail)).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn list_contacts(
        &self,
        list_id: &str,
        search: Option<&ListSearch>,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page<ListContactRow, i64>, Error> {
        // Few have a long beginning: they are looked up. Else the list is gone through in its order, up to a page of them.
        let few = matches!(search, Some(ListSearch::Digits(digits)) if digits.len() >= LONG_BEGINNING);
        let index = if few { "list_contacts_once" } else { "list_contacts_list" };
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT id, import_id, line, number, zone, zone_from, external_id, name, consent_ms, consent_source, \
             variables FROM list_contacts INDEXED BY ",
        );
        query.push(index).push(" WHERE list_id = ").push_bind(list_id);
        query.push(" AND import_id IN (SELECT id FROM list_imports WHERE state = 'done' AND list_id = ");
        query.push_bind(list_id).push(")");
        match search {
            Some(ListSearch::Digits(digits)) => {
                query.push(" AND digits >= ").push_bind(digits.clone());
                query.push(" AND digits < ").push_bind(format!("{digits}:"));
            }
            Some(ListSearch::Text(text)) => {
                query.push(" AND (name LIKE ").push_bind(like(text));
                query.push(" ESCAPE '\\' OR external_id = ").push_bind(text.clone()).push(")");
            }
            None => {}
        }
        query.push(" AND id > ").push_bind(after.unwrap_or(0));
        query.push(" ORDER BY id LIMIT ").push_bind(i64::from(limit) + 1);
        let rows = query.build_query_as().fetch_all(&self.readers).await?;
        Ok(Page::cut(rows, limit, |row: &ListContactRow| row.id))
    }
}
