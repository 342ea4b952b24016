//! Nodes: what this one holds while its lease runs, and what nodes without a lease have left behind.

use std::time::Duration;

use crate::store::error::Error;
use crate::store::handle::{Backend, Store, verbs};
use crate::store::model::{CallRow, NodeId};
use crate::wallclock::now_ms;

/// How often a lease is renewed: twice may fail.
const RENEW_EVERY: Duration = Duration::from_secs(10);

verbs! {
    /// Lets the lease of this node run on from `now_ms`. `false`: it had run out, so that others may have taken over
    /// what this node held; it has a new one now.
    ///
    /// # Errors
    /// When the database fails.
    fn renew_lease(&self, now_ms: i64) -> bool;

    /// Makes due what nodes whose lease has run out at `now_ms` were sending; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    fn release_lost_claims(&self, now_ms: i64) -> u64;

    /// Takes over the calls that began, have no end, and are run by no node with a lease at `now_ms`: what a crash left
    /// behind, oldest first. Each is handed to one node only. Planned calls are not among them; their time is still to come.
    ///
    /// # Errors
    /// When the database fails.
    fn take_over_calls(&self, now_ms: i64) -> Vec<CallRow>;
}

impl Store {
    /// The same database as another node sees it; that node has no lease until it renews it.
    #[must_use]
    pub fn as_node(&self, node: NodeId) -> Self {
        let backend = match &self.backend {
            Backend::Sqlite(engine) => Backend::Sqlite(engine.as_node(node)),
        };
        Self { backend, ..self.clone() }
    }

    /// Renews the lease of this node in the background until the store is closed.
    pub fn keep_lease(&self) {
        let store = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                match store.renew_lease(now_ms()).await {
                    Ok(true) => {}
                    Ok(false) => tracing::warn!("the lease of this node had run out before it was renewed"),
                    Err(Error::Closed) => return,
                    Err(error) => tracing::warn!(%error, "the lease of this node could not be renewed"),
                }
            }
        });
    }
}
