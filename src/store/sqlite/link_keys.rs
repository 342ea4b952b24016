//! Keys that sign links, sealed with the key of the server.

use futures_util::FutureExt;
use sqlx::FromRow;
use sqlx_sqlite::SqliteConnection;

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::keys::ServerKey;
use crate::store::model::LinkKey;
use crate::wallclock::now_ms;

#[derive(FromRow)]
struct Row {
    id: String,
    secret: String,
}

impl Row {
    /// `None` when the key of the server is another one by now: such a key is as good as retired.
    fn opened(self, key: &ServerKey) -> Option<LinkKey> {
        let secret = key.open(&place(&self.id), &self.secret).ok()?;
        Some(LinkKey { id: self.id, secret })
    }
}

/// What a sealed secret belongs to.
fn place(id: &str) -> String {
    format!("link_keys/{id}")
}

impl Engine {
    pub(in crate::store) async fn signing_key(&self, fresh: LinkKey) -> Result<LinkKey, Error> {
        let server = self.clients.vault.key()?;
        if let Some(key) = newest(&mut *self.readers.acquire().await?, &server).await? {
            return Ok(key);
        }
        self.write(move |connection| {
            async move {
                // Another request may have been quicker.
                if let Some(key) = newest(&mut *connection, &server).await? {
                    return Ok(key);
                }
                let sealed = server
                    .seal(&place(&fresh.id), &fresh.secret)
                    .map_err(|_| Error::Key("a key for links is too long to be sealed".to_owned()))?;
                sqlx::query("INSERT INTO link_keys (id, secret, created_ms) VALUES ($1, $2, $3)")
                    .bind(&fresh.id)
                    .bind(sealed)
                    .bind(now_ms())
                    .execute(connection)
                    .await?;
                Ok(fresh)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn link_key(&self, id: &str) -> Result<Option<LinkKey>, Error> {
        let server = self.clients.vault.key()?;
        let query =
            sqlx::query_as::<_, Row>("SELECT id, secret FROM link_keys WHERE id = $1 AND retired_ms IS NULL");
        let row = query.bind(id.to_owned()).fetch_optional(&self.readers).await?;
        Ok(row.and_then(|row| row.opened(&server)))
    }

    pub(in crate::store) async fn retire_link_keys(&self) -> Result<u64, Error> {
        self.write(|connection| {
            async move {
                let query = sqlx::query("UPDATE link_keys SET retired_ms = $1 WHERE retired_ms IS NULL");
                Ok(query.bind(now_ms()).execute(connection).await?.rows_affected())
            }
            .boxed()
        })
        .await
    }
}

async fn newest(connection: &mut SqliteConnection, server: &ServerKey) -> Result<Option<LinkKey>, Error> {
    let query =
        "SELECT id, secret FROM link_keys WHERE retired_ms IS NULL ORDER BY created_ms DESC, id LIMIT 1";
    let row: Option<Row> = sqlx::query_as(query).fetch_optional(connection).await?;
    Ok(row.and_then(|row| row.opened(server)))
}
