//! The kinds of recognisers, with the same operations.

use super::request::{Request, Urgency, is_silent};
use super::transcript::{SttError, Transcript};
#[cfg(feature = "whisper")]
use super::whisper;
use super::{deepgram, openai, scripted};

/// A recogniser. Cheap to clone; clones share the model and the queue.
#[derive(Clone, Debug)]
pub enum Recognizer {
    #[cfg(feature = "whisper")]
    Whisper(whisper::Whisper),
    OpenAi(openai::OpenAi),
    Deepgram(deepgram::Deepgram),
    Scripted(scripted::Scripted),
}

impl Recognizer {
    /// Recognises one utterance. Dropping the future gives the work up; silence is answered at once.
    ///
    /// # Errors
    /// When the recogniser is overloaded, too slow, or cannot take this utterance.
    pub async fn transcribe(&self, request: Request) -> Result<Transcript, SttError> {
        let urgency = request.urgency;
        counted(urgency, async {
            if is_silent(&request.audio) {
                return Ok(Transcript::nothing_said());
            }
            match self {
                #[cfg(feature = "whisper")]
                Self::Whisper(whisper) => whisper.transcribe(request).await,
                Self::OpenAi(service) => service.transcribe(request).await,
                Self::Deepgram(service) => service.transcribe(request).await,
                Self::Scripted(scripted) => scripted.transcribe(&request).await,
            }
        })
        .await
    }

    /// What it is, as settings and dial requests name it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            #[cfg(feature = "whisper")]
            Self::Whisper(_) => "whisper",
            Self::OpenAi(_) => "openai",
            Self::Deepgram(_) => "deepgram",
            Self::Scripted(_) => "scripted",
        }
    }

    /// Whether it can be asked for words in `language`. Services are believed to know every one.
    #[must_use]
    pub fn knows(&self, language: &str) -> bool {
        match self {
            #[cfg(feature = "whisper")]
            Self::Whisper(whisper) => whisper.knows(language),
            Self::OpenAi(_) | Self::Deepgram(_) | Self::Scripted(_) => !language.is_empty(),
        }
    }

    /// Whether its model was made for English alone.
    #[must_use]
    pub const fn is_english_only(&self) -> bool {
        match self {
            #[cfg(feature = "whisper")]
            Self::Whisper(whisper) => whisper.is_english_only(),
            Self::OpenAi(_) | Self::Deepgram(_) | Self::Scripted(_) => false,
        }
    }

    /// Whether it hears nothing but the answers of questions, and says nothing of who speaks.
    #[must_use]
    pub const fn hears_answers_only(&self) -> bool {
        match self {
            #[cfg(feature = "whisper")]
            Self::Whisper(whisper) => whisper.hears_answers_only(),
            Self::OpenAi(_) | Self::Deepgram(_) | Self::Scripted(_) => false,
        }
    }

    /// Whether words are worth asking for before the callee has finished, unless the settings say otherwise: a
    /// service that is paid by the request is not asked twice.
    pub(super) const fn gives_interims(&self) -> bool {
        !matches!(self, Self::OpenAi(_))
    }
}

/// Runs `work` and counts how long it took and what came of it.
pub(super) async fn counted(
    urgency: Urgency,
    work: impl Future<Output = Result<Transcript, SttError>>,
) -> Result<Transcript, SttError> {
    let begun = std::time::Instant::now();
    let outcome = work.await;
    let (took, kind) = (begun.elapsed(), urgency.label());
    metrics::histogram!("dering_stt_seconds", "kind" => kind).record(took.as_secs_f64());
    let label = outcome.as_ref().map_or_else(SttError::label, |_| "recognised");
    metrics::counter!("dering_stt_requests_total", "kind" => kind, "outcome" => label).increment(1);
    outcome.map(|transcript| Transcript { took_ms: took.as_millis() as u64, ..transcript })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::scripted::Scripted;
    use super::*;

    fn request(audio: Vec<i16>) -> Request {
        Request::new(audio, Duration::from_secs(1))
    }

    #[tokio::test]
    async fn silence_and_faint_noise_are_answered_without_asking_the_recogniser() {
        let scripted = Scripted::new([Ok("never asked for".into())]);
        let recognizer = Recognizer::Scripted(scripted.clone());
        for level in [0, 20] {
            let hiss = (0..8_000_i16).map(|n| if n % 2 == 0 { level } else { -level }).collect();
            let transcript = recognizer.transcribe(request(hiss)).await.expect("a transcript");
            assert_eq!((transcript.text.as_str(), transcript.no_speech), ("", 1.0));
        }
        let nothing = recognizer.transcribe(request(vec![])).await.expect("a transcript");
        assert_eq!(nothing.text, "");
        assert!(scripted.heard().is_empty());
    }

    #[tokio::test]
    async fn one_loud_frame_is_enough_to_ask() {
        let scripted = Scripted::new([Ok("yes".into())]);
        let mut audio = vec![0; 8_000];
        audio[4_000..4_160].fill(3_000);
        let recognizer = Recognizer::Scripted(scripted.clone());
        let transcript = recognizer.transcribe(request(audio)).await.expect("a transcript");
        assert_eq!(transcript.text, "yes");
        assert_eq!(scripted.heard(), [1_000]);
    }
}
