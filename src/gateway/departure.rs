//! What has left on one connection: bytes that the kernel took, and answers that are on their way in full.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::net::watched::Watch;

/// Tells that an answer has left. One that is dropped tells that it never will.
pub(super) type Left = oneshot::Sender<()>;

/// The departures of one connection, shared by its stream and the requests that came over it.
#[derive(Clone, Debug, Default)]
pub(super) struct Departures(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    bytes: AtomicU64,
    /// Answers handed to the HTTP server and not flushed yet.
    boarding: Mutex<Vec<Left>>,
    is_boarding: AtomicBool,
}

impl Departures {
    /// Bytes that the kernel has taken since the connection was opened.
    pub(super) fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    fn written(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Everything that was handed over before has been written.
    fn flushed(&self) {
        if self.0.is_boarding.swap(false, Ordering::AcqRel) {
            let left = std::mem::take(&mut *self.0.boarding.lock());
            for answer in left {
                // Nobody may wait for it any more.
                let _told = answer.send(());
            }
        }
    }

    /// The body of an answer that tells `left` when the last of it has been written to the connection.
    pub(super) fn tell(self, mut answer: Response, body: Bytes, left: Left) -> Response {
        answer.headers_mut().insert(CONTENT_LENGTH, body.len().into());
        let boarding = async move {
            // The server asks for the body, takes it and flushes it without a pause between.
            self.board(left);
            Ok::<_, std::convert::Infallible>(body)
        };
        *answer.body_mut() = Body::from_stream(stream::once(boarding));
        answer
    }

    fn board(&self, left: Left) {
        self.0.boarding.lock().push(left);
        self.0.is_boarding.store(true, Ordering::Release);
    }
}

impl Watch for Departures {
    fn on_write(
        &mut self,
        done: Poll<io::Result<usize>>,
        _context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = done {
            self.written(bytes);
        }
        done
    }

    fn on_flush(&mut self, done: Poll<io::Result<()>>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(done, Poll::Ready(Ok(()))) {
            self.flushed();
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn an_answer_has_left_when_it_was_flushed_and_not_when_it_was_made() {
        let departures = Departures::default();
        let (left, mut told) = oneshot::channel();
        let answer = departures.clone().tell(().into_response(), Bytes::from_static(b"{}"), left);
        departures.flushed();
        assert!(told.try_recv().is_err(), "the server has not asked for it");
        assert_eq!(answer.headers()[CONTENT_LENGTH], "2");
        let mut body = answer.into_body().into_data_stream();
        assert_eq!(body.next().await.expect("a body").expect("whole"), "{}");
        assert!(told.try_recv().is_err(), "it is in the server's buffer");
        departures.flushed();
        assert_eq!(told.try_recv(), Ok(()));
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_is_told_as_one_that_never_leaves() {
        let (left, told) = oneshot::channel();
        drop(Departures::default().tell(().into_response(), Bytes::new(), left));
        assert!(told.await.is_err());
    }
}
