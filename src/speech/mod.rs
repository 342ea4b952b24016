//! Speech in and out: audio files and synthesised voices, all brought to 8 kHz mono; utterances turned
//! into words; the models that do it.

mod engines;
pub mod file;
pub mod models;
mod remote;
pub mod sound;
pub mod stt;
pub mod tts;
pub mod voices;

pub use engines::{Engines, ModelFacts, VoiceFacts};
