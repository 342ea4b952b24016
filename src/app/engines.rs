//! Speech engines as the settings want them.

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::config::{Config, Recognition, SpeechToText, Voices};
use crate::flows::Folder;
use crate::speech::stt::{Recognizer, deepgram, openai};
use crate::speech::tts::{self, Loudness, Synthesizer, Tts, espeak::Espeak, piper::Piper};

/// The voices; what the chosen engine cannot speak, espeak-ng does.
pub(super) fn voices(config: &Config) -> anyhow::Result<Tts> {
    let settings = &config.text_to_speech;
    let espeak = Synthesizer::Espeak(Espeak::default());
    let (synthesizer, fallback) = match settings.engine {
        Voices::Espeak => (espeak, None),
        Voices::Piper => {
            let piper = match (&settings.url, &settings.voices) {
                (Some(url), _) => Piper::server(url)?,
                (None, Some(folder)) => {
                    Piper::program(settings.program.clone().unwrap_or_else(|| "piper".into()), folder)?
                }
                (None, None) => anyhow::bail!(
                    "text_to_speech: piper needs `voices` (a folder), or `url` (its HTTP server)"
                ),
            };
            (Synthesizer::Piper(piper), Some(espeak))
        }
        Voices::OpenAi => {
            let service = tts::openai::OpenAi::new(tts::openai::Options {
                base_url: settings.url.clone().unwrap_or_else(|| "https://api.openai.com".into()),
                key: settings.key.read("text_to_speech")?,
                model: settings.model.clone().unwrap_or_else(|| "tts-1".into()),
                voice: settings.voice.clone().unwrap_or_else(|| "alloy".into()),
            })?;
            (Synthesizer::OpenAi(service), Some(espeak))
        }
    };
    Ok(Tts::new(tts::Options {
        synthesizer,
        fallback,
        loudness: Loudness::Lufs(settings.loudness),
        cache_folder: Some(config.speech_cache.clone()),
        disk_bytes: settings.cache_mib * 1024 * 1024,
        ..tts::Options::default()
    }))
}

/// Says which voices the flows name and nobody has. Calls go on without: what cannot be spoken takes the flow's
/// error branch.
pub(super) async fn check_voices(tts: &Tts, folder: &Folder) {
    let mut voices: BTreeMap<(&str, Option<&str>), Vec<&str>> = BTreeMap::new();
    for flow in folder.flows() {
        for voice in flow.voices() {
            voices.entry(voice).or_default().push(flow.name());
        }
    }
    for ((language, voice), flows) in voices {
        if let Err(error) = tts.check(language, voice).await {
            let flows = flows.join(", ");
            tracing::error!(%flows, language, "prompts of these flows cannot be spoken: {error}");
        }
    }
}

/// The recogniser; says once, plainly, which one is in use.
pub(super) fn recognizer(settings: &SpeechToText) -> anyhow::Result<Option<Recognizer>> {
    let unset = if settings.model.is_some() { Recognition::Whisper } else { Recognition::None };
    let service_model = |usual: &str| {
        settings.model.as_ref().map_or_else(|| usual.to_owned(), |model| model.display().to_string())
    };
    let recognizer = match settings.engine.unwrap_or(unset) {
        Recognition::None => {
            tracing::info!(
                "no recogniser: questions take keys, detection works on audio alone; \
                 `dering models fetch tiny` brings a model"
            );
            return Ok(None);
        }
        Recognition::Whisper => whisper(settings)?,
        Recognition::OpenAi => {
            let url = settings.url.clone().unwrap_or_else(|| "https://api.openai.com".into());
            tracing::info!(%url, "utterances are recognised by a service");
            Recognizer::OpenAi(openai::OpenAi::new(openai::Options {
                base_url: url,
                key: settings.key.read("speech_to_text")?,
                model: service_model("whisper-1"),
                language: settings.language.clone(),
            })?)
        }
        Recognition::Deepgram => {
            let url = settings.url.clone().unwrap_or_else(|| "wss://api.deepgram.com".into());
            tracing::info!(%url, "utterances are recognised by Deepgram");
            let key = settings.key.read("speech_to_text")?;
            Recognizer::Deepgram(deepgram::Deepgram::new(deepgram::Options {
                url,
                key: key.context("speech_to_text: deepgram needs a key: give key: {env: NAME}")?,
                model: service_model("nova-3"),
                language: settings.language.clone().unwrap_or_else(|| "en".into()),
                endpointing_ms: None,
                utterance_end_ms: None,
            })?)
        }
    };
    Ok(Some(recognizer))
}

#[cfg(feature = "whisper")]
fn whisper(settings: &SpeechToText) -> anyhow::Result<Recognizer> {
    use crate::speech::stt::whisper::{Options, Whisper};
    let model = settings
        .model
        .as_ref()
        .context("speech_to_text: whisper needs a model; `dering models fetch tiny` brings one")?;
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let workers = settings.workers.unwrap_or((cores / 2).max(1));
    let options = Options { workers, language: settings.language.clone(), ..Options::new(model) };
    // A few dozen milliseconds, once, before anything is served.
    let whisper = Whisper::load(&options)?;
    tracing::info!(model = %model.display(), workers, "utterances are recognised with whisper");
    Ok(Recognizer::Whisper(whisper))
}

#[cfg(not(feature = "whisper"))]
fn whisper(_settings: &SpeechToText) -> anyhow::Result<Recognizer> {
    anyhow::bail!("this dering was built without whisper: use a service, or build with the feature")
}
