//! Rendered speech, kept by the digest of what was asked for: in memory, and on disk between runs.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::disk_cache::DiskCache;
use super::engine::{TtsError, Voice};

/// Raised when the rendering changes, so that files of older versions are not used.
const FORMAT: &str = "3";

/// Digest of a text and the voice that speaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    pub(super) fn of(synthesizer: &str, loudness: &str, voice: &Voice, text: &str) -> Self {
        let mut hash = Sha256::new();
        let name = voice.voice.as_deref().unwrap_or("");
        for part in [FORMAT, synthesizer, loudness, &voice.language, name, text] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().into())
    }

    fn file_name(self) -> String {
        let mut name = String::with_capacity(68);
        for byte in self.0 {
            write!(name, "{byte:02x}").unwrap_or_default();
        }
        name.push_str(".wav");
        name
    }
}

type Cell = Arc<OnceCell<Arc<[i16]>>>;

#[derive(Debug, Default)]
struct Memory {
    entries: HashMap<Key, (Cell, u64)>,
    /// Counts look-ups; the entry with the smallest number was used least recently.
    tick: u64,
}

/// A cache with two size limits; the least recently used goes first.
#[derive(Debug)]
pub struct Cache {
    memory: Mutex<Memory>,
    memory_bytes: usize,
    disk: Option<Arc<DiskCache>>,
}

impl Cache {
    pub(super) fn new(folder: Option<PathBuf>, memory_bytes: usize, disk_bytes: u64) -> Self {
        let disk = folder.map(|folder| Arc::new(DiskCache::new(folder, disk_bytes)));
        Self { memory: Mutex::default(), memory_bytes, disk }
    }

    /// What is kept under `key`, or else what `render` yields. Of many callers at once one renders and
    /// the others wait for it; should it fail or be dropped, the next one tries.
    pub(super) async fn fetch(
        &self,
        key: Key,
        render: impl Future<Output = Result<Vec<i16>, TtsError>>,
    ) -> Result<Arc<[i16]>, TtsError> {
        let cell = self.cell(key);
        if let Some(samples) = cell.get() {
            count("memory");
            return Ok(Arc::clone(samples));
        }
        let result = cell
            .get_or_try_init(async || {
                if let Some(samples) = self.read(key).await {
                    count("disk");
                    return Ok(samples);
                }
                count("miss");
                let samples: Arc<[i16]> = render.await?.into();
                self.write(key, &samples).await;
                Ok(samples)
            })
            .await
            .cloned();
        self.trim(result.is_err().then_some(key));
        result
    }

    /// Whether something is kept under `key`; nothing is read for it.
    pub(super) async fn has(&self, key: Key) -> bool {
        if self.locked().entries.get(&key).is_some_and(|(cell, _)| cell.initialized()) {
            return true;
        }
        let Some(disk) = self.disk.clone() else { return false };
        tokio::task::spawn_blocking(move || disk.has(&key.file_name())).await.unwrap_or_default()
    }

    fn locked(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock()
    }

    fn cell(&self, key: Key) -> Cell {
        let mut memory = self.locked();
        memory.tick += 1;
        let tick = memory.tick;
        let entry = memory.entries.entry(key).or_default();
        entry.1 = tick;
        Arc::clone(&entry.0)
    }

    /// Drops a failed entry that nobody waits for, then the least recently used until the limit holds.
    fn trim(&self, failed: Option<Key>) {
        let mut memory = self.locked();
        if let Some(key) = failed
            && memory.entries.get(&key).is_some_and(|(cell, _)| Arc::strong_count(cell) <= 2)
        {
            memory.entries.remove(&key);
        }
        let size = |cell: &Cell| cell.get().map_or(0, |samples| samples.len() * 2);
        let mut total: usize = memory.entries.values().map(|(cell, _)| size(cell)).sum();
        while total > self.memory_bytes {
            let oldest = memory
                .entries
                .iter()
                .filter(|(_, (cell, _))| cell.initialized())
                .min_by_key(|(_, (_, tick))| *tick)
                .map(|(key, (cell, _))| (*key, size(cell)));
            let Some((key, bytes)) = oldest else { break };
            memory.entries.remove(&key);
            total -= bytes;
        }
        metrics::gauge!("dering_tts_cache_bytes", "where" => "memory").set(total as f64);
    }

    async fn read(&self, key: Key) -> Option<Arc<[i16]>> {
        let disk = Arc::clone(self.disk.as_ref()?);
        let read = move || disk.read(&key.file_name());
        tokio::task::spawn_blocking(read).await.ok().flatten().map(Arc::from)
    }

    async fn write(&self, key: Key, samples: &Arc<[i16]>) {
        let Some(disk) = self.disk.clone() else { return };
        let samples = Arc::clone(samples);
        let store = move || disk.store(&key.file_name(), &samples);
        match tokio::task::spawn_blocking(store).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "speech could not be kept on disk"),
            Err(error) => tracing::warn!(%error, "speech could not be kept on disk"),
        }
    }
}

fn count(result: &'static str) {
    metrics::counter!("dering_tts_cache_total", "result" => result).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::of("fake", "", &Voice { language: "en".into(), voice: None }, text)
    }

    #[tokio::test]
    async fn what_was_rendered_survives_a_restart_and_garbage_on_disk_does_not_matter() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = Some(folder.path().to_path_buf());
        let cache = Cache::new(path.clone(), 1_000_000, 1_000_000);
        cache.fetch(key("a"), async { Ok(vec![7; 500]) }).await.expect("rendered");
        let cache = Cache::new(path.clone(), 1_000_000, 1_000_000);
        let again = cache.fetch(key("a"), async { Ok(vec![8; 500]) }).await.expect("kept");
        assert_eq!(again[0], 7);
        std::fs::write(folder.path().join(key("a").file_name()), b"garbage").expect("writable");
        let cache = Cache::new(path, 1_000_000, 1_000_000);
        let fresh = cache.fetch(key("a"), async { Ok(vec![9; 500]) }).await.expect("rendered");
        assert_eq!(fresh[0], 9);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let cache = Cache::new(None, 1_000_000, 0);
        assert!(cache.fetch(key("a"), async { Err(TtsError::Empty) }).await.is_err());
        assert!(cache.locked().entries.is_empty());
        assert!(cache.fetch(key("a"), async { Ok(vec![1]) }).await.is_ok());
    }

    #[tokio::test]
    async fn both_limits_hold() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cache = Cache::new(Some(folder.path().into()), 2_500, 2_500);
        for n in 0..10 {
            cache.fetch(key(&n.to_string()), async { Ok(vec![1; 500]) }).await.expect("rendered");
        }
        assert_eq!(cache.locked().entries.len(), 2);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2);
    }
}
