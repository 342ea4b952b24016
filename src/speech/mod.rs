//! Speech as the outside world gives it: audio files and synthesised voices, all brought to 8 kHz mono.

pub mod file;
pub mod tts;
