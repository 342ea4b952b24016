//! Numbers whose owner asked never to be called again, as the digits of the number's one form, without a plus.

use callcore::call::Direction;
use callcore::number;
use sqlx_sqlite::{SqliteConnection, SqliteExecutor};

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::model::{DoNotCallRow, NewDoNotCall};

/// The digits of a number.
pub(super) fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

impl Engine {
    pub(in crate::store) async fn do_not_call(&self, number: &str) -> Result<Option<DoNotCallRow>, Error> {
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
