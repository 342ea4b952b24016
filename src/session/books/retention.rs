//! Deletes recordings, messages and words whose time is over: once at start, then every hour.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use crate::session::record::camera_file::camera_path;
use crate::session::record::recording::recording_path;
use crate::session::record::trace::trace_path;
use crate::store::{self, Store};
use crate::wallclock::now_ms;

const EVERY: Duration = Duration::from_hours(1);
/// Calls looked at in one go.
const AT_ONCE: u32 = 200;
const DAY: Duration = Duration::from_hours(24);
/// The SIP messages of a call are kept for so long after its end: they serve to find out why it failed.
const SIGNALLING: Duration = Duration::from_hours(7 * 24);

/// What is kept, and for how long; `None` keeps it.
#[derive(Clone, Debug)]
pub struct Retention {
    pub folder: PathBuf,
    /// Recordings and messages, where the flow does not say otherwise.
    pub keep_days: Option<u32>,
    /// Everything said and pressed.
    pub keep_words_days: Option<u32>,
}

/// What a sweep has deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub recordings: usize,
    pub messages: usize,
    /// Calls whose words are gone.
    pub words: usize,
}

impl Retention {
    /// Sweeps now and every hour until `stop`.
    pub fn start(self, store: Store, stop: CancellationToken) {
        tokio::spawn(async move {
            loop {
                match self.sweep(&store, now_ms()).await {
                    Ok(swept) if swept == Swept::default() => {}
                    Ok(Swept { recordings, messages, words }) => {
                        tracing::info!(recordings, messages, words, "deleted what is no longer to be kept");
                    }
                    Err(error) => tracing::warn!(%error, "what is no longer to be kept could not be deleted"),
                }
                tokio::select! {
                    () = tokio::time::sleep(EVERY) => {}
                    () = stop.cancelled() => return,
                }
            }
        });
    }

    /// Deletes everything whose time is over at `now_ms`. A file that cannot be deleted is tried again the
    /// next time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep(&self, store: &Store, now_ms: i64) -> Result<Swept, store::Error> {
        let mut swept = Swept::default();
        let mut messages = self.messages().await;
        loop {
            let expired = store.expired_recordings(now_ms, self.keep_days, AT_ONCE).await?;
            let mut done = 0;
            for recording in &expired {
                let own = messages.remove(&recording.call_id).unwrap_or_default();
                let path = PathBuf::from(&recording.path);
                let (trace, camera) = (trace_path(&path), camera_path(&path));
                if !delete([path, trace, camera].into_iter().chain(own.iter().cloned()).collect()).await {
                    continue;
                }
                store.recording_deleted(recording.call_id.clone(), now_ms, own.len()).await?;
                swept.recordings += 1;
                swept.messages += own.len();
                done += 1;
            }
            if done == 0 || expired.len() < AT_ONCE as usize {
                break;
            }
        }
        swept.messages += self.lone_messages(store, messages, now_ms).await?;
        swept.words = self.words(store, now_ms).await?;
        let before_ms = now_ms - i64::try_from(SIGNALLING.as_millis()).unwrap_or(i64::MAX);
        while store.delete_signalling(before_ms, AT_ONCE).await? == u64::from(AT_ONCE) {}
        for (what, count) in
            [("recording", swept.recordings), ("message", swept.messages), ("words", swept.words)]
        {
            metrics::counter!("dering_retention_deleted_total", "what" => what).increment(count as u64);
        }
        Ok(swept)
    }

    /// Messages of calls that are not recorded themselves.
    async fn lone_messages(
        &self,
        store: &Store,
        messages: BTreeMap<String, Vec<PathBuf>>,
        now_ms: i64,
    ) -> Result<usize, store::Error> {
        let Some(keep) = self.keep_days.map(|days| DAY * days) else { return Ok(0) };
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now_ms).unwrap_or_default());
        let mut count = 0;
        for (call_id, files) in messages {
            let young = files.iter().any(|file| {
                let written = file.metadata().and_then(|meta| meta.modified());
                written.is_ok_and(|written| written + keep > now)
            });
            if young || store.recording(&call_id).await?.is_some_and(|row| row.deleted_ms.is_none()) {
                continue;
            }
            let many = files.len();
            if delete(files).await {
                store.recording_deleted(call_id, now_ms, many).await?;
                count += many;
            }
        }
        Ok(count)
    }

    async fn words(&self, store: &Store, now_ms: i64) -> Result<usize, store::Error> {
        let Some(days) = self.keep_words_days else { return Ok(0) };
        let before_ms = now_ms - i64::try_from((DAY * days).as_millis()).unwrap_or(i64::MAX);
        let mut count = 0;
        loop {
            let calls = store.calls_with_words(before_ms, AT_ONCE).await?;
            let many = calls.len();
            let mut done = 0;
            for call_id in calls {
                // The trace of the detector has the words that came while it listened.
                if !delete(vec![trace_path(&recording_path(&self.folder, &call_id))]).await {
                    continue;
                }
                store.delete_words(call_id, now_ms).await?;
                done += 1;
            }
            count += done;
            if done == 0 || many < AT_ONCE as usize {
                return Ok(count);
            }
        }
    }

    /// The messages in the folder, by their call.
    async fn messages(&self) -> BTreeMap<String, Vec<PathBuf>> {
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || listed(&folder)).await.unwrap_or_default()
    }
}

fn listed(folder: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let mut found: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if let Some((call_id, _)) = name.to_str().and_then(|name| name.split_once("-message-")) {
            found.entry(call_id.to_owned()).or_default().push(entry.path());
        }
    }
    found
}

/// True when none of the files is there any more.
async fn delete(files: Vec<PathBuf>) -> bool {
    let mut gone = true;
    for file in files {
        match tokio::fs::remove_file(&file).await {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                metrics::counter!("dering_retention_failures_total").increment(1);
                tracing::warn!(%error, path = %file.display(), "a recording could not be deleted; it is tried again");
                gone = false;
            }
        }
    }
    gone
}
