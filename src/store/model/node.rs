//! Nodes: the processes that work on one database.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// How long a lease runs unless it is renewed, ms.
pub(in crate::store) const LEASE_MS: i64 = 30_000;

/// A process that works on the database, from when it opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// One that nobody had before.
    #[must_use]
    pub fn fresh() -> Self {
        Self(format!("node_{}", Uuid::now_v7().simple()).into())
    }

    /// As the database has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
