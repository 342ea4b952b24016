//! People who sign in to the pages, their browsers and their links.

use futures_util::FutureExt;
use serde_json::json;
use sqlx_sqlite::SqliteConnection;

use super::engine::Engine;
use super::error::exists_or;
use super::proof::holds;
use super::second_factor::forget_steps;
use crate::store::error::Error;
use crate::store::model::{
    Actor, AuditAction, BrowserRow, LinkPurpose, LinkRow, NewAudit, NewBrowser, NewLink, NewPerson,
    PersonChange, PersonRow, Redeemed, SignInRow,
};
use crate::store::sqlite::audit;
use crate::wallclock::now_ms;

/// Browsers in which one person may be signed in.
const MOST_BROWSERS: i64 = 20;
/// The role of those who let others in.
const ADMIN: &str = "admin";

const PEOPLE: &str = "SELECT id, name, role, created_ms, last_seen_ms, disabled_ms, password IS NOT NULL AS has_password, \
     (SELECT count(*) FROM person_browsers b WHERE b.person_id = people.id AND b.until_ms > $1) AS browsers, \
     EXISTS (SELECT 1 FROM second_factors f WHERE f.person_id = people.id AND f.confirmed_ms IS NOT NULL) AS has_second_factor, \
     EXISTS (SELECT 1 FROM openid_identities o WHERE o.person_id = people.id) AS has_openid FROM people";
const BROWSERS: &str = "SELECT b.digest, b.person_id, p.name, p.role, b.created_ms, b.seen_ms, b.until_ms, b.address, b.agent, \
     EXISTS (SELECT 1 FROM second_factors f WHERE f.person_id = p.id AND f.confirmed_ms IS NOT NULL) AS has_second_factor \
     FROM person_browsers b JOIN people p ON p.id = b.person_id WHERE p.disabled_ms IS NULL AND b.until_ms > $1";

/// A name as it is compared.
fn name_key(name: &str) -> String {
    name.to_lowercase()
}

fn no_such(id: &str) -> Error {
    Error::NoSuch { what: format!("person {id}") }
}

