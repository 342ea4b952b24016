//! Everybody who may call: read as one, written down when they were last used.

use std::sync::Arc;

use futures_util::FutureExt;
use sqlx_sqlite::SqliteConnection;

use crate::store::directory::{Clients, Directory, LastUses};
use crate::store::error::Error;
use crate::store::model::ClientRecords;
use crate::store::sqlite::engine::Engine;
use crate::wallclock::now_ms;

impl Engine {
    /// Reads everybody anew.
    pub(in crate::store) async fn everybody(&self) -> Result<Arc<Directory>, Error> {
        everybody(&mut *self.readers.acquire().await?, &self.clients).await
    }

    pub(in crate::store) async fn write_last_used(&self, uses: LastUses) -> Result<(), Error> {
        self.write(move |connection| {
            async move {
                for (table, seen) in [
                    ("UPDATE client_apps SET last_used_ms = $2 WHERE id = $1", uses.apps),
                    ("UPDATE api_keys SET last_used_ms = $2 WHERE id = $1", uses.keys),
                ] {
                    for (id, seen_ms) in seen {
                        sqlx::query(table).bind(id).bind(seen_ms).execute(&mut *connection).await?;
                    }
                }
                Ok(())
            }
            .boxed()
        })
        .await
    }
}

/// Everybody who may call, as this connection sees them. Secrets that ended long ago are left where they are.
pub(in crate::store::sqlite) async fn everybody(
    connection: &mut SqliteConnection,
    clients: &Clients,
) -> Result<Arc<Directory>, Error> {
    let secrets = sqlx::query_as(
        "SELECT app_id, seq, secret, key_id IS NOT NULL AS sealed, retired_ms FROM app_secrets \
         WHERE retired_ms IS NULL OR retired_ms > $1 ORDER BY app_id, seq DESC",
    )
    .bind(now_ms())
    .fetch_all(&mut *connection)
    .await?;
    let apps = sqlx::query_as(
        "SELECT id, name, scopes, bots, require_jti, max_token_age_s, rate_per_s, rate_burst, \
         deleted_ms IS NOT NULL AS deleted FROM client_apps",
    )
    .fetch_all(&mut *connection)
    .await?;
    let keys = sqlx::query_as(
        "SELECT id, name, digest, scopes, bots, app_id, rate_per_s, rate_burst, expires_ms FROM api_keys \
         WHERE revoked_ms IS NULL",
    )
    .fetch_all(connection)
    .await?;
    clients.directory(ClientRecords { apps, keys, secrets })
}
