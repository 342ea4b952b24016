//! The caller's own headers of webhooks (`notifyHeaders`), bearer tokens more often than not: they lie in the database
//! sealed with the server key, and are deleted when the last webhook of their call is delivered. Those of webhooks
//! that were given up stay, so that they can be sent again.
//!
//! A sealed text is the key's id, a colon, and what [`ServerKey::seal`] makes of the headers as JSON.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::types::Json;

use super::seal::ServerKey;
use super::{Error, Store};

pub(super) type Headers = BTreeMap<String, String>;

/// As no headers are written.
const NONE: &str = "{}";
/// Where headers are, with the call they belong to. A literal, because the partial indexes repeat it.
const PLACES: [(&str, &str); 2] = [
    (
        "SELECT id, notify_headers FROM calls WHERE notify_headers <> '{}'",
        "UPDATE calls SET notify_headers = $2 WHERE id = $1 AND notify_headers = $3",
    ),
    (
        "SELECT DISTINCT call_id, headers FROM notifications WHERE headers <> '{}'",
        "UPDATE notifications SET headers = $2 WHERE call_id = $1 AND headers = $3",
    ),
];

/// What a call's headers are sealed for.
fn place(call_id: &str) -> String {
    format!("headers of {call_id}")
}

pub(super) fn sealed(key: &ServerKey, call_id: &str, headers: &Headers) -> Result<String, Error> {
    if headers.is_empty() {
        return Ok(NONE.to_owned());
    }
    let failed = || Error::Key(format!("the headers of the webhooks of call {call_id} cannot be sealed"));
    let text = SecretString::from(serde_json::to_string(headers).map_err(|_| failed())?);
    let sealed = key.seal(&place(call_id), &text).map_err(|_| failed())?;
    Ok(format!("{}:{sealed}", key.id()))
}

fn opened(key: &ServerKey, call_id: &str, text: &str) -> Result<Headers, Error> {
    if text.starts_with('{') {
        return Ok(serde_json::from_str(text).unwrap_or_default());
    }
    let failed = || {
        Error::Key(format!(
            "the headers of the webhooks of call {call_id} do not open with the server key {}",
            key.id()
        ))
    };
    let sealed = text.split_once(':').map_or(text, |(_, sealed)| sealed);
    let json = key.open(&place(call_id), sealed).map_err(|_| failed())?;
    serde_json::from_str(json.expose_secret()).map_err(|_| failed())
}

impl Store {
    /// Headers as a row has them. Those that do not open are told in the log and left out: a webhook is sent without
    /// them rather than not at all.
    pub(super) fn open_headers(&self, call_id: &str, text: &str) -> Headers {
        if text == NONE {
            return Headers::new();
        }
        let opened = self.clients.vault.key().and_then(|key| opened(&key, call_id, text));
        opened.unwrap_or_else(|error| {
            tracing::error!(call.id = call_id, "{error}; its webhooks are sent without them");
            Headers::new()
        })
    }

    /// The headers that the webhooks of a call carry.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notify_headers(&self, call_id: &str) -> Result<BTreeMap<String, String>, Error> {
        let query = sqlx::query_scalar("SELECT notify_headers FROM calls WHERE id = $1").bind(call_id);
        let text: Option<String> = query.fetch_optional(&self.readers).await?;
        Ok(text.map(|text| self.open_headers(call_id, &text)).unwrap_or_default())
    }
}

/// Deletes the headers of those calls that are over and whose webhooks are all delivered.
pub(super) async fn delete_delivered(connection: &mut SqliteConnection, calls: &[&str]) -> Result<(), Error> {
    if calls.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE notifications SET headers = '{}' WHERE headers <> '{}' AND call_id IN ( \
         SELECT c.id FROM json_each($1) asked JOIN calls c ON c.id = asked.value \
         WHERE c.ended_ms IS NOT NULL AND NOT EXISTS ( \
         SELECT 1 FROM notifications n WHERE n.call_id = c.id AND n.state <> 'delivered')); \
         UPDATE calls SET notify_headers = '{}' WHERE notify_headers <> '{}' AND ended_ms IS NOT NULL \
         AND id IN (SELECT value FROM json_each($1)) AND NOT EXISTS ( \
         SELECT 1 FROM notifications n WHERE n.call_id = calls.id AND n.state <> 'delivered')",
    )
    .bind(Json(calls))
    .execute(connection)
    .await?;
    Ok(())
}

