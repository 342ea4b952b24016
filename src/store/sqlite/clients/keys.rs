//! API keys. Only a digest of a key is kept, so the key itself is shown once and never again.

use futures_util::FutureExt;
use serde_json::json;
use sqlx::types::Json;
use sqlx_sqlite::SqliteConnection;

use super::change::{require_app, update};
use crate::store::error::Error;
use crate::store::model::{Actor, ApiKeyRow, AuditAction, KeyChange, NewApiKey, NewAudit};
use crate::store::sqlite::audit;
use crate::store::sqlite::engine::Engine;
use crate::store::sqlite::error::exists_or;
use crate::wallclock::now_ms;

const KEY_ROWS: &str = "SELECT id, name, scopes, bots, app_id, rate_per_s, rate_burst, created_ms, expires_ms, revoked_ms, \
     last_used_ms FROM api_keys";

impl Engine {
    pub(in crate::store) async fn issue_api_key(&self, key: NewApiKey, actor: Actor) -> Result<(), Error> {
        self.change_clients(move |connection| {
            async move {
                if let Some(app_id) = &key.app_id {
                    require_app(connection, app_id).await?;
                }
                insert(connection, &key).await?;
                let detail =
                    json!({ "name": key.name, "scopes": key.scopes, "bots": key.bots, "appId": key.app_id });
                audit::append(connection, NewAudit::new(actor, AuditAction::KeyCreate, key.id, detail)).await
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn api_keys(&self) -> Result<Vec<ApiKeyRow>, Error> {
        let query = format!("{KEY_ROWS} ORDER BY created_ms DESC, id");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(query)).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn api_key_row(&self, id: &str) -> Result<ApiKeyRow, Error> {
        let query = format!("{KEY_ROWS} WHERE id = $1");
        let found = sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(id).fetch_optional(&self.readers).await?;
        found.ok_or_else(|| no_such(id))
    }

    pub(in crate::store) async fn change_api_key(
        &self,
        id: &str,
        change: KeyChange,
        actor: Actor,
    ) -> Result<(), Error> {
        let id = id.to_owned();
        self.change_clients(move |connection| {
            async move {
                let found: Option<i64> =
                    sqlx::query_scalar("SELECT 1 FROM api_keys WHERE id = $1 AND revoked_ms IS NULL")
                        .bind(&id)
                        .fetch_optional(&mut *connection)
                        .await?;
                found.ok_or_else(|| no_such(&id))?;
                let detail = change_key(connection, &id, change).await?;
                audit::append(connection, NewAudit::new(actor, AuditAction::KeyChange, id, detail)).await
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn revoke_api_key_by(&self, id: &str, actor: Actor) -> Result<bool, Error> {
        let id = id.to_owned();
        self.change_clients(move |connection| {
            async move {
                let query = "UPDATE api_keys SET revoked_ms = $2 WHERE id = $1 AND revoked_ms IS NULL";
                let done = sqlx::query(query).bind(&id).bind(now_ms()).execute(&mut *connection).await?;
                let revoked = done.rows_affected() == 1;
                if revoked {
                    audit::append(connection, NewAudit::new(actor, AuditAction::KeyRevoke, id, json!({})))
                        .await?;
                }
                Ok(revoked)
            }
            .boxed()
        })
        .await
    }
}

fn no_such(id: &str) -> Error {
    Error::NoSuch { what: format!("API key {id}") }
}

async fn insert(connection: &mut SqliteConnection, key: &NewApiKey) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO api_keys (id, name, digest, scopes, bots, app_id, rate_per_s, rate_burst, expires_ms, \
         created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&key.id)
    .bind(&key.name)
    .bind(&key.digest)
    .bind(Json(&key.scopes))
    .bind(Json(&key.bots))
    .bind(&key.app_id)
    .bind(key.rate.map(|rate| rate.per_second))
    .bind(key.rate.map(|rate| rate.burst))
    .bind(key.expires_ms)
    .bind(now_ms())
    .execute(connection)
    .await
    .map_err(|error| exists_or(error, || format!("the API key {}", key.id)))?;
    Ok(())
}

async fn change_key(
    connection: &mut SqliteConnection,
    id: &str,
    change: KeyChange,
) -> Result<serde_json::Value, Error> {
    let mut told = serde_json::Map::new();
    let mut tell = |what: &str, value: serde_json::Value| told.insert(what.to_owned(), value);
    if let Some(name) = change.name {
        update(connection, "UPDATE api_keys SET name = $2 WHERE id = $1", id, &name).await?;
        tell("name", json!(name));
    }
    if let Some(scopes) = change.scopes {
        update(connection, "UPDATE api_keys SET scopes = $2 WHERE id = $1", id, Json(&scopes)).await?;
        tell("scopes", json!(scopes));
    }
    if let Some(bots) = change.bots {
        update(connection, "UPDATE api_keys SET bots = $2 WHERE id = $1", id, Json(&bots)).await?;
        tell("bots", json!(bots));
    }
    if let Some(rate) = change.rate {
        let (per_second, burst) = (rate.map(|rate| rate.per_second), rate.map(|rate| rate.burst));
        update(connection, "UPDATE api_keys SET rate_per_s = $2 WHERE id = $1", id, per_second).await?;
        update(connection, "UPDATE api_keys SET rate_burst = $2 WHERE id = $1", id, burst).await?;
        tell(
            "rateLimit",
            json!(rate.map(|rate| json!({ "perSecond": rate.per_second, "burst": rate.burst }))),
        );
    }
    if let Some(expires) = change.expires_ms {
        update(connection, "UPDATE api_keys SET expires_ms = $2 WHERE id = $1", id, expires).await?;
        tell("expiresMs", json!(expires));
    }
    Ok(told.into())
}
