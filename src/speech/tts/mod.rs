//! Text to speech: voices of several engines, each text rendered once and kept.

pub mod cache;
mod disk_cache;
mod engine;
pub mod espeak;
pub mod fake;
mod finish;
pub mod kokoro;
pub mod openai;
pub mod piper;
mod program;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use callcore::audio::frame::samples_to_ms;
use callcore::language::speakable;

use self::cache::Cache;
pub use self::engine::{MAX_CHARACTERS, SPEECH_DBFS, TtsError, Voice};
use self::espeak::Espeak;
pub use self::finish::Loudness;

/// Who turns text into samples.
#[derive(Clone, Debug)]
pub enum Synthesizer {
    Espeak(Espeak),
    Piper(piper::Piper),
    Kokoro(kokoro::Kokoro),
    OpenAi(openai::OpenAi),
    /// Deterministic sound of the right length, for tests.
    Fake(fake::Fake),
}

impl Synthesizer {
    async fn render(&self, text: &str, voice: &Voice) -> Result<Vec<i16>, TtsError> {
        match self {
            Self::Espeak(espeak) => espeak.render(text, voice).await,
            Self::Piper(piper) => piper.render(text, voice).await,
            Self::Kokoro(kokoro) => kokoro.render(text, voice).await,
            Self::OpenAi(service) => service.render(text, voice).await,
            Self::Fake(fake) => Ok(fake.render(text)),
        }
    }

    /// Whether it has such a voice, as far as it can be known without speaking.
    async fn check(&self, voice: &Voice) -> Result<(), TtsError> {
        match self {
            Self::Espeak(espeak) => espeak.check(voice).await,
            Self::Piper(piper) => piper.check(voice),
            Self::Kokoro(kokoro) => kokoro.check(voice),
            Self::OpenAi(_) | Self::Fake(_) => Ok(()),
        }
    }

    /// The engine, as settings name it.
    const fn engine(&self) -> &'static str {
        match self {
            Self::Espeak(_) => "espeak",
            Self::Piper(_) => "piper",
            Self::Kokoro(_) => "kokoro",
            Self::OpenAi(_) => "openai",
            Self::Fake(_) => "fake",
        }
    }

    /// The name of the voice that it takes, where it tells.
    fn chosen(&self, wanted: &Voice) -> Option<String> {
        match self {
            Self::Piper(piper) => piper.chosen(wanted),
            Self::Kokoro(kokoro) => kokoro.chosen(wanted),
            Self::Espeak(_) | Self::OpenAi(_) | Self::Fake(_) => wanted.voice.clone(),
        }
    }

    /// Part of the cache key: audio of one synthesiser is never taken for another's.
    fn name(&self) -> String {
        match self {
            Self::Espeak(_) => "espeak-ng".into(),
            Self::Piper(piper) => piper.name(),
            Self::Kokoro(kokoro) => kokoro.name(),
            Self::OpenAi(service) => service.name(),
            Self::Fake(_) => "fake".into(),
        }
    }
}

/// Who speaks a text.
#[derive(Debug)]
pub struct Speaker {
    pub engine: &'static str,
    /// `None`: its usual one.
    pub voice: Option<String>,
    /// Why it is not the engine that was chosen.
    pub instead: Option<TtsError>,
}

/// How speech is made and kept.
#[derive(Clone, Debug)]
pub struct Options {
    pub synthesizer: Synthesizer,
    /// Speaks what the first one cannot: it is away, or has no voice for the language.
    pub fallback: Option<Synthesizer>,
    pub loudness: Loudness,
    /// Rendered audio is kept here between runs; `None` keeps it in memory only.
    pub cache_folder: Option<PathBuf>,
    /// Limit of the audio kept in memory, in bytes.
    pub memory_bytes: usize,
    /// Limit of the audio kept on disk, in bytes.
    pub disk_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            synthesizer: Synthesizer::Espeak(Espeak::default()),
            fallback: None,
            loudness: Loudness::Rms(SPEECH_DBFS),
            cache_folder: None,
            memory_bytes: 64 * 1024 * 1024,
            disk_bytes: 256 * 1024 * 1024,
        }
    }
}

