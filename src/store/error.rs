//! Why the store could not do what was asked.

use std::path::PathBuf;
use std::sync::Arc;

/// What the engine said.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why the store could not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the database {} is in use by another process; stop that one, or name another database",
        path.display()
    )]
    InUse { path: PathBuf },
    #[error("the database {} does not exist; `dering serve` creates it", path.display())]
    Missing { path: PathBuf },
    #[error("the database {} cannot be opened: {reason}", path.display())]
    Open { path: PathBuf, reason: String },
    #[error("the database {} was made by a newer version of dering; run that version, or restore a backup from before the upgrade", path.display())]
    Newer { path: PathBuf },
    #[error("the copy {} cannot be made: {reason}", path.display())]
    Copy { path: PathBuf, reason: String },
    #[error("the database cannot be brought to this version: {0}")]
    Migrate(Cause),
    #[error("the database failed: {0}")]
    Database(Cause),
    /// The disk or a lock, not what was asked: the same may work later.
    #[error("the database cannot be used just now: {0}")]
    Failing(Cause),
    #[error("there is no call {0} in the database")]
    UnknownCall(String),
    #[error("there is no client app {0} in the database")]
    UnknownApp(String),
    #[error("{what} exists already")]
    Exists { what: String },
    #[error("there is no {what}")]
    NoSuch { what: String },
    #[error("it is the last secret of client app {0}; add another one first, or delete the app")]
    LastSecret(String),
    #[error("{0} is the last admin; make somebody else an admin first")]
    LastAdmin(String),
    /// What is there does not allow it; a whole sentence.
    #[error("{0}")]
    Conflict(String),
    /// A whole sentence.
    #[error("{0}")]
    Key(String),
    #[error("the database is closed")]
    Closed,
    #[error("the database was opened for reading only")]
    ReadOnly,
}

impl Error {
    /// Whether the same may work later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Failing(_))
    }
}
