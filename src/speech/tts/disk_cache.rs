//! The part of the cache that is on disk: a folder of sealed WAV files; the least recently used are deleted first.
//!
//! A file appears under its name only when it is complete, and its seal detects damage by a crash, a full disk or
//! other programs. Several processes may share the folder.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use callcore::audio::wav::{self, Side};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::speech::sound;

/// Stands behind the audio, before the digest of everything before it.
const SEAL: &[u8; 8] = b"seal\x20\0\0\0";
const SEAL_BYTES: usize = SEAL.len() + 32;
/// The size is not known before the folder has been looked through.
const UNKNOWN: u64 = u64::MAX;
/// A file that is still unfinished after this long was left by a crash.
const LEFT_BEHIND: Duration = Duration::from_hours(1);

/// The folder.
#[derive(Debug)]
pub(super) struct DiskCache {
    folder: PathBuf,
    limit: u64,
    /// About how many bytes are in it; other processes may add to it.
    bytes: AtomicU64,
    /// One tidies at a time.
    tidying: Mutex<()>,
}

impl DiskCache {
    pub(super) fn new(folder: PathBuf, limit: u64) -> Self {
        Self { folder, limit, bytes: AtomicU64::new(UNKNOWN), tidying: Mutex::new(()) }
    }

    /// The audio under `name`, which is now the most recently used; `None` when there is none that is whole.
    pub(super) fn read(&self, name: &str) -> Option<Vec<i16>> {
        let path = self.folder.join(name);
        let bytes = std::fs::read(&path).ok()?;
        let Some(samples) = unsealed(&bytes) else {
            metrics::counter!("dering_tts_cache_total", "result" => "damaged").increment(1);
            tracing::warn!(path = %path.display(), "kept speech is damaged and is made again");
            // Making it again overwrites it.
            drop(std::fs::remove_file(&path));
            return None;
        };
        if let Err(error) = File::open(&path).and_then(|file| file.set_modified(SystemTime::now())) {
            tracing::debug!(%error, path = %path.display(), "the last use of kept speech was not noted");
        }
        Some(samples)
    }

    /// Whether there is a file of this name, whole or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.folder.join(name).is_file()
    }

    /// Keeps `samples` under `name`, and makes room.
    pub(super) fn store(&self, name: &str, samples: &[i16]) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let unfinished = self.folder.join(format!("{name}.{}.part", uuid::Uuid::new_v4().simple()));
        let sealed = sealed(samples);
        if let Err(error) = std::fs::write(&unfinished, &sealed) {
            drop(std::fs::remove_file(&unfinished));
            return Err(error);
        }
        std::fs::rename(&unfinished, self.folder.join(name))?;
        let length = sealed.len() as u64;
        let before = self.bytes.load(Ordering::Relaxed);
        if before == UNKNOWN || before + length > self.limit {
            return self.tidy();
        }
        let now = self.bytes.fetch_add(length, Ordering::Relaxed) + length;
        metrics::gauge!("dering_tts_cache_bytes", "where" => "disk").set(now as f64);
        Ok(())
    }

    /// Counts the folder, and removes what was used least recently until a tenth of the limit is free.
    fn tidy(&self) -> std::io::Result<()> {
        let Some(_alone) = self.tidying.try_lock() else { return Ok(()) };
        let now = SystemTime::now();
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let Ok(entry) = entry else { continue };
            let path = entry.path();
            let Some(ending) = path.extension().and_then(|ending| ending.to_str()) else { continue };
            // Another process may have removed it meanwhile.
            let Ok(meta) = entry.metadata() else { continue };
            let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            match ending {
                "wav" => files.push((used, meta.len(), path)),
                "part" if used + LEFT_BEHIND < now => drop(std::fs::remove_file(&path)),
                _ => {}
            }
        }
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        if total > self.limit {
            let goal = self.limit - self.limit / 10;
            files.sort();
            for (_, bytes, path) in files {
                if total <= goal {
                    break;
                }
                match std::fs::remove_file(path) {
                    Ok(()) => {
                        metrics::counter!("dering_tts_cache_evicted_total").increment(1);
                        total -= bytes;
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => total -= bytes,
                    Err(error) => return Err(error),
                }
            }
        }
        self.bytes.store(total, Ordering::Relaxed);
        metrics::gauge!("dering_tts_cache_bytes", "where" => "disk").set(total as f64);
        Ok(())
    }
}

