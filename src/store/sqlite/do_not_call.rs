//! Numbers whose owner asked never to be called again, as the digits of the number's one form, without a plus.

use callcore::call::Direction;
use futures_util::FutureExt;
use serde_json::json;
use sqlx::QueryBuilder;
use sqlx_sqlite::{Sqlite, SqliteConnection, SqliteExecutor};

use super::engine::Engine;
use super::query::like;
use crate::store::error::Error;
use crate::store::model::{
    Actor, AuditAction, Cursor, DoNotCallRow, LINKED, NewAudit, NewDoNotCall, Page, party_key,
};
use crate::store::sqlite::audit;
use crate::telemetry::mask;
use crate::wallclock::now_ms;

const SELECT: &str = "SELECT rowid AS place, number, call_id, at_ms, words, reason, author FROM do_not_call";

/// The digits of a number.
pub(super) fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

impl Engine {
    pub(in crate::store) async fn do_not_call(&self, number: &str) -> Result<Option<DoNotCallRow>, Error> {
        find(&self.readers, number).await
    }

    pub(in crate::store) async fn do_not_call_list(
        &self,
        digits: Option<&str>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<DoNotCallRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push(" WHERE TRUE");
        if let Some(digits) = digits {
            query.push(" AND number LIKE ").push_bind(like(digits)).push(" ESCAPE '\\'");
        }
        if let Some(after) = after {
            // A place tells nobody a number.
            let place: i64 = after.id.parse().unwrap_or(i64::MAX);
            query.push(" AND (at_ms, rowid) < (").push_bind(after.created_ms);
            query.push(", ").push_bind(place).push(")");
        }
        query.push(" ORDER BY at_ms DESC, rowid DESC LIMIT ").push_bind(i64::from(limit) + 1);
        let rows = query.build_query_as().fetch_all(&self.readers).await?;
        Ok(Page::cut(rows, limit, |row: &DoNotCallRow| Cursor::new(row.at_ms, &row.place.to_string())))
    }

    pub(in crate::store) async fn count_do_not_call(&self) -> Result<u64, Error> {
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM do_not_call").fetch_one(&self.readers).await?;
        Ok(count.unsigned_abs())
    }

    pub(in crate::store) async fn put_on_do_not_call(
        &self,
        number: &str,
        reason: &str,
        actor: Actor,
    ) -> Result<bool, Error> {
        let (number, reason) = (number.to_owned(), reason.to_owned());
        self.write(move |connection| {
            async move {
                let new = insert(connection, &number, now_ms(), &reason, &actor.name).await?;
                if new {
                    tell(connection, actor, AuditAction::DoNotCallAdd, &number, &reason).await?;
                }
                Ok(new)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn put_many_on_do_not_call(
        &self,
        numbers: &[String],
        reason: &str,
        author: &str,
    ) -> Result<u64, Error> {
        let (numbers, reason, author) = (numbers.to_vec(), reason.to_owned(), author.to_owned());
        self.write(move |connection| {
            async move {
                let (mut added, now) = (0, now_ms());
                for number in &numbers {
                    added += u64::from(insert(connection, number, now, &reason, &author).await?);
                }
                Ok(added)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn take_off_do_not_call(
        &self,
        number: &str,
        reason: &str,
        actor: Actor,
    ) -> Result<bool, Error> {
        let (number, reason) = (number.to_owned(), reason.to_owned());
        self.write(move |connection| {
            async move {
                let done = sqlx::query("DELETE FROM do_not_call WHERE number = $1")
                    .bind(&number)
                    .execute(&mut *connection)
                    .await?;
                let gone = done.rows_affected() == 1;
                if gone {
                    tell(connection, actor, AuditAction::DoNotCallRemove, &number, &reason).await?;
                }
                Ok(gone)
            }
            .boxed()
        })
        .await
    }
}

/// Puts a number on the list by hand; `false`: it was there.
async fn insert(
    connection: &mut SqliteConnection,
    number: &str,
    at_ms: i64,
    reason: &str,
    author: &str,
) -> Result<bool, Error> {
    let query = sqlx::query(
        "INSERT INTO do_not_call (number, at_ms, reason, author) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (number) DO NOTHING",
    );
    let done = query.bind(number).bind(at_ms).bind(reason).bind(author).execute(connection).await?;
    Ok(done.rows_affected() == 1)
}

/// Into the audit log, where numbers are masked.
async fn tell(
    connection: &mut SqliteConnection,
    actor: Actor,
    action: AuditAction,
    number: &str,
    reason: &str,
) -> Result<(), Error> {
    let entry = NewAudit::new(actor, action, mask(number), json!({ "reason": reason }));
    audit::append(connection, entry).await
}

/// A wish holds for the person: also for the number of a contact who told it in a call by a link, and the other way round.
pub(super) async fn find(
    reader: impl SqliteExecutor<'_>,
    number: &str,
) -> Result<Option<DoNotCallRow>, Error> {
    let key = party_key(number);
    let (same, id) = match key.strip_prefix(LINKED) {
        Some(id) => ("SELECT digits FROM contacts WHERE id = $2", id.to_owned()),
        None => ("SELECT $3 || id FROM contacts WHERE digits = $2", key.clone()),
    };
    let query = format!("{SELECT} WHERE number = $1 OR number IN ({same}) ORDER BY number = $1 DESC LIMIT 1");
    let query = sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(key).bind(id).bind(LINKED);
    Ok(query.fetch_optional(reader).await?)
}

/// Adds the other party of call `id`. Who asks twice has asked.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    id: &str,
    asked: NewDoNotCall,
) -> Result<(), Error> {
    let parties: Option<(String, String, String)> =
        sqlx::query_as("SELECT direction, target, caller FROM calls WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
    let (direction, target, caller) = parties.ok_or_else(|| Error::UnknownCall(id.to_owned()))?;
    let number = party_key(if direction == Direction::Inbound.as_str() { &caller } else { &target });
    if number.is_empty() {
        // A caller who hides their number cannot be called back either.
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO do_not_call (number, call_id, at_ms, words) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (number) DO NOTHING",
    )
    .bind(number)
    .bind(id)
    .bind(asked.at_ms)
    .bind(asked.words)
    .execute(connection)
    .await?;
    Ok(())
}
