//! Nodes and their leases: what a node holds is its own while its lease runs.

use futures_util::FutureExt;
use sqlx_sqlite::SqliteConnection;

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::model::{CallRow, LEASE_MS, NodeId};
use crate::wallclock::now_ms;

impl Engine {
    pub(in crate::store) async fn renew_lease(&self, now_ms: i64) -> Result<bool, Error> {
        let node = self.node.clone();
        self.write(move |connection| {
            async move {
                let renewed =
                    sqlx::query("UPDATE nodes SET lease_until_ms = $2 WHERE id = $1 AND lease_until_ms > $3")
                        .bind(node.as_str())
                        .bind(now_ms + LEASE_MS)
                        .bind(now_ms)
                        .execute(&mut *connection)
                        .await?;
                let in_time = renewed.rows_affected() > 0;
                if !in_time {
                    join(connection, &node, now_ms).await?;
                }
                Ok(in_time)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn release_lost_claims(&self, now_ms: i64) -> Result<u64, Error> {
        self.write(move |connection| async move { release(connection, now_ms).await }.boxed()).await
    }

    pub(in crate::store) async fn take_over_calls(&self, now_ms: i64) -> Result<Vec<CallRow>, Error> {
        let node = self.node.clone();
        let taken = self.write(move |connection| {
            async move {
                let query = sqlx::query_as(
                    "UPDATE calls SET node_id = $1 WHERE ended_ms IS NULL \
                     AND id NOT IN (SELECT call_id FROM planned_calls) AND (node_id IS NULL \
                     OR node_id NOT IN (SELECT id FROM nodes WHERE lease_until_ms > $2)) RETURNING *",
                );
                Ok(query.bind(node.as_str()).bind(now_ms).fetch_all(connection).await?)
            }
            .boxed()
        });
        let mut calls: Vec<CallRow> = taken.await?;
        calls.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
        Ok(calls)
    }

    /// Takes the place of all nodes before: this one holds the lock of the file, so none of them is there any more.
    pub(super) async fn succeed(&self) -> Result<(), Error> {
        let (node, now) = (self.node.clone(), now_ms());
        self.write(move |connection| {
            async move {
                sqlx::query("DELETE FROM nodes").execute(&mut *connection).await?;
                join(connection, &node, now).await?;
                release(connection, now).await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }
}

/// A lease that begins now.
async fn join(connection: &mut SqliteConnection, node: &NodeId, now_ms: i64) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO nodes (id, started_ms, lease_until_ms) VALUES ($1, $2, $3) \
         ON CONFLICT (id) DO UPDATE SET lease_until_ms = excluded.lease_until_ms",
    )
    .bind(node.as_str())
    .bind(now_ms)
    .bind(now_ms + LEASE_MS)
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes due what nodes without a lease were sending; how many there were.
async fn release(connection: &mut SqliteConnection, now_ms: i64) -> Result<u64, Error> {
    let released = sqlx::query(
        "UPDATE notifications SET state = 'due', due_ms = $1, node_id = NULL WHERE state = 'sending' \
         AND (node_id IS NULL OR node_id NOT IN (SELECT id FROM nodes WHERE lease_until_ms > $1))",
    )
    .bind(now_ms)
    .execute(connection)
    .await?;
    Ok(released.rows_affected())
}
