//! What sounds before the answer (early media): ringback, and tones and voices of networks that say why there will be none.

use super::super::fact::Fact;
use crate::audio::Frame;
use crate::detect::{FrontEnd, Heard, Tone, ToneKind};

/// Kinds of tones that are told, each once: networks repeat theirs.
const KINDS: usize = 6;

/// The ear for it; times count from its first frame.
#[derive(Debug)]
pub(super) struct EarlyMedia {
    front_end: FrontEnd,
    told: Vec<ToneKind>,
    spoke: bool,
}

impl EarlyMedia {
    pub(super) fn new() -> Self {
        Self { front_end: FrontEnd::new(), told: Vec::with_capacity(KINDS), spoke: false }
    }

    /// Hears 20 ms, and tells what was not heard before.
    pub(super) fn push(&mut self, frame: &Frame, mut tell: impl FnMut(Fact)) {
        self.front_end.push(frame);
        while let Some(heard) = self.front_end.poll() {
            match heard {
                // Nobody presses a key here: it is a voice or a song.
                Heard::ToneStarted(Tone { kind: ToneKind::Dtmf(_), .. })
                | Heard::ToneEnded(Tone { kind: ToneKind::Dtmf(_), .. })
                | Heard::SpeechEnded { .. } => {}
                Heard::ToneStarted(tone) | Heard::ToneEnded(tone) => {
                    if self.told.len() < KINDS && !self.told.contains(&tone.kind) {
                        self.told.push(tone.kind);
                        tell(Fact::EarlyTone { tone: tone.kind, media_ms: tone.start_ms });
                    }
                }
                Heard::SpeechStarted { at_ms } => {
                    if !std::mem::replace(&mut self.spoke, true) {
                        tell(Fact::EarlySpeech { media_ms: at_ms });
                    }
                }
            }
        }
    }
}
