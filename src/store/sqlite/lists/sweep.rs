//! Contacts of imports that are undone and of lists that are deleted, taken out a few thousand at a time: calls that are
//! written down meanwhile wait a moment only.

use futures_util::FutureExt;
use sqlx_sqlite::SqliteConnection;

use crate::store::error::Error;
use crate::store::sqlite::engine::Engine;

/// Contacts of one transaction.
const STEP: i64 = 5_000;

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
    let gone = sqlx::query(
        "DELETE FROM list_contacts WHERE id IN (SELECT c.id FROM lists l CROSS JOIN list_contacts c ON c.list_id = l.id \
         WHERE l.deleted_ms IS NOT NULL LIMIT $1)",
    );
    Ok(gone.bind(STEP).execute(connection).await?.rows_affected() > 0)
}
