//! Where the server key comes from: made at the first start, kept at hand, changed.

use std::fs;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretString};

use crate::store::error::Error;
use crate::store::keys::ServerKey;

/// Where the server key is.
#[derive(Clone, Debug, Default)]
pub enum KeySource {
    /// In the file `DATABASE.key`, which is made with mode 0600 when it is absent.
    #[default]
    Beside,
    /// In a file that must be there.
    File(PathBuf),
    /// At hand, from the environment.
    Given(ServerKey),
}

/// Keeps the key at hand.
#[derive(Debug)]
pub(in crate::store) struct Vault {
    source: KeySource,
    database: PathBuf,
    key: RwLock<Option<ServerKey>>,
}

impl Vault {
    pub(in crate::store) fn new(source: KeySource, database: &Path) -> Self {
        Self { source, database: database.to_owned(), key: RwLock::new(None) }
    }

    /// A vault whose key dies with it.
    pub(in crate::store) fn forgetful() -> Self {
        Self::new(KeySource::Given(ServerKey::generate()), Path::new(":memory:"))
    }

    fn file(&self) -> Option<PathBuf> {
        match &self.source {
            KeySource::Beside => Some(with_ending(&self.database, ".key")),
            KeySource::File(path) => Some(path.clone()),
            KeySource::Given(_) => None,
        }
    }

    /// The key, read when it is first wanted.
    pub(in crate::store) fn key(&self) -> Result<ServerKey, Error> {
        if let Some(key) = &*self.key.read() {
            return Ok(key.clone());
        }
        let key = self.read()?.ok_or_else(|| self.missing())?;
        self.keep(&key);
        Ok(key)
    }

    pub(in crate::store) fn keep(&self, key: &ServerKey) {
        *self.key.write() = Some(key.clone());
    }

    fn read(&self) -> Result<Option<ServerKey>, Error> {
        match (&self.source, self.file()) {
            (KeySource::Given(key), _) => Ok(Some(key.clone())),
            (KeySource::File(path), _) if !path.exists() => Err(Error::Key(format!(
                "the server key {} does not exist; put it back, or write one with `openssl rand -base64 32`",
                path.display()
            ))),
            (_, Some(path)) => read_file(&path),
            (_, None) => Ok(None),
        }
    }

    fn missing(&self) -> Error {
        let path = self.file().unwrap_or_default();
        Error::Key(format!(
            "the server key {} is missing, without which the client secrets in {} cannot be read; put the file \
             back or set DERING_SECRET_KEY. If it is lost: `dering app rekey --lost`",
            path.display(),
            self.database.display()
        ))
    }

    fn wrong(&self, found: &ServerKey, wanted: &str) -> Error {
        let from = match (&self.source, self.file()) {
            (KeySource::Given(_), _) | (_, None) => "DERING_SECRET_KEY".to_owned(),
            (_, Some(path)) => path.display().to_string(),
        };
        Error::Key(format!(
            "the client secrets in {} were sealed with the server key {wanted}, but {from} holds the key {}; give \
             the right one. If it is lost: `dering app rekey --lost`",
            self.database.display(),
            found.id()
        ))
    }

    /// For a database that has nothing in it yet.
    pub(in crate::store) fn expect_no_database_before(&self) -> Result<(), Error> {
        let KeySource::Beside = self.source else { return Ok(()) };
        let key = with_ending(&self.database, ".key");
        if !key.exists() {
            return Ok(());
        }
        Err(Error::Key(format!(
            "the database {} is empty, but the server key {} beside it belongs to one that was in use: is its disk not \
             mounted, or was the file moved? Put it back. To begin anew, move the key away",
            self.database.display(),
            key.display()
        )))
    }

