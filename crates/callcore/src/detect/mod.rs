//! Audio in, events out: speech and silence, level, tones. No judgement about who is speaking.

mod echo;
mod floor;
mod front_end;
mod heard;
mod music;
mod peaks;
mod progress;
mod spectrum;
mod tone_kind;
mod tones;
mod track;
mod vad;

pub use echo::EchoGuard;
pub use front_end::FrontEnd;
pub use heard::{BANDS, Heard, Observation};
pub use tone_kind::{Tone, ToneKind};

#[cfg(test)]
mod tests;
