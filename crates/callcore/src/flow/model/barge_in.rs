//! What may cut a prompt short, and what proves that it is meant.

use serde::{Deserialize, Serialize};

/// What may cut a prompt short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BargeIn {
    Off,
    Speech,
    Dtmf,
    #[default]
    Both,
}

impl BargeIn {
    #[must_use]
    pub const fn by_speech(self) -> bool {
        matches!(self, Self::Speech | Self::Both)
    }

    #[must_use]
    pub const fn by_dtmf(self) -> bool {
        matches!(self, Self::Dtmf | Self::Both)
    }
}

/// What makes speech over a prompt an interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// The callee must talk this long, ms; 0 when the length proves nothing.
    pub min_speech_ms: u64,
    /// Or the recogniser must hear this many words; 0 when words prove nothing.
    pub min_words: u32,
    /// Fall silent at the first sound, and go on where the callee stopped hearing when it proves to be
    /// none.
    pub resume: bool,
}

impl Default for Confirm {
    /// The bot falls silent at once, and goes on unless the callee talks on or says words.
    fn default() -> Self {
        Self { min_speech_ms: 400, min_words: 1, resume: true }
    }
}

impl Confirm {
    /// A tenth of a second of speech cuts the prompt.
    pub const AT_ONCE: Self = Self { min_speech_ms: 0, min_words: 0, resume: false };

    /// Whether the first sound of speech is an interruption.
    #[must_use]
    pub const fn at_once(self) -> bool {
        self.min_speech_ms == 0 && self.min_words == 0 && !self.resume
    }

    /// The same for a call in which nobody recognises words: as many words take this long.
    #[must_use]
    pub const fn without_words(self) -> Self {
        let by_length = self.min_words as u64 * MS_PER_WORD;
        let min_speech_ms = if self.min_speech_ms == 0 { by_length } else { self.min_speech_ms };
        Self { min_speech_ms, min_words: 0, resume: self.resume }
    }
}

/// A sound without words that is shorter than this is no speech, ms.
pub const NOISE_MS: u64 = 400;

/// Speech of this length is talk, ms.
pub const TALKS_ON_MS: u64 = 500;

/// A word spoken at an even pace, ms.
const MS_PER_WORD: u64 = 300;
