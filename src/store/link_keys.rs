//! Keys that sign links.

use futures_util::FutureExt;
use secrecy::{ExposeSecret, SecretString};
use sqlx::FromRow;

use super::{Error, Store};
use crate::wallclock::now_ms;

/// A key that is not retired.
#[derive(Clone, Debug)]
pub struct LinkKey {
    pub id: String,
    pub secret: SecretString,
}

#[derive(FromRow)]
struct Row {
    id: String,
    secret: String,
}

impl From<Row> for LinkKey {
    fn from(row: Row) -> Self {
        Self { id: row.id, secret: row.secret.into() }
    }
}

impl Store {
    /// The key that signs; `fresh` becomes it when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn signing_key(&self, fresh: LinkKey) -> Result<LinkKey, Error> {
        const NEWEST: &str =
            "SELECT id, secret FROM link_keys WHERE retired_ms IS NULL ORDER BY created_ms DESC, id LIMIT 1";
        let found: Option<Row> = sqlx::query_as(NEWEST).fetch_optional(&self.readers).await?;
        if let Some(row) = found {
            return Ok(row.into());
        }
        self.write(move |connection| {
            async move {
                // Another request may have been quicker.
                let found: Option<Row> = sqlx::query_as(NEWEST).fetch_optional(&mut *connection).await?;
                if let Some(row) = found {
                    return Ok(row.into());
                }
                sqlx::query("INSERT INTO link_keys (id, secret, created_ms) VALUES ($1, $2, $3)")
                    .bind(&fresh.id)
                    .bind(fresh.secret.expose_secret())
                    .bind(now_ms())
                    .execute(connection)
                    .await?;
                Ok(fresh)
            }
            .boxed()
        })
        .await
    }

    /// The key of that id, unless it is retired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn link_key(&self, id: &str) -> Result<Option<LinkKey>, Error> {
        let query =
            sqlx::query_as::<_, Row>("SELECT id, secret FROM link_keys WHERE id = $1 AND retired_ms IS NULL");
        Ok(query.bind(id.to_owned()).fetch_optional(&self.readers).await?.map(LinkKey::from))
    }

    /// Retires every key: no link that was given out opens anything any more. How many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retire_link_keys(&self) -> Result<u64, Error> {
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
