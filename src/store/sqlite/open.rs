//! Opening a database file: its lock, its mode, its version, its key.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx_sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};

use super::clients::everybody;
use super::engine::Engine;
use super::sealing::seal_everything;
use super::writer::Writer;
use crate::store::directory::Clients;
use crate::store::error::Error;
use crate::store::keys::{KeySource, Vault};
use crate::store::model::NodeId;
use crate::store::options::{Options, Place};
use crate::store::sqlite::{schema, sealing};

const READERS: u32 = 4;

/// Opens the database, creating and migrating it as needed.
///
/// # Errors
/// [`Error::InUse`] when another process (or another store) has it open, [`Error::Newer`] when a later version wrote it,
/// [`Error::Open`] and [`Error::Migrate`] with the reason otherwise.
pub(in crate::store) async fn open(options: Options) -> Result<Engine, Error> {
    match options.place {
        Place::Memory => {
            let connect = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
            let pool = connect_pool(connect, 1, Path::new(":memory:")).await?;
            migrate(&pool, Path::new(":memory:")).await?;
            let clients = Clients::new(Vault::forgetful());
            clients.keep(&everybody(&mut *pool.acquire().await?, &clients).await?);
            let writer = Some(Writer::start(pool.clone(), pool.clone(), None));
            let engine = Engine { readers: pool, writer, clients: Arc::new(clients), node: NodeId::fresh() };
            engine.succeed().await?;
            Ok(engine)
        }
        Place::File(path) => open_file(&path, options.key).await,
    }
}

async fn open_file(path: &Path, key: KeySource) -> Result<Engine, Error> {
    let lock = prepare_file(path)?;
    let writing = writing_pool(path).await?;
    let vault = Vault::new(key, path);
    let things: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(&writing).await?;
    if things == 0 {
        vault.expect_no_database_before()?;
        tracing::info!(path = %path.display(), "a new database is made");
    }
    migrate(&writing, path).await?;
    seal_everything(&writing, &vault).await?;
    let clients = Clients::new(vault);
    clients.keep(&everybody(&mut *writing.acquire().await?, &clients).await?);
    let readers = connect_pool(reading(path), READERS, path).await?;
    let writer = Writer::start(writing, readers.clone(), Some(lock));
    let engine = Engine { readers, writer: Some(writer), clients: Arc::new(clients), node: NodeId::fresh() };
    engine.succeed().await?;
    Ok(engine)
}

/// Opens an existing database for reading beside a process that has it open.
///
/// # Errors
/// [`Error::Missing`] when there is none; [`Error::Open`] with the reason otherwise.
pub(in crate::store) async fn open_read_only(path: &Path, key: KeySource) -> Result<Engine, Error> {
    if !path.exists() {
        return Err(Error::Missing { path: path.to_owned() });
    }
    let readers = connect_pool(reading(path), 1, path).await?;
    Ok(Engine {
        readers,
        writer: None,
        clients: Arc::new(Clients::new(Vault::new(key, path))),
        node: NodeId::fresh(),
    })
}

/// One connection to an existing database, for reading beside whoever has it open.
///
/// # Errors
/// [`Error::Missing`] when there is none; [`Error::Open`] with the reason otherwise.
pub(super) async fn open_beside(path: &Path) -> Result<SqliteConnection, Error> {
    if !path.exists() {
        return Err(Error::Missing { path: path.to_owned() });
    }
    let connected = sqlx::ConnectOptions::connect(&reading(path)).await;
    connected.map_err(|error| Error::Open { path: path.to_owned(), reason: error.to_string() })
}

/// The one connection to an existing database that nobody else has open, as long as the lock is kept; its tables stay as they are.
///
/// # Errors
/// [`Error::InUse`] when somebody has it open; [`Error::Open`] with the reason otherwise.
pub(super) async fn open_alone(path: &Path) -> Result<(SqlitePool, File), Error> {
    let lock = prepare_file(path)?;
    Ok((writing_pool(path).await?, lock))
}

/// Gives up what is sealed with a server key that is lost; how many apps that concerns.
///
/// # Errors
/// [`Error::InUse`] while a server runs; when the database fails.
pub(in crate::store) async fn give_up_secrets(path: &Path) -> Result<u64, Error> {
    let _lock = prepare_file(path)?;
    let pool = writing_pool(path).await?;
    migrate(&pool, path).await?;
    let mut transaction = pool.begin().await?;
    let apps = sealing::give_up(&mut transaction).await?;
    transaction.commit().await?;
    pool.close().await;
    Ok(apps)
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
