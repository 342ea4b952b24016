//! A voice over OpenAI's HTTP interface, `POST /v1/audio/speech`, which local servers and cloud services offer.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::json;
use tokio::sync::Semaphore;

use super::engine::{PATIENCE, TtsError, Voice, service_error};
use crate::speech::remote::{self, Service};

/// An answer longer than this is no prompt.
const ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Sentences that are asked for at the same time, by all calls.
const AT_ONCE: usize = 16;

/// How to reach the service.
#[derive(Clone, Debug)]
pub struct Options {
    /// `http://127.0.0.1:8880` or `https://api.openai.com`; a `/v1` at the end does no harm.
    pub base_url: String,
    pub key: Option<SecretString>,
    /// As the service names it, such as `tts-1`.
    pub model: String,
    /// Used where a flow names no voice.
    pub voice: String,
}

/// The service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OpenAi {
    service: Service,
    model: String,
    voice: String,
    /// Requests at once; the others wait in their order.
    asking: Arc<Semaphore>,
}

impl OpenAi {
    /// # Errors
    /// When the address is none.
    pub fn new(options: Options) -> Result<Self, TtsError> {
        let service =
            Service::new(&options.base_url, options.key).map_err(|reason| TtsError::Failed { reason })?;
        let asking = Arc::new(Semaphore::new(AT_ONCE));
        Ok(Self { service, model: options.model, voice: options.voice, asking })
    }

    pub(super) async fn render(&self, text: &str, voice: &Voice) -> Result<Vec<i16>, TtsError> {
        let body = json!({
            "model": self.model,
            "input": text,
            "voice": voice.voice.as_deref().unwrap_or(&self.voice),
            "response_format": "wav",
        });
        let _turn =
            self.asking.acquire().await.map_err(|error| TtsError::Failed { reason: error.to_string() })?;
        let sent = self.service.post("/v1/audio/speech", PATIENCE).json(&body);
        let response = remote::send(sent).await.map_err(service_error)?;
        let bytes = remote::limited(response, ANSWER_BYTES).await.map_err(service_error)?;
        super::engine::answered(bytes).await
    }

    pub(super) fn name(&self) -> String {
        format!("openai {} {}", self.model, self.voice)
    }
}
