//! One stretch of the callee's talk, from the first sound to the silence that ends it, and when its words are
//! asked for meanwhile.

use super::input::Words;
use crate::audio::FRAME_MS;

/// Speech after which the words are asked for the first time while the callee talks, ms.
const FIRST_SPEECH_MS: u64 = 600;
/// From one such request to the next, ms.
const INTERVAL_MS: u64 = 500;
/// Speech that was noticed before the utterance began to count, ms.
const NOTICED_MS: u64 = 80;

/// An utterance under way.
#[derive(Debug)]
pub(super) struct Utterance {
    pub(super) number: u32,
    pub(super) start_ms: u64,
    /// Media time at which the speech paused; `None` while it goes on.
    pub(super) paused_ms: Option<u64>,
    speech_ms: u64,
    /// Media time of the last request, and the speech that there was.
    asked_ms: Option<u64>,
    asked_speech_ms: u64,
    waits: bool,
    /// The latest words, and the speech that they stand for.
    words: Option<Words>,
}

impl Utterance {
    pub(super) const fn new(number: u32, start_ms: u64) -> Self {
        Self {
            number,
            start_ms,
            paused_ms: None,
            speech_ms: NOTICED_MS,
            asked_ms: None,
            asked_speech_ms: 0,
            waits: false,
            words: None,
        }
    }

    /// One more frame.
    pub(super) const fn frame(&mut self, speech: bool) {
        if speech {
            self.speech_ms += FRAME_MS;
        }
    }

    /// Whether the words should be asked for now: enough was said, the last answer is there, and there is
    /// something new. At a pause they are wanted at once.
    pub(super) fn wants_words(&self, now_ms: u64) -> bool {
        if self.waits || self.speech_ms == self.asked_speech_ms {
            return false;
        }
        let due = match self.asked_ms {
            None => self.speech_ms >= FIRST_SPEECH_MS,
            Some(asked) => now_ms >= asked + INTERVAL_MS,
        };
        due || self.paused_ms.is_some()
    }

    pub(super) const fn ask(&mut self, now_ms: u64) {
        self.asked_ms = Some(now_ms);
        self.asked_speech_ms = self.speech_ms;
        self.waits = true;
    }

    /// The answer to the last request.
    pub(super) fn answer(&mut self, heard: Option<&Words>) {
        self.waits = false;
        if let Some(heard) = heard {
            self.words = Some(heard.clone());
        }
    }

    /// What is known of its words.
    pub(super) fn into_words(self) -> Option<Words> {
        self.words
    }
}
