//! Copies of the database while it is in use, and what condition it is in.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sqlx_sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};

use super::open::{open_alone, open_beside};
use super::schema;
use crate::store::error::Error;
use crate::store::model::{Condition, CopyMark};
use crate::wallclock::now_ms;

/// Problems that are told.
const MOST: usize = 20;

/// Copies the database at `path` to a new file, whole and consistent, while others read and write it; the size of the copy. What
/// cannot be finished leaves nothing behind.
///
/// # Errors
/// [`Error::Missing`] when there is no database; when the copy is there already or cannot be written.
pub(in crate::store) async fn backup(path: &Path, copy: &Path) -> Result<u64, Error> {
    let failed =
        |what: &dyn std::fmt::Display| Error::Copy { path: copy.to_owned(), reason: what.to_string() };
    if copy.exists() {
        return Err(failed(&"it is there already; name another file"));
    }
    let mut pool = open_beside(path).await?;
    let part = with_ending(copy, ".part");
    let made = async {
        // It holds all that the database holds, so it is as private.
        let options = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&part);
        options.map_err(|error| failed(&error))?;
        let name = part.to_str().ok_or_else(|| failed(&"its name is no text"))?.to_owned();
        sqlx::query("VACUUM INTO $1").bind(name).execute(&mut pool).await.map_err(|error| failed(&error))?;
        mark(&part).await.map_err(|error| failed(&error))?;
        let size =
            File::open(&part).and_then(|file| file.sync_all().and_then(|()| Ok(file.metadata()?.len())));
        std::fs::rename(&part, copy).map_err(|error| failed(&error))?;
        size.map_err(|error| failed(&error))
    };
    let made = made.await;
    if made.is_err() {
        drop(std::fs::remove_file(&part));
    }
    drop(sqlx::Connection::close(pool).await);
    made
}

/// Writes into a copy that it is one. The table is there in copies only.
async fn mark(part: &Path) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(part).journal_mode(SqliteJournalMode::Delete);
    let mut copy = sqlx::ConnectOptions::connect(&options).await?;
    let made = async {
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS copy_mark (made_ms INTEGER NOT NULL, host TEXT NOT NULL) STRICT",
        )
        .execute(&mut copy)
        .await?;
        sqlx::query("DELETE FROM copy_mark").execute(&mut copy).await?;
        let row = sqlx::query("INSERT INTO copy_mark (made_ms, host) VALUES ($1, $2)");
        row.bind(now_ms()).bind(host()).execute(&mut copy).await
    };
    let made = made.await;
    drop(sqlx::Connection::close(copy).await);
    made.map(drop)
}

/// The name of this machine.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// What the database at `path` says of itself if it is a copy; `None` also where there is no database.
///
/// # Errors
/// [`Error::Open`] when it cannot be read.
pub(in crate::store) async fn copy_mark(path: &Path) -> Result<Option<CopyMark>, Error> {
    if std::fs::metadata(path).map_or(0, |about| about.len()) == 0 {
        return Ok(None);
    }
    let mut pool = open_beside(path).await?;
    let found = marked(&mut pool).await;
    drop(sqlx::Connection::close(pool).await);
    found.map_err(|error| Error::Open { path: path.to_owned(), reason: error.to_string() })
}

async fn marked(connection: &mut SqliteConnection) -> Result<Option<CopyMark>, sqlx::Error> {
    let there: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name = 'copy_mark'")
        .fetch_one(&mut *connection)
        .await?;
    if there == 0 {
        return Ok(None);
    }
    sqlx::query_as("SELECT made_ms, host FROM copy_mark").fetch_optional(&mut *connection).await
}

/// Lets a copy take the place of the database it was made of; what it said of itself, `None` when it is no copy.
///
/// # Errors
/// [`Error::Missing`] when there is none, [`Error::InUse`] while somebody has it open; when it cannot be written.
pub(in crate::store) async fn adopt(path: &Path) -> Result<Option<CopyMark>, Error> {
    let Some(mark) = copy_mark(path).await? else {
        return if path.exists() { Ok(None) } else { Err(Error::Missing { path: path.to_owned() }) };
    };
    let pool = open_alone(path).await?;
    let dropped = sqlx::query("DROP TABLE copy_mark").execute(&pool.0).await;
    pool.0.close().await;
    dropped?;
    Ok(Some(mark))
}

/// Looks at the database at `path`; `whole` reads every page and index, which takes about a second for 100 MB.
///
/// # Errors
/// [`Error::Missing`] when there is none, [`Error::Open`] when it is none or cannot be read.
pub(in crate::store) async fn examine(path: &Path, whole: bool) -> Result<Condition, Error> {
    let mut pool = open_beside(path).await?;
    let looked = look(&mut pool, path, whole).await;
    drop(sqlx::Connection::close(pool).await);
    looked
}

async fn look(connection: &mut SqliteConnection, path: &Path, whole: bool) -> Result<Condition, Error> {
    let unreadable = |error: sqlx::Error| Error::Open { path: path.to_owned(), reason: error.to_string() };
    let bytes = std::fs::metadata(path).map_or(0, |about| about.len());
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(&mut *connection)
        .await
        .map_err(unreadable)?;
    let has = |name: &str| tables.iter().any(|table| table == name);
    let mut problems = Vec::new();
    if whole {
        let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(20)")
            .fetch_all(&mut *connection)
            .await
            .map_err(unreadable)?;
        problems.extend(found.into_iter().filter(|told| told != "ok"));
        let astray: Vec<(String,)> =
            sqlx::query_as("SELECT DISTINCT \"table\" FROM pragma_foreign_key_check")
                .fetch_all(&mut *connection)
                .await
                .map_err(unreadable)?;
        problems.extend(
            astray.iter().map(|(table,)| format!("a row of {table} belongs to a row that is not there")),
        );
        problems.truncate(MOST);
    }
    let mut number = async |there: bool, sql: &'static str| {
        if !there {
            return Ok(0);
        }
        let found: Option<i64> =
            sqlx::query_scalar(sql).fetch_one(&mut *connection).await.map_err(unreadable)?;
        Ok::<i64, Error>(found.unwrap_or_default())
    };
    let version = number(has("_sqlx_migrations"), "SELECT max(version) FROM _sqlx_migrations").await?;
    let calls = number(has("calls"), "SELECT count(*) FROM calls").await?;
    let copy = marked(&mut *connection).await.map_err(unreadable)?;
    Ok(Condition { bytes, version, known: schema::latest(), problems, calls, copy })
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
