//! Audio in, events out: speech and silence, level, tones. No judgement about who is speaking.

mod tone_kind;

pub use tone_kind::{Tone, ToneKind};
