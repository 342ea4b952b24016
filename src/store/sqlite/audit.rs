//! The audit log: entries are written in the transaction of the act where the act is one of the store's, and never
//! touched again.

use futures_util::FutureExt;
use sqlx::QueryBuilder;
use sqlx::types::Json;
use sqlx_sqlite::{Sqlite, SqliteConnection};

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::model::{AuditFilter, AuditRow, NewAudit, Page};
use crate::wallclock::now_ms;

impl Engine {
    pub(in crate::store) async fn audit(&self, entry: NewAudit) -> Result<(), Error> {
        self.write(move |connection| async move { append(connection, entry).await }.boxed()).await
    }

    pub(in crate::store) async fn audit_log(
        &self,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Page<AuditRow, i64>, Error> {
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
    .bind(entry.actor.name)
    .bind(entry.actor.address)
    .bind(entry.action.as_str())
    .bind(entry.subject)
    .bind(Json(entry.detail))
    .execute(connection)
    .await?;
    Ok(())
}
