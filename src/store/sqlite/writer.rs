//! The one writer: a task that takes every waiting job, runs each in a savepoint of one transaction and
//! answers all of them after a single commit. A job that fails takes back only its own changes.
//!
//! A transaction that the file system refused leaves its connection in no known state: SQLite may have rolled back
//! or not, and the driver counts on. Such a connection is dropped, and the next transaction opens another one, again
//! and again until one is committed. Meanwhile the writer tries by itself, so that readiness comes back without
//! anybody having to write.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use sqlx::Connection;
use sqlx_sqlite::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::store::error::Error;

/// Jobs that may wait; a caller beyond that waits for room.
const QUEUE: usize = 1024;

/// Jobs that share one commit.
const GROUP: usize = 256;

/// While commits fail, one is tried this often.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// A commit that is no older than this shows that writing works.
const FRESH: Duration = Duration::from_secs(5);

/// Changes nothing, but needs a page of the journal as any other commit does.
const PROBE: &str = "PRAGMA user_version = 0";

/// The way to the writer task. The task ends, and the lock is released, when the last clone is dropped
/// or [`Writer::close`] is called.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    closing: CancellationToken,
    closed: CancellationToken,
    pulse: Arc<Mutex<Pulse>>,
}

/// How the last transaction fared.
#[derive(Debug, Default)]
struct Pulse {
    committed: Option<Instant>,
    trouble: Option<Error>,
}

impl Writer {
    pub(super) fn start(pool: SqlitePool, readers: SqlitePool, lock: Option<File>) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (closing, closed) = (CancellationToken::new(), CancellationToken::new());
        let pulse = Arc::new(Mutex::new(Pulse::default()));
        let task = Task {
            pulse: Arc::clone(&pulse),
            queue,
            pool,
            readers,
            closing: closing.clone(),
            lock,
            _closed: closed.clone().drop_guard(),
        };
        tokio::spawn(task.run());
        Self { jobs, closing, closed, pulse }
    }

    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.closed.cancelled().await;
    }

    /// Runs `work` on the writing connection and returns its result once it is committed. It is carried
    /// out even if the caller stops waiting.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
    {
        self.write_then(work, |_| ()).await
    }

    /// The same; `after` is told the result once it is committed, also when the caller stopped waiting, and
    /// before the caller hears of it.
    pub(super) async fn write_then<T, F, A>(&self, work: F, after: A) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
        A: FnOnce(&T) + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Request { work: Some(work), outcome: Err(Error::Closed), after, reply };
        self.jobs.send(Box::new(job)).await.map_err(|_| Error::Closed)?;
        answer.await.unwrap_or(Err(Error::Closed))
    }

    /// Whether what is written now would be kept. After a pause this writes a page, so that a disk which has filled
    /// up meanwhile is noticed; while writing fails it only tells so.
    ///
    /// # Errors
    /// What the last commit failed with, or [`Error::Closed`].
    pub(super) async fn check_writing(&self) -> Result<(), Error> {
        if self.closing.is_cancelled() {
            return Err(Error::Closed);
        }
        let fresh = {
            let pulse = self.pulse.lock();
            if let Some(error) = &pulse.trouble {
                return Err(error.clone());
            }
            pulse.committed.is_some_and(|at| at.elapsed() < FRESH)
        };
        if fresh {
            return Ok(());
        }
        self.write(|connection| {
            Box::pin(async move {
                sqlx::query(PROBE).execute(connection).await?;
                Ok(())
            })
        })
        .await
    }
}

trait Job: Send {
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Result<(), Error>>;
    fn fail(&mut self, error: Error);
    fn answer(self: Box<Self>);
}

struct Request<F, T, A> {
    work: Option<F>,
    outcome: Result<T, Error>,
    after: A,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<F, T, A> Job for Request<F, T, A>
where
    T: Send,
    A: FnOnce(&T) + Send,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, Error>> + Send,
{
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Result<(), Error>> {
        Box::pin(async move {
            if let Some(work) = self.work.take() {
                self.outcome = Ok(work(connection).await?);
            }
            Ok(())
        })
    }

    fn fail(&mut self, error: Error) {
        self.outcome = Err(error);
    }

    fn answer(self: Box<Self>) {
        let Self { outcome, after, reply, .. } = *self;
        if let Ok(result) = &outcome {
            after(result);
        }
        // The caller may have stopped waiting; what it asked for is done all the same.
        reply.send(outcome).ok();
    }
}

struct Task {
    pulse: Arc<Mutex<Pulse>>,
    queue: mpsc::Receiver<Box<dyn Job>>,
    pool: SqlitePool,
    readers: SqlitePool,
    closing: CancellationToken,
    lock: Option<File>,
    /// Dropped last, also when the runtime drops the task.
    _closed: DropGuard,
}

impl Task {
    async fn run(mut self) {
        let mut group = Vec::with_capacity(GROUP);
        let mut failing = false;
        loop {
            tokio::select! {
                biased;
                () = self.closing.cancelled(), if !self.queue.is_closed() => self.queue.close(),
                received = self.queue.recv_many(&mut group, GROUP) => {
                    if received == 0 {
                        break;
                    }
                    metrics::histogram!("dering_store_commit_jobs").record(received as f64);
                    let result = self.perform(&mut group).await;
                    failing = self.note(failing, result.as_ref().err(), received);
                    if let Err(error) = result {
                        group.iter_mut().for_each(|job| job.fail(error.clone()));
                    }
                    group.drain(..).for_each(Job::answer);
                }
                () = tokio::time::sleep(PROBE_EVERY), if failing => {
                    let result = self.perform(&mut []).await;
                    failing = self.note(failing, result.as_ref().err(), 0);
                }
            }
        }
        // Readers first: the last connection to close is the one that may fold the journal back.
        self.readers.close().await;
        self.pool.close().await;
        drop(self.lock.take());
    }

