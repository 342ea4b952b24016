//! The carrier's position: by the clock, corrected by what it reports and by the time in which nothing was heard from it.

use super::prompt::Prompt;
use super::queue::{Playback, WORD_MS};
use crate::clock::CallTime;

/// A word that comes so much later than its check point was due says that the carrier has fallen behind, ms.
const BEHIND_MS: u64 = 160;

impl Playback {
    /// Nothing came from the carrier between `from` and `to`, although something always does: it may have played nothing,
    /// and the word on what it has just played may not have come.
    pub fn missed(&mut self, from: CallTime, to: CallTime) {
        self.put_off(from - WORD_MS, from, to.ms_since(from));
    }

    /// The carrier has said at `now` that what was due at `due` was played: what lies behind it moves along.
    pub(super) fn correct(&mut self, due: CallTime, now: CallTime) {
        let (late_ms, early_ms) = (now.ms_since(due), due.ms_since(now).min(self.behind_ms));
        if late_ms > BEHIND_MS {
            self.put_off(due, due, late_ms);
        } else if early_ms > 0 {
            self.behind_ms -= early_ms;
            let due = self.pending.iter_mut().map(|mark| &mut mark.due);
            let played = self.prompts.iter_mut().map(Prompt::played_at_mut);
            let times = due.chain(played).chain(std::iter::once(&mut self.played_until));
            times.filter(|time| **time > now).for_each(|time| *time = (*time - early_ms).max(now));
        }
    }

    /// Check points that were due after `due`, and audio that was to be played after `from`, are so much later.
    fn put_off(&mut self, due: CallTime, from: CallTime, ms: u64) {
        if self.played_until > from {
            self.behind_ms += ms;
        }
        let marks = self.pending.iter_mut().map(|mark| &mut mark.due).filter(|time| **time > due);
        let played = self.prompts.iter_mut().map(Prompt::played_at_mut);
        let played = played.chain(std::iter::once(&mut self.played_until)).filter(|time| **time > from);
        marks.chain(played).for_each(|time| *time = *time + ms);
    }

    /// The carrier has nothing to play any more: it was told to stop.
    pub(super) fn is_empty_at(&mut self, now: CallTime) {
        self.busy_until = now;
        self.played_until = now;
        self.behind_ms = 0;
        self.guessed.clear();
    }
}
