//! What was said, or why that is not known.

use callcore::flow::Weighed;

/// What was said.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// Empty when nothing was said.
    pub text: String,
    /// 0.0 to 1.0: how sure the recogniser is of the words.
    pub confidence: f32,
    /// 0.0 to 1.0: how likely it is that nobody spoke.
    pub no_speech: f32,
    /// From the request to the result, in ms.
    pub took_ms: u64,
    /// What came of the answers that were to be weighed; `None` when there were none, or nobody could.
    pub weighed: Option<Weighed>,
}

impl Transcript {
    pub(super) fn nothing_said() -> Self {
        Self { text: String::new(), confidence: 0.0, no_speech: 1.0, took_ms: 0, weighed: None }
    }
}

/// Why there is no transcript.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SttError {
    #[error("the recogniser has {waiting} utterances waiting and takes no more")]
    Overloaded { waiting: usize },
    #[error("the utterance was not recognised within {0} ms")]
    TooLate(u64),
    #[error("the interim result made room for a final one")]
    Displaced,
    #[error("the utterance of {ms} ms is longer than the {limit_ms} ms that the model can take")]
    TooLong { ms: u64, limit_ms: u64 },
    #[error("the language {0:?} is unknown to the recogniser")]
    Language(String),
    #[error("the recogniser failed: {0}")]
    Engine(String),
}

impl SttError {
    /// For the `outcome` label of `dering_stt_requests_total`.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Overloaded { .. } => "overloaded",
            Self::TooLate(_) => "too_late",
            Self::Displaced => "displaced",
            Self::TooLong { .. } => "too_long",
            Self::Language(_) => "language",
            Self::Engine(_) => "failed",
        }
    }
}
