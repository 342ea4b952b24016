//! Calls that a crash or a kill left open: each gets its end, its record and its last notification.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use callcore::audio::SAMPLE_RATE;

use crate::session::books::last_lines::{LastKnown, last_lines};
use crate::session::books::late_record::{Question, record_of_unseen};
use crate::session::books::unheard::{Unheard, close_by_records};
use crate::session::record::recording::recording_path;
use crate::session::record::wav_file;
use crate::store::{self, CallBatch, CallRow, NewRecording, Store};
use crate::trunk::{DialError, Trunk};
use crate::wallclock::now_ms;

/// A carrier holds no call for longer, and its record has come or never will.
const LATELY_MS: i64 = 3_600_000;

/// What a crash or a kill left behind.
#[derive(Debug)]
pub struct Recovered {
    closed: usize,
    held: Vec<CallRow>,
    unheard: Vec<Unheard>,
}

impl Recovered {
    /// How many calls were closed now.
    #[must_use]
    pub const fn closed(&self) -> usize {
        self.closed
    }

    /// How many calls, closed now or at an earlier start that was cut off itself, the carrier may hold still.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held.len()
    }

    /// How many calls wait for the carrier's record: they were being dialled, and may have been answered unheard.
    #[must_use]
    pub const fn unheard(&self) -> usize {
        self.unheard.len()
    }
}

/// Why what a crash left behind could not be settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    #[error(transparent)]
    Trunk(#[from] DialError),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Closes every call that has no end and that no living node runs, but for those that only the carrier knows the end of:
/// they stay open until [`settle`] has asked it, through further crashes too. Call it before new calls are taken.
///
/// # Errors
/// When the database fails.
pub async fn recover(store: &Store, recordings: &Path) -> Result<Recovered, store::Error> {
    let open = store.take_over_calls(now_ms()).await?;
    let held = store.cut_off_calls(now_ms() - LATELY_MS).await?;
    let mut recovered = Recovered { closed: 0, held, unheard: Vec::new() };
    for call in open {
        let signs = store.last_signs(&call.id).await?;
        let recording = recording(store, &call, recordings).await?;
        mend_messages(recordings, &call.id).await;
        let heard_ms = recording.as_ref().map(|r| r.started_ms + i64::try_from(r.duration_ms).unwrap_or(0));
        // What was between this and now, nobody knows: the server was not there.
        let known_ms = [signs.last_ms, heard_ms, call.answered_ms].into_iter().flatten().max();
        let known_ms = known_ms.unwrap_or(call.created_ms);
        if let (None, Some(asked_ms)) = (call.answered_ms, signs.asked_ms) {
            let question = question(&call, asked_ms);
            recovered.unheard.push(Unheard::new(call, known_ms, question));
            continue;
        }
        let known = match call.answered_ms {
            Some(_) => LastKnown::Seen { known_ms },
            None => LastKnown::NotDialled { known_ms },
        };
        let batch = last_lines(store, &call, known).await?;
        store.record(CallBatch { recording, ..batch }).await?;
        recovered.closed += 1;
        if call.session_id.is_some() {
            recovered.held.push(call);
        }
    }
    Ok(recovered)
}

/// How the carrier is asked for the record of `call`, which it was asked for at `asked_ms`.
fn question(call: &CallRow, asked_ms: i64) -> Question {
    match &call.session_id {
        Some(session_id) => Question::Session(session_id.clone()),
        None => Question::Number(call.target.clone(), asked_ms),
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

/// Has the carriers end what they may still hold, and asks them for the records in the background. What became of a call
/// that was being dialled is told once its record is there, or after 15 s without one.
///
/// # Errors
/// When a trunk has ended, or the database fails.
pub async fn settle(store: &Store, trunks: &[Trunk], recovered: Recovered) -> Result<(), SettleError> {
    let trunk_of = |call: &CallRow| trunks.iter().find(|trunk| trunk.name() == call.trunk);
    for call in recovered.held {
        let Some(trunk) = trunk_of(&call) else { continue };
        if let Some(session_id) = &call.session_id {
            trunk.end(session_id).await?;
        }
        let asked_ms = store.last_signs(&call.id).await?.asked_ms;
        let question = question(&call, asked_ms.unwrap_or(call.created_ms));
        tokio::spawn(record_of_unseen(trunk.clone(), store.clone(), call.id, question));
    }
    let mut unnamed: BTreeMap<&str, (&Trunk, Vec<Unheard>)> = BTreeMap::new();
    for unheard in recovered.unheard {
        match trunk_of(unheard.call()).filter(|trunk| trunk.keeps_records()) {
            None => unheard.close(store, None).await?,
            Some(trunk) => match &unheard.call().session_id {
                Some(session_id) => {
                    trunk.end(session_id).await?;
                    tokio::spawn(close_by_records(trunk.clone(), store.clone(), vec![unheard]));
                }
                // One after the other: no two calls may take one record.
                None => unnamed.entry(trunk.name()).or_insert((trunk, Vec::new())).1.push(unheard),
            },
        }
    }
    for (trunk, calls) in unnamed.into_values() {
        tokio::spawn(close_by_records(trunk.clone(), store.clone(), calls));
    }
    Ok(())
}
