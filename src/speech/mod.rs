//! Speech in and out: audio files and synthesised voices, all brought to 8 kHz mono; utterances turned
//! into words.

pub mod file;
pub mod stt;
pub mod tts;
