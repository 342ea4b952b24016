//! The secrets of client apps: several may be active, each may be told when it ends.

use futures_util::FutureExt;
use secrecy::SecretString;
use serde_json::json;
use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use super::super::audit::{self, Actor, AuditAction, NewAudit};
use super::super::seal::ServerKey;
use super::super::{Error, Store, vault};
use super::require_app;
use crate::wallclock::now_ms;

/// A secret as a list shows it: everything but the secret.
#[derive(Clone, Debug, FromRow)]
pub struct SecretRow {
    /// From 1 within an app.
    pub seq: i64,
    pub created_ms: i64,
    /// When it ends or ended.
    pub retired_ms: Option<i64>,
}

impl Store {
    /// Adds a secret beside those that are active; new webhooks carry a signature of each.
    ///
    /// # Errors
    /// [`Error::UnknownApp`] when there is no such app.
    pub async fn add_secret(&self, app_id: &str, secret: SecretString) -> Result<(), Error> {
        self.rotate_secret(app_id, secret, None, Actor::server()).await.map(|_| ())
    }

    /// Adds a secret; with `others_end_ms` the older ones end then, unless they end before. Tells its number.
    ///
    /// # Errors
    /// [`Error::UnknownApp`] when there is no such app.
    pub async fn rotate_secret(
        &self,
        app_id: &str,
        secret: SecretString,
        others_end_ms: Option<i64>,
        actor: Actor,
    ) -> Result<i64, Error> {
        let (app_id, key) = (app_id.to_owned(), self.clients.vault.key()?);
        self.change_clients(move |connection| {
            async move {
                require_app(connection, &app_id).await?;
                let seq = add(connection, &key, &app_id, &secret).await?;
                if let Some(end) = others_end_ms {
                    retire_before(connection, &app_id, seq, end).await?;
                }
                let detail = json!({ "secret": seq, "othersRetireMs": others_end_ms });
                audit::append(connection, NewAudit::new(actor, AuditAction::SecretCreate, app_id, detail))
                    .await?;
                Ok(seq)
            }
            .boxed()
        })
        .await
    }

    /// Ends every secret of an app but the newest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retire_old_secrets(&self, app_id: &str) -> Result<(), Error> {
        let app_id = app_id.to_owned();
        self.change_clients(move |connection| {
            async move {
                let newest: Option<i64> =
                    sqlx::query_scalar("SELECT max(seq) FROM app_secrets WHERE app_id = $1")
                        .bind(&app_id)
                        .fetch_one(&mut *connection)
                        .await?;
                retire_before(connection, &app_id, newest.unwrap_or_default(), now_ms()).await?;
                let detail = json!({ "all": "but the newest" });
                audit::append(
                    connection,
                    NewAudit::new(Actor::server(), AuditAction::SecretRetire, app_id, detail),
                )
                .await
            }
            .boxed()
        })
        .await
    }

    /// Lets a secret end at `at_ms`, now or later; `None` takes an end back that has not come.
    ///
    /// # Errors
    /// [`Error::NoSuch`] when there is none, or it ended already; [`Error::LastSecret`] when nothing would be left
    /// to sign with.
    pub async fn retire_secret(
        &self,
        app_id: &str,
        seq: i64,
        at_ms: Option<i64>,
        actor: Actor,
    ) -> Result<(), Error> {
        let app_id = app_id.to_owned();
        self.change_clients(move |connection| {
            async move {
                require_app(connection, &app_id).await?;
                let now = now_ms();
                let done = sqlx::query(
                    "UPDATE app_secrets SET retired_ms = $3 WHERE app_id = $1 AND seq = $2 \
                     AND (retired_ms IS NULL OR retired_ms > $4)",
                )
                .bind(&app_id)
                .bind(seq)
                .bind(at_ms)
                .bind(now)
                .execute(&mut *connection)
                .await?;
                if done.rows_affected() == 0 {
                    let what = format!("active secret {seq} of client app {app_id}");
                    return Err(Error::NoSuch { what });
                }
                let lasting: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM app_secrets WHERE app_id = $1 AND retired_ms IS NULL",
                )
                .bind(&app_id)
                .fetch_one(&mut *connection)
                .await?;
                if lasting == 0 {
                    return Err(Error::LastSecret(app_id));
                }
                let detail = json!({ "secret": seq, "retireMs": at_ms });
                audit::append(connection, NewAudit::new(actor, AuditAction::SecretRetire, app_id, detail))
                    .await
            }
            .boxed()
        })
        .await
    }

    /// Every secret an app ever had, oldest first.
    ///
    /// # Errors
    /// [`Error::UnknownApp`] when there is no such app.
    pub async fn secret_rows(&self, app_id: &str) -> Result<Vec<SecretRow>, Error> {
        self.app_row(app_id).await?;
        let query = "SELECT seq, created_ms, retired_ms FROM app_secrets WHERE app_id = $1 ORDER BY seq";
        Ok(sqlx::query_as(query).bind(app_id).fetch_all(&self.readers).await?)
    }

    /// What signs the webhooks of an app now, newest first; also of an app that was deleted. Empty when there is none.
    ///
    /// # Errors
    /// When the database fails, or the server key does not fit.
    pub async fn signing_secrets(&self, app_id: &str) -> Result<Vec<SecretString>, Error> {
        let now = now_ms();
        let app = self.directory().await?.any_app(app_id);
        Ok(app.map(|app| app.active_secrets(now).cloned().collect()).unwrap_or_default())
    }
}

pub(super) async fn add(
    connection: &mut SqliteConnection,
    key: &ServerKey,
    app_id: &str,
    secret: &SecretString,
) -> Result<i64, Error> {
    let seq: i64 = sqlx::query_scalar("SELECT coalesce(max(seq), 0) + 1 FROM app_secrets WHERE app_id = $1")
        .bind(app_id)
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO app_secrets (app_id, seq, secret, key_id, created_ms) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(app_id)
    .bind(seq)
    .bind(vault::sealed(key, app_id, seq, secret)?)
    .bind(key.id())
    .bind(now_ms())
    .execute(connection)
    .await?;
    Ok(seq)
}

async fn retire_before(
    connection: &mut SqliteConnection,
    app_id: &str,
    seq: i64,
    end_ms: i64,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE app_secrets SET retired_ms = $3 WHERE app_id = $1 AND seq < $2 \
         AND (retired_ms IS NULL OR retired_ms > $3)",
    )
    .bind(app_id)
    .bind(seq)
    .bind(end_ms)
    .execute(connection)
    .await?;
    Ok(())
}
