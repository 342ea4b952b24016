//! Streams that are looked at while they carry something: whether the peer sends and takes, and what has left.
//!
//! Connections do not wait for ever: a peer that sends nothing, or takes nothing, is let go. One that does not read keeps
//! what waits for it in our memory. Both are cut off here, below HTTP and WebSocket, whose servers would wait.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Sees the outcome of every step of a stream, and may put another in its place.
pub trait Watch {
    fn on_read(&mut self, done: Poll<io::Result<()>>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        done
    }

    /// So many bytes were taken.
    fn on_write(
        &mut self,
        done: Poll<io::Result<usize>>,
        _context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        done
    }

    /// Everything that was written before has left.
    fn on_flush(&mut self, done: Poll<io::Result<()>>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        done
    }

    fn on_shutdown(
        &mut self,
        done: Poll<io::Result<()>>,
        _context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        done
    }
}

/// A stream with something that watches it.
#[derive(Debug)]
pub struct Watched<S, W> {
    stream: S,
    watch: W,
}

impl<S, W> Watched<S, W> {
    pub const fn new(stream: S, watch: W) -> Self {
        Self { stream, watch }
    }

    pub const fn watch(&self) -> &W {
        &self.watch
    }
}

impl<S: AsyncRead + Unpin, W: Watch + Unpin> AsyncRead for Watched<S, W> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.stream).poll_read(context, buf);
        this.watch.on_read(done, context)
    }
}

impl<S: AsyncWrite + Unpin, W: Watch + Unpin> AsyncWrite for Watched<S, W> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.watch.on_write(done, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.watch.on_write(done, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.stream).poll_flush(context);
        this.watch.on_flush(done, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.stream).poll_shutdown(context);
        this.watch.on_shutdown(done, context)
    }
}

/// How long a peer may be silent, and how long it may leave what we send untaken.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For ever where it is `None`.
    pub silence: Option<Duration>,
    pub stall: Duration,
    /// Counts connections that were cut off.
    pub counter: &'static str,
}

/// Makes a stream fail with `TimedOut` when its peer is silent, or does not read, for too long.
#[derive(Debug)]
pub struct Impatience {
    patience: Patience,
    heard: Instant,
    /// Wakes the reader to look at the clock; set anew only when it goes off.
    silence: Option<Pin<Box<Sleep>>>,
    /// Runs while a write waits.
    stall: Option<Pin<Box<Sleep>>>,
}

impl Impatience {
    #[must_use]
    pub fn new(patience: Patience) -> Self {
        let silence = patience.silence.map(|silence| Box::pin(sleep(silence)));
        Self { patience, heard: Instant::now(), silence, stall: None }
    }

    /// Turns a write that has waited too long into an error.
    fn written<T>(&mut self, done: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.stall = None;
            return done;
        }
        let patience = self.patience.stall;
        ready!(self.stall.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(context));
        metrics::counter!(self.patience.counter, "why" => "stalled").increment(1);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")))
    }
}

impl Watch for Impatience {
    fn on_read(&mut self, done: Poll<io::Result<()>>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if done.is_ready() {
            self.heard = Instant::now();
            return done;
        }
        let (Some(silence), Some(longest)) = (&mut self.silence, self.patience.silence) else { return done };
        loop {
            ready!(silence.as_mut().poll(context));
            let due = self.heard + longest;
            if due <= Instant::now() {
                metrics::counter!(self.patience.counter, "why" => "silent").increment(1);
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer is silent")));
            }
            silence.as_mut().reset(due);
        }
    }

    fn on_write(
        &mut self,
        done: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.written(done, context)
    }

    fn on_flush(&mut self, done: Poll<io::Result<()>>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.written(done, context)
    }

    fn on_shutdown(&mut self, done: Poll<io::Result<()>>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.written(done, context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const PATIENCE: Patience =
        Patience { silence: Some(Duration::from_secs(90)), stall: Duration::from_secs(30), counter: "cut" };

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_let_go_and_a_talking_one_is_not() {
        let (ours, mut theirs) = duplex(64);
        let mut ours = Watched::new(ours, Impatience::new(PATIENCE));
        let begun = Instant::now();
        tokio::spawn(async move {
            for _ in 0..3 {
                sleep(Duration::from_secs(60)).await;
                theirs.write_all(b"x").await.expect("open");
            }
            std::future::pending::<()>().await;
        });
        let mut byte = [0];
        for _ in 0..3 {
            ours.read_exact(&mut byte).await.expect("it speaks now and then");
        }
        let error = ours.read_exact(&mut byte).await.expect_err("silence");
        assert_eq!((error.kind(), begun.elapsed().as_secs()), (io::ErrorKind::TimedOut, 180 + 90));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_let_go_and_a_slow_one_is_not() {
        let (ours, mut theirs) = duplex(64);
        let mut ours = Watched::new(ours, Impatience::new(PATIENCE));
        let slow = tokio::spawn(async move {
            let mut block = [0; 64];
            for _ in 0..3 {
                sleep(Duration::from_secs(20)).await;
                theirs.read_exact(&mut block).await.expect("open");
            }
            theirs
        });
        ours.write_all(&[0; 256]).await.expect("it reads, slowly");
        let _theirs = slow.await.expect("no panic");
        let begun = Instant::now();
        let error = ours.write_all(&[0; 256]).await.expect_err("nobody reads");
        assert_eq!((error.kind(), begun.elapsed().as_secs()), (io::ErrorKind::TimedOut, 30));
    }
}
