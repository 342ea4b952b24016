//! Audio in, events out: speech and silence, level, tones. No judgement about who is speaking.

mod ear;
mod echo;
mod floor;
mod music;
mod peaks;
mod progress;
mod spectrum;
mod tone_kind;
mod tones;
mod track;
mod vad;

pub use ear::{BANDS, Ear, Heard, Observation};
pub use echo::EchoGuard;
pub use tone_kind::{Tone, ToneKind};

#[cfg(test)]
mod tests;
