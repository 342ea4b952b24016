//! How a batch of a call is written: all of it or nothing.

use callcore::amd::{EventKind, Subtype};
use callcore::call::{Direction, Disposition};
use futures_util::FutureExt;
use serde_json::Value;
use sqlx::types::Json;
use sqlx_sqlite::SqliteConnection;
use uuid::Uuid;

use super::engine::Engine;
use super::error::exists_or;
use super::query::column_ms;
use crate::store::error::Error;
use crate::store::keys::{ServerKey, seal_headers};
use crate::store::model::{
    CallBatch, CallState, CallUpdate, NewCall, NewEvent, NewNotification, NewRecording, NewTranscript,
    NodeId, party_key, written,
};
use crate::store::sqlite::{audit, cdr, do_not_call};
use crate::wallclock::now_ms;

impl Engine {
    pub(in crate::store) async fn record(&self, batch: CallBatch) -> Result<(), Error> {
        let writing = self.writing()?;
        self.write(move |connection| async move { write(connection, &writing, batch).await }.boxed()).await
    }

    pub(super) fn writing(&self) -> Result<Writing, Error> {
        Ok(Writing { key: self.clients.vault.key()?, node: self.node.clone() })
    }
}

/// Who writes, and what seals the headers.
pub(super) struct Writing {
    key: ServerKey,
    node: NodeId,
}

pub(super) async fn write(
    connection: &mut SqliteConnection,
    writing: &Writing,
    batch: CallBatch,
) -> Result<(), Error> {
    let id = batch.call_id.as_str();
    let now = now_ms();
    match batch.new {
        Some(call) => {
            insert_call(connection, writing, id, call).await?;
        }
        None => require_call(connection, id).await?,
    }
    if let Some(update) = batch.update {
        update_call(connection, &writing.node, id, update).await?;
    }
    append_events(connection, id, batch.events).await?;
    append_notifications(connection, writing, About::Call(id), batch.notifications, now).await?;
    append_transcripts(connection, id, batch.transcripts).await?;
    if let Some(record) = batch.cdr {
        cdr::put(connection, id, &record, batch.cdr_estimated, now).await?;
    }
    if let Some(evidence) = batch.evidence {
        put_evidence(connection, id, evidence).await?;
    }
    if let Some(recording) = batch.recording {
        put_recording(connection, id, recording).await?;
    }
    if let Some(asked) = batch.do_not_call {
        do_not_call::put(connection, id, asked).await?;
    }
    if let Some(entry) = batch.audit {
        audit::append(connection, entry).await?;
    }
    Ok(())
}

/// Writes a call, and files it under the contact of the number at its other end, when just one contact has it. Both
/// in one go: each statement by itself costs a change of threads.
async fn insert_call(
    connection: &mut SqliteConnection,
    writing: &Writing,
    id: &str,
    call: NewCall,
) -> Result<(), Error> {
    let other = party_key(if call.direction == Direction::Inbound { &call.caller } else { &call.target });
    sqlx::query(
        "INSERT INTO calls (id, app_id, bot_id, trunk, direction, target, caller, flow, flow_digest, \
         metadata, notify_url, notify_headers, state, created_ms, machine_detection, start_ms, expires_ms, node_id, video) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $19, $20); \
         INSERT INTO call_parties (call_id, contact_id) \
         SELECT $1, min(id) FROM contacts WHERE digits = $18 AND $18 <> '' HAVING count(*) = 1",
    )
    .bind(id)
    .bind(call.app_id)
    .bind(call.bot_id)
    .bind(call.trunk)
    .bind(call.direction.as_str())
    .bind(call.target)
    .bind(call.caller)
    .bind(call.flow)
    .bind(call.flow_digest)
    .bind(Json(call.metadata))
    .bind(call.notify_url)
    .bind(seal_headers(&writing.key, id, &call.notify_headers)?)
    .bind(call.state)
    .bind(call.created_ms)
    .bind(call.machine_detection.and_then(written))
    .bind(call.start_ms)
    .bind(call.expires_ms)
    .bind(other)
    .bind((call.state != CallState::Scheduled).then_some(writing.node.as_str()))
    .bind(call.video)
    .execute(connection)
    .await
    .map_err(|error| exists_or(error, || format!("the call {id}")))?;
    Ok(())
}

async fn require_call(connection: &mut SqliteConnection, id: &str) -> Result<(), Error> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM calls WHERE id = $1").bind(id).fetch_optional(connection).await?;
    found.map(|_| ()).ok_or_else(|| Error::UnknownCall(id.to_owned()))
}

