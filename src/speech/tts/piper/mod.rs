//! Piper: neural voices on this machine, spoken by a Python process that stays (`piper/worker.py`, ONNX Runtime), by piper's
//! program, a process for each sentence, or by its HTTP server.
//!
//! A voice is a file `NAME.onnx` with `NAME.onnx.json` beside it; names begin with a language, as in
//! `id_ID-news_tts-medium`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use callcore::audio::resample;
use serde::Deserialize;
use serde_json::json;

use super::engine::{TtsError, Voice, service_error};
use super::program::{Program, complaint};
use super::worker::{Options, Sentence, Worker};
use crate::speech::remote::{self, Service};

const ADVICE: &str = "`dering voices fetch joe` brings what a voice needs; or install piper, or leave text_to_speech.piper out";
const WORKER: &str = include_str!("worker.py");
/// Five times slower than real time is no machine for it.
const SENTENCE: Duration = Duration::from_secs(30);
const START: Duration = Duration::from_secs(60);
/// Four voices of 100 MB, and a long sentence.
const MEMORY_BYTES: u64 = 1_024 << 20;
/// An answer longer than this is no prompt.
const ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Speaks with piper. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Piper {
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Kept { worker: Worker, voices: Arc<[Installed]> },
    Program { program: Program, voices: Arc<[Installed]> },
    Server(Service),
}

/// A voice on disk.
#[derive(Clone, Debug)]
struct Installed {
    name: String,
    model: PathBuf,
    rate: u32,
}

#[derive(Deserialize)]
struct Description {
    audio: DescribedAudio,
}

#[derive(Deserialize)]
struct DescribedAudio {
    sample_rate: u32,
}

impl Piper {
    /// With the voices in `folder`: by `program` where one is named, else by a process that stays where `folder` has its own
    /// Python, as `dering voices fetch joe` leaves it, else by whatever is called piper.
    ///
    /// # Errors
    /// As [`Self::program`].
    pub fn in_folder(program: Option<PathBuf>, folder: &Path, threads: usize) -> Result<Self, TtsError> {
        let python = folder.join("python/bin/python");
        if program.is_none() && python.exists() {
            return Self::kept(python, folder, threads);
        }
        Self::program(program.unwrap_or_else(|| "piper".into()), folder)
    }

    /// Has `python`, with ONNX Runtime, speak with the voices in `folder`.
    ///
    /// # Errors
    /// As [`Self::program`].
    pub fn kept(python: PathBuf, folder: &Path, threads: usize) -> Result<Self, TtsError> {
        let voices: Arc<[Installed]> = installed(folder)?.into();
        let worker = Worker::new(Options {
            program: python,
            arguments: vec![
                "-I".into(),
                "-c".into(),
                WORKER.into(),
                folder.into(),
                threads.max(1).to_string().into(),
            ],
            advice: ADVICE,
            start: START,
            sentence: SENTENCE,
            memory_bytes: MEMORY_BYTES,
        });
        Ok(Self { way: Way::Kept { worker, voices } })
    }

    /// Runs `program` with the voices in `folder`.
    ///
    /// # Errors
    /// When the folder holds no voice, or a voice's description cannot be read.
    pub fn program(program: PathBuf, folder: &Path) -> Result<Self, TtsError> {
        let voices: Arc<[Installed]> = installed(folder)?.into();
        // It uses every core for one text.
        Ok(Self { way: Way::Program { program: Program::new(program, ADVICE, 2), voices } })
    }

    /// Asks piper's HTTP server at `base`.
    ///
    /// # Errors
    /// When the address is none.
    pub fn server(base: &str) -> Result<Self, TtsError> {
        let service = Service::new(base, None).map_err(|reason| TtsError::Failed { reason })?;
        Ok(Self { way: Way::Server(service) })
    }

    /// The voices on disk, by name; a server's are not known.
    #[must_use]
    pub fn voices(&self) -> Vec<String> {
        match &self.way {
            Way::Kept { voices, .. } | Way::Program { voices, .. } => {
                voices.iter().map(|voice| voice.name.clone()).collect()
            }
            Way::Server(_) => Vec::new(),
        }
    }

