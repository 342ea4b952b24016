//! Calls that a crash or a kill left open: each gets its end, its record and its last notification.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use callcore::audio::SAMPLE_RATE;
use callcore::call::{Ended, Fact, Notice, NotificationState, cause};
use callcore::clock::CallTime;

use crate::kore::Envelope;
use crate::session::books::closing::{Closing, notification};
use crate::session::books::late_record::{OwnEnd, Unrecorded, late_record, stray_record};
use crate::session::record::recording::recording_path;
use crate::session::record::wav_file;
use crate::session::request::NotifyTarget;
use crate::store::{self, CallBatch, CallRow, NewEvent, NewRecording, Store};
use crate::trunk::{DialError, Trunk};
use crate::wallclock::now_ms;

/// Cause of a call whose server went away: network failure.
const CAUSE: u16 = 38;
/// What is told of a call that was not answered yet.
const UNSEEN: &str = "the server stopped while this call was being dialled, and what became of it is not known: the \
                      callee may have answered. The record of the call says so once the carrier has told it.";
/// A carrier holds no call for longer, and its record has come or never will.
const LATELY_MS: i64 = 3_600_000;

/// What a crash or a kill left behind.
#[derive(Debug)]
pub struct Recovered {
    /// Calls that were closed now.
    pub closed: usize,
    /// Calls that the carrier may hold still. Those of earlier starts are among them, because a start that is
    /// cut off itself leaves them to the next one.
    pub held: Vec<CallRow>,
}

/// Closes every call that has no end and that no living node runs. Call it before new calls are taken.
///
/// # Errors
/// When the database fails.
pub async fn recover(store: &Store, recordings: &Path) -> Result<Recovered, store::Error> {
    let open = store.take_over_calls(now_ms()).await?;
    for call in &open {
        let sent = store.notifications(&call.id).await?.len() as u64;
        let recording = recording(store, call, recordings).await?;
        mend_messages(recordings, &call.id).await;
        let (last_ms, asked_ms) = store.last_signs(&call.id).await?;
        let heard_ms = recording.as_ref().map(|r| r.started_ms + i64::try_from(r.duration_ms).unwrap_or(0));
        // What was between this and now, nobody knows: the server was not there.
        let known_ms = [last_ms, heard_ms, call.answered_ms].into_iter().flatten().max();
        let mut batch = closing(call, sent, known_ms.unwrap_or(call.created_ms), asked_ms.is_some());
        if asked_ms.is_some() && call.session_id.is_none() {
            batch.events.push(may_be_ringing(call));
        }
        batch.recording = recording;
        let headers = store.notify_headers(&call.id).await?;
        batch.notifications.iter_mut().for_each(|notification| notification.headers.clone_from(&headers));
        store.record(batch).await?;
    }
    let held = store.cut_off_calls(now_ms() - LATELY_MS).await?;
    Ok(Recovered { closed: open.len(), held })
}

/// The carrier was asked to place the call, and then nobody was there to hear its answer.
fn may_be_ringing(call: &CallRow) -> NewEvent {
    let now_ms = now_ms();
    let began_ms = call.began_ms.unwrap_or(call.created_ms);
    let why = "the server stopped between the dial request and the carrier's answer: the carrier may have placed the \
               call, and without its name nobody can hang it up";
    NewEvent {
        at_ms: now_ms,
        t_ms: u64::try_from(now_ms - began_ms).unwrap_or(0),
        fact: Fact::MayBeRinging { why: why.into() },
    }
}

/// Puts right the messages that were being recorded when the server stopped.
async fn mend_messages(folder: &Path, call_id: &str) {
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else { return };
    let beginning = format!("{call_id}-message-");
    while let Ok(Some(entry)) = entries.next_entry().await {
        if entry.file_name().to_string_lossy().starts_with(&beginning) {
            mend(entry.path(), false).await;
        }
    }
}

/// Bytes of audio in a recording that was being written; `None` when there is none.
async fn mend(path: PathBuf, stereo: bool) -> Option<u64> {
    let mended = tokio::task::spawn_blocking(move || wav_file::mend(&path, stereo)).await.ok()?;
    match mended {
        Ok(length) => Some(length),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::error!(%error, "a recording that was being written cannot be put right");
            None
        }
    }
}

