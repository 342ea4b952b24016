//! SQLite's errors in the store's words.

use std::sync::Arc;

use crate::store::error::Error;

impl Error {
    /// Whatever it was, it hit a whole transaction.
    pub(super) fn failing(error: sqlx::Error) -> Self {
        Self::Failing(Arc::new(error))
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

/// Tells a key that is taken from any other failure.
pub(super) fn exists_or(error: sqlx::Error, what: impl FnOnce() -> String) -> Error {
    let taken = error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
    if taken { Error::Exists { what: what() } } else { error.into() }
}
