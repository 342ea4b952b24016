//! Kokoro: neural voices by Kokoro-82M, spoken by a Python process that stays (`kokoro/worker.py`, ONNX Runtime). Each voice
//! speaks every language, with the sounds that espeak-ng finds for it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use callcore::audio::resample;

use super::engine::{TtsError, Voice};
use super::worker::{Options, Sentence, Worker};

const PROGRAM: &str = include_str!("worker.py");
const ADVICE: &str = "`dering voices fetch kokoro` brings all it needs; or install python3";
/// What a Mac or a phone would be slow with is four times real time.
const SENTENCE: Duration = Duration::from_secs(60);
const START: Duration = Duration::from_secs(60);
/// The model takes 250 MB, a long sentence another 500.
const MEMORY_BYTES: u64 = 1_536 << 20;

/// Names begin with the language they were trained on.
const FAMILIES: [(&str, &[&str]); 9] = [
    ("a", &["en", "en-us"]),
    ("b", &["en-gb", "en-au", "en-nz", "en-ie"]),
    ("e", &["es"]),
    ("f", &["fr"]),
    ("h", &["hi"]),
    ("i", &["it"]),
    ("p", &["pt"]),
    ("j", &["ja"]),
    ("z", &["zh", "cmn"]),
];
/// The best ones of each family, by their published grades; the first that is here is taken.
const BEST: [(&str, &[&str]); 9] = [
    ("a", &["af_heart", "af_bella", "am_michael"]),
    ("b", &["bf_emma", "bm_george"]),
    ("e", &["ef_dora", "em_alex"]),
    ("f", &["ff_siwis"]),
    ("h", &["hf_alpha"]),
    ("i", &["if_sara"]),
    ("p", &["pf_dora"]),
    ("j", &["jf_alpha"]),
    ("z", &["zf_xiaoxiao"]),
];
/// Speaks languages without a family of their own.
const ABROAD: &str = "am_michael";

/// Speaks with Kokoro. Cheap to clone; clones share the process.
#[derive(Clone, Debug)]
pub struct Kokoro {
    folder: PathBuf,
    worker: Worker,
}

impl Kokoro {
    /// With the model and the voices in `folder`, as `dering voices fetch kokoro` leaves them.
    ///
    /// # Errors
    /// When something is missing there.
    pub fn new(folder: &Path, threads: usize) -> Result<Self, TtsError> {
        let missing = |what: &str| TtsError::Failed {
            reason: format!(
                "{} is not in {}; `dering voices fetch kokoro` brings it",
                what,
                folder.display()
            ),
        };
        for file in ["kokoro.onnx", "voices"] {
            if !folder.join(file).exists() {
                return Err(missing(file));
            }
        }
        let python = folder.join("python/bin/python");
        let worker = Worker::new(Options {
            program: if python.exists() { python } else { "python3".into() },
            arguments: vec![
                "-I".into(),
                "-c".into(),
                PROGRAM.into(),
                folder.into(),
                threads.max(1).to_string().into(),
            ],
            advice: ADVICE,
            start: START,
            sentence: SENTENCE,
            memory_bytes: MEMORY_BYTES,
        });
        Ok(Self { folder: folder.into(), worker })
    }