/// Speaks; cheap to clone, clones share the cache.
#[derive(Clone, Debug)]
pub struct Tts {
    synthesizer: Synthesizer,
    fallback: Option<Synthesizer>,
    loudness: Loudness,
    cache: Arc<Cache>,
    pace: Arc<Pace>,
}

/// What the chosen engine took for what it spoke.
#[derive(Debug, Default)]
struct Pace {
    took_ms: AtomicU64,
    speech_ms: AtomicU64,
    /// It kept a callee waiting, and has spoken nothing since.
    is_overdue: AtomicBool,
}

/// For what is kept already, and nothing else.
const AT_HAND: Duration = Duration::from_millis(250);

impl Tts {
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            synthesizer: options.synthesizer,
            fallback: options.fallback,
            loudness: options.loudness,
            cache: Arc::new(Cache::new(options.cache_folder, options.memory_bytes, options.disk_bytes)),
            pace: Arc::default(),
        }
    }

    /// The samples of `text`, 8 kHz mono, its figures and signs said as its language does, all equally loud, without silence at either end. The same text is rendered
    /// once, also when asked for many times at once.
    ///
    /// # Errors
    /// When the text is empty or too long, or neither the synthesiser nor its fallback can speak it.
    pub async fn say(&self, text: &str, language: &str, voice: Option<&str>) -> Result<Arc<[i16]>, TtsError> {
        self.speak(text, language, voice, true).await
    }

    /// The same of a text that must leave no trace in the cache.
    ///
    /// # Errors
    /// As [`Self::say`].
    pub async fn say_unkept(
        &self,
        text: &str,
        language: &str,
        voice: Option<&str>,
    ) -> Result<Arc<[i16]>, TtsError> {
        self.speak(text, language, voice, false).await
    }

    /// The same as [`Self::say`], or as [`Self::say_unkept`] where `keep` is false, for somebody who waits: what the chosen engine has
    /// not made within `patience`, the fallback speaks, and what comes behind it, too, until the engine has spoken again. The
    /// engine goes on with it: what is kept will be there next time.
    ///
    /// # Errors
    /// As [`Self::say`].
    pub async fn say_within(
        &self,
        text: &str,
        language: &str,
        voice: Option<&str>,
        keep: bool,
        patience: Duration,
    ) -> Result<Arc<[i16]>, TtsError> {
        let Some(fallback) = &self.fallback else { return self.speak(text, language, voice, keep).await };
        let is_overdue = self.pace.is_overdue.load(Ordering::Relaxed);
        let patience = if is_overdue { patience.min(AT_HAND) } else { patience };
        let wanted = Voice { language: language.to_owned(), voice: voice.map(str::to_owned) };
        let (own, said, asked) = (self.clone(), text.to_owned(), wanted.clone());
        // A task of its own: giving up half an answer would end the engine's process.
        let mut made =
            tokio::spawn(
                async move { own.speak(&said, &asked.language, asked.voice.as_deref(), keep).await },
            );
        let result = |joined: Result<_, tokio::task::JoinError>| {
            joined.unwrap_or_else(|error| Err(TtsError::Failed { reason: error.to_string() }))
        };
        if let Ok(joined) = tokio::time::timeout(patience, &mut made).await {
            return result(joined);
        }
        if !self.pace.is_overdue.swap(true, Ordering::Relaxed) {
            let waited_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(waited_ms, "the first voice is late; another one speaks until it has caught up");
        }
        let any = Voice { voice: None, ..wanted };
        match self.render(fallback, &speakable(text, language), &any, keep).await {
            Ok(samples) => {
                metrics::counter!("dering_tts_fallback_total").increment(1);
                Ok(samples)
            }
            Err(_) => result(made.await),
        }
    }

    /// Whether the speech of a text is kept already. It may be gone by the time it is wanted.
    pub async fn is_made(&self, text: &str, language: &str, voice: Option<&str>) -> bool {
        let wanted = Voice { language: language.to_owned(), voice: voice.map(str::to_owned) };
        let is_spoken = self.synthesizer.check(&wanted).await.is_ok();
        let (by, wanted) = match &self.fallback {
            Some(fallback) if !is_spoken => (fallback, Voice { voice: None, ..wanted }),
            _ => (&self.synthesizer, wanted),
        };
        let text = speakable(text, language);
        text.is_empty()
            || self.cache.has(cache::Key::of(&by.name(), &self.loudness.name(), &wanted, &text)).await
    }

    async fn speak(
        &self,
        text: &str,
        language: &str,
        voice: Option<&str>,
        keep: bool,
    ) -> Result<Arc<[i16]>, TtsError> {
        let text = speakable(text, language);
        if text.is_empty() {
            return Err(TtsError::Empty);
        }
        let length = text.chars().count();
        if length > MAX_CHARACTERS {
            return Err(TtsError::TooLong { length });
        }
        let wanted = Voice { language: language.to_owned(), voice: voice.map(str::to_owned) };
        match (self.render(&self.synthesizer, &text, &wanted, keep).await, &self.fallback) {
            (Ok(samples), _) => Ok(samples),
            (Err(TtsError::Empty), _) => Err(TtsError::Empty),
            (Err(error), None) => Err(error),
            (Err(error), Some(fallback)) => {
                tracing::warn!(%error, "the first voice cannot speak; another one does");
                metrics::counter!("dering_tts_fallback_total").increment(1);
                // The name of a voice means nothing to another engine.
                let any = Voice { voice: None, ..wanted };
                self.render(fallback, &text, &any, keep).await
            }
        }
    }

    /// Whether there is a voice of this name, or for this language.
    ///
    /// # Errors
    /// When there is none, or the engine is not there: a sentence for the author of the flow.
    pub async fn check(&self, language: &str, voice: Option<&str>) -> Result<(), TtsError> {
        let wanted = Voice { language: language.to_owned(), voice: voice.map(str::to_owned) };
        match (self.synthesizer.check(&wanted).await, &self.fallback) {
            (Err(error), Some(fallback)) => {
                let any = Voice { voice: None, ..wanted };
                fallback.check(&any).await.map_err(|_| error)
            }
            (checked, _) => checked,
        }
    }

    /// The engine that was chosen, as settings name it.
    #[must_use]
    pub const fn engine(&self) -> &'static str {
        self.synthesizer.engine()
    }

    /// What a second of speech took the chosen engine since the start, ms; `None` while it has spoken nothing.
    #[must_use]
    pub fn ms_per_second(&self) -> Option<u64> {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        of(&self.pace.took_ms).saturating_mul(1_000).checked_div(of(&self.pace.speech_ms))
    }

    /// Who speaks such texts.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn speaker(&self, language: &str, voice: Option<&str>) -> Result<Speaker, TtsError> {
        let wanted = Voice { language: language.to_owned(), voice: voice.map(str::to_owned) };
        let by = |one: &Synthesizer, wanted: &Voice, instead| Speaker {
            engine: one.engine(),
            voice: one.chosen(wanted),
            instead,
        };
        match (self.synthesizer.check(&wanted).await, &self.fallback) {
            (Ok(()), _) => Ok(by(&self.synthesizer, &wanted, None)),
            (Err(error), None) => Err(error),
            (Err(error), Some(fallback)) => {
                let any = Voice { voice: None, ..wanted };
                match fallback.check(&any).await {
                    Ok(()) => Ok(by(fallback, &any, Some(error))),
                    Err(_) => Err(error),
                }
            }
        }
    }

    async fn render(
        &self,
        by: &Synthesizer,
        text: &str,
        voice: &Voice,
        keep: bool,
    ) -> Result<Arc<[i16]>, TtsError> {
        let key = cache::Key::of(&by.name(), &self.loudness.name(), voice, text);
        let rendered = async {
            let begun = std::time::Instant::now();
            let samples = by.render(text, voice).await?;
            let took = begun.elapsed();
            metrics::histogram!("dering_tts_seconds").record(took.as_secs_f64());
            if by.engine() == self.synthesizer.engine() {
                self.pace.is_overdue.store(false, Ordering::Relaxed);
                let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                self.pace.took_ms.fetch_add(took_ms, Ordering::Relaxed);
                self.pace.speech_ms.fetch_add(samples_to_ms(samples.len()), Ordering::Relaxed);
            }
            finish::finish(&samples, self.loudness)
        };
        if keep { self.cache.fetch(key, rendered).await } else { rendered.await.map(Arc::from) }
    }
}

