//! Custom webhook headers (`notifyHeaders`), which are usually bearer tokens: they are stored encrypted with the server key,
//! and deleted when the last webhook of their call is delivered. Those of webhooks that were given up stay, so that they
//! can be sent again.

use sqlx::Connection;
use sqlx::types::Json;
use sqlx_sqlite::{SqliteConnection, SqlitePool};

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::keys::{ServerKey, open_headers, seal_headers};

impl Engine {
    /// The headers that the webhooks of a call carry, as they lie in the database.
    pub(in crate::store) async fn sealed_notify_headers(
        &self,
        call_id: &str,
    ) -> Result<Option<String>, Error> {
        let query = sqlx::query_scalar("SELECT notify_headers FROM calls WHERE id = $1").bind(call_id);
        Ok(query.fetch_optional(&self.readers).await?)
    }
}

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
        text.starts_with('{')
            .then(|| seal_headers(key, call_id, &open_headers(key, call_id, text)?))
            .transpose()
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
    rewrite(connection, |call_id, text| {
        seal_headers(new, call_id, &open_headers(old, call_id, text)?).map(Some)
    })
    .await
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
