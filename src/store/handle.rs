//! The one door to the database.

use std::path::Path;
use std::sync::Arc;

use crate::bus::Bus;
use crate::store::directory::Clients;
use crate::store::error::Error;
use crate::store::keys::KeySource;
use crate::store::model::{Condition, CopyMark};
use crate::store::options::Options;
use crate::store::sqlite;

/// The database. Clones share it; the last one dropped closes it.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) backend: Backend,
    pub(super) bus: Bus,
    /// The same that the engine keeps up to date.
    pub(super) clients: Arc<Clients>,
}

/// The engine that keeps it all.
#[derive(Clone, Debug)]
pub(super) enum Backend {
    Sqlite(sqlite::Engine),
}

/// Verbs that are the engine's alone.
macro_rules! verbs {
    ($($(#[$meta:meta])* fn $name:ident(&self $(, $given:ident: $kind:ty)* $(,)?) -> $result:ty;)+) => {
        impl Store {
            $($(#[$meta])*
            pub async fn $name(&self, $($given: $kind),*) -> Result<$result, $crate::store::Error> {
                match &self.backend {
                    Backend::Sqlite(engine) => engine.$name($($given),*).await,
                }
            })+
        }
    };
}
pub(super) use verbs;

impl Store {
    /// Opens the database, creating and migrating it as needed. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process (or another `Store`) has it open, [`Error::Newer`] when a
    /// later version wrote it, [`Error::Open`] and [`Error::Migrate`] with the reason otherwise.
    pub async fn open(options: Options) -> Result<Self, Error> {
        Ok(Self::with(sqlite::open(options).await?))
    }

    /// Opens an existing database for reading beside a process that has it open.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none; [`Error::Open`] with the reason otherwise.
    pub async fn open_read_only(path: &Path) -> Result<Self, Error> {
        Self::open_read_only_with(path, KeySource::default()).await
    }

    /// The same, where the server key is not in the file beside the database. The key is wanted only for what is
    /// sealed with it.
    ///
    /// # Errors
    /// As [`Self::open_read_only`].
    pub async fn open_read_only_with(path: &Path, key: KeySource) -> Result<Self, Error> {
        Ok(Self::with(sqlite::open_read_only(path, key).await?))
    }

    /// Copies the database at `path` to a new file, whole and consistent, while a server uses it; the size of the copy.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no database, [`Error::Copy`] when the copy cannot be made.
    pub async fn backup(path: &Path, copy: &Path) -> Result<u64, Error> {
        sqlite::backup(path, copy).await
    }

    /// Refuses a database that is a copy and was not said to take the place of the original.
    ///
    /// # Errors
    /// [`Error::Restored`] when it is one; [`Error::Open`] when it cannot be read.
    pub async fn refuse_copy(path: &Path) -> Result<(), Error> {
        match sqlite::copy_mark(path).await? {
            Some(mark) => Err(Error::Restored { path: path.to_owned(), mark }),
            None => Ok(()),
        }
    }

    /// Lets a copy take the place of the database it was made of; what it said of itself, `None` when it is no copy.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none, [`Error::InUse`] while somebody has it open; when it cannot be written.
    pub async fn adopt(path: &Path) -> Result<Option<CopyMark>, Error> {
        sqlite::adopt(path).await
    }

    /// Looks at the database at `path` while a server may use it; `whole` reads all of it.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none, [`Error::Open`] when it is none or cannot be read.
    pub async fn examine(path: &Path, whole: bool) -> Result<Condition, Error> {
        sqlite::examine(path, whole).await
    }

    fn with(engine: sqlite::Engine) -> Self {
        let clients = engine.clients();
        Self { backend: Backend::Sqlite(engine), bus: Bus::default(), clients }
    }

    /// Whether what is written now would be kept. After a pause this writes a page, so that a disk which has filled
    /// up meanwhile is noticed; while writing fails it only tells so.
    ///
    /// # Errors
    /// What the last commit failed with, or [`Error::Closed`].
    pub async fn check_writing(&self) -> Result<(), Error> {
        match &self.backend {
            Backend::Sqlite(engine) => engine.check_writing().await,
        }
    }

    /// What is told of what is written here, and of the calls of this node.
    #[must_use]
    pub const fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Commits what is queued, closes the database and releases its lock. Later verbs fail.
    pub async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(engine) => engine.close().await,
        }
    }
}
