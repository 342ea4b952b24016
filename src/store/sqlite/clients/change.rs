//! What every change of apps and keys has in common.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx_sqlite::SqliteConnection;

use super::directory::everybody;
use crate::store::error::Error;
use crate::store::sqlite::engine::Engine;

impl Engine {
    /// Changes apps or keys, and what is known of them at once: when this returns, nobody is admitted by what was
    /// before. That also holds when the caller stops waiting.
    pub(super) async fn change_clients<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
    {
        let (reading, keeping) = (Arc::clone(&self.clients), Arc::clone(&self.clients));
        let (done, _) = self
            .writer()?
            .write_then(
                move |connection| {
                    async move {
                        let done = work(&mut *connection).await?;
                        let directory = everybody(connection, &reading).await?;
                        Ok((done, directory))
                    }
                    .boxed()
                },
                move |(_, directory)| keeping.keep(directory),
            )
            .await?;
        Ok(done)
    }
}

/// Sets one column of one row.
pub(super) async fn update<'q, V>(
    connection: &mut SqliteConnection,
    sql: &'static str,
    id: &'q str,
    value: V,
) -> Result<(), Error>
where
    V: sqlx::Encode<'q, sqlx_sqlite::Sqlite> + sqlx::Type<sqlx_sqlite::Sqlite> + 'q,
{
    sqlx::query(sql).bind(id).bind(value).execute(connection).await?;
    Ok(())
}

/// An app that is there and was not deleted.
pub(super) async fn require_app(connection: &mut SqliteConnection, id: &str) -> Result<(), Error> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM client_apps WHERE id = $1 AND deleted_ms IS NULL")
            .bind(id)
            .fetch_optional(connection)
            .await?;
    found.map(|_| ()).ok_or_else(|| Error::UnknownApp(id.to_owned()))
}
