//! Why the store could not do what was asked.

use std::path::PathBuf;
use std::sync::Arc;

use super::model::CopyMark;
use crate::wallclock::iso;

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
    #[error("the database {} does not exist; `dering serve` makes one where the configuration names it", path.display())]
    Missing { path: PathBuf },
    #[error("the database {} cannot be opened: {reason}", path.display())]
    Open { path: PathBuf, reason: String },
    #[error("the database {} was made by a newer version of dering; run that version, or restore a backup from before the upgrade", path.display())]
    Newer { path: PathBuf },
    #[error("the copy {} cannot be made: {reason}", path.display())]
    Copy { path: PathBuf, reason: String },
    #[error(
        "the database {path} is a copy that `dering db backup` made at {made}{place}. A server that starts with it hangs up at the carrier the calls \
         that the copy has as running, and closes them; it posts webhooks again that were delivered since, and goes on with planned calls and \
         campaigns. If the server it was copied from is stopped for good, run `dering db adopt {path}` and start again; to only try \
         the copy, give it a configuration without trunks first",
        path = path.display(), made = iso(mark.made_ms), place = on(&mark.host)
    )]
    Restored { path: PathBuf, mark: CopyMark },
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

fn on(host: &str) -> String {
    if host.is_empty() { String::new() } else { format!(" on {host}") }
}

impl Error {
    /// Whether the same may work later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Failing(_))
    }
}
