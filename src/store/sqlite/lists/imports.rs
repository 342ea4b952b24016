//! Imports: begun, ended, looked up.

use futures_util::FutureExt;
use serde_json::json;
use sqlx::QueryBuilder;
use sqlx::types::Json;
use sqlx_sqlite::{Sqlite, SqliteConnection, SqliteExecutor};

use super::{by_id, held_by_campaign, no_such};
use crate::store::error::Error;
use crate::store::model::{
    Actor, AuditAction, Cursor, ImportRow, ImportState, NewAudit, NewImport, Page, RowErrorRow,
};
use crate::store::sqlite::audit;
use crate::store::sqlite::engine::Engine;
use crate::store::sqlite::query::column_ms;
use crate::wallclock::now_ms;

const SELECT: &str = "SELECT i.id, i.list_id, i.version, i.state, i.source, i.digest, i.read_as, i.mapping, i.size, i.position, \
     i.next_row, i.rows, i.added, i.duplicates, i.refused, i.elsewhere, i.zone_column, i.zone_number, i.zone_list, \
     i.problem, i.author, i.at_ms, i.ended_ms, i.undone_ms FROM list_imports i WHERE TRUE";

/// One import, of any list.
pub(super) async fn import_by_id<'e>(
    source: impl SqliteExecutor<'e>,
    id: &str,
) -> Result<Option<ImportRow>, Error> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push(" AND i.id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(source).await?)
}

fn no_such_import(id: &str) -> Error {
    Error::NoSuch { what: format!("import {id}") }
}

/// Refuses what cannot be done while another import runs or is being undone.
async fn one_at_a_time(connection: &mut SqliteConnection, list_id: &str) -> Result<(), Error> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push(" AND i.state IN ('running', 'undoing') AND i.list_id = ").push_bind(list_id);
    let other: Option<ImportRow> = query.build_query_as().fetch_optional(connection).await?;
    let Some(other) = other else { return Ok(()) };
    let does =
        if other.state == ImportState::Running { "is being read into" } else { "is being taken out of" };
    Err(Error::Conflict(format!(
        "the file {} {does} this list just now ({}); wait until that is done",
        other.source, other.id
    )))
}