impl Engine {
    pub(in crate::store) async fn people(&self) -> Result<Vec<PersonRow>, Error> {
        let query = sqlx::AssertSqlSafe(format!("{PEOPLE} ORDER BY name_key"));
        Ok(sqlx::query_as(query).bind(now_ms()).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn person(&self, id: &str) -> Result<PersonRow, Error> {
        let query = sqlx::AssertSqlSafe(format!("{PEOPLE} WHERE id = $2"));
        let found = sqlx::query_as(query).bind(now_ms()).bind(id).fetch_optional(&self.readers).await?;
        found.ok_or_else(|| no_such(id))
    }

    pub(in crate::store) async fn person_to_sign_in(&self, name: &str) -> Result<Option<SignInRow>, Error> {
        let query = sqlx::query_as(
            "SELECT id, name, role, password, disabled_ms IS NOT NULL AS disabled, EXISTS (SELECT 1 FROM second_factors f \
             WHERE f.person_id = people.id AND f.confirmed_ms IS NOT NULL) AS has_second_factor FROM people WHERE name_key = $1",
        );
        Ok(query.bind(name_key(name)).fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn add_person(&self, person: NewPerson, actor: Actor) -> Result<(), Error> {
        self.write(move |connection| async move { insert(connection, person, None, actor).await }.boxed())
            .await
    }

    pub(in crate::store) async fn change_person(
        &self,
        id: &str,
        change: PersonChange,
        actor: Actor,
    ) -> Result<(), Error> {
        let id = id.to_owned();
        self.write(move |connection| async move { change_one(connection, &id, change, actor).await }.boxed())
            .await
    }

    pub(in crate::store) async fn open_browser(
        &self,
        browser: NewBrowser,
        before: Option<String>,
        actor: Actor,
    ) -> Result<bool, Error> {
        self.write(move |connection| {
            async move {
                let now = now_ms();
                if !holds(connection, &browser.person_id, &browser.proof).await? {
                    return Ok(false);
                }
                if let Some(before) = before {
                    close(connection, "DELETE FROM person_browsers WHERE digest = $1", &before).await?;
                }
                sqlx::query(
                    "INSERT INTO person_browsers (digest, person_id, created_ms, seen_ms, until_ms, address, agent) \
                     VALUES ($1, $2, $3, $3, $4, $5, $6)",
                )
                .bind(&browser.digest)
                .bind(&browser.person_id)
                .bind(now)
                .bind(browser.until_ms)
                .bind(&browser.address)
                .bind(&browser.agent)
                .execute(&mut *connection)
                .await?;
                sqlx::query(
                    "DELETE FROM person_browsers WHERE person_id = $1 AND digest NOT IN (SELECT digest \
                     FROM person_browsers WHERE person_id = $1 ORDER BY seen_ms DESC, created_ms DESC LIMIT $2)",
                )
                .bind(&browser.person_id)
                .bind(MOST_BROWSERS)
                .execute(&mut *connection)
                .await?;
                seen(connection, &browser.person_id, now).await?;
                let detail = json!({ "browser": browser.agent });
                let entry = NewAudit::new(actor, AuditAction::PersonSignIn, browser.person_id, detail);
                audit::append(connection, entry).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn browser(
        &self,
        digest: &str,
        now_ms: i64,
    ) -> Result<Option<BrowserRow>, Error> {
        let query = sqlx::AssertSqlSafe(format!("{BROWSERS} AND b.digest = $2"));
        Ok(sqlx::query_as(query).bind(now_ms).bind(digest).fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn browsers_of(
        &self,
        person_id: &str,
        now_ms: i64,
    ) -> Result<Vec<BrowserRow>, Error> {
        let query = sqlx::AssertSqlSafe(format!("{BROWSERS} AND b.person_id = $2 ORDER BY b.seen_ms DESC"));
        Ok(sqlx::query_as(query).bind(now_ms).bind(person_id).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn keep_browser(
        &self,
        digest: &str,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<(), Error> {
        let digest = digest.to_owned();
        self.write(move |connection| {
            async move {
                sqlx::query("UPDATE person_browsers SET seen_ms = $2, until_ms = $3 WHERE digest = $1")
                    .bind(&digest)
                    .bind(now_ms)
                    .bind(until_ms)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query(
                    "UPDATE people SET last_seen_ms = $2 \
                     WHERE id = (SELECT person_id FROM person_browsers WHERE digest = $1)",
                )
                .bind(digest)
                .bind(now_ms)
                .execute(connection)
                .await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn close_browser(&self, digest: &str, actor: Actor) -> Result<bool, Error> {
        let digest = digest.to_owned();
        self.write(move |connection| {
            async move {
                let of: Option<String> =
                    sqlx::query_scalar("DELETE FROM person_browsers WHERE digest = $1 RETURNING person_id")
                        .bind(digest)
                        .fetch_optional(&mut *connection)
                        .await?;
                let Some(of) = of else { return Ok(false) };
                audit::append(connection, NewAudit::new(actor, AuditAction::PersonSignOut, of, json!({})))
                    .await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn close_browsers_of(
        &self,
        person_id: &str,
        actor: Actor,
    ) -> Result<u64, Error> {
        let id = person_id.to_owned();
        self.write(move |connection| {
            async move {
                let closed = close_all(connection, &id).await?;
                let detail = json!({ "browsers": closed });
                audit::append(connection, NewAudit::new(actor, AuditAction::PersonSignOut, id, detail))
                    .await?;
                Ok(closed)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn issue_link(&self, link: NewLink, actor: Actor) -> Result<(), Error> {
        self.write(move |connection| {
            async move {
                if let Some(id) = &link.person_id {
                    let query = "SELECT 1 FROM people WHERE id = $1 AND disabled_ms IS NULL";
                    let there: Option<i64> =
                        sqlx::query_scalar(query).bind(id).fetch_optional(&mut *connection).await?;
                    there.ok_or_else(|| no_such(id))?;
                }
                sqlx::query("DELETE FROM person_links WHERE person_id IS $1 AND purpose = $2")
                    .bind(&link.person_id)
                    .bind(link.purpose.as_str())
                    .execute(&mut *connection)
                    .await?;
                sqlx::query(
                    "INSERT INTO person_links (digest, person_id, purpose, created_ms, until_ms) \
                     VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(&link.digest)
                .bind(&link.person_id)
                .bind(link.purpose.as_str())
                .bind(now_ms())
                .bind(link.until_ms)
                .execute(&mut *connection)
                .await?;
                let subject = link.person_id.unwrap_or_else(|| "the first admin".to_owned());
                let detail = json!({ "purpose": link.purpose.as_str() });
                audit::append(connection, NewAudit::new(actor, AuditAction::PersonLink, subject, detail))
                    .await
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn link(&self, digest: &str, now_ms: i64) -> Result<Option<LinkRow>, Error> {
        let query = sqlx::query_as(
            "SELECT l.person_id, p.name, l.purpose FROM person_links l LEFT JOIN people p ON p.id = l.person_id \
             WHERE l.digest = $1 AND l.until_ms > $2 AND p.disabled_ms IS NULL",
        );
        Ok(query.bind(digest).bind(now_ms).fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn redeem_link(
        &self,
        digest: &str,
        now_ms: i64,
        used: Redeemed,
        address: Option<String>,
    ) -> Result<Option<String>, Error> {
        let digest = digest.to_owned();
        self.write(move |connection| {
            async move { redeem(connection, &digest, now_ms, used, address).await }.boxed()
        })
        .await
    }

    pub(in crate::store) async fn set_password(
        &self,
        person_id: &str,
        password: String,
        actor: Actor,
    ) -> Result<(), Error> {
        let id = person_id.to_owned();
        self.write(move |connection| {
            async move { give_password(connection, id, password, actor).await }.boxed()
        })
        .await
    }

    pub(in crate::store) async fn forget_browsers(&self, now_ms: i64) -> Result<u64, Error> {
        self.write(move |connection| {
            async move {
                let mut forgotten = 0;
                for query in [
                    "DELETE FROM person_browsers WHERE until_ms <= $1",
                    "DELETE FROM person_links WHERE until_ms <= $1",
                    "DELETE FROM sign_in_steps WHERE until_ms <= $1",
                ] {
                    forgotten +=
                        sqlx::query(query).bind(now_ms).execute(&mut *connection).await?.rows_affected();
                }
                Ok(forgotten)
            }
            .boxed()
        })
        .await
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    person: NewPerson,
    password: Option<String>,
    actor: Actor,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO people (id, name, name_key, role, password, created_ms) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&person.id)
    .bind(&person.name)
    .bind(name_key(&person.name))
    .bind(&person.role)
    .bind(password)
    .bind(now_ms())
    .execute(&mut *connection)
    .await
    .map_err(|error| exists_or(error, || format!("the name {}", person.name)))?;
    let detail = json!({ "name": person.name, "role": person.role });
    audit::append(connection, NewAudit::new(actor, AuditAction::PersonCreate, person.id, detail)).await
}

async fn change_one(
    connection: &mut SqliteConnection,
    id: &str,
    change: PersonChange,
    actor: Actor,
) -> Result<(), Error> {
    let found: Option<(String, String)> = sqlx::query_as("SELECT name, role FROM people WHERE id = $1")
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
    let (name, role) = found.ok_or_else(|| no_such(id))?;
    let mut detail = serde_json::Map::new();
    let steps_down =
        change.disabled == Some(true) || change.role.as_deref().is_some_and(|role| role != ADMIN);
    if role == ADMIN && steps_down {
        let others: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM people WHERE role = $2 AND disabled_ms IS NULL AND password IS NOT NULL AND id <> $1",
        )
        .bind(id)
        .bind(ADMIN)
        .fetch_one(&mut *connection)
        .await?;
        if others == 0 {
            return Err(Error::LastAdmin(name));
        }
    }
    if let Some(role) = change.role {
        sqlx::query("UPDATE people SET role = $2 WHERE id = $1")
            .bind(id)
            .bind(&role)
            .execute(&mut *connection)
            .await?;
        detail.insert("role".to_owned(), json!(role));
    }
    if let Some(disabled) = change.disabled {
        sqlx::query("UPDATE people SET disabled_ms = $2 WHERE id = $1")
            .bind(id)
            .bind(disabled.then(now_ms))
            .execute(&mut *connection)
            .await?;
        if disabled {
            close_all(connection, id).await?;
            close(connection, "DELETE FROM person_links WHERE person_id = $1", id).await?;
        }
        detail.insert("disabled".to_owned(), json!(disabled));
    }
    let entry = NewAudit::new(actor, AuditAction::PersonChange, id, detail.into());
    audit::append(connection, entry).await
}

async fn redeem(
    connection: &mut SqliteConnection,
    digest: &str,
    now_ms: i64,
    used: Redeemed,
    address: Option<String>,
) -> Result<Option<String>, Error> {
    let purpose = match &used {
        Redeemed::Password(_) | Redeemed::FirstAdmin(..) => LinkPurpose::Password,
        Redeemed::SignIn => LinkPurpose::SignIn,
    };
    let found: Option<(Option<String>,)> = sqlx::query_as(
        "DELETE FROM person_links WHERE digest = $1 AND until_ms > $2 AND purpose = $3 RETURNING person_id",
    )
    .bind(digest)
    .bind(now_ms)
    .bind(purpose.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    let Some((owner,)) = found else { return Ok(None) };
    let by = |id: &str| Actor::new(format!("person:{id}"), address.clone());
    match (owner, used) {
        (Some(id), Redeemed::Password(password)) => {
            let actor = by(&id);
            give_password(connection, id.clone(), password, actor).await?;
            Ok(Some(id))
        }
        (Some(id), Redeemed::SignIn) => Ok(Some(id)),
        (None, Redeemed::FirstAdmin(person, password)) => {
            let admins: i64 = sqlx::query_scalar("SELECT count(*) FROM people WHERE role = $1")
                .bind(ADMIN)
                .fetch_one(&mut *connection)
                .await?;
            if admins > 0 {
                return Ok(None);
            }
            let id = person.id.clone();
            let actor = by(&id);
            insert(connection, person, Some(password), actor).await?;
            Ok(Some(id))
        }
        (Some(_), Redeemed::FirstAdmin(..)) | (None, Redeemed::Password(_) | Redeemed::SignIn) => Ok(None),
    }
}

async fn give_password(
    connection: &mut SqliteConnection,
    id: String,
    password: String,
    actor: Actor,
) -> Result<(), Error> {
    sqlx::query("UPDATE people SET password = $2 WHERE id = $1")
        .bind(&id)
        .bind(password)
        .execute(&mut *connection)
        .await?;
    let closed = close_all(connection, &id).await?;
    let detail = json!({ "browsers": closed });
    audit::append(connection, NewAudit::new(actor, AuditAction::PersonPassword, id, detail)).await
}

/// Signs somebody out everywhere, also where they have shown a password and still owe a code.
async fn close_all(connection: &mut SqliteConnection, person_id: &str) -> Result<u64, Error> {
    forget_steps(connection, person_id).await?;
    close(connection, "DELETE FROM person_browsers WHERE person_id = $1", person_id).await
}

async fn close(connection: &mut SqliteConnection, sql: &'static str, key: &str) -> Result<u64, Error> {
    Ok(sqlx::query(sql).bind(key).execute(connection).await?.rows_affected())
}

async fn seen(connection: &mut SqliteConnection, id: &str, now_ms: i64) -> Result<(), Error> {
    sqlx::query("UPDATE people SET last_seen_ms = $2 WHERE id = $1")
        .bind(id)
        .bind(now_ms)
        .execute(connection)
        .await?;
    Ok(())
}
