//! Who may call the API: client apps. Their secrets and the API keys have files of their own; `directory` keeps all
//! of it at hand.

mod directory;
mod keys;
mod secrets;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde_json::json;
use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;
use sqlx::types::Json;

use std::sync::Arc;

use super::audit::{self, Actor, AuditAction, NewAudit};
use super::batch::exists_or;
use super::{Error, Store};
use crate::wallclock::now_ms;

pub(super) use self::directory::Clients;
pub use self::directory::{ApiKey, AppSecret, ClientApp, LastUsed};
pub use self::keys::{ApiKeyRow, KeyChange, NewApiKey};
pub use self::secrets::SecretRow;

/// A client app to be.
#[derive(Clone, Debug)]
pub struct NewApp {
    pub id: String,
    pub name: String,
    pub scopes: Vec<String>,
    /// The bots it may use; `*` stands for all.
    pub bots: Vec<String>,
    /// Signs its tokens and the webhooks sent to it.
    pub secret: SecretString,
}

/// What a caller may ask, over time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Requests each second in the long run, 0.001..=1e6.
    pub per_second: f64,
    /// Requests at once after a pause, 1..=1e6.
    pub burst: u32,
}

/// What holds for one app only; `None` follows the settings of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AppPolicy {
    /// A token is good for one request only, and says so with a `jti`.
    pub require_jti: bool,
    /// How old a token may be, seconds since its `iat`.
    pub max_token_age_s: Option<i64>,
    pub rate: Option<Rate>,
}

/// What of an app becomes different; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AppChange {
    pub name: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub bots: Option<Vec<String>>,
    pub require_jti: Option<bool>,
    /// `Some(None)` goes back to the settings of the server.
    pub max_token_age_s: Option<Option<i64>>,
    /// `Some(None)` goes back to the settings of the server.
    pub rate: Option<Option<Rate>>,
}

/// An app as a list shows it.
#[derive(Clone, Debug, FromRow)]
pub struct AppRow {
    pub id: String,
    pub name: String,
    #[sqlx(json)]
    pub scopes: Vec<String>,
    #[sqlx(json)]
    pub bots: Vec<String>,
    pub require_jti: bool,
    pub max_token_age_s: Option<i64>,
    rate_per_s: Option<f64>,
    rate_burst: Option<u32>,
    pub created_ms: i64,
    /// Accurate to a minute.
    pub last_used_ms: Option<i64>,
    pub active_secrets: i64,
}

impl AppRow {
    /// Its own limit, if it has one.
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        rate(self.rate_per_s, self.rate_burst)
    }
}

fn rate(per_second: Option<f64>, burst: Option<u32>) -> Option<Rate> {
    Some(Rate { per_second: per_second?, burst: burst? })
}

const APP_ROWS: &str = "SELECT id, name, scopes, bots, require_jti, max_token_age_s, rate_per_s, rate_burst, created_ms, \
     last_used_ms, (SELECT count(*) FROM app_secrets WHERE app_id = client_apps.id \
     AND (retired_ms IS NULL OR retired_ms > $1)) AS active_secrets FROM client_apps WHERE deleted_ms IS NULL";

impl Store {
    /// Adds an app with what the server's settings say.
    ///
    /// # Errors
    /// [`Error::Exists`] when the id is taken.
    pub async fn create_app(&self, app: NewApp) -> Result<(), Error> {
        self.enrol_app(app, AppPolicy::default(), Actor::server()).await
    }

    /// Adds an app.
    ///
    /// # Errors
    /// [`Error::Exists`] when the id is taken, also by an app that was deleted.
    pub async fn enrol_app(&self, app: NewApp, policy: AppPolicy, actor: Actor) -> Result<(), Error> {
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

    /// Changes an app from now on.
    ///
    /// # Errors
    /// [`Error::UnknownApp`] when there is no such app.
    pub async fn change_app(&self, id: &str, change: AppChange, actor: Actor) -> Result<(), Error> {
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

    /// Turns an app away from now on, and the API keys that act for it. Its row stays: its id is not given to
    /// another, and webhooks on their way are still signed.
    ///
    /// # Errors
    /// [`Error::UnknownApp`] when there is no such app.
    pub async fn delete_app(&self, id: &str, actor: Actor) -> Result<(), Error> {
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

    /// Every app, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn apps(&self) -> Result<Vec<AppRow>, Error> {
        self.flush_last_used().await?;
        let query = format!("{APP_ROWS} ORDER BY id");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(now_ms()).fetch_all(&self.readers).await?)
    }

    /// One app as the list has it.
    ///
    /// # Errors
    /// [`Error::UnknownApp`] when there is no such app.
    pub async fn app_row(&self, id: &str) -> Result<AppRow, Error> {
        self.flush_last_used().await?;
        let query = format!("{APP_ROWS} AND id = $2");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(now_ms()).bind(id);
        query.fetch_optional(&self.readers).await?.ok_or_else(|| Error::UnknownApp(id.to_owned()))
    }

    /// An app and its active secrets, unless it was deleted.
    ///
    /// # Errors
    /// When the database fails, or the server key does not fit.
    pub async fn app(&self, id: &str) -> Result<Option<ClientApp>, Error> {
        let known = self.directory().await?.app(id);
        Ok(known.map(|app| ClientApp::clone(&app)))
    }

    /// Changes apps or keys, and what is known of them at once: when this returns, nobody is admitted by what was
    /// before. That also holds when the caller stops waiting.
    async fn change_clients<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
    {
        let (reading, keeping) = (Arc::clone(&self.clients), Arc::clone(&self.clients));
        let (done, _) = self
            .write_then(
                move |connection| {
                    async move {
                        let done = work(&mut *connection).await?;
                        let directory = reading.read(connection).await?;
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

/// Sets one column of one row.
async fn update<'q, V>(
    connection: &mut SqliteConnection,
    sql: &'static str,
    id: &'q str,
    value: V,
) -> Result<(), Error>
where
    V: sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + 'q,
{
    sqlx::query(sql).bind(id).bind(value).execute(connection).await?;
    Ok(())
}

/// An app that is there and was not deleted.
async fn require_app(connection: &mut SqliteConnection, id: &str) -> Result<(), Error> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM client_apps WHERE id = $1 AND deleted_ms IS NULL")
            .bind(id)
            .fetch_optional(connection)
            .await?;
    found.map(|_| ()).ok_or_else(|| Error::UnknownApp(id.to_owned()))
}
