//! When a connection is read. What a call costs is mostly what it costs to wake up for it: packets that arrive within a few
//! milliseconds are read together.

use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, Sleep, sleep_until};

/// All connections are read at multiples of it, so that one wake-up serves many. Bounds what reading adds to a packet's way.
const BEAT: Duration = Duration::from_millis(5);

/// Whose packets a connection brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// Those of any number of calls.
    ManyCalls,
    /// Those of one, whose audio comes every 20 ms.
    OneCall,
}

/// Reads a stream, and lets it rest once everything that was there has been read.
#[derive(Debug)]
pub(super) struct Reading {
    load: Load,
    rest: Pin<Box<Sleep>>,
    is_resting: bool,
    /// The last rest ended on a beat, just now.
    is_on_beat: bool,
    /// Something was read since the last rest.
    has_read: bool,
    /// When everything that was there had been read.
    emptied_at: Instant,
}

impl Reading {
    pub(super) fn new(load: Load) -> Self {
        let now = Instant::now();
        let rest = Box::pin(sleep_until(now));
        Self { load, rest, is_resting: false, is_on_beat: false, has_read: false, emptied_at: now }
    }

    /// The next item of `stream`. May be dropped and called again without loss.
    pub(super) fn poll<S: Stream + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<Option<S::Item>> {
        loop {
            if self.is_resting {
                ready!(self.rest.as_mut().poll(cx));
                (self.is_resting, self.is_on_beat) = (false, true);
            }
            if let Poll::Ready(item) = stream.poll_next_unpin(cx) {
                self.has_read = true;
                return Poll::Ready(item);
            }
            let was_on_beat = std::mem::take(&mut self.is_on_beat);
            if !std::mem::take(&mut self.has_read) {
                return Poll::Pending;
            }
            let now = Instant::now();
            let before = std::mem::replace(&mut self.emptied_at, now);
            let Some(until) = self.load.rest_until(was_on_beat, before, now) else { return Poll::Pending };
            self.is_resting = true;
            self.rest.as_mut().reset(until);
        }
    }
}

impl Load {
    /// How long a connection rests that was emptied `now`, and once `before`.
    fn rest_until(self, is_on_beat: bool, before: Instant, now: Instant) -> Option<Instant> {
        match self {
            // A lone call is read when its packet comes: nothing would be read with it.
            Self::ManyCalls if now.saturating_duration_since(before) >= 2 * BEAT => None,
            Self::ManyCalls => Some(next_beat(now)),
            // The next packet comes 20 ms after this one, which came within the last beat, or just now.
            Self::OneCall if is_on_beat => Some(next_beat(now + 3 * BEAT)),
            Self::OneCall => Some(next_beat(now + 4 * BEAT)),
        }
    }
}

/// The first beat after `at`.
fn next_beat(at: Instant) -> Instant {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    let since_beat = at.saturating_duration_since(*FIRST).as_nanos() % BEAT.as_nanos();
    at + BEAT - Duration::from_nanos(since_beat as u64)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use futures_util::stream;
    use tokio::sync::mpsc;

    async fn run(load: Load, every: Duration) -> (usize, Duration) {
        let (sender, mut receiver) = mpsc::channel(100);
        let sending = tokio::spawn(async move {
            for _ in 0..100 {
                let _ = sender.send(Instant::now()).await;
                tokio::time::sleep(every).await;
            }
        });
        let mut reading = Reading::new(load);
        let mut stream = stream::poll_fn(|cx| receiver.poll_recv(cx));
        let (mut moments, mut latest) = (Vec::new(), Duration::ZERO);
        while let Some(sent) = poll_fn(|cx| reading.poll(&mut stream, cx)).await {
            moments.push(Instant::now());
            latest = latest.max(sent.elapsed());
        }
        sending.await.expect("all were sent");
        assert_eq!(moments.len(), 100);
        moments.dedup();
        (moments.len(), latest)
    }

    #[tokio::test(start_paused = true)]
    async fn packets_that_come_close_together_are_read_together() {
        let (moments, latest) = run(Load::ManyCalls, Duration::from_millis(1)).await;
        assert!(moments <= 25, "{moments}");
        assert!(latest <= BEAT + Duration::from_millis(1), "{latest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lone_call_is_read_at_once() {
        let (moments, latest) = run(Load::ManyCalls, Duration::from_millis(20)).await;
        assert_eq!((moments, latest), (100, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn connections_of_one_call_each_are_read_in_the_same_moments() {
        let (moments, latest) = run(Load::OneCall, Duration::from_millis(20)).await;
        assert_eq!(moments, 100);
        assert!(latest <= BEAT + Duration::from_millis(1), "{latest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_on_the_connection_of_one_call_is_read_whole() {
        let (_, latest) = run(Load::OneCall, Duration::from_millis(2)).await;
        assert!(latest <= 5 * BEAT + Duration::from_millis(1), "{latest:?}");
    }
}
