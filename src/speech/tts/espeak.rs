//! espeak-ng as a subprocess: text in by stdin, a WAV out by stdout.

use std::path::PathBuf;

use super::engine::{TtsError, Voice};
use super::program::{Program, complaint};

const ADVICE: &str = "install the Debian package espeak-ng (apt-get install espeak-ng)";

/// Runs espeak-ng; clones share the limit of processes at once.
#[derive(Clone, Debug)]
pub struct Espeak {
    program: Program,
    /// Speed in words per minute (80 to 450).
    pub words_per_minute: u16,
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
        Self { program: Program::new(program, ADVICE, 4), words_per_minute: 165 }
    }

    /// Renders `text`; see [`super::Tts::say`].
    pub(super) async fn render(&self, text: &str, voice: &Voice) -> Result<Vec<i16>, TtsError> {
        let name = voice_name(voice)?;
        let speed = self.words_per_minute.to_string();
        let args = ["--stdin", "--stdout", "-z", "-b", "1", "-s", &speed, "-v", &name];
        // Double brackets would switch espeak-ng to phoneme codes.
        let output = self.program.run(args, &text.replace("[[", "[ [")).await?;
        if !output.status.success() {
            let reason = complaint(&output.stderr);
            return Err(if reason.contains("voice does not exist") {
                TtsError::NoVoice { voice: name, reason: "espeak-ng --voices lists those there are".into() }
            } else {
                TtsError::Failed { reason }
            });
        }
        super::engine::answered(output.stdout).await
    }
}

impl Espeak {
    /// Whether there is such a voice. A variant that does not exist would be passed over in silence.
    pub(super) async fn check(&self, voice: &Voice) -> Result<(), TtsError> {
        self.render("a", &Voice { voice: None, ..voice.clone() }).await?;
        let Some(variant) = &voice.voice else { return Ok(()) };
        voice_name(voice)?;
        let listed = self.program.run(["--voices=variant"], "").await?;
        let listed = String::from_utf8_lossy(&listed.stdout);
        let known = listed.split_whitespace().filter_map(|word| word.strip_prefix("!v/"));
        if known.into_iter().any(|name| name.eq_ignore_ascii_case(variant)) {
            return Ok(());
        }
        Err(TtsError::NoVoice {
            voice: variant.clone(),
            reason: "espeak-ng --voices=variant lists those there are".into(),
        })
    }
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
    async fn a_sentence_is_spoken_and_an_unknown_language_is_not() {
        let espeak = Espeak::default();
        match espeak.render("Hello, who is there? [[x]]", &voice("en-US", Some("f2"))).await {
            Err(TtsError::Missing { .. }) => println!("espeak-ng is not installed: not tried"),
            Err(error) => panic!("{error}"),
            Ok(samples) => {
                assert!((8_000..40_000).contains(&samples.len()), "{}", samples.len());
                let error = espeak.render("hello", &voice("xx-YY", None)).await.expect_err("no voice");
                assert!(error.to_string().contains("xx-yy"), "{error}");
            }
        }
    }

    #[tokio::test]
    async fn a_voice_that_does_not_exist_is_found_out_before_a_call() {
        let espeak = Espeak::default();
        let checked = espeak.check(&voice("id-ID", Some("f2"))).await;
        if matches!(checked, Err(TtsError::Missing { .. })) {
            println!("espeak-ng is not installed: not tried");
            return;
        }
        checked.expect("a voice");
        let error = espeak.check(&voice("en", Some("nobody"))).await.expect_err("none").to_string();
        assert!(error.contains("nobody") && error.contains("--voices=variant"), "{error}");
        assert!(espeak.check(&voice("xx", None)).await.is_err());
    }
}
