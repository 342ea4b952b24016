//! Messages and audio figures of calls over SIP.

use futures_util::FutureExt;

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::model::{RtpFigures, Signalling, SipMessageRow};

impl Engine {
    pub(in crate::store) async fn keep_signalling(&self, new: Signalling) -> Result<(), Error> {
        self.write(move |connection| {
            async move {
                // A peer that names two calls alike has the first of them shown.
                let kept = sqlx::query(
                    "INSERT INTO sip_ladders (session_id, at_ms, own, left_out) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT DO NOTHING",
                )
                .bind(&new.session_id)
                .bind(new.at_ms)
                .bind(&new.own)
                .bind(new.left_out)
                .execute(&mut *connection)
                .await?;
                if kept.rows_affected() == 0 {
                    return Ok(());
                }
                // A call whose words are deleted by now keeps no messages either.
                let is_late: bool = sqlx::query_scalar(
                    "SELECT EXISTS (SELECT 1 FROM calls WHERE session_id = $1 AND words_deleted_ms IS NOT NULL)",
                )
                .bind(&new.session_id)
                .fetch_one(&mut *connection)
                .await?;
                let messages = if is_late { &[] } else { new.messages.as_slice() };
                for (seq, message) in (1_i64..).zip(messages) {
                    sqlx::query(
                        "INSERT INTO sip_messages (session_id, seq, at_ms, is_ours, peer, text) \
                         VALUES ($1, $2, $3, $4, $5, $6)",
                    )
                    .bind(&new.session_id)
                    .bind(seq)
                    .bind(message.at_ms)
                    .bind(message.is_ours)
                    .bind(&message.peer)
                    .bind(&message.text)
                    .execute(&mut *connection)
                    .await?;
                }
                // Those of a call of the same name whose messages are gone by now.
                sqlx::query("DELETE FROM rtp_figures WHERE session_id = $1")
                    .bind(&new.session_id)
                    .execute(&mut *connection)
                    .await?;
                let Some(audio) = &new.audio else { return Ok(()) };
                sqlx::query(
                    "INSERT INTO rtp_figures (session_id, received, lost, late, strangers, jitter_ms, score, \
                     longest_silence_ms, peer_lost, peer_jitter_ms, round_trip_ms, arrives) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
                )
                .bind(&new.session_id)
                .bind(audio.received)
                .bind(audio.lost)
                .bind(audio.late)
                .bind(audio.strangers)
                .bind(audio.jitter_ms)
                .bind(audio.score)
                .bind(audio.longest_silence_ms)
                .bind(audio.peer_lost)
                .bind(audio.peer_jitter_ms)
                .bind(audio.round_trip_ms)
                .bind(audio.arrives)
                .execute(&mut *connection)
                .await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn signalling(&self, session_id: &str) -> Result<Option<Signalling>, Error> {
        let ladder: Option<(i64, String, i64)> =
            sqlx::query_as("SELECT at_ms, own, left_out FROM sip_ladders WHERE session_id = $1")
                .bind(session_id)
                .fetch_optional(&self.readers)
                .await?;
        let audio: Option<RtpFigures> = sqlx::query_as("SELECT * FROM rtp_figures WHERE session_id = $1")
            .bind(session_id)
            .fetch_optional(&self.readers)
            .await?;
        if ladder.is_none() && audio.is_none() {
            return Ok(None);
        }
        let messages: Vec<SipMessageRow> = sqlx::query_as(
            "SELECT at_ms, is_ours, peer, text FROM sip_messages WHERE session_id = $1 ORDER BY seq",
        )
        .bind(session_id)
        .fetch_all(&self.readers)
        .await?;
        let (at_ms, own, left_out) = ladder.unwrap_or_default();
        let session_id = session_id.to_owned();
        Ok(Some(Signalling { session_id, at_ms, own, messages, left_out, audio }))
    }

    pub(in crate::store) async fn delete_signalling(&self, before_ms: i64, limit: u32) -> Result<u64, Error> {
        self.write(move |connection| {
            async move {
                let old = "SELECT session_id FROM sip_ladders WHERE at_ms < $1 ORDER BY at_ms LIMIT $2";
                for table in ["sip_messages", "sip_ladders"] {
                    let delete = format!("DELETE FROM {table} WHERE session_id IN ({old})");
                    let done = sqlx::query(sqlx::AssertSqlSafe(delete))
                        .bind(before_ms)
                        .bind(i64::from(limit))
                        .execute(&mut *connection)
                        .await?;
                    if table == "sip_ladders" {
                        return Ok(done.rows_affected());
                    }
                }
                Ok(0)
            }
            .boxed()
        })
        .await
    }
}