/// The ids of the keys with which headers are sealed.
pub(super) async fn key_ids(pool: &SqlitePool) -> Result<Vec<String>, Error> {
    let query = sqlx::query_scalar(
        "SELECT DISTINCT substr(notify_headers, 1, instr(notify_headers, ':') - 1) FROM calls \
         WHERE notify_headers <> '{}' AND notify_headers NOT LIKE '{%' UNION \
         SELECT DISTINCT substr(headers, 1, instr(headers, ':') - 1) FROM notifications \
         WHERE headers <> '{}' AND headers NOT LIKE '{%'",
    );
    Ok(query.fetch_all(pool).await?)
}

/// Seals headers that lie in clear, as earlier versions wrote them, and deletes those that nobody needs any more.
pub(super) async fn tidy(pool: &SqlitePool, key: &ServerKey) -> Result<(), Error> {
    let mut connection = pool.acquire().await?;
    let clear: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM calls WHERE notify_headers <> '{}' AND notify_headers LIKE '{%') \
         + (SELECT count(*) FROM notifications WHERE headers <> '{}' AND headers LIKE '{%') \
         + (SELECT count(*) FROM planned_calls WHERE json_extract(request, '$.notify.headers') <> '{}')",
    )
    .fetch_one(&mut *connection)
    .await?;
    if clear == 0 {
        return Ok(());
    }
    sqlx::query("PRAGMA secure_delete = ON").execute(&mut *connection).await?;
    let mut transaction = connection.begin().await?;
    // The call has them, too, and keeps them sealed.
    sqlx::query(
        "UPDATE planned_calls SET request = json_set(request, '$.notify.headers', json('{}')) \
         WHERE json_extract(request, '$.notify.headers') <> '{}'",
    )
    .execute(&mut *transaction)
    .await?;
    let over: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM calls WHERE notify_headers <> '{}' AND ended_ms IS NOT NULL \
         UNION SELECT call_id FROM notifications WHERE headers <> '{}'",
    )
    .fetch_all(&mut *transaction)
    .await?;
    delete_delivered(&mut transaction, &over.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    rewrite(&mut transaction, |call_id, text| {
        text.starts_with('{').then(|| sealed(key, call_id, &opened(key, call_id, text)?)).transpose()
    })
    .await?;
    transaction.commit().await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *connection).await?;
    sqlx::query("PRAGMA secure_delete = OFF").execute(&mut *connection).await?;
    tracing::info!(rows = clear, "headers of webhooks that lay in clear are sealed or deleted now");
    Ok(())
}

/// Seals all headers with another key.
pub(super) async fn reseal(
    connection: &mut SqliteConnection,
    old: &ServerKey,
    new: &ServerKey,
) -> Result<(), Error> {
    rewrite(connection, |call_id, text| sealed(new, call_id, &opened(old, call_id, text)?).map(Some)).await
}

/// Gives up headers whose key is lost.
pub(super) async fn give_up(connection: &mut SqliteConnection) -> Result<(), Error> {
    sqlx::query(
        "UPDATE calls SET notify_headers = '{}' WHERE notify_headers <> '{}'; \
         UPDATE notifications SET headers = '{}' WHERE headers <> '{}'",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts what `change` makes of headers in their place, wherever it makes something.
async fn rewrite(
    connection: &mut SqliteConnection,
    change: impl Fn(&str, &str) -> Result<Option<String>, Error>,
) -> Result<(), Error> {
    for (read, write) in PLACES {
        let rows: Vec<(String, String)> = sqlx::query_as(read).fetch_all(&mut *connection).await?;
        for (call_id, text) in rows {
            if let Some(new) = change(&call_id, &text)? {
                sqlx::query(write).bind(call_id).bind(new).bind(text).execute(&mut *connection).await?;
            }
        }
    }
    Ok(())
}
