//! Deepgram's streaming recogniser: audio goes up a WebSocket while the callee speaks, words come down.
//!
//! Wire: <https://developers.deepgram.com/reference/speech-to-text/listen-streaming>. Audio is pcm16 in binary frames;
//! `Finalize` asks for what is still undecided, `CloseStream` ends the stream. A call keeps its connection from one
//! utterance to the next.

mod line;
mod wire;

use std::sync::Arc;

use secrecy::SecretString;

pub use self::line::Line;
use super::{Request, SttError, Transcript};

/// How to reach the service, and how it listens.
#[derive(Clone, Debug)]
pub struct Options {
    /// `wss://api.deepgram.com`, or another address that speaks the same.
    pub url: String,
    pub key: SecretString,
    /// Such as `nova-3`.
    pub model: String,
    /// Used when a request names none.
    pub language: String,
    /// Silence that ends a segment, ms; the service's own when absent.
    pub endpointing_ms: Option<u32>,
    /// Gap between words that ends an utterance, ms (1000 at least); off when absent.
    pub utterance_end_ms: Option<u32>,
}

/// How it listens on one connection; what is absent is as in [`Options`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    pub language: Option<String>,
    /// Phrases to listen for, most telling first.
    pub expected: Arc<[String]>,
    pub endpointing_ms: Option<u32>,
    pub utterance_end_ms: Option<u32>,
}

/// The service. Cheap to clone; every line is a connection of its own.
#[derive(Clone, Debug)]
pub struct Deepgram {
    options: Arc<Options>,
}

impl Deepgram {
    /// # Errors
    /// When the address is none.
    pub fn new(options: Options) -> Result<Self, SttError> {
        wire::listen_url(&options, &Tuning::default())?;
        Ok(Self { options: Arc::new(options) })
    }

    /// A connection for one call; it is made in the background.
    #[must_use]
    pub fn line(&self, tuning: Tuning) -> Line {
        Line::open(Arc::clone(&self.options), tuning)
    }

    /// One finished utterance, sent whole over a connection of its own.
    pub(super) async fn transcribe(&self, request: Request) -> Result<Transcript, SttError> {
        let (patience, late) = (request.patience, request.late());
        let tuning = Tuning { language: request.language, expected: request.expected, ..Tuning::default() };
        let mut line = self.line(tuning);
        tokio::time::timeout(patience, line.finish(1, request.audio)).await.unwrap_or(Err(late))
    }
}
