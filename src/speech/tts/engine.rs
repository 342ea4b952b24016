//! What the engines have in common: which voice, what went wrong, how their answers are read.

use std::time::Duration;

use callcore::audio::wav::Side;

use crate::speech::remote::Failure;
use crate::speech::sound::{self, SoundError};

/// Longest text that is spoken in one go, in characters.
pub const MAX_CHARACTERS: usize = 4_000;
/// Loudness of simulated callees, in dBFS RMS.
pub const SPEECH_DBFS: f32 = -20.0;
/// A service has this long for one text.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Which voice speaks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Voice {
    /// A language tag: `en`, `en-US`, `id-ID`.
    pub language: String,
    /// A voice of the synthesiser; for espeak-ng a variant such as `f2`. `None` is its default.
    pub voice: Option<String>,
}

/// Why a text could not be spoken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TtsError {
    #[error("the program {program} was not found: {advice}")]
    Missing { program: String, advice: &'static str },
    #[error("there is no voice for {voice}: {reason}")]
    NoVoice { voice: String, reason: String },
    #[error("the text is too long: {length} characters, at most {MAX_CHARACTERS} are spoken")]
    TooLong { length: usize },
    #[error("the text holds nothing that can be spoken")]
    Empty,
    #[error("the speech synthesiser took longer than {seconds} s")]
    Timeout { seconds: u64 },
    #[error("the speech synthesiser failed: {reason}")]
    Failed { reason: String },
}

/// The samples of what a program or a service sent as speech.
pub(super) async fn answered(bytes: Vec<u8>) -> Result<Vec<i16>, TtsError> {
    let failed = |reason: String| TtsError::Failed { reason };
    let read = tokio::task::spawn_blocking(move || sound::read(&bytes, Side::Mixed, sound::PROMPT)).await;
    match read.map_err(|error| failed(error.to_string()))? {
        Ok(samples) => Ok(samples),
        Err(SoundError::Empty) => Err(TtsError::Empty),
        Err(error) => Err(failed(format!("what it sent {error}"))),
    }
}

pub(super) fn service_error(failure: Failure) -> TtsError {
    match failure {
        Failure::TimedOut => TtsError::Timeout { seconds: PATIENCE.as_secs() },
        Failure::Busy => TtsError::Failed { reason: "it is busy".into() },
        Failure::Other(reason) => TtsError::Failed { reason },
    }
}