/// What there is of the call's recording: it can be played, whenever the server stopped.
async fn recording(
    store: &Store,
    call: &CallRow,
    folder: &Path,
) -> Result<Option<NewRecording>, store::Error> {
    let path = recording_path(folder, &call.id);
    let Some(started_ms) = call.answered_ms else { return Ok(None) };
    let Some(length) = mend(path.clone(), true).await else { return Ok(None) };
    let begun = store.recording(&call.id).await?;
    Ok(Some(NewRecording {
        path: path.display().to_string(),
        channels: 2,
        sample_rate_hz: SAMPLE_RATE,
        // Two channels of 16 bits.
        duration_ms: length / 4 * 1_000 / u64::from(SAMPLE_RATE),
        started_ms,
        keep_days: begun.and_then(|row| row.keep_days).and_then(|days| u32::try_from(days).ok()),
    }))
}

/// Has the carriers end what they may still hold of `held`, and asks them for the records in the background.
///
/// # Errors
/// When a trunk has ended.
pub async fn settle(store: &Store, trunks: &[Trunk], held: Vec<CallRow>) -> Result<(), DialError> {
    for call in held {
        let Some(trunk) = trunks.iter().find(|trunk| trunk.name() == call.trunk) else { continue };
        if let Some(session_id) = call.session_id {
            trunk.end(&session_id).await?;
            let unrecorded = Unrecorded { session_id, end: OwnEnd::Missed };
            tokio::spawn(late_record(trunk.clone(), store.clone(), call.id, unrecorded));
        } else {
            let asked = store.last_signs(&call.id).await.ok().and_then(|(_, asked_ms)| asked_ms);
            let asked_ms = asked.unwrap_or(call.created_ms);
            tokio::spawn(stray_record(trunk.clone(), store.clone(), call, asked_ms));
        }
    }
    Ok(())
}

/// The last lines of `call`, of which `sent` notifications are in the ledger; `was_asked` when a carrier was asked to
/// place it. It ended when it was last known to go on:
/// no second is billed in which nobody saw it.
fn closing(call: &CallRow, sent: u64, known_ms: i64, was_asked: bool) -> CallBatch {
    let now_ms = now_ms();
    let began_ms = call.began_ms.unwrap_or(call.created_ms);
    let since_start = |ms: i64| CallTime::from_ms(u64::try_from(ms - began_ms).unwrap_or(0));
    let answered_at = call.answered_ms.map(since_start);
    let ended_at = since_start(known_ms);
    let connected = answered_at.unwrap_or(ended_at);
    let state = match answered_at {
        Some(answered_at) => NotificationState::Completed {
            answered_at,
            ended: Ended::ByFault,
            do_not_call: false,
            machine_detection: call.amd_event,
        },
        None => NotificationState::Failed { cause: CAUSE },
    };
    let notice = Notice { state, at: ended_at, ring_ms: 0, connect_ms: connected.as_ms() };
    let envelope = Envelope {
        session_id: call.session_id.clone(),
        sequence: sent + 1,
        ..Envelope::new(&call.id, &call.app_id, began_ms)
    };
    let disposition = match answered_at {
        Some(_) => callcore::call::Disposition::Answered,
        None => cause(CAUSE).unanswered,
    };
    let body = match answered_at {
        None if was_asked => envelope.unseen(&notice, UNSEEN),
        Some(_) | None => envelope.body(&notice),
    };
    let target = |url: &String| NotifyTarget { url: url.clone(), headers: BTreeMap::new(), amd_events: None };
    let posted = |url| notification(&call.app_id, &target(url), &notice, &body);
    let closing = Closing {
        call_id: &call.id,
        session_id: call.session_id.as_deref(),
        destination: &call.target,
        source: None,
        began_ms,
        answered_ms: call.answered_ms,
        ended_ms: known_ms,
        disposition,
        hangup_by: None,
        cause: CAUSE,
    };
    CallBatch {
        events: vec![NewEvent {
            at_ms: now_ms,
            t_ms: since_start(now_ms).as_ms(),
            fact: Fact::Recovered {
                why: "the server stopped while the call was under way".into(),
                known_to_ms: ended_at.as_ms(),
                unknown_ms: now_ms.saturating_sub(known_ms),
            },
        }],
        notifications: call.notify_url.iter().map(posted).collect(),
        ..closing.batch("server_stopped")
    }
}
