//! A message that the callee leaves: when it is over, and whether it says anything.

use crate::audio::FRAME_MS;
use crate::ids::ExternalStepId;

/// Less speech than this is no message, ms.
const SHORTEST_MESSAGE_MS: u64 = 200;
/// A callee who has said nothing for this long leaves no message, ms.
const NO_MESSAGE_MS: u64 = 5_000;

/// A message that the callee is leaving.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) id: ExternalStepId,
    max_ms: u64,
    end_silence_ms: u64,
    pub(super) heard_ms: u64,
    spoken_ms: u64,
    silent_ms: u64,
}

impl Message {
    pub(super) const fn new(id: ExternalStepId, max_ms: u64, end_silence_ms: u64) -> Self {
        Self { id, max_ms, end_silence_ms, heard_ms: 0, spoken_ms: 0, silent_ms: 0 }
    }

    /// One more frame; true when the message is over.
    pub(super) const fn push(&mut self, speech: bool) -> bool {
        self.heard_ms += FRAME_MS;
        if speech {
            self.spoken_ms += FRAME_MS;
            self.silent_ms = 0;
        } else {
            self.silent_ms += FRAME_MS;
        }
        let silence_ends = if self.says_something() {
            self.silent_ms >= self.end_silence_ms
        } else {
            self.silent_ms >= NO_MESSAGE_MS
        };
        self.heard_ms >= self.max_ms || silence_ends
    }

    pub(super) const fn says_something(&self) -> bool {
        self.spoken_ms >= SHORTEST_MESSAGE_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(speech: impl Fn(u64) -> bool) -> (u64, bool) {
        let mut message = Message::new(ExternalStepId(1), 30_000, 2_000);
        while !message.push(speech(message.heard_ms)) {}
        (message.heard_ms, message.says_something())
    }

    #[test]
    fn a_message_ends_by_silence_after_words_by_no_words_at_all_or_by_its_length() {
        assert_eq!(left(|ms| (1_000..4_000).contains(&ms)), (6_000, true));
        assert_eq!(left(|_| false), (5_000, false));
        assert_eq!(left(|ms| ms < 100), (5_100, false), "a click is no message");
        assert_eq!(left(|ms| ms % 1_000 < 500), (30_000, true));
    }
}
