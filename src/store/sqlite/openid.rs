//! Who people are elsewhere, and who is expected from there.

use futures_util::FutureExt;
use serde_json::json;
use sqlx_sqlite::SqliteConnection;

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::model::{Actor, AuditAction, LinkedBy, NewAudit, NewOpenId};
use crate::store::sqlite::audit;
use crate::wallclock::now_ms;

impl Engine {
    pub(in crate::store) async fn openid_person(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<String>, Error> {
        let query =
            sqlx::query_scalar("SELECT person_id FROM openid_identities WHERE issuer = $1 AND subject = $2");
        Ok(query.bind(issuer).bind(subject).fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn expected_openid(&self, email: &str) -> Result<Option<String>, Error> {
        let query = sqlx::query_scalar("SELECT person_id FROM openid_expected WHERE email_key = $1");
        Ok(query.bind(email.to_lowercase()).fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn expect_openid(
        &self,
        person_id: &str,
        email: &str,
        actor: Actor,
    ) -> Result<(), Error> {
        let (id, email) = (person_id.to_owned(), email.to_owned());
        self.write(move |connection| {
            async move {
                let email_key = email.to_lowercase();
                let other: Option<String> = sqlx::query_scalar(
                    "SELECT p.name FROM openid_expected e JOIN people p ON p.id = e.person_id \
                     WHERE e.email_key = $1 AND e.person_id <> $2",
                )
                .bind(&email_key)
                .bind(&id)
                .fetch_optional(&mut *connection)
                .await?;
                if let Some(name) = other {
                    return Err(Error::Exists { what: format!("{email} as the address of {name}") });
                }
                sqlx::query("DELETE FROM openid_expected WHERE person_id = $1")
                    .bind(&id)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query("INSERT INTO openid_expected (email_key, person_id) VALUES ($1, $2)")
                    .bind(email_key)
                    .bind(&id)
                    .execute(&mut *connection)
                    .await?;
                let detail = json!({ "expected": email });
                audit::append(connection, NewAudit::new(actor, AuditAction::PersonOpenId, id, detail)).await
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn link_openid(
        &self,
        link: NewOpenId,
        actor: Actor,
    ) -> Result<Option<String>, Error> {
        self.write(move |connection| async move { take(connection, link, actor).await }.boxed()).await
    }

    pub(in crate::store) async fn drop_openid(&self, person_id: &str, actor: Actor) -> Result<(), Error> {
        let id = person_id.to_owned();
        self.write(move |connection| {
            async move {
                for query in [
                    "DELETE FROM openid_identities WHERE person_id = $1",
                    "DELETE FROM openid_expected WHERE person_id = $1",
                ] {
                    sqlx::query(query).bind(&id).execute(&mut *connection).await?;
                }
                let detail = json!({ "dropped": true });
                audit::append(connection, NewAudit::new(actor, AuditAction::PersonOpenId, id, detail)).await
            }
            .boxed()
        })
        .await
    }
}

async fn take(
    connection: &mut SqliteConnection,
    link: NewOpenId,
    actor: Actor,
) -> Result<Option<String>, Error> {
    let NewOpenId { person_id: id, issuer, subject, email, by } = link;
    let known: Option<String> =
        sqlx::query_scalar("SELECT person_id FROM openid_identities WHERE issuer = $1 AND subject = $2")
            .bind(&issuer)
            .bind(&subject)
            .fetch_optional(&mut *connection)
            .await?;
    if known.is_some() {
        return Ok(known);
    }
    let email_key = email.to_lowercase();
    let (expected, linked): (bool, bool) = sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM openid_expected WHERE email_key = $1 AND person_id = $2), \
         EXISTS (SELECT 1 FROM openid_identities WHERE person_id = $2)",
    )
    .bind(&email_key)
    .bind(&id)
    .fetch_one(&mut *connection)
    .await?;
    let holds = match by {
        LinkedBy::Expectation => expected,
        LinkedBy::Name => !linked,
        LinkedBy::Creation => true,
    };
    if !holds {
        return Ok(None);
    }
    sqlx::query(
        "INSERT INTO openid_identities (issuer, subject, person_id, email, created_ms) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&issuer)
    .bind(&subject)
    .bind(&id)
    .bind(&email)
    .bind(now_ms())
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM openid_expected WHERE email_key = $1")
        .bind(email_key)
        .execute(&mut *connection)
        .await?;
    let detail = json!({ "issuer": issuer, "email": email });
    audit::append(connection, NewAudit::new(actor, AuditAction::PersonOpenId, id.clone(), detail)).await?;
    Ok(Some(id))
}
