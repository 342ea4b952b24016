//! The one form of the numbers that are kept: contacts, and those who do not want to be called.
//!
//! SQL cannot read a number, so this migration runs at the start, once for each form and country of the server.

use callcore::number;
use callcore::number::Country;
use futures_util::FutureExt;
use sqlx_sqlite::SqliteConnection;

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::model::LINKED;

/// Raised when [`number::read`] makes something else of numbers that are kept.
const FORM: i64 = 2;

impl Engine {
    pub(in crate::store) async fn put_numbers_into_one_form(
        &self,
        country: Option<Country>,
    ) -> Result<usize, Error> {
        self.write(move |connection| async move { put_all(connection, country).await }.boxed()).await
    }
}

async fn put_all(connection: &mut SqliteConnection, country: Option<Country>) -> Result<usize, Error> {
    let form = (FORM, country.map(|country| country.to_string()).unwrap_or_default());
    let kept: Option<(i64, String)> =
        sqlx::query_as("SELECT form, country FROM number_form").fetch_optional(&mut *connection).await?;
    if kept.as_ref() == Some(&form) {
        return Ok(0);
    }
    let changed = listed(connection, country).await? + contacts(connection, country).await?;
    sqlx::query("DELETE FROM number_form").execute(&mut *connection).await?;
    sqlx::query("INSERT INTO number_form (form, country) VALUES ($1, $2)")
        .bind(form.0)
        .bind(form.1)
        .execute(connection)
        .await?;
    Ok(changed)
}

/// The do-not-call list. Two spellings of one number become one entry, the older of them.
async fn listed(connection: &mut SqliteConnection, country: Option<Country>) -> Result<usize, Error> {
    let kept: Vec<(String,)> =
        sqlx::query_as("SELECT number FROM do_not_call").fetch_all(&mut *connection).await?;
    let mut changed = 0;
    for (old,) in kept {
        if old.starts_with(LINKED) {
            continue;
        }
        // The plus was not kept. Only a leading zero tells that a number has no country of its own.
        let new = if old.starts_with('0') {
            number::key(&old, country)
        } else {
            number::key(&format!("+{old}"), None)
        };
        if new == old || new.is_empty() {
            continue;
        }
        sqlx::query(
            "INSERT INTO do_not_call (number, call_id, at_ms, words, reason, author) \
             SELECT $1, call_id, at_ms, words, reason, author FROM do_not_call WHERE number = $2 \
             ON CONFLICT (number) DO UPDATE SET call_id = excluded.call_id, at_ms = excluded.at_ms, \
             words = excluded.words, reason = excluded.reason, author = excluded.author \
             WHERE excluded.at_ms < at_ms",
        )
        .bind(&new)
        .bind(&old)
        .execute(&mut *connection)
        .await?;
        sqlx::query("DELETE FROM do_not_call WHERE number = $1").bind(&old).execute(&mut *connection).await?;
        changed += 1;
    }
    Ok(changed)
}

async fn contacts(connection: &mut SqliteConnection, country: Option<Country>) -> Result<usize, Error> {
    let kept: Vec<(String, String, String)> =
        sqlx::query_as("SELECT id, number, digits FROM contacts").fetch_all(&mut *connection).await?;
    let mut changed = 0;
    for (id, old, digits) in kept {
        let Ok(new) = number::read(&old, country) else { continue };
        let key = number::key(new.as_str(), None);
        if new.as_str() == old && key == digits {
            continue;
        }
        sqlx::query("UPDATE contacts SET number = $2, digits = $3 WHERE id = $1")
            .bind(id)
            .bind(new.as_str())
            .bind(key)
            .execute(&mut *connection)
            .await?;
        changed += 1;
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::model::{CallBatch, NewCall, NewContact, NewDoNotCall};
    use crate::store::options::Options;
    use crate::store::sqlite::open::open;

    async fn write(store: &Engine, sql: &'static str) {
        store
            .write(move |connection| {
                async move { Ok(sqlx::query(sql).execute(connection).await.map(|_| ())?) }.boxed()
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn numbers_that_were_kept_as_they_were_written_get_their_one_form() {
        let store = open(Options::memory()).await.unwrap();
        for (at_ms, number) in
            [(5, "00628123456901"), (9, "628123456901"), (3, "0812345678"), (4, "4402079460019")]
        {
            let call_id = format!("c{at_ms}");
            let batch = CallBatch {
                call_id: call_id.clone(),
                new: Some(NewCall { target: format!("+1555000{at_ms}"), ..NewCall::default() }),
                do_not_call: Some(NewDoNotCall { at_ms, words: None }),
                ..CallBatch::default()
            };
            store.record(batch).await.unwrap();
            let sql = format!("UPDATE do_not_call SET number = '{number}' WHERE call_id = '{call_id}'");
            write(&store, Box::leak(sql.into_boxed_str())).await;
        }
        for (id, number) in [("a", "+62 (0)812 3456 902"), ("b", "0812345679"), ("c", "+15550001")] {
            let contact = NewContact {
                id: Some(id.into()),
                number: number.into(),
                metadata: json!({}),
                ..NewContact::default()
            };
            store.create_contact(contact).await.unwrap();
            let sql = format!("UPDATE contacts SET digits = number WHERE id = '{id}'");
            write(&store, Box::leak(sql.into_boxed_str())).await;
        }
        let country = "62".parse().ok();
        assert_eq!(store.put_numbers_into_one_form(country).await.unwrap(), 6);
        let since = async |number: &str| store.do_not_call(number).await.unwrap().map(|row| row.at_ms);
        assert_eq!(since("+628123456901").await, Some(5), "the older wish of one number's two spellings");
        assert_eq!(since("+62812345678").await, Some(3));
        assert_eq!(since("tel:00442079460019").await, Some(4));
        for (id, number) in [("a", "+628123456902"), ("b", "+62812345679"), ("c", "+15550001")] {
            assert_eq!(store.contact(id).await.unwrap().unwrap().number, number);
        }
        assert_eq!(store.put_numbers_into_one_form(country).await.unwrap(), 0, "once is enough");
    }
}