#[cfg(test)]
mod tests {
    use super::engine::answered;
    use super::*;

    #[tokio::test]
    async fn what_a_service_sends_is_held_to_bounds_before_it_is_decoded() {
        let stating = |at: usize, value: u32| {
            let mut bytes = callcore::audio::wav::write_8k(&[&[100; 8_000]]);
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            bytes
        };
        let error = answered(stating(24, 1)).await.expect_err("a rate of 1 Hz").to_string();
        assert!(error.contains("what it sent states 1 samples per second"), "{error}");
        // espeak-ng and others write into a pipe.
        assert_eq!(answered(stating(40, 0x7fff_f000)).await.expect("speech").len(), 8_000);
        let error = answered(b"<html>502</html>".to_vec()).await.expect_err("a page").to_string();
        assert!(error.contains("it is text"), "{error}");
    }

    #[tokio::test]
    async fn nothing_and_too_much_are_refused_with_a_sentence() {
        let tts =
            Tts::new(Options { synthesizer: Synthesizer::Fake(fake::Fake::default()), ..Options::default() });
        assert!(matches!(tts.say(" \n ", "en", None).await, Err(TtsError::Empty)));
        let error = tts.say(&"a".repeat(4_001), "en", None).await.expect_err("too long").to_string();
        assert!(error.contains("4001"), "{error}");
    }