    /// Finds the key that fits a database whose texts are sealed with the keys `wanted`; makes one where nothing is
    /// sealed. It is at hand only once it is kept.
    ///
    /// # Errors
    /// Says which key is missing or wrong.
    pub(in crate::store) fn fit(&self, wanted: &[String]) -> Result<ServerKey, Error> {
        let foreign = |key: &ServerKey| wanted.iter().find(|id| *id != key.id()).cloned();
        match (self.read()?, wanted.is_empty()) {
            (Some(key), _) => match foreign(&key) {
                None => Ok(key),
                Some(other) => self.unfinished(foreign)?.ok_or_else(|| self.wrong(&key, &other)),
            },
            (None, false) => self.unfinished(foreign)?.ok_or_else(|| self.missing()),
            (None, true) => self.make(),
        }
    }

    /// Begins to change the key: the new one lies beside the file until [`Self::change`]. `new` is wanted when the key
    /// comes from the environment.
    ///
    /// # Errors
    /// When there is no file to change and no `new`, or the file cannot be written.
    pub(in crate::store) fn prepare(&self, new: Option<ServerKey>) -> Result<ServerKey, Error> {
        let Some(path) = self.file() else {
            return new.ok_or_else(|| {
                Error::Key(
                    "the server key comes from DERING_SECRET_KEY; name a file with the new one: --new-key-file"
                        .to_owned(),
                )
            });
        };
        let (new, next) = (new.unwrap_or_else(ServerKey::generate), with_ending(&path, ".next"));
        if next.exists() {
            fs::remove_file(&next).map_err(|error| unwritable(&next, &error))?;
        }
        write_file(&next, &new)?;
        Ok(new)
    }

    /// Everything is sealed with `new` now.
    ///
    /// # Errors
    /// When its file cannot take the old one's place.
    pub(in crate::store) fn change(&self, new: &ServerKey) -> Result<(), Error> {
        if let Some(path) = self.file() {
            let next = with_ending(&path, ".next");
            fs::rename(next, &path).map_err(|error| unwritable(&path, &error))?;
        }
        self.keep(new);
        Ok(())
    }

    /// A change of the key that was cut off after the database had taken the new one: finishes it.
    fn unfinished(&self, foreign: impl Fn(&ServerKey) -> Option<String>) -> Result<Option<ServerKey>, Error> {
        let Some(path) = self.file() else { return Ok(None) };
        let next = with_ending(&path, ".next");
        let Some(key) = read_file(&next)?.filter(|key| foreign(key).is_none()) else { return Ok(None) };
        fs::rename(&next, &path).map_err(|error| unwritable(&path, &error))?;
        Ok(Some(key))
    }

    fn make(&self) -> Result<ServerKey, Error> {
        let key = ServerKey::generate();
        if let Some(path) = self.file() {
            write_file(&path, &key)?;
            tracing::info!(path = %path.display(), key = key.id(), "made a server key; keep a copy of it apart from the database");
        }
        Ok(key)
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut longer = path.as_os_str().to_owned();
    longer.push(ending);
    longer.into()
}

fn read_file(path: &Path) -> Result<Option<ServerKey>, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => SecretString::from(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Error::Key(format!("the server key {} cannot be read: {error}", path.display())));
        }
    };
    if fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "other users of this machine may read the server key; chmod 600 it");
    }
    let key = ServerKey::parse(text.expose_secret())
        .map_err(|error| Error::Key(format!("{} holds no server key: {error}", path.display())))?;
    Ok(Some(key))
}

/// Writes a key that is safe on disk when this returns; refuses to write over a file.
fn write_file(path: &Path, key: &ServerKey) -> Result<(), Error> {
    let write = || {
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
        file.write_all(key.text().expose_secret().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::Key(format!("the server key {} cannot be written: {error}", path.display()))
}

/// Puts a key aside that fits nothing any more; the next start makes another one.
///
/// # Errors
/// When the file cannot be renamed.
pub(in crate::store) fn put_aside(database: &Path) -> Result<(), Error> {
    let key = with_ending(database, ".key");
    if key.exists() {
        fs::rename(&key, with_ending(&key, ".unfit")).map_err(|error| unwritable(&key, &error))?;
    }
    Ok(())
}
