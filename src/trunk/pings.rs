//! Pings by number, and what an answer to one of them proves: everything sent before it has come to the peer. Pure.
//!
//! That the peer speaks proves no such thing: its direction may work while ours is stuck.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// Pings that may wait for their answers; an answer to an older one is none.
const MOST: usize = 64;

/// The pings of one connection.
#[derive(Debug, Default)]
pub(super) struct Pings {
    count: u64,
    /// Those that are not answered, oldest first.
    waiting: VecDeque<(u64, Instant)>,
    /// When the latest one that was answered was sent.
    answered: Option<Instant>,
}

impl Pings {
    /// What to ping with at `now`.
    pub(super) fn send(&mut self, now: Instant) -> Bytes {
        self.count += 1;
        if self.waiting.len() == MOST {
            self.waiting.pop_front();
        }
        self.waiting.push_back((self.count, now));
        Bytes::copy_from_slice(&self.count.to_be_bytes())
    }

    /// An answer came: when its ping was sent, if that is not answered yet.
    pub(super) fn answer(&mut self, answer: &[u8]) -> Option<Instant> {
        let number = u64::from_be_bytes(answer.try_into().ok()?);
        let at = self.waiting.iter().position(|(waiting, _)| *waiting == number)?;
        let (_, sent) = self.waiting.drain(..=at).next_back()?;
        self.answered = Some(sent);
        Some(sent)
    }

    /// Everything sent by then has come to the peer; `None` while it has answered nothing.
    pub(super) const fn answered(&self) -> Option<Instant> {
        self.answered
    }

    /// Whether no ping has been answered for so long, by a peer that has answered before.
    pub(super) fn are_unanswered(&self, now: Instant, patience: Duration) -> bool {
        self.unanswered_at(patience).is_some_and(|at| at <= now)
    }

    /// When that will be.
    pub(super) fn unanswered_at(&self, patience: Duration) -> Option<Instant> {
        self.answered?;
        self.waiting.front().map(|(_, sent)| *sent + patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_proves_what_was_sent_before_its_ping_and_counts_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pings = Pings::default();
        let (first, second, third) = (pings.send(at(0)), pings.send(at(500)), pings.send(at(1_000)));
        assert_eq!(pings.answered(), None);
        assert!(!pings.are_unanswered(at(9_000), Duration::from_secs(3)), "it may answer none ever");
        assert_eq!(pings.answer(&second), Some(at(500)));
        assert_eq!((pings.answer(&first), pings.answer(&second), pings.answer(b"x")), (None, None, None));
        assert_eq!(pings.answered(), Some(at(500)));
        assert!(!pings.are_unanswered(at(3_999), Duration::from_secs(3)));
        assert!(pings.are_unanswered(at(4_000), Duration::from_secs(3)));
        assert_eq!(pings.answer(&third), Some(at(1_000)));
        assert!(!pings.are_unanswered(at(9_000), Duration::from_secs(3)), "none waits");
    }
}