    #[tokio::test]
    async fn one_text_asked_for_at_once_by_many_is_rendered_once() {
        let fake = fake::Fake::default();
        let tts = Tts::new(Options { synthesizer: Synthesizer::Fake(fake.clone()), ..Options::default() });
        let asked = (0..16).map(|_| tts.say("Good  morning", "en", None));
        let answers = futures_util::future::join_all(asked).await;
        assert!(answers.iter().all(|a| a.as_ref().is_ok_and(|s| s.len() > 4000)));
        assert_eq!(fake.rendered(), 1);
        tts.say("Good morning", "en", Some("f2")).await.expect("spoken");
        assert_eq!(fake.rendered(), 2, "another voice is another rendering");
    }

    #[tokio::test]
    async fn a_second_engine_speaks_when_the_first_cannot() {
        let fake = fake::Fake::default();
        let tts = Tts::new(Options {
            synthesizer: Synthesizer::Espeak(Espeak::new("/nowhere/espeak-ng".into())),
            fallback: Some(Synthesizer::Fake(fake.clone())),
            ..Options::default()
        });
        tts.say("Good morning", "en", Some("f2")).await.expect("spoken by the other one");
        tts.say("Good morning", "en", Some("f3")).await.expect("spoken by the other one");
        assert_eq!(fake.rendered(), 1, "the voice of the first engine is not the other one's");
    }

    #[tokio::test]
    async fn what_may_not_be_kept_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let fake = fake::Fake::default();
        let tts = Tts::new(Options {
            synthesizer: Synthesizer::Fake(fake.clone()),
            cache_folder: Some(folder.path().to_owned()),
            ..Options::default()
        });
        for _ in 0..2 {
            tts.say_unkept("Your number is 4711.", "en", None).await.expect("spoken");
        }
        assert_eq!(fake.rendered(), 2);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
