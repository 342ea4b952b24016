//! Client apps.

use futures_util::FutureExt;
use serde_json::json;
use sqlx::types::Json;
use sqlx_sqlite::SqliteConnection;

use super::change::{require_app, update};
use super::secrets;
use crate::store::error::Error;
use crate::store::model::{Actor, AppChange, AppPolicy, AppRow, AuditAction, NewApp, NewAudit};
use crate::store::sqlite::audit;
use crate::store::sqlite::engine::Engine;
use crate::store::sqlite::error::exists_or;
use crate::wallclock::now_ms;

const APP_ROWS: &str = "SELECT id, name, scopes, bots, require_jti, max_token_age_s, rate_per_s, rate_burst, created_ms, \
     last_used_ms, (SELECT count(*) FROM app_secrets WHERE app_id = client_apps.id \
     AND (retired_ms IS NULL OR retired_ms > $1)) AS active_secrets FROM client_apps WHERE deleted_ms IS NULL";

impl Engine {
    pub(in crate::store) async fn add_app(
        &self,
        app: NewApp,
        policy: AppPolicy,
        actor: Actor,
    ) -> Result<(), Error> {
        let key = self.clients.vault.key()?;
        self.change_clients(move |connection| {
            async move {
                create_app(connection, &app, policy).await?;
                secrets::add(connection, &key, &app.id, &app.secret).await?;
                let detail = json!({ "name": app.name, "scopes": app.scopes, "bots": app.bots });
                audit::append(connection, NewAudit::new(actor, AuditAction::AppCreate, app.id, detail)).await
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn change_app(
        &self,
        id: &str,
        change: AppChange,
        actor: Actor,
    ) -> Result<(), Error> {
        let id = id.to_owned();
        self.change_clients(move |connection| {
            async move {
                require_app(connection, &id).await?;
                let detail = change_app(connection, &id, change).await?;
                audit::append(connection, NewAudit::new(actor, AuditAction::AppChange, id, detail)).await
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn delete_app(&self, id: &str, actor: Actor) -> Result<(), Error> {
        let id = id.to_owned();
        self.change_clients(move |connection| {
            async move {
                require_app(connection, &id).await?;
                sqlx::query("UPDATE client_apps SET deleted_ms = $2 WHERE id = $1")
                    .bind(&id)
                    .bind(now_ms())
                    .execute(&mut *connection)
                    .await?;
                audit::append(connection, NewAudit::new(actor, AuditAction::AppDelete, id, json!({}))).await
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn apps(&self) -> Result<Vec<AppRow>, Error> {
        let query = format!("{APP_ROWS} ORDER BY id");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(now_ms()).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn app_row(&self, id: &str) -> Result<AppRow, Error> {
        let query = format!("{APP_ROWS} AND id = $2");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(now_ms()).bind(id);
        query.fetch_optional(&self.readers).await?.ok_or_else(|| Error::UnknownApp(id.to_owned()))
    }
}

async fn create_app(connection: &mut SqliteConnection, app: &NewApp, policy: AppPolicy) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO client_apps (id, name, scopes, bots, created_ms, require_jti, max_token_age_s, rate_per_s, \
         rate_burst) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&app.id)
    .bind(&app.name)
    .bind(Json(&app.scopes))
    .bind(Json(&app.bots))
    .bind(now_ms())
    .bind(policy.require_jti)
    .bind(policy.max_token_age_s)
    .bind(policy.rate.map(|rate| rate.per_second))
    .bind(policy.rate.map(|rate| rate.burst))
    .execute(connection)
    .await
    .map_err(|error| exists_or(error, || format!("the client app {}", app.id)))?;
    Ok(())
}

/// Tells what was changed, for the audit log.
async fn change_app(
    connection: &mut SqliteConnection,
    id: &str,
    change: AppChange,
) -> Result<serde_json::Value, Error> {
    let mut told = serde_json::Map::new();
    let mut tell = |what: &str, value: serde_json::Value| told.insert(what.to_owned(), value);
    if let Some(name) = change.name {
        update(connection, "UPDATE client_apps SET name = $2 WHERE id = $1", id, &name).await?;
        tell("name", json!(name));
    }
    if let Some(scopes) = change.scopes {
        update(connection, "UPDATE client_apps SET scopes = $2 WHERE id = $1", id, Json(&scopes)).await?;
        tell("scopes", json!(scopes));
    }
    if let Some(bots) = change.bots {
        update(connection, "UPDATE client_apps SET bots = $2 WHERE id = $1", id, Json(&bots)).await?;
        tell("bots", json!(bots));
    }
    if let Some(needed) = change.require_jti {
        update(connection, "UPDATE client_apps SET require_jti = $2 WHERE id = $1", id, needed).await?;
        tell("requireJti", json!(needed));
    }
    if let Some(age) = change.max_token_age_s {
        update(connection, "UPDATE client_apps SET max_token_age_s = $2 WHERE id = $1", id, age).await?;
        tell("maxTokenAge", json!(age));
    }
    if let Some(rate) = change.rate {
        let (per_second, burst) = (rate.map(|rate| rate.per_second), rate.map(|rate| rate.burst));
        update(connection, "UPDATE client_apps SET rate_per_s = $2 WHERE id = $1", id, per_second).await?;
        update(connection, "UPDATE client_apps SET rate_burst = $2 WHERE id = $1", id, burst).await?;
        tell(
            "rateLimit",
            json!(rate.map(|rate| json!({ "perSecond": rate.per_second, "burst": rate.burst }))),
        );
    }
    Ok(told.into())
}
