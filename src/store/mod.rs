//! The database: the only place that speaks SQL. It offers verbs of the trade (record a batch of a
//! call, claim notifications) and never hands out a connection.
//!
//! SQLite in WAL mode with `synchronous=FULL`: an accepted dial-out or a notification must survive a
//! power cut, and NORMAL may lose the last commits in one. The price is one fsync per commit, which the
//! writer shares among all batches that wait. One connection writes, a few read beside it.
//!
//! Times are milliseconds since 1970-01-01 UTC (`_ms`) unless a field says otherwise.

mod apps;
mod audit;
mod batch;
mod calls;
mod cdr;
mod contacts;
mod dialout;
mod do_not_call;
mod flow_versions;
mod headers;
mod ledger;
mod link_keys;
mod model;
mod numbers;
mod query;
mod retention;
mod schema;
mod seal;
mod taken;
mod vault;
mod visibility;
mod watching;
mod writer;

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

pub use crate::cdr_wire::CdrQuery;
use apps::Clients;
pub use apps::{
    ApiKey, ApiKeyRow, AppChange, AppPolicy, AppRow, AppSecret, ClientApp, KeyChange, LastUsed, NewApiKey,
    NewApp, Rate, SecretRow,
};
pub use audit::{Actor, AuditAction, AuditFilter, AuditRow, NewAudit};
pub use batch::{CallBatch, CallUpdate, NewCall, NewEvent, NewNotification, NewRecording, NewTranscript};
pub use calls::{CallFilter, CallRow, EventRow, Interaction, Progress, RecordingRow, TranscriptRow};
pub use cdr::{CdrPage, CdrRow};
pub use contacts::{ContactChange, ContactRow, HistoryRow, Kept, LARGEST_METADATA, Merged, NewContact};
pub use dialout::{Acceptance, FlowUse, NewDialOut, NewParties, NewPlan, PlannedRow, RequestKey};
pub use do_not_call::{DoNotCallRow, NewDoNotCall};
pub use flow_versions::{FlowLabelRow, FlowVersionRow, LabelMove, LabelMoveRow, NewFlowVersion};
pub use ledger::{
    Attempt, AttemptRow, Claim, ClaimRequest, Claimed, DeliveryFilter, DeliveryOutcome, DeliveryRound,
    DeliveryRow, EndpointHealth, EndpointRow, NotSettled, NotificationRow, Redelivered, Settlement, Tally,
};
pub use link_keys::LinkKey;
pub use model::{CallState, Cursor, DeadReason, DeliveryState, NotificationState, Page, Speaker};
pub use retention::ExpiredRecording;
pub use seal::{NoKey, ServerKey};
pub use vault::KeySource;
use vault::Vault;
pub use visibility::Visibility;
pub use watching::Watch;
use watching::Watchers;
use writer::Writer;

const READERS: u32 = 4;

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

    /// A database that dies with the [`Store`].
    #[must_use]
    pub const fn memory() -> Self {
        Self { place: Place::Memory, key: KeySource::Beside }
    }
}

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
    #[error("the database {} was made by a newer version of dering; run that version", path.display())]
    Newer { path: PathBuf },
    #[error("the database cannot be brought to this version: {0}")]
    Migrate(Arc<MigrateError>),
    #[error("the database failed: {0}")]
    Database(Arc<sqlx::Error>),
    /// The disk or a lock, not what was asked: the same may work later.
    #[error("the database cannot be used just now: {0}")]
    Failing(Arc<sqlx::Error>),
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
    /// A whole sentence.
    #[error("{0}")]
    Key(String),
    #[error("the database is closed")]
    Closed,
    #[error("the database was opened for reading only")]
    ReadOnly,
}

impl Error {
    /// Whatever it was, it hit a whole transaction.
    fn failing(error: sqlx::Error) -> Self {
        Self::Failing(Arc::new(error))
    }

    /// Whether the same may work later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Failing(_))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if passes(&error) { Self::failing(error) } else { Self::Database(Arc::new(error)) }
    }
}

