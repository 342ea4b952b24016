//! Settings of speech: which recogniser hears, which voices speak.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use super::ConfigError;
use crate::session::PromptsReady;

/// Who turns utterances into words: the usual recogniser, and others beside it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpeechToText {
    /// These nine are as in [`Recogniser`].
    pub engine: Option<Recognition>,
    pub model: Option<PathBuf>,
    pub workers: Option<usize>,
    pub window: Option<u32>,
    pub bias: Option<bool>,
    pub url: Option<String>,
    pub key: Key,
    pub language: Option<String>,
    pub interim: Option<bool>,
    /// Where models lie; the best one there is used when nothing else is said. Nothing is looked for when absent.
    pub models: Option<PathBuf>,
    /// By a name that flows and dial requests may give.
    pub others: BTreeMap<String, Recogniser>,
    /// Who answers for one that fails.
    pub fallback: Option<String>,
    /// Who hears the calls of a flow.
    pub flows: BTreeMap<String, String>,
}

/// One recogniser.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recogniser {
    /// Chosen by what else is set when absent: whisper with a model, none without.
    pub engine: Option<Recognition>,
    /// A whisper.cpp model file, or the name of a service's model.
    pub model: Option<PathBuf>,
    /// Utterances recognised at once by whisper.
    pub workers: Option<usize>,
    /// What whisper looks at, in positions of 20 ms, for a model that was trained for just that; fitted to
    /// each utterance when absent.
    pub window: Option<u32>,
    /// Whether whisper is told what a question expects; yes when absent.
    pub bias: Option<bool>,
    /// Of a service.
    pub url: Option<String>,
    pub key: Key,
    /// Used where a flow names no language.
    pub language: Option<String>,
    /// Whether words are asked for while the callee still speaks; as suits the engine when absent.
    pub interim: Option<bool>,
}

impl SpeechToText {
    /// Whether no model is named and nobody else recognises, so that a model that is here may.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.model.is_none() && matches!(self.engine, None | Some(Recognition::Whisper))
    }

    /// The recogniser that hears the calls that wish for no other.
    #[must_use]
    pub fn usual(&self) -> Recogniser {
        Recogniser {
            engine: self.engine,
            model: self.model.clone(),
            workers: self.workers,
            window: self.window,
            bias: self.bias,
            url: self.url.clone(),
            key: self.key.clone(),
            language: self.language.clone(),
            interim: self.interim,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recognition {
    None,
    Whisper,
    #[serde(rename = "openai")]
    OpenAi,
    Deepgram,
}

/// Who speaks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextToSpeech {
    /// When absent: Kokoro where `voices` has it, else espeak-ng.
    pub engine: Option<Voices>,
    /// Loudness of everything spoken, LUFS.
    pub loudness: f32,
    /// Size of the cache on disk, MiB.
    pub cache_mib: u64,
    /// kokoro and piper: the folder of voices; piper: the program or the server's address. Nothing is looked for when absent and no
    /// engine is named.
    pub voices: Option<PathBuf>,
    pub program: Option<PathBuf>,
    /// Of a service, or of piper's server.
    pub url: Option<String>,
    pub key: Key,
    pub model: Option<String>,
    pub voice: Option<String>,
    pub prompts_ready: PromptsReady,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Voices {
    Espeak,
    Piper,
    Kokoro,
    #[serde(rename = "openai")]
    OpenAi,
}

/// Where a secret stands: in the environment or in a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Key {
    env: Option<String>,
    pub(super) file: Option<PathBuf>,
}

impl Default for TextToSpeech {
    fn default() -> Self {
        Self {
            engine: None,
            loudness: -16.0,
            cache_mib: 256,
            voices: None,
            program: None,
            url: None,
            key: Key::default(),
            model: None,
            voice: None,
            prompts_ready: PromptsReady::default(),
        }
    }
}

impl Key {
    /// The secret; `None` when nothing is said of one.
    ///
    /// # Errors
    /// When its place cannot be read; `of` names the setting.
    pub fn read(&self, of: &str) -> Result<Option<SecretString>, ConfigError> {
        let unreadable = |what: String| ConfigError::Secret { setting: format!("{of}.key"), what };
        if let Some(name) = &self.env {
            let found =
                std::env::var(name).map_err(|_| unreadable(format!("the environment variable {name}")))?;
            return Ok(Some(found.into()));
        }
        let Some(path) = &self.file else { return Ok(None) };
        std::fs::read_to_string(path)
            .map(|text| Some(text.trim().into()))
            .map_err(|error| unreadable(format!("{} ({error})", path.display())))
    }
}
