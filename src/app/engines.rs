//! Speech engines as the settings want them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use callcore::flow::Ears;

use crate::config::{Config, Recogniser, Recognition, SpeechToText, Voices};
use crate::flows::{Catalog, Folder};
#[cfg(feature = "whisper")]
use crate::speech::models::{Manifest, State, built_in};
use crate::speech::stt::{Named, Preference, Recognizer, Recognizers, deepgram, openai};
use crate::speech::tts::{
    self, Loudness, Speaker, Synthesizer, Tts, TtsError, espeak::Espeak, kokoro::Kokoro, piper::Piper,
};

/// The voices; what the chosen engine cannot speak, espeak-ng does.
pub(crate) fn voices(config: &Config) -> anyhow::Result<Tts> {
    let settings = &config.text_to_speech;
    let espeak = Synthesizer::Espeak(Espeak::default());
    let (synthesizer, fallback) = match settings.engine {
        None => match settings.voices.as_deref().and_then(|folder| kokoro(folder).ok()) {
            Some(kokoro) => (Synthesizer::Kokoro(kokoro), Some(espeak)),
            None => (espeak, None),
        },
        Some(Voices::Espeak) => (espeak, None),
        Some(Voices::Piper) => {
            let piper = match (&settings.url, &settings.voices) {
                (Some(url), _) => Piper::server(url)?,
                (None, Some(folder)) => Piper::in_folder(settings.program.clone(), folder, half_the_cores())?,
                (None, None) => anyhow::bail!(
                    "text_to_speech: piper needs `voices` (a folder), or `url` (its HTTP server)"
                ),
            };
            (Synthesizer::Piper(piper), Some(espeak))
        }
        Some(Voices::Kokoro) => {
            let folder = config.voices_folder();
            (Synthesizer::Kokoro(kokoro(&folder).context("text_to_speech")?), Some(espeak))
        }
        Some(Voices::OpenAi) => {
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

/// In the folder that is named, or among the voices that were fetched into it.
fn kokoro(folder: &Path) -> Result<Kokoro, TtsError> {
    let fetched = folder.join("kokoro");
    let folder = if fetched.is_dir() { &fetched } else { folder };
    Kokoro::new(folder, half_the_cores())
}

/// Calls need the other half.
fn half_the_cores() -> usize {
    (std::thread::available_parallelism().map_or(2, usize::from) / 2).max(1)
}

/// Says which voice speaks which language of which flow, what falls back to another engine, and which voices nobody has. Calls go on without: what cannot be spoken takes the flow's
/// error branch.
pub(super) async fn check_voices(tts: &Tts, folder: &Folder) {
    let mut voices: BTreeMap<(&str, Option<&str>), Vec<&str>> = BTreeMap::new();
    for flow in folder.flows() {
        for voice in flow.voices() {
            voices.entry(voice).or_default().push(flow.name());
        }
    }
    let usual = || "its usual one".to_owned();
    for ((language, voice), flows) in voices {
        let flows = flows.join(", ");
        match tts.speaker(language, voice).await {
            Ok(Speaker { engine, voice: spoken_by, instead: None }) => {
                let spoken_by = spoken_by.unwrap_or_else(usual);
                tracing::info!(%flows, language, engine, voice = spoken_by, "who speaks the prompts of these flows");
            }
            Ok(Speaker { engine, voice: spoken_by, instead: Some(why) }) => {
                let spoken_by = spoken_by.unwrap_or_else(usual);
                tracing::warn!(%flows, language, engine, voice = spoken_by, "another voice speaks the prompts of these flows: {why}");
            }
            Err(error) => {
                tracing::error!(%flows, language, "prompts of these flows cannot be spoken: {error}");
            }
        }
    }
}

/// The recognisers; says once, plainly, which one is in use.
pub(crate) fn recognizers(settings: &SpeechToText) -> anyhow::Result<Recognizers> {
    let mut all = Vec::new();
    let usual = settings.usual();
    let chosen = match at_hand(settings) {
        Some(recognizer) => Some(recognizer),
        None => recognizer(&usual).context("speech_to_text")?,
    };
    match chosen {
        Some(recognizer) => {
            all.push(Named::new(recognizer.kind(), recognizer, usual.interim));
        }
        None if settings.others.is_empty() => tracing::info!(
            "no recogniser: questions take keys, detection works on audio alone; \
             `dering models fetch base` brings a model"
        ),
        None => anyhow::bail!(
            "speech_to_text has `others`, but no usual recogniser: set its `engine` or `model`, too"
        ),
    }
    for (name, settings) in &settings.others {
        let place = || format!("speech_to_text.others.{name}");
        anyhow::ensure!(all.iter().all(|one| one.name != *name), "{}: the usual one is named so", place());
        let recognizer = recognizer(settings).with_context(place)?;
        let recognizer = recognizer.with_context(|| format!("{} is none: set its `engine`", place()))?;
        all.push(Named::new(name, recognizer, settings.interim));
    }
    Recognizers::new(all, settings.fallback.as_deref(), &settings.flows).context("speech_to_text")
}

/// The best model in the models folder, where nothing is said of who recognises. Nobody has named it, so one that is damaged
/// is no reason not to start.
#[cfg(feature = "whisper")]
fn at_hand(settings: &SpeechToText) -> Option<Recognizer> {
    let folder = settings.models.as_deref().filter(|_| settings.is_open())?;
    for model in Manifest::built_in().ok()?.here(folder) {
        match whisper(&Recogniser { model: Some(model), ..settings.usual() }) {
            Ok(recognizer) => return Some(recognizer),
            Err(error) => tracing::warn!("a model that is here cannot be used: {error:#}"),
        }
    }
    None
}

#[cfg(not(feature = "whisper"))]
fn at_hand(_settings: &SpeechToText) -> Option<Recognizer> {
    None
}

/// What is heard with these settings, as far as can be known without loading anything.
pub(crate) fn ears(settings: &SpeechToText) -> Ears {
    let service = matches!(settings.engine, Some(Recognition::OpenAi | Recognition::Deepgram));
    if service || !settings.others.is_empty() {
        return Ears::Words;
    }
    match &settings.model {
        Some(_) if settings.engine == Some(Recognition::None) => Ears::Deaf,
        Some(model) => of_model(model),
        None => of_what_lies_here(settings),
    }
}

#[cfg(feature = "whisper")]
fn of_model(model: &Path) -> Ears {
    if built_in::is_meant(model) { Ears::Answers } else { Ears::Words }
}

#[cfg(feature = "whisper")]
fn of_what_lies_here(settings: &SpeechToText) -> Ears {
    let folder = settings.models.as_deref().filter(|_| settings.is_open());
    let Some((folder, manifest)) = folder.zip(Manifest::built_in().ok()) else { return Ears::Deaf };
    if manifest.here(folder).is_empty() { Ears::Deaf } else { Ears::Words }
}

#[cfg(not(feature = "whisper"))]
fn of_model(_model: &std::path::Path) -> Ears {
    Ears::Words
}

#[cfg(not(feature = "whisper"))]
fn of_what_lies_here(_settings: &SpeechToText) -> Ears {
    Ears::Deaf
}

/// How long recognition takes here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) took: Duration,
    pub(crate) speech_ms: u64,
}

impl Cost {
    /// ms for each second of speech.
    pub(crate) fn ms_per_second(self) -> u64 {
        (self.took.as_millis() as u64 * 1_000).checked_div(self.speech_ms).unwrap_or(0)
    }
}

/// Has whisper recognise a sentence with the model at `path`, alone and on one thread, as a server does.
pub(crate) async fn cost(path: std::path::PathBuf, tts: &Tts) -> anyhow::Result<Cost> {
    let settings = Recogniser { model: Some(path), workers: Some(1), ..Recogniser::default() };
    let recognizer = tokio::task::spawn_blocking(move || recognizer(&settings)).await??;
    let one = Named::new("trial", recognizer.context("no recogniser")?, None);
    let audio = tts.say(TRIAL, "en", None).await.context("there is no voice to try it with")?;
    let trial = one.try_out(audio).await?;
    Ok(Cost { took: trial.took, speech_ms: trial.speech_ms })
}

/// Said to each recogniser at start, to see how quick it is.
const TRIAL: &str = "My number is four one seven, two eight three, six five.";

/// Measures how quick the recognisers are; calls wait for them by it.
pub(super) async fn try_recognizers(recognizers: Recognizers, tts: Tts) {
    if recognizers.is_empty() {
        return;
    }
    let audio = match tts.say(TRIAL, "en", None).await {
        Ok(audio) => audio,
        Err(error) => {
            return tracing::warn!(%error, "the recognisers were not tried out: there is no voice to try them with");
        }
    };
    // One after the other, so that none is measured while another has the cores.
    for one in recognizers.all() {
        match one.try_out(Arc::clone(&audio)).await {
            Ok(trial) => tracing::info!(
                recogniser = one.name,
                speech_ms = trial.speech_ms,
                took_ms = trial.took.as_millis() as u64,
                limit_ms = trial.limit.as_millis() as u64,
                "the recogniser was tried out: calls wait `limit_ms` at most for the words of an utterance"
            ),
            Err(error) => tracing::warn!(
                recogniser = one.name,
                %error,
                limit_ms = one.speed.limit().as_millis() as u64,
                "the recogniser could not be tried out: calls wait `limit_ms` at most for it"
            ),
        }
    }
}

/// Warns of flows that ask for words which no recogniser, or not theirs, will hear.
pub(super) async fn warn_of_flows_unheard(recognizers: &Recognizers, flows: &Catalog) {
    for described in flows.all() {
        // A version that cannot be read is told of when it is called.
        let Ok(stored) = flows.find(&described.flow).await else { continue };
        let Some(choice) = recognizers.choose(Preference { flow: &described.flow, ..Preference::default() })
        else {
            let scenes = stored.flow.scenes_unheard(Ears::Deaf);
            if !scenes.is_empty() {
                let (flow, scenes) = (described.flow, scenes.join(", "));
                tracing::warn!(
                    flow,
                    scenes,
                    "questions of these scenes take words only, and there is no recogniser: \
                     give their choices keys, or set `speech_to_text`"
                );
            }
            continue;
        };
        let (flow, language, recogniser) = (described.flow, stored.flow.language(), &choice.first.name);
        if !choice.first.recognizer.knows(language) {
            tracing::warn!(
                flow,
                language,
                recogniser,
                "no word will be understood: the recogniser does not know the flow's language"
            );
        } else if choice.first.recognizer.is_english_only()
            && !language.to_ascii_lowercase().starts_with("en")
        {
            tracing::warn!(
                flow,
                language,
                recogniser,
                "the model was made for English only and takes the flow's callees to speak it"
            );
        } else if choice.first.recognizer.hears_answers_only() {
            let scenes = stored.flow.scenes_unheard(Ears::Answers);
            if !scenes.is_empty() {
                let scenes = scenes.join(", ");
                tracing::warn!(
                    flow,
                    scenes,
                    recogniser,
                    "questions of these scenes take any words, and the recogniser hears only answers that a question \
                     knows: `dering models fetch base` brings a model that hears everything"
                );
            }
        }
    }
}

/// One recogniser; `None` for settings that want none.
pub(crate) fn recognizer(settings: &Recogniser) -> anyhow::Result<Option<Recognizer>> {
    let unset = if settings.model.is_some() { Recognition::Whisper } else { Recognition::None };
    let service_model = |usual: &str| {
        settings.model.as_ref().map_or_else(|| usual.to_owned(), |model| model.display().to_string())
    };
    let recognizer = match settings.engine.unwrap_or(unset) {
        Recognition::None => return Ok(None),
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
                key: key.context("deepgram needs a key: give key: {env: NAME}")?,
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
fn whisper(settings: &Recogniser) -> anyhow::Result<Recognizer> {
    use crate::speech::stt::whisper::{Options, Whisper, Window};
    let model =
        settings.model.as_ref().context("whisper needs a model; `dering models fetch base` brings one")?;
    anyhow::ensure!(
        built_in::is_here() || !built_in::is_meant(model),
        "this build of dering has no {}: name a model file, or `dering models fetch base` brings one",
        built_in::NAME
    );
    whole(model)?;
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let workers = settings.workers.unwrap_or((cores / 2).max(1));
    let usual = Options::new(model);
    let window = settings.window.map_or(usual.window, Window::Fixed);
    let bias = settings.bias.unwrap_or(usual.bias);
    let options = Options { workers, window, bias, language: settings.language.clone(), ..usual };
    // A few dozen milliseconds, once, before anything is served.
    let whisper = Whisper::load(&options)?;
    if built_in::is_meant(model) {
        tracing::info!(
            model = built_in::NAME,
            workers,
            "answers to questions are recognised with the small model in this program (English and Indonesian; no free speech); \
             `dering models fetch base` brings one that hears everything"
        );
    } else {
        tracing::info!(model = %model.display(), workers, "utterances are recognised with whisper");
    }
    Ok(Recognizer::Whisper(whisper))
}

/// A published model whose download broke off is told apart by its length, before it is read.
#[cfg(feature = "whisper")]
fn whole(model: &Path) -> anyhow::Result<()> {
    let (Some(folder), Some(file)) = (model.parent(), model.file_name().and_then(|name| name.to_str()))
    else {
        return Ok(());
    };
    let manifest = Manifest::built_in()?;
    let Some(known) = manifest.models.iter().find(|known| known.file == file) else { return Ok(()) };
    anyhow::ensure!(
        known.state(folder) != State::Damaged,
        "{} is not the published {1}, which has {2} bytes; `dering models fetch {1}` brings it again",
        model.display(),
        known.name,
        known.bytes
    );
    Ok(())
}

#[cfg(not(feature = "whisper"))]
fn whisper(_settings: &Recogniser) -> anyhow::Result<Recognizer> {
    anyhow::bail!("this dering was built without whisper: use a service, or build with the feature")
}