    pub(super) async fn render(&self, text: &str, voice: &Voice) -> Result<Vec<i16>, TtsError> {
        match &self.way {
            Way::Kept { worker, voices } => {
                let language = voice.language.replace('_', "-").to_ascii_lowercase();
                let chosen = choose(voices, voice)?.name.clone();
                let spoken = worker.speak(Sentence { text: text.into(), language, voice: chosen }).await?;
                let narrow =
                    move || resample::to_8k(&spoken.samples, spoken.rate).map_err(|error| failed(&error));
                tokio::task::spawn_blocking(narrow).await.map_err(|error| failed(&error))?
            }
            Way::Program { program, voices } => {
                let chosen = choose(voices, voice)?;
                let args = ["--model".as_ref(), chosen.model.as_os_str(), "--output_raw".as_ref()];
                // A line is an utterance of its own.
                let output = program.run(args, &format!("{text}\n")).await?;
                if !output.status.success() {
                    return Err(TtsError::Failed { reason: complaint(&output.stderr) });
                }
                let samples: Vec<i16> =
                    output.stdout.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
                let rate = chosen.rate;
                let narrow = move || resample::to_8k(&samples, rate).map_err(|error| failed(&error));
                tokio::task::spawn_blocking(narrow).await.map_err(|error| failed(&error))?
            }
            Way::Server(service) => {
                let body = json!({ "text": text, "voice": voice.voice });
                let sent = service.post("/", super::engine::PATIENCE).json(&body);
                let response = remote::send(sent).await.map_err(service_error)?;
                let bytes = remote::limited(response, ANSWER_BYTES).await.map_err(service_error)?;
                super::engine::answered(bytes).await
            }
        }
    }

    /// A server knows its voices itself.
    pub(super) fn check(&self, voice: &Voice) -> Result<(), TtsError> {
        match &self.way {
            Way::Kept { voices, .. } | Way::Program { voices, .. } => choose(voices, voice).map(|_| ()),
            Way::Server(_) => Ok(()),
        }
    }

    /// The voice that speaks where this one is wanted; a server does not tell.
    pub(super) fn chosen(&self, wanted: &Voice) -> Option<String> {
        match &self.way {
            Way::Kept { voices, .. } | Way::Program { voices, .. } => {
                choose(voices, wanted).ok().map(|voice| voice.name.clone())
            }
            Way::Server(_) => None,
        }
    }

    pub(super) fn name(&self) -> String {
        match &self.way {
            Way::Kept { .. } => "piper, kept".into(),
            Way::Program { program, .. } => format!("piper {}", program.path().display()),
            Way::Server(_) => "piper server".into(),
        }
    }
}

fn failed(error: &dyn std::fmt::Display) -> TtsError {
    TtsError::Failed { reason: error.to_string() }
}

fn installed(folder: &Path) -> Result<Vec<Installed>, TtsError> {
    let refuse = |reason: String| TtsError::Failed {
        reason: format!("the piper voices in {}: {reason}", folder.display()),
    };
    let mut voices = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| refuse(error.to_string()))? {
        let model = entry.map_err(|error| refuse(error.to_string()))?.path();
        let Some(name) = model.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".onnx"))
        else {
            continue;
        };
        let described = folder.join(format!("{name}.onnx.json"));
        let text = std::fs::read_to_string(&described)
            .map_err(|error| refuse(format!("{}: {error}", described.display())))?;
        let description: Description = serde_json::from_str(&text)
            .map_err(|error| refuse(format!("{}: {error}", described.display())))?;
        voices.push(Installed {
            name: name.into(),
            rate: description.audio.sample_rate,
            model: model.clone(),
        });
    }
    if voices.is_empty() {
        return Err(refuse("there is none; a voice is NAME.onnx with NAME.onnx.json beside it".into()));
    }
    voices.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(voices)
}