impl Engine {
    pub(in crate::store) async fn begin_import(
        &self,
        import: NewImport,
        actor: Actor,
    ) -> Result<ImportRow, Error> {
        self.write(move |connection| {
            async move {
                let list = by_id(&mut *connection, &import.list_id).await?;
                let list = list.ok_or_else(|| no_such(&import.list_id))?;
                one_at_a_time(connection, &list.id).await?;
                sqlx::query(
                    "INSERT INTO list_imports (id, list_id, version, state, source, digest, read_as, mapping, size, \
                     position, next_row, rows, added, duplicates, refused, elsewhere, zone_column, zone_number, \
                     zone_list, author, at_ms) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, $10, $11)",
                )
                .bind(&import.id)
                .bind(&list.id)
                .bind(list.version + 1)
                .bind(ImportState::Running)
                .bind(&import.source)
                .bind(&import.digest)
                .bind(&import.read_as)
                .bind(Json(&import.mapping))
                .bind(column_ms(import.size))
                .bind(&actor.name)
                .bind(now_ms())
                .execute(&mut *connection)
                .await?;
                let detail = json!({ "list": list.name, "import": import.id, "file": import.source });
                audit::append(connection, NewAudit::new(actor, AuditAction::ListImport, list.id, detail)).await?;
                let row = import_by_id(&mut *connection, &import.id).await?;
                row.ok_or_else(|| no_such_import(&import.id))
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn finish_import(
        &self,
        import_id: &str,
        columns: Vec<String>,
    ) -> Result<Option<ImportRow>, Error> {
        let import_id = import_id.to_owned();
        self.write(move |connection| {
            async move {
                let now = now_ms();
                let done = sqlx::query(
                    "UPDATE list_imports SET state = 'done', position = size, ended_ms = $2 \
                     WHERE id = $1 AND state = 'running'",
                );
                if done.bind(&import_id).bind(now).execute(&mut *connection).await?.rows_affected() == 0 {
                    return Ok(None);
                }
                let Some(row) = import_by_id(&mut *connection, &import_id).await? else { return Ok(None) };
                let Some(list) = by_id(&mut *connection, &row.list_id).await? else { return Ok(None) };
                let mut known = list.columns;
                for column in columns {
                    if !known.contains(&column) {
                        known.push(column);
                    }
                }
                sqlx::query(
                    "UPDATE lists SET version = $2, contacts = contacts + $3, columns = $4, updated_ms = $5 WHERE id = $1",
                )
                .bind(&list.id)
                .bind(row.version)
                .bind(row.added)
                .bind(Json(known))
                .bind(now)
                .execute(connection)
                .await?;
                Ok(Some(row))
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn fail_import(&self, import_id: &str, problem: &str) -> Result<(), Error> {
        let (import_id, problem) = (import_id.to_owned(), problem.to_owned());
        self.write(move |connection| {
            async move {
                // Its rows go first: no other may begin while they are there.
                sqlx::query(
                    "UPDATE list_imports SET state = 'undoing', problem = $2, ended_ms = $3 \
                     WHERE id = $1 AND state = 'running'",
                )
                .bind(import_id)
                .bind(problem)
                .bind(now_ms())
                .execute(connection)
                .await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn undo_import(
        &self,
        list_id: &str,
        import_id: &str,
        actor: Actor,
    ) -> Result<ImportRow, Error> {
        let (list_id, import_id) = (list_id.to_owned(), import_id.to_owned());
        self.write(move |connection| {
            async move {
                let list = by_id(&mut *connection, &list_id).await?.ok_or_else(|| no_such(&list_id))?;
                let import = import_by_id(&mut *connection, &import_id).await?;
                let import = import.filter(|import| import.list_id == list.id);
                let import = import.ok_or_else(|| no_such_import(&import_id))?;
                match import.state {
                    ImportState::Done => {}
                    ImportState::Undoing | ImportState::Undone => return Ok(import),
                    ImportState::Running => {
                        let why = "the file is still being read; wait until that is done, and undo it then";
                        return Err(Error::Conflict(why.to_owned()));
                    }
                    ImportState::Failed => {
                        let why = "this import failed and left nothing that could be undone";
                        return Err(Error::Conflict(why.to_owned()));
                    }
                }
                one_at_a_time(connection, &list.id).await?;
                if let Some(why) = held_by_campaign(connection, &list.id, Some(&import.id)).await? {
                    return Err(Error::Conflict(why));
                }
                let now = now_ms();
                sqlx::query("UPDATE list_imports SET state = 'undoing', undone_ms = $2 WHERE id = $1")
                    .bind(&import.id)
                    .bind(now)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query(
                    "UPDATE lists SET version = version + 1, contacts = contacts - $2, updated_ms = $3 WHERE id = $1",
                )
                .bind(&list.id)
                .bind(import.added)
                .bind(now)
                .execute(&mut *connection)
                .await?;
                let detail = json!({ "list": list.name, "import": import.id, "contacts": import.added });
                audit::append(connection, NewAudit::new(actor, AuditAction::ListUndo, list.id, detail)).await?;
                let row = import_by_id(&mut *connection, &import.id).await?;
                row.ok_or_else(|| no_such_import(&import.id))
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn running_imports(&self) -> Result<Vec<ImportRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push(" AND i.state = 'running' ORDER BY i.at_ms, i.id");
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn list_imports(
        &self,
        list_id: &str,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<ImportRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push(" AND i.list_id = ").push_bind(list_id);
        if let Some(after) = after {
            query.push(" AND (i.at_ms, i.id) < (").push_bind(after.created_ms);
            query.push(", ").push_bind(after.id.clone()).push(")");
        }
        query.push(" ORDER BY i.at_ms DESC, i.id DESC LIMIT ").push_bind(i64::from(limit) + 1);
        let rows = query.build_query_as().fetch_all(&self.readers).await?;
        Ok(Page::cut(rows, limit, |row: &ImportRow| Cursor::new(row.at_ms, &row.id)))
    }

    pub(in crate::store) async fn list_import(
        &self,
        list_id: &str,
        import_id: &str,
    ) -> Result<Option<ImportRow>, Error> {
        let found = import_by_id(&self.readers, import_id).await?;
        Ok(found.filter(|import| import.list_id == list_id))
    }

    pub(in crate::store) async fn import_errors(
        &self,
        import_id: &str,
        limit: u32,
    ) -> Result<Vec<RowErrorRow>, Error> {
        let query = sqlx::query_as(
            "SELECT line, kind, field, problem FROM list_import_errors WHERE import_id = $1 ORDER BY line, rowid LIMIT $2",
        );
        Ok(query.bind(import_id).bind(i64::from(limit)).fetch_all(&self.readers).await?)
    }
}