/// Whether the fault lies with the disk, the memory or a lock, and not with the statement.
fn passes(error: &sqlx::Error) -> bool {
    /// SQLite's primary result codes: BUSY, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB.
    const PASSING: [i32; 10] = [5, 6, 7, 8, 10, 11, 13, 14, 15, 26];
    match error.as_database_error() {
        Some(error) => {
            let code = error.code().and_then(|code| code.parse::<i32>().ok());
            code.is_some_and(|code| PASSING.contains(&(code & 0xff)))
        }
        None => matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::InvalidSavePointStatement
                | sqlx::Error::BeginFailed
        ),
    }
}

/// The database. Clones share it; the last one dropped closes it.
#[derive(Clone, Debug)]
pub struct Store {
    readers: SqlitePool,
    writer: Option<Writer>,
    watchers: Watchers,
    clients: Arc<Clients>,
}

impl Store {
    /// Opens the database, creating and migrating it as needed. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process (or another `Store`) has it open, [`Error::Newer`] when a
    /// later version wrote it, [`Error::Open`] and [`Error::Migrate`] with the reason otherwise.
    pub async fn open(options: Options) -> Result<Self, Error> {
        match options.place {
            Place::Memory => {
                let connect = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
                let pool = connect_pool(connect, 1, Path::new(":memory:")).await?;
                migrate(&pool, Path::new(":memory:")).await?;
                let clients = Clients::new(Vault::forgetful());
                clients.keep(&clients.read(&mut *pool.acquire().await?).await?);
                let writer = Some(Writer::start(pool.clone(), pool.clone(), None));
                Ok(Self { readers: pool, writer, watchers: Watchers::default(), clients: Arc::new(clients) })
            }
            Place::File(path) => Self::open_file(&path, options.key).await,
        }
    }

    async fn open_file(path: &Path, key: KeySource) -> Result<Self, Error> {
        let lock = prepare_file(path)?;
        let writing = writing_pool(path).await?;
        let vault = Vault::new(key, path);
        let things: i64 =
            sqlx::query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(&writing).await?;
        if things == 0 {
            vault.expect_no_database_before()?;
            tracing::info!(path = %path.display(), "a new database is made");
        }
        migrate(&writing, path).await?;
        let clients = Clients::new(vault);
        clients.vault.open(&writing).await?;
        clients.keep(&clients.read(&mut *writing.acquire().await?).await?);
        let readers = connect_pool(reading(path), READERS, path).await?;
        let writer = Writer::start(writing, readers.clone(), Some(lock));
        let store =
            Self { readers, writer: Some(writer), watchers: Watchers::default(), clients: Arc::new(clients) };
        store.release_claims().await?;
        Ok(store)
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
        if !path.exists() {
            return Err(Error::Missing { path: path.to_owned() });
        }
        let readers = connect_pool(reading(path), 1, path).await?;
        let clients = Arc::new(Clients::new(Vault::new(key, path)));
        Ok(Self { readers, writer: None, watchers: Watchers::default(), clients })
    }

    /// Commits what is queued, closes the database and releases its lock. Later verbs fail.
    pub async fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
        self.readers.close().await;
    }
}

async fn writing_pool(path: &Path) -> Result<SqlitePool, Error> {
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5));
    connect_pool(connect, 1, path).await
}

fn reading(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(Duration::from_secs(5))
}

async fn connect_pool(
    connect: SqliteConnectOptions,
    connections: u32,
    path: &Path,
) -> Result<SqlitePool, Error> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(connect)
        .await
        .map_err(|error| Error::Open { path: path.to_owned(), reason: error.to_string() })
}

async fn migrate(pool: &SqlitePool, path: &Path) -> Result<(), Error> {
    schema::migrator().run(pool).await.map_err(|error| {
        if matches!(error, MigrateError::VersionMissing(_)) {
            return Error::Newer { path: path.to_owned() };
        }
        Error::Migrate(Arc::new(error))
    })
}

/// Takes the lock beside the database and creates the file, readable by its owner only.
/// SQLite gives its journal files the same mode.
fn prepare_file(path: &Path) -> Result<File, Error> {
    let failed = |error: std::io::Error| Error::Open { path: path.to_owned(), reason: error.to_string() };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let open = |path: &Path| {
        OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)
    };
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock = open(Path::new(&lock_path)).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Error::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    open(path).map_err(failed)?;
    Ok(lock)
}
