//! What the carrier is known to have received: it has answered something that was sent after it.
//!
//! Receiving its audio proves nothing about our own direction, which may be stuck alone.

use crate::clock::CallTime;

/// A wire whose peer answers asks it this often, ms.
const ASKED_EVERY_MS: u64 = 500;
/// An answer that comes so much later than the one before it is overdue, ms.
const OVERDUE_MS: u64 = 300;
/// One that comes so much later was held up: what was sent since the last one came late, too, ms.
const HELD_UP_MS: u64 = 400;
/// A way so long is longer than any is, ms: an answer that took more was held up.
const LONGEST_WAY_MS: u64 = 500;

/// The carrier's answers to what it was asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answers {
    latest: Option<Latest>,
}

#[derive(Clone, Copy, Debug)]
struct Latest {
    asked_at: CallTime,
    came_at: CallTime,
}

impl Latest {
    /// How long an answer takes when nothing holds it up.
    fn usual_ms(self) -> u64 {
        self.came_at.ms_since(self.asked_at).min(LONGEST_WAY_MS)
    }
}

impl Answers {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { latest: None }
    }

    /// The carrier has answered by `now` what it was asked at `asked_at`: all that was sent before has come to it.
    /// Since when nothing had come to it, if the answer was held up.
    pub fn note(&mut self, asked_at: CallTime, now: CallTime) -> Option<CallTime> {
        let before = self.latest;
        if before.is_some_and(|before| before.asked_at > asked_at) {
            return None;
        }
        self.latest = Some(Latest { asked_at, came_at: now });
        before
            .filter(|before| now.ms_since(asked_at) > before.usual_ms() + HELD_UP_MS)
            .map(|before| before.came_at)
            .filter(|came_at| *came_at < now)
    }

    /// Whether what was sent at `sent_at` has come to the carrier; taken for granted of one that answers nothing ever.
    #[must_use]
    pub fn prove(&self, sent_at: CallTime) -> bool {
        self.latest.is_none_or(|latest| latest.asked_at >= sent_at)
    }

    /// Up to when all that was sent by `now` has come to the carrier; `now` of one that answers nothing ever.
    #[must_use]
    pub fn received(&self, now: CallTime) -> CallTime {
        self.latest.map_or(now, |latest| latest.asked_at.min(now))
    }

    /// `now`, or when an answer is overdue, up to when our direction is known to have worked.
    #[must_use]
    pub fn certain(&self, now: CallTime) -> CallTime {
        let Some(latest) = self.latest else { return now };
        let usual_ms = ASKED_EVERY_MS + latest.usual_ms() + OVERDUE_MS;
        if now.ms_since(latest.asked_at) > usual_ms { latest.asked_at } else { now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> CallTime {
        CallTime::from_ms(ms)
    }

    #[test]
    fn only_an_overdue_answer_puts_the_time_since_the_last_one_in_doubt() {
        let mut answers = Answers::default();
        assert_eq!((answers.prove(at(9_000)), answers.certain(at(9_000))), (true, at(9_000)));
        answers.note(at(1_000), at(1_040));
        assert_eq!((answers.prove(at(1_000)), answers.prove(at(1_001))), (true, false));
        assert_eq!(answers.certain(at(1_840)), at(1_840));
        assert_eq!((answers.received(at(1_840)), answers.received(at(900))), (at(1_000), at(900)));
        assert_eq!(answers.certain(at(1_841)), at(1_000));
        answers.note(at(500), at(1_900));
        assert_eq!(answers.certain(at(1_900)), at(1_000), "an older one that came late says nothing new");
    }

    #[test]
    fn an_answer_that_was_held_up_says_since_when_nothing_came_through() {
        let mut answers = Answers::default();
        assert_eq!(answers.note(at(0), at(40)), None);
        assert_eq!(answers.note(at(500), at(900)), None);
        assert_eq!(answers.note(at(1_000), at(3_000)), Some(at(900)));
        assert_eq!(answers.note(at(1_500), at(3_000)), None, "of those that come together only the first");
    }
}
