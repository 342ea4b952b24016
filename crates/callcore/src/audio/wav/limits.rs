//! What is read of a WAV file, and why one is not.

use spectral::resample::{RATES, ResampleError};

/// Most channels that are mixed.
pub const MOST_CHANNELS: u16 = 8;

/// Why a WAV file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    #[error("it does not begin as a WAV file does")]
    NotWav,
    #[error("it is a WAV file without {0}")]
    Incomplete(&'static str),
    #[error("it is a WAV file of {0}, which is not read")]
    Codec(String),
    #[error("it states {0} samples per second; {least} to {most} are read", least = RATES.start(), most = RATES.end())]
    Rate(u32),
    #[error("it states {0} channels; 1 to {MOST_CHANNELS} are read")]
    Channels(u16),
    #[error("it takes longer than {0} s")]
    TooLong(usize),
    #[error("the file holds no audio")]
    Empty,
    #[error("there is not enough memory for it")]
    Memory,
    #[error(transparent)]
    Resample(#[from] ResampleError),
}

/// Which channels are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// All of them, averaged.
    #[default]
    Mixed,
    /// The first alone: in our own recordings the callee.
    Left,
}