fn sealed(samples: &[i16]) -> Vec<u8> {
    let mut bytes = wav::write_8k(&[samples]);
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(SEAL);
    bytes.extend_from_slice(&digest);
    bytes
}

fn unsealed(bytes: &[u8]) -> Option<Vec<i16>> {
    let (audio, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL_BYTES)?)?;
    let digest = seal.strip_prefix(SEAL)?;
    (Sha256::digest(audio).as_slice() == digest)
        .then(|| sound::read(audio, Side::Mixed, sound::PROMPT).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(n: usize) -> String {
        format!("{n:064x}.wav")
    }

    fn count(folder: &tempfile::TempDir) -> usize {
        std::fs::read_dir(folder.path()).unwrap().count()
    }

    #[test]
    fn what_is_damaged_in_any_byte_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let disk = DiskCache::new(folder.path().to_owned(), 1_000_000);
        let samples: Vec<i16> = (0..400).collect();
        let whole = sealed(&samples);
        for at in (0..whole.len()).step_by(37) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(folder.path().join(name(1)), &bytes).unwrap();
            assert_eq!(disk.read(&name(1)), None, "{at}");
            // And it is gone.
            assert_eq!(count(&folder), 0);
            std::fs::write(folder.path().join(name(1)), &whole[..at]).unwrap();
            assert_eq!(disk.read(&name(1)), None, "cut at {at}");
        }
        disk.store(&name(1), &samples).unwrap();
        assert_eq!(disk.read(&name(1)), Some(samples));
    }

    #[test]
    fn what_was_used_least_recently_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let disk = DiskCache::new(folder.path().to_owned(), 5_000);
        let samples = vec![1; 458]; // 1,000 bytes each
        let hour_ago = SystemTime::now() - Duration::from_secs(3_600);
        for n in 0..5_usize {
            disk.store(&name(n), &samples).unwrap();
            let file = File::open(folder.path().join(name(n))).unwrap();
            file.set_modified(hour_ago + Duration::from_secs(n as u64)).unwrap();
        }
        assert!(disk.read(&name(0)).is_some());
        disk.store(&name(5), &samples).unwrap();
        assert!(disk.read(&name(0)).is_some(), "used a moment ago");
        assert!(disk.read(&name(1)).is_none() && disk.read(&name(2)).is_none());
        assert!((3..=5).all(|n| disk.read(&name(n)).is_some()));
    }

    #[test]
    fn writers_side_by_side_leave_whole_files_within_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let disk = DiskCache::new(folder.path().to_owned(), 20_000);
        std::thread::scope(|scope| {
            for thread in 0..4_usize {
                let disk = &disk;
                scope.spawn(move || {
                    for n in 0..50 {
                        disk.store(&name((thread + n) % 60), &[n as i16; 458]).unwrap();
                        drop(disk.read(&name(n)));
                    }
                });
            }
        });
        disk.tidy().unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
        assert!(files.len() <= 20, "{}", files.len());
        assert!(files.iter().all(|file| unsealed(&std::fs::read(file).unwrap()).is_some()));
    }

    #[test]
    fn what_a_crash_left_unfinished_is_cleared_away_and_other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, age: Duration| {
            let path = folder.path().join(name);
            std::fs::write(&path, b"x").unwrap();
            File::open(&path).unwrap().set_modified(SystemTime::now() - age).unwrap();
            path
        };
        let old = put("a.wav.1.part", Duration::from_secs(7_200));
        let young = put("b.wav.2.part", Duration::ZERO);
        let other = put("notes.txt", Duration::from_secs(7_200));
        let disk = DiskCache::new(folder.path().to_owned(), 10);
        disk.store(&name(1), &[1; 100]).unwrap();
        assert!(!old.exists() && young.exists() && other.exists());
    }
}
