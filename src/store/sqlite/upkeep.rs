//! Copies of the database while it is in use, and what condition it is in.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sqlx_sqlite::SqliteConnection;

use super::open::open_beside;
use super::schema;
use crate::store::error::Error;
use crate::store::model::Condition;

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
    Ok(Condition { bytes, version, known: schema::latest(), problems, calls })
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
