//! A recogniser behind OpenAI's HTTP interface, `POST /v1/audio/transcriptions`: local whisper servers speak it, and
//! clouds do.

use callcore::audio::wav;
use reqwest::multipart::{Form, Part};
use secrecy::SecretString;
use serde::Deserialize;

use super::guard;
use super::request::{Request, duration_ms};
use super::transcript::{SttError, Transcript};
use crate::speech::remote::{self, Failure, Service};

/// An answer longer than this is no transcript of one utterance.
const ANSWER_BYTES: usize = 256 * 1024;

/// How to reach the service.
#[derive(Clone, Debug)]
pub struct Options {
    /// `http://127.0.0.1:8000` or `https://api.openai.com`; a `/v1` at the end does no harm.
    pub base_url: String,
    pub key: Option<SecretString>,
    /// As the service names it, such as `whisper-1`.
    pub model: String,
    /// Used when a request names none.
    pub language: Option<String>,
}

/// The service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OpenAi {
    service: Service,
    model: String,
    language: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    text: String,
    /// Only with `verbose_json`, which not every service knows.
    #[serde(default)]
    segments: Vec<Segment>,
}

#[derive(Debug, Deserialize)]
struct Segment {
    #[serde(default)]
    avg_logprob: f32,
    #[serde(default)]
    no_speech_prob: f32,
}

impl OpenAi {
    /// # Errors
    /// When the address is none.
    pub fn new(options: Options) -> Result<Self, SttError> {
        let service = Service::new(&options.base_url, options.key).map_err(SttError::Engine)?;
        Ok(Self { service, model: options.model, language: options.language })
    }

    pub(super) async fn transcribe(&self, request: Request) -> Result<Transcript, SttError> {
        let failed = |failure| match failure {
            Failure::TimedOut => request.late(),
            Failure::Busy => SttError::Overloaded { waiting: 0 },
            Failure::Other(reason) => SttError::Engine(reason),
        };
        let seconds = duration_ms(&request.audio) as f32 / 1_000.0;
        let form = self.form(&request)?;
        let sent = self.service.post("/v1/audio/transcriptions", request.patience).multipart(form);
        let response = remote::send(sent).await.map_err(failed)?;
        let body = remote::limited(response, ANSWER_BYTES).await.map_err(failed)?;
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|error| SttError::Engine(format!("its answer is no transcript: {error}")))?;
        Ok(guard::doubt(transcript(&answer), seconds, &request.expected))
    }

    fn form(&self, request: &Request) -> Result<Form, SttError> {
        let file = Part::bytes(wav::write_8k(&[&request.audio]))
            .file_name("utterance.wav")
            .mime_str("audio/wav")
            .map_err(|error| SttError::Engine(error.to_string()))?;
        let mut form = Form::new()
            .part("file", file)
            .text("model", self.model.clone())
            .text("response_format", "verbose_json")
            .text("temperature", "0");
        if let Some(language) = request.language.as_ref().or(self.language.as_ref()) {
            let code = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
            form = form.text("language", code);
        }
        if let Some(prompt) = request.prompt() {
            form = form.text("prompt", prompt);
        }
        Ok(form)
    }
}

/// A service that tells no probabilities is believed.
fn transcript(answer: &Answer) -> Transcript {
    let text = answer.text.trim().to_owned();
    let count = answer.segments.len() as f32;
    let (confidence, no_speech) = if answer.segments.is_empty() {
        (1.0, 0.0)
    } else {
        let mean = answer.segments.iter().map(|segment| segment.avg_logprob).sum::<f32>() / count;
        let silence = answer.segments.iter().map(|segment| segment.no_speech_prob).fold(0.0, f32::max);
        (mean.exp().clamp(0.0, 1.0), silence.clamp(0.0, 1.0))
    };
    if text.is_empty() {
        return Transcript { no_speech: no_speech.max(0.5), ..Transcript::nothing_said() };
    }
    Transcript { text, confidence, no_speech, took_ms: 0, weighed: None }
}
