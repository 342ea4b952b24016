//! Files that wait to be read, in a folder beside the database. A file is called as the import that will read it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use super::error::Error;
use super::limits::LARGEST_FILE;

/// Files that nobody has begun to import for so long are deleted.
const FORGOTTEN: Duration = Duration::from_secs(4 * 3600);
/// Most files that wait at a time.
const MOST_WAITING: usize = 20;
const BEGINNING: &str = "im_";

/// The folder.
#[derive(Clone, Debug)]
pub(super) struct Spool {
    folder: PathBuf,
}

/// A file on its way here. What came of it goes when it is dropped before its end.
#[derive(Debug)]
pub struct Incoming {
    id: String,
    path: PathBuf,
    file: File,
    hash: Sha256,
    size: u64,
    whole: bool,
}

/// A file that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spooled {
    /// Of the import that will read it.
    pub id: String,
    /// SHA-256, in hex.
    pub digest: String,
    /// Bytes.
    pub size: u64,
}

impl Spool {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the file of this id is, if it may be one's name.
    pub(super) fn path(&self, id: &str) -> Option<PathBuf> {
        let digits = id.strip_prefix(BEGINNING)?;
        let plain = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| self.folder.join(id))
    }

    /// Begins to take a file. Files that were forgotten go; `kept` tells which are not.
    ///
    /// # Errors
    /// When the folder cannot be written to, or too many files wait.
    pub(super) async fn begin(&self, kept: &[String]) -> Result<Incoming, Error> {
        let (folder, kept) = (self.folder.clone(), kept.to_vec());
        let waiting = tokio::task::spawn_blocking(move || {
            fs::create_dir_all(&folder)?;
            tidy(&folder, &kept)
        });
        let waiting = waiting.await.map_err(|error| Error::Trouble(error.to_string()))?;
        if waiting.map_err(|error| Error::disk(&error))? >= MOST_WAITING {
            let why = "too many files wait to be imported; import or discard some, or wait some hours";
            return Err(Error::Trouble(why.to_owned()));
        }
        let id = format!("{BEGINNING}{}", Uuid::now_v7().simple());
        let path = self.folder.join(&id);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).await;
        let file = file.map_err(|error| Error::disk(&error))?;
        Ok(Incoming { id, path, file, hash: Sha256::new(), size: 0, whole: false })
    }

    /// Deletes a file; nothing happens where there is none.
    pub(super) fn discard(&self, id: &str) {
        if let Some(path) = self.path(id)
            && let Err(error) = fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, id, "a file of contacts could not be deleted");
        }
    }
}

/// Deletes what was forgotten; how many files stay.
fn tidy(folder: &Path, kept: &[String]) -> std::io::Result<usize> {
    let now = SystemTime::now();
    let mut stay = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(BEGINNING) || kept.contains(&name) {
            continue;
        }
        let changed = entry.metadata().and_then(|about| about.modified()).unwrap_or(now);
        if now.duration_since(changed).is_ok_and(|age| age > FORGOTTEN) {
            fs::remove_file(entry.path())?;
        } else {
            stay += 1;
        }
    }
    Ok(stay)
}

impl Spooled {
    /// Reads a file to tell its size and digest.
    pub(super) fn measured(id: String, path: &Path) -> Result<Self, Error> {
        let mut file = fs::File::open(path).map_err(|_| Error::Gone)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        let mut size = 0;
        loop {
            let got = file.read(&mut buffer).map_err(|error| Error::disk(&error))?;
            if got == 0 {
                return Ok(Self { id, digest: hex::encode(hash.finalize()), size });
            }
            hash.update(buffer.get(..got).unwrap_or_default());
            size += got as u64;
        }
    }
}

impl Incoming {
    /// Takes the next part.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the file is; when the disk is full.
    pub async fn take(&mut self, part: &[u8]) -> Result<(), Error> {
        self.size += part.len() as u64;
        if self.size > LARGEST_FILE {
            return Err(Error::TooLarge(format!(
                "the file is larger than {} MiB; send it in parts",
                LARGEST_FILE >> 20
            )));
        }
        self.hash.update(part);
        self.file.write_all(part).await.map_err(|error| Error::disk(&error))
    }

    /// The whole file came, and is on the disk.
    ///
    /// # Errors
    /// When the disk is full.
    pub async fn end(mut self) -> Result<Spooled, Error> {
        self.file.flush().await.map_err(|error| Error::disk(&error))?;
        self.file.sync_all().await.map_err(|error| Error::disk(&error))?;
        self.whole = true;
        let digest = hex::encode(std::mem::take(&mut self.hash).finalize());
        Ok(Spooled { id: self.id.clone(), digest, size: self.size })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.whole {
            drop(fs::remove_file(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn a_file_is_kept_private_and_half_a_file_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path().join("lists"));
        let mut incoming = spool.begin(&[]).await.unwrap();
        incoming.take(b"phone\n").await.unwrap();
        incoming.take(b"+62\n").await.unwrap();
        let spooled = incoming.end().await.unwrap();
        assert_eq!((spooled.size, spooled.digest.len()), (10, 64));
        let path = spool.path(&spooled.id).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read(&path).unwrap(), b"phone\n+62\n");
        let mut broken = spool.begin(&[]).await.unwrap();
        broken.take(b"half").await.unwrap();
        drop(broken);
        assert_eq!(fs::read_dir(folder.path().join("lists")).unwrap().count(), 1);
        spool.discard(&spooled.id);
        assert!(!path.exists());
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        let spool = Spool::new("/data/lists".into());
        assert!(spool.path(&format!("im_{}", "0".repeat(32))).is_some());
        for id in ["im_..", "../im_1", "im_/etc/passwd", "", "im_", &format!("im_{}/x", "0".repeat(30))] {
            assert_eq!(spool.path(id), None, "{id}");
        }
    }
}
