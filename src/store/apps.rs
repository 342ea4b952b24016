//! Who may call the API: client apps with their secrets, and API keys.

use futures_util::FutureExt;
use secrecy::{ExposeSecret, SecretString};
use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;
use sqlx::types::Json;

use super::batch::exists_or;
use super::{Error, Store};
use crate::wallclock::now_ms;

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

/// A client app. Its secrets are kept in clear, because HS256 and webhook signatures need them; the
/// database file is readable by its owner only.
#[derive(Clone, Debug, FromRow)]
pub struct ClientApp {
    pub id: String,
    pub name: String,
    #[sqlx(json)]
    pub scopes: Vec<String>,
    #[sqlx(json)]
    pub bots: Vec<String>,
    /// Active ones, newest first.
    #[sqlx(skip)]
    pub secrets: Vec<SecretString>,
}

/// An API key to be.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    pub id: String,
    pub name: String,
    /// What the key is compared with; never the key itself.
    pub digest: String,
    pub scopes: Vec<String>,
}

/// A key that is not revoked.
#[derive(Clone, Debug, FromRow)]
pub struct ApiKey {
    pub id: String,
    pub name: String,
    pub digest: String,
    #[sqlx(json)]
    pub scopes: Vec<String>,
}

impl Store {
    /// # Errors
    /// [`Error::Exists`] when the id is taken.
    pub async fn create_app(&self, app: NewApp) -> Result<(), Error> {
        self.write(move |connection| async move { create_app(connection, app).await }.boxed()).await
    }

    /// # Errors
    /// When the database fails.
    pub async fn app(&self, id: &str) -> Result<Option<ClientApp>, Error> {
        let mut connection = self.readers.acquire().await?;
        let query = sqlx::query_as("SELECT id, name, scopes, bots FROM client_apps WHERE id = $1").bind(id);
        let mut app: Option<ClientApp> = query.fetch_optional(&mut *connection).await?;
        if let Some(app) = &mut app {
            app.secrets = active_secrets(&mut connection, id).await?;
        }
        Ok(app)
    }

    /// Adds a secret beside those that are active; new webhooks carry a signature of each.
    ///
    /// # Errors
    /// [`Error::UnknownApp`] when there is no such app.
    pub async fn add_secret(&self, app_id: &str, secret: SecretString) -> Result<(), Error> {
        let app_id = app_id.to_owned();
        self.write(move |connection| async move { add_secret(connection, &app_id, &secret).await }.boxed())
            .await
    }

    /// Ends every secret of an app but the newest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retire_old_secrets(&self, app_id: &str) -> Result<(), Error> {
        let app_id = app_id.to_owned();
        self.write(move |connection| {
            async move {
                sqlx::query(
                    "UPDATE app_secrets SET retired_ms = $2 WHERE app_id = $1 AND retired_ms IS NULL \
                     AND seq < (SELECT max(seq) FROM app_secrets WHERE app_id = $1)",
                )
                .bind(app_id)
                .bind(now_ms())
                .execute(connection)
                .await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }

    /// # Errors
    /// [`Error::Exists`] when the id is taken.
    pub async fn create_api_key(&self, key: NewApiKey) -> Result<(), Error> {
        self.write(move |connection| {
            async move {
                sqlx::query(
                    "INSERT INTO api_keys (id, name, digest, scopes, created_ms) VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(&key.id)
                .bind(&key.name)
                .bind(&key.digest)
                .bind(Json(&key.scopes))
                .bind(now_ms())
                .execute(connection)
                .await
                .map_err(|error| exists_or(error, || format!("the API key {}", key.id)))?;
                Ok(())
            }
            .boxed()
        })
        .await
    }

    /// A key by its id, unless it was revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, Error> {
        let query = sqlx::query_as(
            "SELECT id, name, digest, scopes FROM api_keys WHERE id = $1 AND revoked_ms IS NULL",
        );
        Ok(query.bind(id).fetch_optional(&self.readers).await?)
    }

    /// # Errors
    /// When the database fails.
    pub async fn revoke_api_key(&self, id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        self.write(move |connection| {
            async move {
                sqlx::query("UPDATE api_keys SET revoked_ms = coalesce(revoked_ms, $2) WHERE id = $1")
                    .bind(id)
                    .bind(now_ms())
                    .execute(connection)
                    .await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }
}

async fn create_app(connection: &mut SqliteConnection, app: NewApp) -> Result<(), Error> {
    sqlx::query("INSERT INTO client_apps (id, name, scopes, bots, created_ms) VALUES ($1, $2, $3, $4, $5)")
        .bind(&app.id)
        .bind(&app.name)
        .bind(Json(&app.scopes))
        .bind(Json(&app.bots))
        .bind(now_ms())
        .execute(&mut *connection)
        .await
        .map_err(|error| exists_or(error, || format!("the client app {}", app.id)))?;
    add_secret(connection, &app.id, &app.secret).await
}

async fn add_secret(
    connection: &mut SqliteConnection,
    app_id: &str,
    secret: &SecretString,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO app_secrets (app_id, seq, secret, created_ms) \
         SELECT $1, coalesce(max(seq), 0) + 1, $2, $3 FROM app_secrets WHERE app_id = $1",
    )
    .bind(app_id)
    .bind(secret.expose_secret())
    .bind(now_ms())
    .execute(connection)
    .await
    .map_err(|error| match error.as_database_error() {
        Some(cause) if cause.is_foreign_key_violation() => Error::UnknownApp(app_id.to_owned()),
        _ => error.into(),
    })?;
    Ok(())
}

pub(super) async fn active_secrets(
    connection: &mut SqliteConnection,
    app_id: &str,
) -> Result<Vec<SecretString>, Error> {
    let query = sqlx::query_scalar(
        "SELECT secret FROM app_secrets WHERE app_id = $1 AND retired_ms IS NULL ORDER BY seq DESC",
    );
    let secrets: Vec<String> = query.bind(app_id).fetch_all(connection).await?;
    Ok(secrets.into_iter().map(SecretString::from).collect())
}
