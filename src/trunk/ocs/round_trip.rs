//! How long a peer takes to answer: websocket pings and the median of the latest answers. Pure.
//!
//! Any websocket server answers a ping by itself, whatever version of the service it runs; Socket.IO's own
//! heartbeat comes from the server and measures nothing on our side.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// Pings soon after connecting, and later.
const EAGER: Duration = Duration::from_millis(500);
const STEADY: Duration = Duration::from_secs(1);
/// Answers that are remembered; the median of so many forgives one or two that were held up.
const KEPT: usize = 5;
/// A peer that has answered pings before and then is silent for so long is gone.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(super) struct RoundTrip {
    next: Instant,
    count: u64,
    sent: Option<Instant>,
    latest: [Duration; KEPT],
    known: usize,
}

impl RoundTrip {
    pub(super) const fn new(now: Instant) -> Self {
        Self { next: now, count: 0, sent: None, latest: [Duration::ZERO; KEPT], known: 0 }
    }

    /// When the next ping is due.
    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// What to ping with, if it is time.
    pub(super) fn ping(&mut self, now: Instant) -> Option<Bytes> {
        if self.next > now {
            return None;
        }
        self.next = now + if self.known < KEPT { EAGER } else { STEADY };
        self.count += 1;
        self.sent = Some(now);
        Some(Bytes::copy_from_slice(&self.count.to_be_bytes()))
    }

    /// An answer came; the median of the latest ones, if it is the answer to the latest ping.
    pub(super) fn pong(&mut self, answer: &[u8], now: Instant) -> Option<Duration> {
        if answer != self.count.to_be_bytes() {
            return None;
        }
        let time = now - self.sent.take()?;
        self.latest[self.known % KEPT] = time;
        self.known += 1;
        // Counts on in the ring, but never from the start again.
        if self.known == 2 * KEPT {
            self.known = KEPT;
        }
        let mut sorted = self.latest;
        let filled = self.known.min(KEPT);
        sorted[..filled].sort_unstable();
        Some(sorted[filled / 2])
    }

    /// How long the peer may say nothing at all, once it is known to answer pings.
    pub(super) fn patience(&self) -> Option<Duration> {
        (self.known > 0).then_some(PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn one_answer_that_was_held_up_moves_nothing() {
        let mut now = Instant::now();
        let mut trip = RoundTrip::new(now);
        let mut told = Vec::new();
        for took in [20, 22, 900, 21, 23, 20, 700, 22] {
            now = trip.next();
            let ping = trip.ping(now).expect("it is time");
            told.extend(trip.pong(&ping, now + ms(took)));
        }
        assert_eq!(told[2..], [ms(22), ms(22), ms(22), ms(22), ms(23), ms(22)]);
    }

    #[test]
    fn an_answer_to_another_ping_or_a_second_one_counts_for_nothing() {
        let now = Instant::now();
        let mut trip = RoundTrip::new(now);
        assert_eq!(trip.pong(b"", now), None);
        let first = trip.ping(now).expect("it is time");
        assert_eq!(trip.ping(now), None);
        assert_eq!((trip.pong(b"x", now), trip.patience()), (None, None));
        assert_eq!(trip.pong(&first, now + ms(7)), Some(ms(7)));
        assert_eq!(trip.pong(&first, now + ms(9)), None);
        assert_eq!(trip.patience(), Some(PATIENCE));
    }
}
