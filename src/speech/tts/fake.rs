//! A synthesiser for tests: no program, no words, but sound whose length follows the text.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use callcore::audio::tone::tone;

use super::engine::SPEECH_DBFS;

/// Milliseconds of sound per character, about the pace of speech.
const MS_PER_CHARACTER: u64 = 65;

/// Counts what it renders; clones share the count.
#[derive(Clone, Debug, Default)]
pub struct Fake {
    rendered: Arc<AtomicUsize>,
}

impl Fake {
    /// How many texts were rendered.
    #[must_use]
    pub fn rendered(&self) -> usize {
        self.rendered.load(Ordering::Relaxed)
    }

    /// Syllable-like bursts of a two-tone hum, 180 ms on and 40 ms off.
    pub(super) fn render(&self, text: &str) -> Vec<i16> {
        self.rendered.fetch_add(1, Ordering::Relaxed);
        let ms = text.chars().count() as u64 * MS_PER_CHARACTER;
        let mut samples = Vec::new();
        for _ in 0..(ms / 220).max(1) {
            samples.extend(tone(&[220.0, 660.0], 180, SPEECH_DBFS));
            samples.resize(samples.len() + 320, 0);
        }
        samples
    }
}
