//! The second factor of people who sign in: its secret, sealed; codes for who lost their telephone; who owes a code.

use futures_util::FutureExt;
use secrecy::SecretString;
use serde_json::json;
use sqlx_sqlite::SqliteConnection;

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::keys::ServerKey;
use crate::store::model::{
    Actor, AuditAction, FactorGone, NewAudit, NewFactor, NewStep, SecondFactor, StepRow,
};
use crate::store::sqlite::audit;
use crate::store::sqlite::proof::holds;
use crate::wallclock::now_ms;

/// Codes that may be tried after one password.
const MOST_TRIES: i64 = 5;

fn place(person_id: &str) -> String {
    format!("second_factors/{person_id}")
}

/// The key's id, a colon, and the sealed secret.
fn sealed(key: &ServerKey, person_id: &str, secret: &SecretString) -> Result<String, Error> {
    let text = key
        .seal(&place(person_id), secret)
        .map_err(|_| Error::Key("the secret of a second factor is too long to be sealed".to_owned()))?;
    Ok(format!("{}:{text}", key.id()))
}

fn opened(key: &ServerKey, person_id: &str, kept: &str) -> Result<SecretString, Error> {
    let (_, text) = kept.split_once(':').unwrap_or(("", kept));
    key.open(&place(person_id), text).map_err(|_| {
        Error::Key(format!(
            "the second factor of {person_id} does not open with the server key; reset it, or restore the database from a copy"
        ))
    })
}

