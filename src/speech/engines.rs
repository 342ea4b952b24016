//! What speaks and hears on this machine, looked at: what is here, what is missing, what it costs.

use std::path::{Path, PathBuf};

use super::models::{Manifest, ModelError, State, built_in};
use super::stt::Recognizers;
use super::tts::espeak::Espeak;
use super::tts::{self, Synthesizer, Tts, kokoro::Kokoro, piper::Piper};

/// The engines of a server, and where their models and voices lie.
#[derive(Clone, Debug)]
pub struct Engines {
    pub tts: Tts,
    pub recognizers: Recognizers,
    pub models: PathBuf,
    /// A model that the settings name.
    pub model: Option<PathBuf>,
    pub voices: PathBuf,
}

/// A model for recognition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFacts {
    pub name: String,
    pub bytes: u64,
    /// Empty for one that nobody published with this program.
    pub languages: String,
    pub licence: String,
    pub state: State,
    pub is_used: bool,
}

/// An engine that speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceFacts {
    pub engine: &'static str,
    pub licence: &'static str,
    pub is_here: bool,
    pub is_used: bool,
    pub voices: Vec<String>,
    /// The command that brings it.
    pub brought_by: &'static str,
}

impl Engines {
    /// The models that are known and those that lie here. Reads the folder.
    ///
    /// # Errors
    /// Never in a build that passes its tests.
    pub fn models(&self) -> Result<Vec<ModelFacts>, ModelError> {
        let manifest = Manifest::built_in()?;
        let folder = &self.models;
        let whisper = self.recognizers.all().iter().any(|one| one.recognizer.kind() == "whisper");
        let used =
            self.model.clone().or_else(|| manifest.here(folder).into_iter().next()).filter(|_| whisper);
        let is_used = |path: &Path| used.as_deref() == Some(path);
        let answers_only = self.recognizers.all().iter().any(|one| one.recognizer.hears_answers_only());
        let known = manifest.models.iter().map(|model| ModelFacts {
            name: model.name.clone(),
            bytes: model.bytes,
            languages: model.languages.clone(),
            licence: model.licence.clone(),
            state: model.state(folder),
            is_used: is_used(&model.path(folder)),
        });
        let strangers = manifest.strangers(folder).into_iter().map(|path| ModelFacts {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .trim_start_matches("ggml-")
                .to_owned(),
            bytes: std::fs::metadata(&path).map_or(0, |found| found.len()),
            languages: String::new(),
            licence: String::new(),
            state: State::Present,
            is_used: is_used(&path),
        });
        let shipped = built_in::is_here().then(|| ModelFacts {
            name: built_in::NAME.to_owned(),
            bytes: built_in::MODEL.len() as u64,
            languages: built_in::LANGUAGES.join(", "),
            licence: built_in::LICENCE.to_owned(),
            state: State::Present,
            is_used: answers_only,
        });
        Ok(shipped.into_iter().chain(known).chain(strangers).collect())
    }

    /// The engines that speak from this machine, whether or not they are here.
    pub async fn voices(&self) -> Vec<VoiceFacts> {
        let espeak = Synthesizer::Espeak(Espeak::default());
        let espeak = Tts::new(tts::Options { synthesizer: espeak, ..tts::Options::default() });
        let espeak = espeak.check("en", None).await.is_ok();
        let folder = self.voices.clone();
        let found = tokio::task::spawn_blocking(move || {
            // A folder of voices is named as it is, or is one of those that were fetched side by side.
            let kokoro = [folder.clone(), folder.join("kokoro")];
            let kokoro = kokoro.iter().find_map(|folder| Kokoro::new(folder, 1).ok());
            let piper = [folder.clone(), folder.join("piper")];
            let piper = piper.iter().filter_map(|folder| Piper::in_folder(None, folder, 1).ok());
            (
                kokoro.map(|kokoro| kokoro.voices()),
                piper.map(|piper| piper.voices()).find(|voices| !voices.is_empty()),
            )
        });
        let (kokoro, piper) = found.await.unwrap_or_default();
        let used = self.tts.engine();
        let facts = |engine, licence, is_here, voices: Option<Vec<String>>, brought_by| VoiceFacts {
            engine,
            licence,
            is_here,
            is_used: used == engine,
            voices: voices.unwrap_or_default(),
            brought_by,
        };
        vec![
            facts("espeak", "GPL-3.0", espeak, None, "apt-get install espeak-ng"),
            facts("kokoro", "Apache-2.0", kokoro.is_some(), kokoro, "dering voices fetch kokoro"),
            facts("piper", "", piper.is_some(), piper, "dering voices fetch joe"),
        ]
    }
}
