//! Deepgram's streaming recogniser: audio goes up a WebSocket while the callee speaks, words come down.
//!
//! Wire: <https://developers.deepgram.com/reference/speech-to-text/listen-streaming>. Audio is pcm16 in binary frames;
//! `Finalize` asks for what is still undecided, `CloseStream` ends the stream. A call keeps its connection from one
//! utterance to the next.

mod options;
mod session;
mod wire;

use std::sync::Arc;

pub use self::options::Options;
pub use self::session::Session;
use super::options::StreamOptions;
use super::request::Request;
use super::transcript::{SttError, Transcript};

/// The service. Cheap to clone; every session is a connection of its own.
#[derive(Clone, Debug)]
pub struct Deepgram {
    options: Arc<Options>,
}

impl Deepgram {
    /// # Errors
    /// When the address is none.
    pub fn new(options: Options) -> Result<Self, SttError> {
        wire::listen_url(&options, &StreamOptions::default())?;
        Ok(Self { options: Arc::new(options) })
    }

    /// A connection for one call; it is made in the background.
    #[must_use]
    pub fn session(&self, options: StreamOptions) -> Session {
        Session::open(Arc::clone(&self.options), options)
    }

    /// One finished utterance, sent whole over a connection of its own.
    pub(super) async fn transcribe(&self, request: Request) -> Result<Transcript, SttError> {
        let (patience, late) = (request.patience, request.late());
        let options = StreamOptions {
            language: request.language,
            expected: request.expected,
            ..StreamOptions::default()
        };
        let mut session = self.session(options);
        tokio::time::timeout(patience, session.finish(1, request.audio)).await.unwrap_or(Err(late))
    }
}