/// Seals every secret with another key.
pub(super) async fn reseal(
    connection: &mut SqliteConnection,
    old: &ServerKey,
    new: &ServerKey,
) -> Result<(), Error> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT person_id, secret FROM second_factors").fetch_all(&mut *connection).await?;
    for (person_id, kept) in rows {
        let secret = opened(old, &person_id, &kept)?;
        sqlx::query("UPDATE second_factors SET secret = $2 WHERE person_id = $1")
            .bind(&person_id)
            .bind(sealed(new, &person_id, &secret)?)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

impl Engine {
    pub(in crate::store) async fn second_factor(
        &self,
        person_id: &str,
    ) -> Result<Option<SecondFactor>, Error> {
        let query = sqlx::query_as(
            "SELECT secret, confirmed_ms, last_step, (SELECT count(*) FROM recovery_codes c \
             WHERE c.person_id = f.person_id AND c.used_ms IS NULL) FROM second_factors f WHERE person_id = $1",
        );
        let row: Option<(String, Option<i64>, i64, i64)> =
            query.bind(person_id).fetch_optional(&self.readers).await?;
        let Some((kept, confirmed_ms, last_step, codes_left)) = row else { return Ok(None) };
        let secret = opened(&self.clients.vault.key()?, person_id, &kept)?;
        Ok(Some(SecondFactor { secret, confirmed_ms, last_step, codes_left }))
    }

    pub(in crate::store) async fn confirm_second_factor(
        &self,
        person_id: &str,
        factor: NewFactor,
        actor: Actor,
    ) -> Result<bool, Error> {
        let kept = sealed(&self.clients.vault.key()?, person_id, &factor.secret)?;
        let id = person_id.to_owned();
        self.write(move |connection| {
            async move {
                // A row without `confirmed_ms` is of an earlier version, which kept what was being set up.
                let query = sqlx::query(
                    "INSERT INTO second_factors (person_id, secret, begun_ms, confirmed_ms, last_step) VALUES ($1, $2, $3, $3, $4) \
                     ON CONFLICT (person_id) DO UPDATE SET secret = $2, begun_ms = $3, confirmed_ms = $3, last_step = $4 \
                     WHERE confirmed_ms IS NULL",
                );
                let query = query.bind(&id).bind(kept).bind(now_ms()).bind(factor.step);
                if query.execute(&mut *connection).await?.rows_affected() == 0 {
                    return Ok(false);
                }
                forget_codes(connection, &id).await?;
                for digest in factor.code_digests {
                    sqlx::query("INSERT INTO recovery_codes (person_id, digest) VALUES ($1, $2)")
                        .bind(&id)
                        .bind(digest)
                        .execute(&mut *connection)
                        .await?;
                }
                sqlx::query("DELETE FROM person_browsers WHERE person_id = $1 AND digest IS NOT $2")
                    .bind(&id)
                    .bind(factor.browser)
                    .execute(&mut *connection)
                    .await?;
                forget_steps(connection, &id).await?;
                let entry = NewAudit::new(actor, AuditAction::PersonSecondFactor, id, json!({ "on": true }));
                audit::append(connection, entry).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn use_code(&self, person_id: &str, step: i64) -> Result<bool, Error> {
        let id = person_id.to_owned();
        self.write(move |connection| {
            async move {
                let query = sqlx::query(
                    "UPDATE second_factors SET last_step = $2 WHERE person_id = $1 AND last_step < $2 AND confirmed_ms IS NOT NULL",
                );
                Ok(query.bind(id).bind(step).execute(connection).await?.rows_affected() == 1)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn use_recovery_code(
        &self,
        person_id: &str,
        digest: &str,
        actor: Actor,
    ) -> Result<bool, Error> {
        let (id, digest) = (person_id.to_owned(), digest.to_owned());
        self.write(move |connection| {
            async move {
                let query = sqlx::query(
                    "UPDATE recovery_codes SET used_ms = $3 WHERE person_id = $1 AND digest = $2 AND used_ms IS NULL",
                );
                let done = query.bind(&id).bind(digest).bind(now_ms()).execute(&mut *connection).await?;
                if done.rows_affected() == 0 {
                    return Ok(false);
                }
                let left: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM recovery_codes WHERE person_id = $1 AND used_ms IS NULL",
                )
                .bind(&id)
                .fetch_one(&mut *connection)
                .await?;
                let detail = json!({ "left": left });
                audit::append(connection, NewAudit::new(actor, AuditAction::PersonRecoveryCode, id, detail)).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn drop_second_factor(
        &self,
        person_id: &str,
        why: FactorGone,
        actor: Actor,
    ) -> Result<bool, Error> {
        let id = person_id.to_owned();
        self.write(move |connection| {
            async move {
                let gone: Option<Option<i64>> = sqlx::query_scalar(
                    "DELETE FROM second_factors WHERE person_id = $1 RETURNING confirmed_ms",
                )
                .bind(&id)
                .fetch_optional(&mut *connection)
                .await?;
                forget_codes(connection, &id).await?;
                forget_steps(connection, &id).await?;
                if gone.flatten().is_none() {
                    return Ok(false);
                }
                let detail = match why {
                    FactorGone::TurnedOff => json!({ "on": false }),
                    FactorGone::Reset => json!({ "on": false, "reset": true }),
                };
                let entry = NewAudit::new(actor, AuditAction::PersonSecondFactor, id, detail);
                audit::append(connection, entry).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn begin_sign_in_step(&self, step: NewStep) -> Result<bool, Error> {
        self.write(move |connection| {
            async move {
                if !holds(connection, &step.person_id, &step.proof).await? {
                    return Ok(false);
                }
                sqlx::query("INSERT INTO sign_in_steps (digest, person_id, until_ms) VALUES ($1, $2, $3)")
                    .bind(step.digest)
                    .bind(step.person_id)
                    .bind(step.until_ms)
                    .execute(connection)
                    .await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn sign_in_step(
        &self,
        digest: &str,
        now_ms: i64,
    ) -> Result<Option<StepRow>, Error> {
        let query = sqlx::query_as(
            "SELECT p.id AS person_id, p.name, p.role, p.password, EXISTS (SELECT 1 FROM second_factors f WHERE f.person_id = p.id \
             AND f.confirmed_ms IS NOT NULL) AS has_second_factor FROM sign_in_steps s JOIN people p ON p.id = s.person_id \
             WHERE s.digest = $1 AND s.until_ms > $2 AND s.tries < $3 AND p.disabled_ms IS NULL",
        );
        Ok(query.bind(digest).bind(now_ms).bind(MOST_TRIES).fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn try_sign_in_step(&self, digest: &str, now_ms: i64) -> Result<bool, Error> {
        let digest = digest.to_owned();
        self.write(move |connection| {
            async move {
                let query = sqlx::query(
                    "UPDATE sign_in_steps SET tries = tries + 1 WHERE digest = $1 AND until_ms > $2 AND tries < $3",
                );
                let done = query.bind(digest).bind(now_ms).bind(MOST_TRIES).execute(connection).await?;
                Ok(done.rows_affected() == 1)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn end_sign_in_step(&self, digest: &str) -> Result<bool, Error> {
        let digest = digest.to_owned();
        self.write(move |connection| {
            async move {
                let query = sqlx::query("DELETE FROM sign_in_steps WHERE digest = $1");
                Ok(query.bind(digest).execute(connection).await?.rows_affected() == 1)
            }
            .boxed()
        })
        .await
    }
}

async fn forget_codes(connection: &mut SqliteConnection, person_id: &str) -> Result<(), Error> {
    sqlx::query("DELETE FROM recovery_codes WHERE person_id = $1")
        .bind(person_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whoever owes a code of theirs begins again.
pub(super) async fn forget_steps(connection: &mut SqliteConnection, person_id: &str) -> Result<(), Error> {
    sqlx::query("DELETE FROM sign_in_steps WHERE person_id = $1").bind(person_id).execute(connection).await?;
    Ok(())
}
