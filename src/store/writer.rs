//! The one writer: a task that takes every waiting job, runs each in a savepoint of one transaction and
//! answers all of them after a single commit. A job that fails takes back only its own changes.

use std::fs::File;

use futures_util::future::BoxFuture;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Error, Store};

/// Jobs that may wait; a caller beyond that waits for room.
const QUEUE: usize = 1024;
/// Jobs that share one commit.
const GROUP: usize = 256;

/// The way to the writer task. The task ends, and the lock is released, when the last clone is dropped
/// or [`Writer::close`] is called.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    closing: CancellationToken,
    closed: CancellationToken,
}

impl Writer {
    pub(super) fn start(pool: SqlitePool, readers: SqlitePool, lock: Option<File>) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (closing, closed) = (CancellationToken::new(), CancellationToken::new());
        let task = Task {
            queue,
            pool,
            readers,
            closing: closing.clone(),
            lock,
            _closed: closed.clone().drop_guard(),
        };
        tokio::spawn(task.run());
        Self { jobs, closing, closed }
    }

    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.closed.cancelled().await;
    }
}

impl Store {
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
        let writer = self.writer.as_ref().ok_or(Error::ReadOnly)?;
        let (reply, answer) = oneshot::channel();
        let job = Request { work: Some(work), outcome: Err(Error::Closed), after, reply };
        writer.jobs.send(Box::new(job)).await.map_err(|_| Error::Closed)?;
        answer.await.unwrap_or(Err(Error::Closed))
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
        loop {
            tokio::select! {
                biased;
                () = self.closing.cancelled(), if !self.queue.is_closed() => self.queue.close(),
                received = self.queue.recv_many(&mut group, GROUP) => {
                    if received == 0 {
                        break;
                    }
                    metrics::histogram!("dering_store_commit_jobs").record(received as f64);
                    if let Err(error) = commit(&self.pool, &mut group).await {
                        tracing::error!(%error, jobs = received, "the database refused a commit");
                        group.iter_mut().for_each(|job| job.fail(error.clone()));
                    }
                    group.drain(..).for_each(Job::answer);
                }
            }
        }
        // Readers first: the last connection to close is the one that may fold the journal back.
        self.readers.close().await;
        self.pool.close().await;
        drop(self.lock.take());
    }
}

async fn commit(pool: &SqlitePool, group: &mut [Box<dyn Job>]) -> Result<(), Error> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    for job in group {
        let mut savepoint = transaction.begin().await?;
        match job.run(&mut savepoint).await {
            Ok(()) => savepoint.commit().await?,
            Err(error) => {
                job.fail(error);
                savepoint.rollback().await?;
            }
        }
    }
    transaction.commit().await?;
    Ok(())
}
