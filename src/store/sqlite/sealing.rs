//! What the server key seals in the database: client secrets, and headers of webhooks. Sealed at the first start, when
//! rows in clear are found, and anew when the key is changed.

use secrecy::SecretString;
use sqlx::Connection;
use sqlx_sqlite::{SqliteConnection, SqlitePool};

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::keys::{ServerKey, Vault, open_secret, seal_secret};
use crate::store::model::{Actor, AuditAction, NewAudit};
use crate::store::sqlite::{audit, headers, second_factor};

/// A secret as a row has it; without a key id it is in clear.
type Row = (String, i64, String, Option<String>);

impl Engine {
    /// Seals everything with another key.
    pub(in crate::store) async fn reseal(
        &self,
        old: ServerKey,
        new: ServerKey,
        actor: Actor,
    ) -> Result<(), Error> {
        self.write(move |connection| Box::pin(async move { reseal(connection, &old, &new, actor).await }))
            .await
    }
}

/// Finds the key that fits the database, makes one for a database without secrets, and seals what is in clear.
pub(super) async fn seal_everything(pool: &SqlitePool, vault: &Vault) -> Result<(), Error> {
    let mut wanted: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT key_id FROM app_secrets WHERE key_id IS NOT NULL")
            .fetch_all(pool)
            .await?;
    wanted.extend(headers::key_ids(pool).await?);
    let key = vault.fit(&wanted)?;
    seal_clear_rows(pool, &key).await?;
    headers::tidy(pool, &key).await?;
    vault.keep(&key);
    Ok(())
}

/// Deletes what is sealed with a key that is lost; how many apps that concerns.
pub(super) async fn give_up(connection: &mut SqliteConnection) -> Result<u64, Error> {
    let apps: i64 =
        sqlx::query_scalar("SELECT count(DISTINCT app_id) FROM app_secrets WHERE key_id IS NOT NULL")
            .fetch_one(&mut *connection)
            .await?;
    sqlx::query("DELETE FROM app_secrets WHERE key_id IS NOT NULL").execute(&mut *connection).await?;
    headers::give_up(&mut *connection).await?;
    let detail = serde_json::json!({ "apps": apps });
    audit::append(
        connection,
        NewAudit::new(Actor::operator(), AuditAction::SecretsGivenUp, "server", detail),
    )
    .await?;
    Ok(u64::try_from(apps).unwrap_or_default())
}

async fn seal_clear_rows(pool: &SqlitePool, key: &ServerKey) -> Result<(), Error> {
    let mut connection = pool.acquire().await?;
    let rows: Vec<Row> =
        sqlx::query_as("SELECT app_id, seq, secret, key_id FROM app_secrets WHERE key_id IS NULL")
            .fetch_all(&mut *connection)
            .await?;
    if rows.is_empty() {
        return Ok(());
    }
    // The old text is overwritten in the file, too, and the journal that still has it is cut off.
    sqlx::query("PRAGMA secure_delete = ON").execute(&mut *connection).await?;
    let count = rows.len();
    let mut transaction = connection.begin().await?;
    for (app_id, seq, secret, _) in rows {
        put(&mut transaction, key, &app_id, seq, &secret.into()).await?;
    }
    transaction.commit().await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *connection).await?;
    sqlx::query("PRAGMA secure_delete = OFF").execute(&mut *connection).await?;
    tracing::info!(secrets = count, "client secrets that lay in clear are sealed now");
    Ok(())
}

async fn reseal(
    connection: &mut SqliteConnection,
    old: &ServerKey,
    new: &ServerKey,
    actor: Actor,
) -> Result<(), Error> {
    let rows: Vec<Row> = sqlx::query_as("SELECT app_id, seq, secret, key_id FROM app_secrets")
        .fetch_all(&mut *connection)
        .await?;
    for (app_id, seq, text, key_id) in rows {
        let secret = open_secret(old, &app_id, seq, &text, key_id.is_some())?;
        put(connection, new, &app_id, seq, &secret).await?;
    }
    headers::reseal(connection, old, new).await?;
    second_factor::reseal(connection, old, new).await?;
    let detail = serde_json::json!({ "from": old.id(), "to": new.id() });
    audit::append(connection, NewAudit::new(actor, AuditAction::ServerKeyChange, "server", detail)).await
}

async fn put(
    connection: &mut SqliteConnection,
    key: &ServerKey,
    app_id: &str,
    seq: i64,
    secret: &SecretString,
) -> Result<(), Error> {
    sqlx::query("UPDATE app_secrets SET secret = $3, key_id = $4 WHERE app_id = $1 AND seq = $2")
        .bind(app_id)
        .bind(seq)
        .bind(seal_secret(key, app_id, seq, secret)?)
        .bind(key.id())
        .execute(connection)
        .await?;
    Ok(())
}
