//! The secrets of client apps: several may be active, each may be told when it ends.

use futures_util::FutureExt;
use secrecy::SecretString;
use serde_json::json;
use sqlx_sqlite::SqliteConnection;

use super::change::require_app;
use crate::store::error::Error;
use crate::store::keys::{ServerKey, seal_secret};
use crate::store::model::{Actor, AuditAction, NewAudit, SecretRow};
use crate::store::sqlite::audit;
use crate::store::sqlite::engine::Engine;
use crate::wallclock::now_ms;

impl Engine {
    pub(in crate::store) async fn rotate_secret(
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

    pub(in crate::store) async fn retire_old_secrets(&self, app_id: &str) -> Result<(), Error> {
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

    pub(in crate::store) async fn retire_secret(
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

    pub(in crate::store) async fn secret_rows(&self, app_id: &str) -> Result<Vec<SecretRow>, Error> {
        self.app_row(app_id).await?;
        let query = "SELECT seq, created_ms, retired_ms FROM app_secrets WHERE app_id = $1 ORDER BY seq";
        Ok(sqlx::query_as(query).bind(app_id).fetch_all(&self.readers).await?)
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
    .bind(seal_secret(key, app_id, seq, secret)?)
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
