//! Growing audio on its way into a recogniser: a stream is opened for a call, fed what the callee has said so far, and asked
//! for words, first those that may still change and then the final ones.
//!
//! A streaming recogniser is sent only what is new. One that takes whole utterances is asked again each time; for it,
//! feeding does nothing.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout};

use super::deepgram::{Deepgram, Session};
use super::options::StreamOptions;
use super::recognizer::{Recognizer, counted};
use super::request::Request;
use super::transcript::{SttError, Transcript};

/// Words to come.
pub(super) type Words = BoxFuture<'static, Result<Transcript, SttError>>;

/// What one call is recognised by. Utterances have growing numbers.
#[derive(Debug)]
pub(super) enum Stream {
    /// Takes whole utterances.
    Whole(Recognizer),
    /// Listens while it is fed, over a connection that is kept from one utterance to the next.
    Deepgram { service: Deepgram, options: StreamOptions, session: Session },
}

impl Stream {
    /// Opens one; a connection is made in the background.
    pub(super) fn open(recognizer: &Recognizer, options: StreamOptions) -> Self {
        if let Recognizer::Deepgram(service) = recognizer {
            let session = service.session(options.clone());
            Self::Deepgram { service: service.clone(), options, session }
        } else {
            Self::Whole(recognizer.clone())
        }
    }

    /// Whether it can go on where `wanted` is asked of it; otherwise another one has to be opened.
    pub(super) fn serves(&self, wanted: &StreamOptions) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Deepgram { options, session, .. } => options == wanted && !session.is_broken(),
        }
    }

    /// `window` is the utterance so far.
    pub(super) fn feed(&mut self, utterance: u32, window: &Arc<[i16]>) {
        match self {
            Self::Whole(_) => {}
            Self::Deepgram { session, .. } => session.feed(utterance, Arc::clone(window)),
        }
    }

    /// The next words of an utterance that still grows. They may change.
    pub(super) fn interim(&self, utterance: u32, request: Request) -> Words {
        match self {
            Self::Whole(recognizer) => whole(recognizer.clone(), request),
            Self::Deepgram { session, .. } => Box::pin(in_time(session.interim(utterance), request)),
        }
    }

    /// The words of an utterance that is over, which is the audio of `request`.
    pub(super) fn finish(&mut self, utterance: u32, request: Request) -> Words {
        match self {
            Self::Whole(recognizer) => whole(recognizer.clone(), request),
            Self::Deepgram { service, session, .. } => {
                let (service, words) =
                    (service.clone(), session.finish(utterance, Arc::clone(&request.audio)));
                Box::pin(async move {
                    let due = Instant::now() + request.patience;
                    match in_time(words, request.clone()).await {
                        // The connection broke while the callee spoke: a new one is sent everything.
                        Err(SttError::Engine(_)) => {
                            let patience = due.saturating_duration_since(Instant::now());
                            Recognizer::Deepgram(service).transcribe(Request { patience, ..request }).await
                        }
                        outcome => outcome,
                    }
                })
            }
        }
    }
}

fn whole(recognizer: Recognizer, request: Request) -> Words {
    Box::pin(async move { recognizer.transcribe(request).await })
}

/// What a session says, counted and within the request's time.
async fn in_time(
    words: impl Future<Output = Result<Transcript, SttError>>,
    request: Request,
) -> Result<Transcript, SttError> {
    counted(request.urgency, async {
        timeout(request.patience, words).await.unwrap_or_else(|_| Err(request.late()))
    })
    .await
}
