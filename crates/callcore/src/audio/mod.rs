//! Telephone audio: 8 kHz mono 16-bit PCM in 20 ms frames, and the ways into and out of it.

pub mod chunk;
pub mod frame;
pub mod g711;
pub mod level;
pub mod tone;
pub mod wav;

pub use spectral::{resample, resample_stream};

pub use chunk::Framer;
pub use frame::{FRAME_MS, FRAME_SAMPLES, Frame, SAMPLE_RATE, SAMPLES_PER_MS};