    /// One transaction. Its connection goes when it fails; a database in memory has but that one.
    async fn perform(&self, group: &mut [Box<dyn Job>]) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await.map_err(Error::failing)?;
        let result = commit(&mut connection, group).await;
        if result.is_err() && self.lock.is_some() {
            connection.detach().close_hard().await.ok();
        }
        result
    }

    /// Keeps how a transaction of `jobs` jobs fared; whether writing fails now.
    fn note(&self, failed_before: bool, error: Option<&Error>, jobs: usize) -> bool {
        let fails = error.is_some();
        metrics::gauge!("dering_store_writable").set(f64::from(u8::from(!fails)));
        match error {
            Some(error) if !failed_before => {
                tracing::error!(%error, jobs, "the database refused a commit; what belongs to calls is kept and tried again");
            }
            None if failed_before => tracing::info!("the database takes commits again"),
            Some(error) => tracing::debug!(%error, jobs, "the database still refuses commits"),
            None => {}
        }
        let mut pulse = self.pulse.lock();
        pulse.trouble = error.cloned();
        if !fails {
            pulse.committed = Some(Instant::now());
        }
        fails
    }
}

/// Runs the jobs in one transaction; without any, a probe.
async fn commit(connection: &mut SqliteConnection, group: &mut [Box<dyn Job>]) -> Result<(), Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(Error::failing)?;
    if group.is_empty() {
        sqlx::query(PROBE).execute(&mut *transaction).await.map_err(Error::failing)?;
    }
    for job in group {
        let mut savepoint = transaction.begin().await.map_err(Error::failing)?;
        match job.run(&mut savepoint).await {
            Ok(()) => savepoint.commit().await.map_err(Error::failing)?,
            // The whole transaction may be gone with it.
            Err(error @ Error::Failing(_)) => return Err(error),
            Err(error) => {
                job.fail(error);
                savepoint.rollback().await.map_err(Error::failing)?;
            }
        }
    }
    transaction.commit().await.map_err(Error::failing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::Options;
    use crate::store::sqlite::engine::Engine;
    use crate::store::sqlite::open::open;

    async fn page_limit(store: &Engine, pages: &'static str) {
        store
            .write(move |connection| {
                Box::pin(async move {
                    sqlx::query(pages).fetch_all(connection).await?;
                    Ok(())
                })
            })
            .await
            .unwrap();
    }

    async fn fill(store: &Engine) -> Result<(), Error> {
        let big = "INSERT INTO do_not_call (number, at_ms, words) VALUES (hex(randomblob(8)), 0, hex(zeroblob(50000)))";
        store
            .write(move |connection| {
                Box::pin(async move {
                    sqlx::query(big).execute(connection).await?;
                    Ok(())
                })
            })
            .await
    }

    #[tokio::test]
    async fn a_disk_that_was_full_for_one_commit_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(Options::file(folder.path().join("dering.db"))).await.unwrap();
        // Holds for the connection only, so the one after it finds room again.
        page_limit(&store, "PRAGMA max_page_count = 1").await;
        let error = fill(&store).await.unwrap_err();
        assert!(matches!(error, Error::Failing(_)), "{error}");
        fill(&store).await.unwrap();
        store.check_writing().await.unwrap();
    }

    #[tokio::test]
    async fn while_commits_fail_it_is_told_and_a_probe_finds_the_end_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(Options::file(folder.path().join("dering.db"))).await.unwrap();
        store.check_writing().await.unwrap();
        page_limit(&store, "PRAGMA max_page_count = 1").await;
        fill(&store).await.unwrap_err();
        assert!(matches!(store.check_writing().await, Err(Error::Failing(_))));
        // Nobody writes; the writer tries by itself.
        while store.check_writing().await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_job_that_is_wrong_in_itself_costs_no_other_job() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(Options::file(folder.path().join("dering.db"))).await.unwrap();
        let wrong = store.write(|connection| {
            Box::pin(async move {
                sqlx::query("INSERT INTO nowhere VALUES (1)").execute(connection).await?;
                Ok(())
            })
        });
        let (wrong, right) = tokio::join!(wrong, fill(&store));
        assert!(matches!(wrong, Err(Error::Database(_))), "{wrong:?}");
        right.unwrap();
        store.check_writing().await.unwrap();
    }
}
