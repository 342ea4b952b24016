//! The database as the verbs of this folder see it: readers, the one writer, the server key.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use sqlx_sqlite::{SqliteConnection, SqlitePool};

use super::writer::Writer;
use crate::store::directory::Clients;
use crate::store::error::Error;
use crate::store::model::NodeId;

/// A SQLite database in WAL mode with `synchronous=FULL`: an accepted dial-out or a notification must survive a
/// power cut, and NORMAL may lose the last commits in one. The price is one fsync per commit, which the
/// writer shares among all batches that wait. One connection writes, a few read beside it.
#[derive(Clone, Debug)]
pub(in crate::store) struct Engine {
    pub(super) readers: SqlitePool,
    /// `None`: opened for reading only.
    pub(super) writer: Option<Writer>,
    pub(super) clients: Arc<Clients>,
    pub(super) node: NodeId,
}

impl Engine {
    /// Runs `work` on the writing connection and returns its result once it is committed. It is carried
    /// out even if the caller stops waiting.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
    {
        self.writer()?.write(work).await
    }

    /// The way to the writer.
    pub(super) fn writer(&self) -> Result<&Writer, Error> {
        self.writer.as_ref().ok_or(Error::ReadOnly)
    }

    /// The same database as another node sees it.
    pub(in crate::store) fn as_node(&self, node: NodeId) -> Self {
        Self { node, ..self.clone() }
    }

    /// Who may call, and the server key.
    pub(in crate::store) fn clients(&self) -> Arc<Clients> {
        Arc::clone(&self.clients)
    }

    pub(in crate::store) async fn check_writing(&self) -> Result<(), Error> {
        self.writer()?.check_writing().await
    }

    pub(in crate::store) async fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
        self.readers.close().await;
    }
}
