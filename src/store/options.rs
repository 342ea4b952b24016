//! Where the database is.

use std::path::PathBuf;

use crate::store::keys::KeySource;

/// Where the database is, and the key to the secrets in it.
#[derive(Clone, Debug)]
pub struct Options {
    pub place: Place,
    /// Means nothing for a database in memory.
    pub key: KeySource,
}

/// A file that outlives the process, or memory for tests.
#[derive(Clone, Debug)]
pub enum Place {
    /// Created with mode 0600 where missing; its folder is created too.
    File(PathBuf),
    Memory,
}

impl Options {
    /// The database in the file `path`.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { place: Place::File(path.into()), key: KeySource::default() }
    }

    /// A database that dies with the [`Store`](crate::store::Store).
    #[must_use]
    pub const fn memory() -> Self {
        Self { place: Place::Memory, key: KeySource::Beside }
    }
}
