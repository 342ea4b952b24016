//! What is done after the rows of lists, a few thousand at a time, so that calls which are written down meanwhile wait a moment only:
//! contacts of imports that are undone and of lists that are deleted are taken out, and names of new ones are indexed.

use futures_util::FutureExt;
use sqlx_sqlite::SqliteConnection;

use crate::store::error::Error;
use crate::store::sqlite::engine::Engine;

/// Contacts of one transaction that are taken out.
const STEP: i64 = 5_000;
/// Contacts of one transaction whose names are indexed.
const NAMES: i64 = 20_000;
/// What `named_until` is once all names are indexed.
const ALL: i64 = i64::MAX;

impl Engine {
    pub(in crate::store) async fn sweep_lists(&self) -> Result<bool, Error> {
        self.write(|connection| async move { sweep(connection).await }.boxed()).await
    }
}

async fn sweep(connection: &mut SqliteConnection) -> Result<bool, Error> {
    let undoing: Option<String> =
        sqlx::query_scalar("SELECT id FROM list_imports WHERE state = 'undoing' ORDER BY at_ms LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?;
    if let Some(import) = undoing {
        let gone = sqlx::query(
            "DELETE FROM list_contacts WHERE id IN (SELECT id FROM list_contacts WHERE import_id = $1 LIMIT $2)",
        );
        if gone.bind(&import).bind(STEP).execute(&mut *connection).await?.rows_affected() == 0 {
            sqlx::query(
                "UPDATE list_imports SET state = CASE WHEN problem IS NULL THEN 'undone' ELSE 'failed' END WHERE id = $1",
            )
            .bind(&import)
            .execute(connection)
            .await?;
        }
        return Ok(true);
    }
    let unnamed: Option<String> = sqlx::query_scalar(
        "SELECT id FROM list_imports WHERE state = 'done' AND named_until < $1 ORDER BY at_ms LIMIT 1",
    )
    .bind(ALL)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(import) = unnamed {
        index_names(connection, &import).await?;
        return Ok(true);
    }
    let gone = sqlx::query(
        "DELETE FROM list_contacts WHERE id IN (SELECT c.id FROM lists l CROSS JOIN list_contacts c ON c.list_id = l.id \
         WHERE l.deleted_ms IS NOT NULL LIMIT $1)",
    );
    Ok(gone.bind(STEP).execute(connection).await?.rows_affected() > 0)
}

/// Writes the next names of an import to the index of names.
async fn index_names(connection: &mut SqliteConnection, import: &str) -> Result<(), Error> {
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT max(id) FROM (SELECT c.id FROM list_imports i CROSS JOIN list_contacts c ON c.import_id = i.id \
         AND c.id > i.named_until WHERE i.id = $1 ORDER BY c.id LIMIT $2)",
    )
    .bind(import)
    .bind(NAMES)
    .fetch_one(&mut *connection)
    .await?;
    if let Some(last) = last {
        sqlx::query(
            "INSERT INTO list_contact_names (rowid, name) SELECT c.id, c.name FROM list_imports i \
             CROSS JOIN list_contacts c ON c.import_id = i.id AND c.id > i.named_until \
             WHERE i.id = $1 AND c.id <= $2 AND c.name IS NOT NULL ORDER BY c.id",
        )
        .bind(import)
        .bind(last)
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query("UPDATE list_imports SET named_until = $2 WHERE id = $1")
        .bind(import)
        .bind(last.unwrap_or(ALL))
        .execute(connection)
        .await?;
    Ok(())
}
