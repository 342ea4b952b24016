//! Speech to text: an utterance in, whole or still growing, its words out. Knows no call and no flow.

pub mod deepgram;
mod ear;
mod guard;
pub mod openai;
mod pool;
mod recognizers;
pub mod scripted;
mod speed;
#[cfg(feature = "whisper")]
pub mod whisper;
pub mod word_errors;

pub use ear::{Ear, Manner};
pub use recognizers::{Choice, Named, Recognizers, Wish};
pub use speed::{Speed, Trial};

use std::sync::Arc;
use std::time::Duration;

use callcore::audio::frame::{FRAME_SAMPLES, samples_to_ms};
use callcore::audio::level::rms_dbfs;

/// An utterance whose loudest 20 ms stay below this, in dBFS, holds no speech and costs no work.
const SILENT_BELOW_DBFS: f32 = -50.0;
/// Longest bias that a recogniser is given, bytes; what is less telling comes later and is left out.
const MAX_PROMPT_BYTES: usize = 600;

/// One utterance to be recognised, 8 kHz mono.
#[derive(Clone, Debug)]
pub struct Request {
    pub audio: Arc<[i16]>,
    /// `id`, `en`, `en-US`; `None` leaves it to the recogniser's own default.
    pub language: Option<String>,
    /// Phrases that are likely to come, such as the choices of a menu, most telling first.
    pub expected: Arc<[String]>,
    /// How long the caller can wait, the time in the queue included.
    pub patience: Duration,
    /// When it is worth most, if that is before `patience` is over.
    pub in_time: Option<Duration>,
    pub urgency: Urgency,
}

/// Who goes first where recognisers are short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Urgency {
    /// The callee still speaks: nice to have, and worthless later.
    Interim,
    /// The call waits for it.
    #[default]
    Final,
}

impl Urgency {
    const fn label(self) -> &'static str {
        match self {
            Self::Interim => "interim",
            Self::Final => "final",
        }
    }
}

impl Request {
    /// A finished utterance, without a language or a bias.
    pub fn new(audio: impl Into<Arc<[i16]>>, patience: Duration) -> Self {
        Self {
            audio: audio.into(),
            language: None,
            expected: Arc::default(),
            patience,
            in_time: None,
            urgency: Urgency::Final,
        }
    }

    /// What is expected as one text, for recognisers that take one.
    fn prompt(&self) -> Option<String> {
        let mut prompt = String::new();
        for phrase in self.expected.iter().map(|phrase| phrase.trim()).filter(|phrase| !phrase.is_empty()) {
            if prompt.len() + phrase.len() > MAX_PROMPT_BYTES {
                break;
            }
            if !prompt.is_empty() {
                prompt.push_str(", ");
            }
            prompt.push_str(phrase);
        }
        (!prompt.is_empty()).then_some(prompt)
    }

    fn late(&self) -> SttError {
        SttError::TooLate(self.patience.as_millis() as u64)
    }
}

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
}

impl Transcript {
    fn nothing_said() -> Self {
        Self { text: String::new(), confidence: 0.0, no_speech: 1.0, took_ms: 0 }
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
    fn label(&self) -> &'static str {
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

    /// Whether words are worth asking for before the callee has finished, unless the settings say otherwise: a
    /// service that is paid by the request is not asked twice.
    const fn gives_interims(&self) -> bool {
        !matches!(self, Self::OpenAi(_))
    }
}

/// Runs `work` and counts how long it took and what came of it.
async fn counted(
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

fn is_silent(audio: &[i16]) -> bool {
    audio.chunks(FRAME_SAMPLES).all(|frame| rms_dbfs(frame) < SILENT_BELOW_DBFS)
}

fn duration_ms(audio: &[i16]) -> u64 {
    samples_to_ms(audio.len())
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_bias_begins_with_the_most_telling_phrase_and_stays_short() {
        let expected: Vec<String> = std::iter::once("yes".into())
            .chain((0..1_000).map(|n| format!(" phrase {n} ")))
            .chain([String::new()])
            .collect();
        let long = Request { expected: expected.into(), ..request(vec![]) };
        let prompt = long.prompt().expect("a bias");
        assert!(prompt.starts_with("yes, phrase 0, phrase 1,"), "{prompt}");
        assert!(prompt.len() <= MAX_PROMPT_BYTES + 100, "{}", prompt.len());
        assert_eq!(request(vec![]).prompt(), None);
    }
}