    /// The voices that are here, by name.
    #[must_use]
    pub fn voices(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.join("voices")).into_iter().flatten().flatten();
        let name = |path: PathBuf| {
            let is_voice = path.extension().is_some_and(|ending| ending == "bin");
            Some(path.file_stem()?.to_str()?.to_owned()).filter(|_| is_voice)
        };
        let mut all: Vec<String> = entries.filter_map(|entry| name(entry.path())).collect();
        all.sort();
        all
    }

    pub(super) async fn render(&self, text: &str, voice: &Voice) -> Result<Vec<i16>, TtsError> {
        let chosen = self.choose(voice)?;
        let language = espeak_language(&voice.language);
        let sentence = Sentence { text: text.into(), language, voice: chosen };
        let spoken = self.worker.speak(sentence).await?;
        let failed = |error: &dyn std::fmt::Display| TtsError::Failed { reason: error.to_string() };
        let narrow = move || resample::to_8k(&spoken.samples, spoken.rate).map_err(|error| failed(&error));
        tokio::task::spawn_blocking(narrow).await.map_err(|error| failed(&error))?
    }

    pub(super) fn check(&self, voice: &Voice) -> Result<(), TtsError> {
        self.choose(voice).map(|_| ())
    }

    /// The voice that speaks where this one is wanted.
    pub(super) fn chosen(&self, wanted: &Voice) -> Option<String> {
        self.choose(wanted).ok()
    }

    pub(super) fn name(&self) -> String {
        "kokoro-82m".into()
    }

    fn choose(&self, wanted: &Voice) -> Result<String, TtsError> {
        let here = self.voices();
        let none = |voice: &str| TtsError::NoVoice {
            voice: voice.to_owned(),
            reason: format!("kokoro has {}", here.join(", ")),
        };
        match &wanted.voice {
            Some(name) => here.iter().find(|voice| *voice == name).cloned().ok_or_else(|| none(name)),
            None => usual(&here, &wanted.language).ok_or_else(|| none(&wanted.language)),
        }
    }
}

/// The voice of `here` for a language that names none.
fn usual(here: &[String], language: &str) -> Option<String> {
    let tag = language.replace('_', "-").to_ascii_lowercase();
    let short = tag.split('-').next().unwrap_or_default();
    let family_of =
        |tag: &str| FAMILIES.iter().find(|(_, tags)| tags.contains(&tag)).map(|(family, _)| *family);
    let family = family_of(&tag).or_else(|| family_of(short));
    let best = BEST.iter().find(|(name, _)| Some(*name) == family).map_or(&[][..], |(_, best)| *best);
    let is_here = |name: &&str| here.iter().any(|voice| voice == name);
    let of_family = || here.iter().find(|voice| family.is_some_and(|family| voice.starts_with(family)));
    best.iter()
        .copied()
        .find(|name| is_here(name))
        .map(str::to_owned)
        .or_else(|| of_family().cloned())
        .or_else(|| is_here(&ABROAD).then(|| ABROAD.to_owned()))
        .or_else(|| here.first().cloned())
}

/// What espeak-ng calls a language. Only letters, digits and dashes pass.
fn espeak_language(language: &str) -> String {
    let tag = language.replace('_', "-").to_ascii_lowercase();
    let plain: String = tag.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(20).collect();
    match plain.split('-').next().unwrap_or_default() {
        "en" if plain == "en" => "en-us".into(),
        "en" => plain,
        "fr" => "fr-fr".into(),
        "pt" if plain == "pt" => "pt-br".into(),
        "pt" => plain,
        "zh" => "cmn".into(),
        short => short.trim_start_matches('-').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_its_voice_and_any_other_one_that_speaks_abroad() {
        let all: Vec<String> = ["af_heart", "am_michael", "bf_emma", "ef_dora"].map(str::to_owned).into();
        for (language, voice) in [
            ("en", "af_heart"),
            ("en-US", "af_heart"),
            ("en_GB", "bf_emma"),
            ("es-MX", "ef_dora"),
            ("id", "am_michael"),
            ("id-ID", "am_michael"),
        ] {
            assert_eq!(usual(&all, language).as_deref(), Some(voice), "{language}");
        }
        assert_eq!(usual(&all[2..], "id").as_deref(), Some("bf_emma"));
        assert_eq!(usual(&[], "en"), None);
    }

    #[test]
    fn languages_are_what_espeak_calls_them() {
        for (language, name) in [
            ("en", "en-us"),
            ("en-GB", "en-gb"),
            ("id-ID", "id"),
            ("pt_BR", "pt-br"),
            ("zh-CN", "cmn"),
            ("../x", "x"),
        ] {
            assert_eq!(espeak_language(language), name, "{language}");
        }
    }
}
