//! How long a peer takes to answer: websocket pings and the median of the latest answers. Pure.
//!
//! Any websocket server answers a ping by itself, whatever version of the service it runs; Socket.IO's own
//! heartbeat comes from the server and measures nothing on our side.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::trunk::pings::Pings;

/// From ping to ping.
const EVERY: Duration = Duration::from_millis(500);
/// Answers that are remembered; the median of so many forgives one or two that were held up.
const KEPT: usize = 5;
/// A peer that has answered pings before and then is silent for so long is gone.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the answer to a ping says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How long the peer takes to answer: the median of the latest answers.
    pub round_trip: Duration,
    /// What was sent up to then has come to the peer.
    pub sent_by: Instant,
}

#[derive(Debug)]
pub(super) struct RoundTrip {
    next: Instant,
    pings: Pings,
    latest: [Duration; KEPT],
    known: usize,
}

impl RoundTrip {
    pub(super) fn new(now: Instant) -> Self {
        Self { next: now, pings: Pings::default(), latest: [Duration::ZERO; KEPT], known: 0 }
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
        self.next = now + EVERY;
        Some(self.pings.send(now))
    }

    /// An answer came, if it is the first one to a ping of ours.
    pub(super) fn pong(&mut self, answer: &[u8], now: Instant) -> Option<Answer> {
        let sent_by = self.pings.answer(answer)?;
        self.latest[self.known % KEPT] = now.saturating_duration_since(sent_by);
        self.known += 1;
        // Counts on in the ring, but never from the start again.
        if self.known == 2 * KEPT {
            self.known = KEPT;
        }
        let mut sorted = self.latest;
        let filled = self.known.min(KEPT);
        sorted[..filled].sort_unstable();
        Some(Answer { round_trip: sorted[filled / 2], sent_by })
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
            told.extend(trip.pong(&ping, now + ms(took)).map(|answer| answer.round_trip));
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
        assert_eq!(trip.pong(&first, now + ms(7)), Some(Answer { round_trip: ms(7), sent_by: now }));
        assert_eq!(trip.pong(&first, now + ms(9)), None);
        assert_eq!(trip.patience(), Some(PATIENCE));
    }
}
