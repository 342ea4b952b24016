//! espeak-ng as a subprocess: text in by stdin, a WAV out by stdout.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use callcore::audio::{level, wav};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use super::{SPEECH_DBFS, TtsError, Voice};

/// Samples quieter than this at either end are cut off (about -54 dBFS).
const EDGE_LEVEL: u16 = 64;
/// What stays of the silence at either end, in samples (20 ms).
const EDGE_SAMPLES: usize = 160;

/// Runs espeak-ng; clones share the limit of processes at once.
#[derive(Clone, Debug)]
pub struct Espeak {
    /// The program, looked up in `PATH` when it is a bare name.
    pub program: PathBuf,
    /// How long one text may take before the process is killed.
    pub timeout: Duration,
    /// Speed in words per minute (80 to 450).
    pub words_per_minute: u16,
    running: Arc<Semaphore>,
}

impl Default for Espeak {
    fn default() -> Self {
        Self::new("espeak-ng".into())
    }
}

impl Espeak {
    /// Runs `program` in place of the `espeak-ng` of the system.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            timeout: Duration::from_secs(20),
            words_per_minute: 165,
            running: Arc::new(Semaphore::new(4)),
        }
    }

    /// Renders `text`; see [`super::Tts::say`].
    pub(super) async fn render(&self, text: &str, voice: &Voice) -> Result<Vec<i16>, TtsError> {
        let name = voice_name(voice)?;
        let failed = |reason: String| TtsError::Failed { reason };
        let _turn = self.running.acquire().await.map_err(|e| failed(e.to_string()))?;
        let child = self.spawn(&name)?;
        let Ok(output) = tokio::time::timeout(self.timeout, exchange(child, text)).await else {
            return Err(TtsError::Timeout { seconds: self.timeout.as_secs() });
        };
        let output = output.map_err(|e| failed(e.to_string()))?;
        if !output.status.success() {
            let reason = first_line(&output.stderr);
            return Err(if reason.contains("voice does not exist") {
                TtsError::NoVoice { voice: name, reason: "espeak-ng --voices lists those there are".into() }
            } else {
                failed(reason)
            });
        }
        tokio::task::spawn_blocking(move || finish(&output.stdout))
            .await
            .map_err(|e| failed(e.to_string()))?
    }

    fn spawn(&self, voice: &str) -> Result<Child, TtsError> {
        Command::new(&self.program)
            .args(["--stdin", "--stdout", "-z", "-b", "1", "-s"])
            .arg(self.words_per_minute.to_string())
            .args(["-v", voice])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                let program = self.program.display();
                if error.kind() == std::io::ErrorKind::NotFound {
                    TtsError::Missing { program: program.to_string() }
                } else {
                    TtsError::Failed { reason: format!("cannot start {program}: {error}") }
                }
            })
    }
}

/// Writes while it reads: a long text and a long answer cannot block each other.
async fn exchange(mut child: Child, text: &str) -> std::io::Result<Output> {
    let stdin = child.stdin.take();
    // Double brackets would switch espeak-ng to phoneme codes.
    let text = text.replace("[[", "[ [");
    let write = async move {
        if let Some(mut stdin) = stdin {
            // A program that ends early closes the pipe; its exit status tells why.
            if let Err(error) = stdin.write_all(text.as_bytes()).await {
                tracing::debug!(%error, "the speech synthesiser did not read the whole text");
            }
        }
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    output
}

/// `en-US` with voice `f2` is `en-us+f2`. Only letters, digits and dashes pass: the name becomes a path
/// inside espeak-ng.
fn voice_name(voice: &Voice) -> Result<String, TtsError> {
    let safe = |s: &str| {
        (1..=40).contains(&s.len())
            && s.starts_with(|c: char| c.is_ascii_alphabetic())
            && s.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    let language = voice.language.replace('_', "-").to_ascii_lowercase();
    let refuse = |name: &str| TtsError::NoVoice {
        voice: name.to_owned(),
        reason: "give a language tag such as en-US and a voice such as f2".into(),
    };
    if !safe(&language) {
        return Err(refuse(&voice.language));
    }
    match &voice.voice {
        None => Ok(language),
        Some(name) if safe(name) => Ok(format!("{language}+{name}")),
        Some(name) => Err(refuse(name)),
    }
}

fn finish(wav_bytes: &[u8]) -> Result<Vec<i16>, TtsError> {
    let samples = match wav::read_8k(wav_bytes) {
        Ok(samples) => samples,
        Err(wav::WavError::Empty) => return Err(TtsError::Empty),
        Err(error) => return Err(TtsError::Failed { reason: error.to_string() }),
    };
    let loud = |s: &i16| s.unsigned_abs() > EDGE_LEVEL;
    let (Some(first), Some(last)) = (samples.iter().position(loud), samples.iter().rposition(loud)) else {
        return Err(TtsError::Empty);
    };
    let end = (last + EDGE_SAMPLES).min(samples.len());
    let mut kept = samples[first.saturating_sub(EDGE_SAMPLES)..end].to_vec();
    level::normalise(&mut kept, SPEECH_DBFS);
    Ok(kept)
}

fn first_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(language: &str, name: Option<&str>) -> Voice {
        Voice { language: language.into(), voice: name.map(str::to_owned) }
    }

    #[test]
    fn language_tags_become_voices_and_nothing_else_passes() {
        assert_eq!(voice_name(&voice("en_US", Some("f2"))).expect("a voice"), "en-us+f2");
        assert_eq!(voice_name(&voice("id-ID", None)).expect("a voice"), "id-id");
        for (language, name) in
            [("", None), ("../etc", None), ("-h", None), ("en", Some("a/b")), ("en", Some("--help"))]
        {
            assert!(voice_name(&voice(language, name)).is_err(), "{language} {name:?}");
        }
    }

    #[tokio::test]
    async fn a_missing_program_names_the_package_to_install() {
        let espeak = Espeak::new("/nowhere/espeak-ng".into());
        let error = espeak.render("hello", &voice("en", None)).await.expect_err("missing").to_string();
        assert!(error.contains("apt-get install espeak-ng"), "{error}");
    }

    #[tokio::test]
    async fn a_sentence_is_spoken_at_the_common_level() {
        let espeak = Espeak::default();
        match espeak.render("Hello, who is there? [[x]]", &voice("en-US", Some("f2"))).await {
            Err(TtsError::Missing { .. }) => println!("espeak-ng is not installed: not tried"),
            Err(error) => panic!("{error}"),
            Ok(samples) => {
                assert!((8_000..40_000).contains(&samples.len()), "{}", samples.len());
                assert!((level::rms_dbfs(&samples) - SPEECH_DBFS).abs() < 1.5);
                let error = espeak.render("hello", &voice("xx-YY", None)).await.expect_err("no voice");
                assert!(error.to_string().contains("xx-yy"), "{error}");
            }
        }
    }
}