/// The voice asked for by name, or the first one of the whole tag, or of the language.
fn choose<'v>(voices: &'v [Installed], wanted: &Voice) -> Result<&'v Installed, TtsError> {
    let tag = wanted.language.replace('-', "_").to_ascii_lowercase();
    let language = tag.split('_').next().unwrap_or_default();
    let begins = |voice: &&Installed, prefix: &str| {
        let name = voice.name.to_ascii_lowercase();
        name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['-', '_']))
    };
    let found = match &wanted.voice {
        Some(name) => voices.iter().find(|voice| voice.name == *name),
        None => voices
            .iter()
            .find(|voice| begins(voice, &tag))
            .or_else(|| voices.iter().find(|voice| begins(voice, language))),
    };
    found.ok_or_else(|| TtsError::NoVoice {
        voice: wanted.voice.clone().unwrap_or_else(|| wanted.language.clone()),
        reason: format!(
            "piper has {}",
            voices.iter().map(|voice| voice.name.as_str()).collect::<Vec<_>>().join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::tts::{self, Synthesizer, Tts, fake};

    fn voice(name: &str) -> Installed {
        Installed { name: name.into(), model: PathBuf::new(), rate: 22_050 }
    }

    fn wanted(language: &str, name: Option<&str>) -> Voice {
        Voice { language: language.into(), voice: name.map(str::to_owned) }
    }

    #[test]
    fn a_voice_is_found_by_name_by_tag_and_by_language() {
        let voices = [voice("en_GB-alan-low"), voice("en_US-amy-low"), voice("id_ID-news_tts-medium")];
        let chosen = |l: &str, n: Option<&str>| choose(&voices, &wanted(l, n)).map(|v| v.name.clone());
        assert_eq!(chosen("en-US", None).expect("a voice"), "en_US-amy-low");
        assert_eq!(chosen("en-AU", None).expect("a voice"), "en_GB-alan-low");
        assert_eq!(chosen("id", None).expect("a voice"), "id_ID-news_tts-medium");
        assert_eq!(chosen("id", Some("en_US-amy-low")).expect("a voice"), "en_US-amy-low");
        let error = chosen("fr", None).expect_err("none").to_string();
        assert!(error.contains("id_ID-news_tts-medium"), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_speaks_like_piper_is_heard_at_eight_kilohertz() {
        let folder = tempfile::tempdir().expect("a folder");
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writable");
        write("en_US-x-low.onnx", "");
        write("en_US-x-low.onnx.json", r#"{"audio":{"sample_rate":16000}}"#);
        // Half a second of a square wave at 16 kHz, whatever the text.
        let script = folder.path().join("piper");
        std::fs::write(
            &script,
            "#!/bin/sh\ncat >/dev/null\nfor i in $(seq 1000); do printf '\\0\\20\\0\\20\\0\\20\\0\\20\\0\\360\\0\\360\\0\\360\\0\\360'; done\n",
        )
        .expect("writable");
        let mut permissions = std::fs::metadata(&script).expect("there").permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        std::fs::set_permissions(&script, permissions).expect("allowed");
        let piper = Piper::program(script, folder.path()).expect("a voice");
        let samples = piper.render("hello", &wanted("en-US", None)).await.expect("speech");
        assert!((3_900..4_100).contains(&samples.len()), "{}", samples.len());
    }

    /// Speaks the protocol of a kept voice; every other sentence kills it (SIGKILL) before it has answered.
    const DYING: &str = r#"#!/usr/bin/env python3
import json, os, signal, sys
out, starts = sys.stdout.buffer, os.path.join(sys.argv[4], "starts")
with open(starts, "a") as file: file.write("x")
out.write(b'{"ready": true}\n'); out.flush()
for line in sys.stdin:
    asked = json.loads(line)
    with open(starts + ".asked", "a") as file: file.write("x")
    if os.path.getsize(starts + ".asked") % 2: os.kill(os.getpid(), signal.SIGKILL)
    head = {"id": asked["id"], "rate": 16000, "samples": 16000}
    out.write(json.dumps(head).encode() + b"\n" + b"\0\20\0\360" * 8000); out.flush()
"#;

    #[tokio::test]
    async fn a_voice_that_is_killed_in_every_other_of_twenty_calls_leaves_no_call_without_its_sentence() {
        let folder = tempfile::tempdir().expect("a folder");
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writable");
        write("en_US-x-low.onnx", "");
        write("en_US-x-low.onnx.json", r#"{"audio":{"sample_rate":16000}}"#);
        let python = folder.path().join("python/bin/python");
        std::fs::create_dir_all(python.parent().expect("a folder")).expect("writable");
        write("python/bin/python", DYING);
        let mut permissions = std::fs::metadata(&python).expect("there").permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        std::fs::set_permissions(&python, permissions).expect("allowed");
        let fake = fake::Fake::default();
        let tts = Tts::new(tts::Options {
            synthesizer: Synthesizer::Piper(Piper::in_folder(None, folder.path(), 1).expect("a voice")),
            fallback: Some(Synthesizer::Fake(fake.clone())),
            ..tts::Options::default()
        });
        let calls = (1..=20).map(|call| {
            let tts = tts.clone();
            async move { tts.say(&format!("Here is sentence {call}."), "en", None).await }
        });
        let spoken = futures_util::future::join_all(calls).await;
        assert!(spoken.iter().all(Result::is_ok), "{spoken:?}");
        let starts = std::fs::read_to_string(folder.path().join("starts")).expect("it ran").len();
        assert!(starts >= 2 && fake.rendered() >= 1, "{starts} starts, {} by the other", fake.rendered());
    }

    #[test]
    fn a_folder_without_voices_says_what_a_voice_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = Piper::program("piper".into(), folder.path()).expect_err("none").to_string();
        assert!(error.contains(".onnx.json"), "{error}");
    }
}