async fn update_call(
    connection: &mut SqliteConnection,
    node: &NodeId,
    id: &str,
    update: CallUpdate,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE calls SET session_id = coalesce($2, session_id), state = coalesce($3, state), \
         answered_ms = coalesce($4, answered_ms), ended_ms = coalesce($5, ended_ms), \
         disposition = coalesce($6, disposition), cause_code = coalesce($7, cause_code), \
         amd_event = coalesce($8, amd_event), amd_ms = coalesce($9, amd_ms), \
         amd_reason = coalesce($10, amd_reason), amd_subtype = coalesce($11, amd_subtype), \
         outcome = coalesce($12, outcome), last_checkpoint = coalesce($13, last_checkpoint), \
         message_left = coalesce($14, message_left), began_ms = coalesce($15, began_ms), \
         node_id = iif($15 IS NULL, node_id, $16), pictures = coalesce($17, pictures) WHERE id = $1",
    )
    .bind(id)
    .bind(update.session_id)
    .bind(update.state)
    .bind(update.answered_ms)
    .bind(update.ended_ms)
    .bind(update.disposition.map(Disposition::as_str))
    .bind(update.cause_code.map(i64::from))
    .bind(update.amd_event.map(EventKind::as_str))
    .bind(update.amd_ms.map(column_ms))
    .bind(update.amd_reason.and_then(written))
    .bind(update.amd_subtype.map(Subtype::as_str))
    .bind(update.outcome)
    .bind(update.last_checkpoint)
    .bind(update.message_left.map(i64::from))
    .bind(update.began_ms)
    .bind(node.as_str())
    .bind(update.pictures)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn append_events(
    connection: &mut SqliteConnection,
    id: &str,
    events: Vec<NewEvent>,
) -> Result<(), Error> {
    for event in events {
        sqlx::query(
            "INSERT INTO call_events (call_id, seq, at_ms, t_ms, kind, detail) \
             SELECT $1, coalesce(max(seq), 0) + 1, $2, $3, $4, $5 FROM call_events WHERE call_id = $1",
        )
        .bind(id)
        .bind(event.at_ms)
        .bind(column_ms(event.t_ms))
        .bind(event.fact.kind())
        .bind(Json(event.fact.detail()))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// What notifications are about, and in whose order they are sent.
#[derive(Clone, Copy)]
pub(super) enum About<'a> {
    Call(&'a str),
    Campaign(&'a str),
}

pub(super) async fn append_notifications(
    connection: &mut SqliteConnection,
    writing: &Writing,
    about: About<'_>,
    notifications: Vec<NewNotification>,
    now: i64,
) -> Result<(), Error> {
    let (id, campaign) = match about {
        About::Call(id) => (id, None),
        About::Campaign(id) => (id, Some(id)),
    };
    for notification in notifications {
        sqlx::query(
            "INSERT INTO notifications (id, call_id, seq, app_id, kind, url, endpoint, headers, body, \
             state, reason, settled_ms, due_ms, turn_ms, claims, attempts, created_ms, campaign_id) \
             SELECT $1, $2, seq, $3, $4, $5, $6, $7, $8, state, iif(state = 'dead', 'gone', NULL), \
             iif(state = 'dead', $9, NULL), $9, iif(state = 'due', $9, NULL), 0, 0, $9, $10 FROM ( \
             SELECT coalesce(max(seq), 0) + 1 AS seq, CASE \
             WHEN coalesce(max(url = $5 AND state = 'dead' AND reason = 'gone'), 0) THEN 'dead' \
             WHEN coalesce(max(state IN ('waiting', 'due', 'sending')), 0) THEN 'waiting' \
             ELSE 'due' END AS state FROM notifications WHERE call_id = $2)",
        )
        .bind(format!("msg_{}", Uuid::now_v7().simple()))
        .bind(id)
        .bind(notification.app_id)
        .bind(notification.kind)
        .bind(&notification.url)
        .bind(endpoint(&notification.url))
        .bind(seal_headers(&writing.key, id, &notification.headers)?)
        .bind(notification.body)
        .bind(now)
        .bind(campaign)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The scheme, host and port of a URL: what shares one receiver's fate.
fn endpoint(url: &str) -> String {
    reqwest::Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}

async fn append_transcripts(
    connection: &mut SqliteConnection,
    id: &str,
    transcripts: Vec<NewTranscript>,
) -> Result<(), Error> {
    for transcript in transcripts {
        sqlx::query(
            "INSERT INTO transcripts (call_id, seq, t_ms, end_t_ms, speaker, source, text, confidence) \
             SELECT $1, coalesce(max(seq), 0) + 1, $2, $3, $4, $5, $6, $7 FROM transcripts \
             WHERE call_id = $1",
        )
        .bind(id)
        .bind(column_ms(transcript.t_ms))
        .bind(transcript.end_t_ms.map(column_ms))
        .bind(transcript.speaker)
        .bind(transcript.source)
        .bind(transcript.text)
        .bind(transcript.confidence)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn put_evidence(connection: &mut SqliteConnection, id: &str, evidence: Value) -> Result<(), Error> {
    if let Some(set) = evidence["shadow"]["set"].as_str() {
        let shadow = &evidence["shadow"];
        sqlx::query(
            "INSERT INTO amd_shadow (call_id, params, event, at_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (call_id) DO UPDATE SET params = excluded.params, event = excluded.event, at_ms = excluded.at_ms",
        )
        .bind(id)
        .bind(set)
        .bind(shadow["event"].as_str())
        .bind(shadow["atMs"].as_i64())
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query(
        "INSERT INTO amd_evidence (call_id, detail) VALUES ($1, $2) \
         ON CONFLICT (call_id) DO UPDATE SET detail = excluded.detail",
    )
    .bind(id)
    .bind(Json(evidence))
    .execute(connection)
    .await?;
    Ok(())
}

async fn put_recording(
    connection: &mut SqliteConnection,
    id: &str,
    recording: NewRecording,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO recordings (call_id, path, channels, sample_rate_hz, duration_ms, started_ms, keep_days) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (call_id) DO UPDATE SET path = excluded.path, \
         channels = excluded.channels, sample_rate_hz = excluded.sample_rate_hz, \
         duration_ms = excluded.duration_ms, started_ms = excluded.started_ms, \
         keep_days = excluded.keep_days",
    )
    .bind(id)
    .bind(recording.path)
    .bind(i64::from(recording.channels))
    .bind(i64::from(recording.sample_rate_hz))
    .bind(column_ms(recording.duration_ms))
    .bind(recording.started_ms)
    .bind(recording.keep_days.map(i64::from))
    .execute(connection)
    .await?;
    Ok(())
}
