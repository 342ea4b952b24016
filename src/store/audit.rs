//! The audit log: who did what, when and from where. Entries are written in the transaction of the act where the
//! act is one of the store's, and never touched again.

use futures_util::FutureExt;
use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder, Sqlite};

use super::model::Page;
use super::{Error, Store};
use crate::wallclock::now_ms;

/// Who does something, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// `app:ID`, `key:ID`, `cli:USER`, `server` or `unknown`.
    pub actor: String,
    /// The caller's address, when it came over a network.
    pub address: Option<String>,
}

impl Act {
    /// `actor` from `address`.
    #[must_use]
    pub fn new(actor: impl Into<String>, address: Option<String>) -> Self {
        Self { actor: actor.into(), address }
    }

    /// The server itself.
    #[must_use]
    pub fn server() -> Self {
        Self::new("server", None)
    }

    /// Whoever runs commands on this machine while the server is stopped.
    #[must_use]
    pub fn operator() -> Self {
        Self::new("cli", None)
    }
}

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct NewAudit {
    pub act: Act,
    /// What was done, as in `app.create`.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// An object; never a secret, numbers masked.
    pub detail: Value,
}

impl NewAudit {
    /// `act` did `action` to `subject`.
    pub fn new(act: Act, action: impl Into<String>, subject: impl Into<String>, detail: Value) -> Self {
        Self { act, action: action.into(), subject: subject.into(), detail }
    }
}

/// An entry; later ones have a higher `seq`.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct AuditRow {
    pub seq: i64,
    pub at_ms: i64,
    pub actor: String,
    pub address: Option<String>,
    pub action: String,
    pub subject: String,
    #[sqlx(json)]
    pub detail: Value,
}

/// Which entries; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// The beginning of the actor's name.
    pub actor: Option<String>,
    /// The beginning of the action's name: `app.` finds all that was done to apps.
    pub action: Option<String>,
    pub subject: Option<String>,
    pub since_ms: Option<i64>,
    pub until_ms: Option<i64>,
    /// Entries before this one only.
    pub before: Option<i64>,
}

impl Store {
    /// Writes an entry in a transaction of its own: for acts that are not the store's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, entry: NewAudit) -> Result<(), Error> {
        self.write(move |connection| async move { append(connection, entry).await }.boxed()).await
    }

    /// At most `limit` entries, newest first; a page goes on with [`AuditFilter::before`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_log(&self, filter: &AuditFilter, limit: u32) -> Result<Page<AuditRow, i64>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT seq, at_ms, actor, address, action, subject, detail FROM audit WHERE TRUE",
        );
        for (column, beginning) in [("actor", &filter.actor), ("action", &filter.action)] {
            if let Some(beginning) = beginning {
                query.push(format_args!(" AND substr({column}, 1, length(")).push_bind(beginning);
                query.push(")) = ").push_bind(beginning);
            }
        }
        if let Some(subject) = &filter.subject {
            query.push(" AND subject = ").push_bind(subject);
        }
        for (condition, bound) in [
            (" AND at_ms >= ", filter.since_ms),
            (" AND at_ms < ", filter.until_ms),
            (" AND seq < ", filter.before),
        ] {
            if let Some(bound) = bound {
                query.push(condition).push_bind(bound);
            }
        }
        query.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::from(limit) + 1);
        let rows = query.build_query_as().fetch_all(&self.readers).await?;
        Ok(Page::cut(rows, limit, |row: &AuditRow| row.seq))
    }
}

/// Adds an entry to the transaction of the act.
pub(super) async fn append(connection: &mut SqliteConnection, entry: NewAudit) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO audit (at_ms, actor, address, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(now_ms())
    .bind(entry.act.actor)
    .bind(entry.act.address)
    .bind(entry.action)
    .bind(entry.subject)
    .bind(Json(entry.detail))
    .execute(connection)
    .await?;
    Ok(())
}
