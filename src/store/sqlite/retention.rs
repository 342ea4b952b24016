//! What is deleted when its time is over: recordings, and the words of calls.

use callcore::call::{Fact, FactKind};
use futures_util::FutureExt;
use sqlx::QueryBuilder;
use sqlx_sqlite::SqliteConnection;

use super::batch::append_events;
use super::engine::Engine;
use crate::store::error::Error;
use crate::store::model::{ExpiredRecording, NewEvent};

const DAY_MS: i64 = 86_400_000;

impl Engine {
    pub(in crate::store) async fn expired_recordings(
        &self,
        now_ms: i64,
        keep_days: Option<u32>,
        limit: u32,
    ) -> Result<Vec<ExpiredRecording>, Error> {
        let query = sqlx::query_as(
            "SELECT call_id, path FROM recordings WHERE deleted_ms IS NULL \
             AND started_ms + coalesce(keep_days, $2) * $3 <= $1 ORDER BY started_ms LIMIT $4",
        );
        let query = query.bind(now_ms).bind(keep_days.map(i64::from)).bind(DAY_MS).bind(i64::from(limit));
        Ok(query.fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn recording_deleted(
        &self,
        call_id: String,
        at_ms: i64,
        messages: usize,
    ) -> Result<(), Error> {
        self.write(move |connection| {
            async move {
                sqlx::query("UPDATE recordings SET deleted_ms = $2 WHERE call_id = $1")
                    .bind(&call_id)
                    .bind(at_ms)
                    .execute(&mut *connection)
                    .await?;
                note(connection, &call_id, Fact::RecordingDeleted { messages }, at_ms).await
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn calls_with_words(
        &self,
        before_ms: i64,
        limit: u32,
    ) -> Result<Vec<String>, Error> {
        let query = sqlx::query_scalar(
            "SELECT id FROM calls WHERE words_deleted_ms IS NULL AND ended_ms <= $1 \
             ORDER BY ended_ms LIMIT $2",
        );
        Ok(query.bind(before_ms).bind(i64::from(limit)).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn delete_words(&self, call_id: String, at_ms: i64) -> Result<(), Error> {
        self.write(move |connection| {
            async move {
                for (kind, members) in Fact::kinds_with_words() {
                    remove_members(connection, &call_id, kind, members).await?;
                }
                for statement in [
                    "DELETE FROM transcripts WHERE call_id = $1",
                    "DELETE FROM sip_messages WHERE session_id = (SELECT session_id FROM calls WHERE id = $1)",
                    "UPDATE amd_evidence SET detail = json_remove(detail, '$.words', '$.decision.greeting', \
                     '$.decision.hint') WHERE call_id = $1",
                    "UPDATE amd_evidence SET detail = json_set(detail, '$.tones', (SELECT json_group_array(json(t.value)) \
                     FROM json_each(detail, '$.tones') t WHERE t.value ->> '$.kind.dtmf' IS NULL)) \
                     WHERE call_id = $1 AND json_type(detail, '$.tones') = 'array'",
                    "UPDATE notifications SET body = json_remove(body, '$.amdGreeting', '$.hint', '$.data') \
                     WHERE call_id = $1 AND state IN ('delivered', 'dead')",
                ] {
                    sqlx::query(statement).bind(&call_id).execute(&mut *connection).await?;
                }
                // The key of a tone, and its two frequencies, which tell it as well.
                sqlx::query(
                    "UPDATE call_events SET detail = json_set(detail, '$.kind.dtmf', '•', '$.hz', json('[0.0, 0.0]')) \
                     WHERE call_id = $1 AND kind = $2 AND detail ->> '$.kind.dtmf' IS NOT NULL",
                )
                .bind(&call_id)
                .bind(FactKind::Tone.as_str())
                .execute(&mut *connection)
                .await?;
                sqlx::query("UPDATE calls SET words_deleted_ms = $2 WHERE id = $1")
                    .bind(&call_id)
                    .bind(at_ms)
                    .execute(&mut *connection)
                    .await?;
                note(connection, &call_id, Fact::WordsDeleted {}, at_ms).await
            }
            .boxed()
        })
        .await
    }
}

/// Takes members out of the lines of one kind.
async fn remove_members(
    connection: &mut SqliteConnection,
    call_id: &str,
    kind: &str,
    members: &[&str],
) -> Result<(), Error> {
    let mut statement = QueryBuilder::new("UPDATE call_events SET detail = json_remove(detail");
    for member in members {
        statement.push(", ").push_bind(format!("$.{member}"));
    }
    statement.push(") WHERE call_id = ").push_bind(call_id).push(" AND kind = ").push_bind(kind);
    statement.build().execute(connection).await?;
    Ok(())
}

async fn note(connection: &mut SqliteConnection, call_id: &str, fact: Fact, at_ms: i64) -> Result<(), Error> {
    let created: Option<i64> = sqlx::query_scalar("SELECT created_ms FROM calls WHERE id = $1")
        .bind(call_id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(created) = created else { return Ok(()) };
    let t_ms = u64::try_from(at_ms - created).unwrap_or_default();
    let event = NewEvent { at_ms, t_ms, fact };
    append_events(connection, call_id, vec![event]).await
}
