//! Between the first word and the verdict: whether the callee may already be spoken to.
//!
//! What a person feels is when the bot begins to speak; what a campaign pays for is the verdict. A person is likely about
//! 400 ms after the first word, and certain only when no greeting goes on. This watches the time between, once in a call.

use std::collections::VecDeque;

use super::judge::Verdict;
use super::timeline::Timeline;

/// Speech behind the moment at which a person was likely, from which on it may be an announcement that drew breath, ms.
const GOES_ON_MS: u64 = 500;
/// The same where the sound has become a machine's, and how likely one must be.
const GOES_ON_LIKE_A_MACHINE_MS: u64 = 240;
const LIKE_A_MACHINE: f32 = 0.79;
/// Log-odds of words that raise a doubt: 10 to 1 in the end, and not yet final.
const DOUBTFUL_WORDS: f32 = 1.3;

/// What is to be expected of the verdict that is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prospect {
    /// A person is likely, since `at_ms` of audio from the answer: the bot may begin, provisionally.
    LikelyHuman { at_ms: u64 },
    /// It may be a machine after all: what has begun provisionally was too early. The verdict is waited for.
    Doubtful { at_ms: u64 },
}

/// Follows one run until its verdict.
#[derive(Debug)]
pub(super) struct Likely {
    untold: VecDeque<Prospect>,
    /// When a person was first likely, ms of audio from the answer, and what had been said by then, ms.
    since: Option<(u64, u64)>,
    doubted_ms: Option<u64>,
}

impl Likely {
    pub(super) fn new() -> Self {
        // Each is told once in a call.
        Self { untold: VecDeque::with_capacity(2), since: None, doubted_ms: None }
    }

    /// The next thing to be expected, oldest first.
    pub(super) fn poll(&mut self) -> Option<Prospect> {
        self.untold.pop_front()
    }

    /// Notes whether a person is likely now, and whether what is heard after that moment speaks against it. `machine` is how
    /// likely one is by all evidence, `words` are the log-odds of a machine by words alone.
    pub(super) fn expect(&mut self, verdict: Verdict, timeline: &Timeline, machine: f32, words: f32) {
        if self.since.is_none() && matches!(verdict, Verdict::LikelyHuman(_)) {
            let at_ms = timeline.now_ms();
            self.since = Some((at_ms, timeline.speech_ms()));
            self.untold.push_back(Prospect::LikelyHuman { at_ms });
        }
        let Some((_, said_ms)) = self.since.filter(|_| self.doubted_ms.is_none()) else { return };
        let more_ms = timeline.speech_ms().saturating_sub(said_ms);
        let goes_on =
            more_ms >= GOES_ON_MS || (more_ms >= GOES_ON_LIKE_A_MACHINE_MS && machine >= LIKE_A_MACHINE);
        // What seemed speech may turn out to be music.
        let nobody_spoke = timeline.onset_ms().is_none();
        if goes_on || nobody_spoke || words >= DOUBTFUL_WORDS {
            let at_ms = timeline.now_ms();
            self.doubted_ms = Some(at_ms);
            self.untold.push_back(Prospect::Doubtful { at_ms });
        }
    }

    /// When a person was first likely, ms of audio from the answer.
    pub(super) fn since_ms(&self) -> Option<u64> {
        self.since.map(|(at_ms, _)| at_ms)
    }

    /// When that became doubtful again.
    pub(super) const fn doubted_ms(&self) -> Option<u64> {
        self.doubted_ms
    }
}
