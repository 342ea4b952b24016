//! How a call is listened to.

use std::sync::Arc;

/// How a call is listened to; what is absent is as the recogniser's settings say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SttOptions {
    pub language: Option<String>,
    /// Whether words are asked for before the callee has finished.
    pub interim: Option<bool>,
    /// Deepgram's.
    pub endpointing_ms: Option<u32>,
    pub utterance_end_ms: Option<u32>,
}

/// The same of one stretch of a call, for a recogniser that listens while it is fed; what is absent is as its own settings
/// say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamOptions {
    pub language: Option<String>,
    /// Phrases to listen for, most telling first.
    pub expected: Arc<[String]>,
    pub endpointing_ms: Option<u32>,
    pub utterance_end_ms: Option<u32>,
}
