//! Numbers whose owner asked never to be called again.
//!
//! Kept as the digits of the number's one form, without a plus, so that `+62812…`, `0062812…` and `62812…` are one
//! number. Written in the batch of the
//! call in which somebody asked.

use callcore::call::Direction;
use callcore::number;
use serde::Serialize;
use sqlx::FromRow;
use sqlx::sqlite::{SqliteConnection, SqliteExecutor};

use super::{Error, Store};

/// Somebody asked, in the call of this batch.
#[derive(Clone, Debug, Default)]
pub struct NewDoNotCall {
    pub at_ms: i64,
    /// What they said, when a recogniser heard it.
    pub words: Option<String>,
}

/// One number of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct DoNotCallRow {
    pub number: String,
    /// The call in which its owner asked.
    pub call_id: Option<String>,
    pub at_ms: i64,
    pub words: Option<String>,
}

/// The digits of a number.
pub(super) fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

impl Store {
    /// The entry of `number`, if its owner asked never to be called again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn do_not_call(&self, number: &str) -> Result<Option<DoNotCallRow>, Error> {
        find(&self.readers, number).await
    }
}

pub(super) async fn find(
    reader: impl SqliteExecutor<'_>,
    number: &str,
) -> Result<Option<DoNotCallRow>, Error> {
    let query = "SELECT number, call_id, at_ms, words FROM do_not_call WHERE number = $1";
    Ok(sqlx::query_as(query).bind(number::key(number, None)).fetch_optional(reader).await?)
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
    let number = number::key(if direction == Direction::Inbound.as_str() { &caller } else { &target }, None);
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
