//! Makes a callee's sound ready: files read, texts spoken, tones drawn, before anything rings.

use std::path::Path;
use std::sync::Arc;

use callcore::audio::frame::ms_to_samples;
use callcore::audio::level;
use callcore::audio::tone::{dtmf_pair, sit, tone};

use super::cough::cough;
use super::echo::EchoPath;
use super::model::{CalleeFile, Country, Fax, Speech, Step};
use super::music::music;
use super::values::Level;
use crate::speech::file::{self, FileError};
use crate::speech::tts::{Tts, TtsError};

/// Loudness of tones where a step names none, in dBFS.
const TONE_DBFS: f32 = -18.0;
/// From one key to the next, in milliseconds.
const KEY_MS: u64 = 250;
/// How long a key sounds: more than the 40 ms that a receiver needs (ITU-T Q.24).
const KEY_TONE_MS: u64 = 100;
/// Quieter samples at either end of a sound do not count as its begin or end (about -50 dBFS).
const EDGE_LEVEL: u16 = 100;

/// Why a callee cannot take a call.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("cannot speak `{text}`: {source}")]
    Speech { text: String, source: TtsError },
}

/// What a sound is, for the timeline of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoundKind {
    Speech,
    Recording,
    Cough,
    Music,
    Beep,
    Sit,
    Fax,
    Ringback,
}

/// One piece of audio, and where in it the sound begins and ends.
#[derive(Clone, Debug)]
pub struct Sound {
    pub kind: SoundKind,
    pub samples: Arc<[i16]>,
    pub first: usize,
    /// One past the last sample that sounds.
    pub end: usize,
}

impl Sound {
    fn new(kind: SoundKind, samples: Arc<[i16]>) -> Self {
        let sounds = |s: &i16| s.unsigned_abs() > EDGE_LEVEL;
        let first = samples.iter().position(sounds).unwrap_or(0);
        let end = samples.iter().rposition(sounds).map_or(samples.len(), |last| last + 1);
        Self { kind, samples, first, end }
    }
}

/// A step that can be performed without waiting for anything but the call itself.
#[derive(Clone, Debug)]
pub enum ReadyStep {
    Sound(Sound),
    /// In samples.
    Silence(usize),
    /// A key, and the tone pair that is heard with it (ITU-T Q.23; RFC 4733 carries the event beside it).
    Key {
        key: char,
        tone: Arc<[i16]>,
    },
    WaitForBot {
        /// How long it must have spoken.
        spoken_ms: u64,
        timeout_ms: u64,
    },
    WaitUntilBotStops {
        silence_ms: u64,
        timeout_ms: u64,
    },
    HangUp,
}

/// A callee ready to take a call.
#[derive(Debug)]
pub struct Prepared {
    pub steps: Vec<ReadyStep>,
    pub noise_dbfs: Option<f32>,
    /// As it is at the beginning of a call.
    pub echo: Option<EchoPath>,
    pub cap_ms: u64,
}

/// Makes every step of `file` ready; `folder` is where its audio files are looked up.
///
/// # Errors
/// When an audio file cannot be read or a text not be spoken.
pub async fn prepare(file: &CalleeFile, folder: &Path, tts: &Tts) -> Result<Prepared, PrepareError> {
    let mut steps = Vec::new();
    for step in &file.script {
        match step {
            Step::Play(recording) => {
                let samples = file::load(folder.join(&recording.file)).await?;
                let samples = at_level(samples, recording.level);
                steps.push(ReadyStep::Sound(Sound::new(SoundKind::Recording, samples)));
            }
            Step::Speak(speech) => steps.push(speak(speech, file, tts).await?),
            Step::Cough => steps.push(drawn(SoundKind::Cough, cough())),
            Step::Music(length) => steps.push(drawn(SoundKind::Music, music(length.0))),
            Step::Beep(beep) => {
                let level = beep.level.map_or(TONE_DBFS, |l| l.0);
                steps.push(drawn(SoundKind::Beep, tone(&beep.hz.0, beep.length.0, level)));
            }
            Step::Sit => steps.push(drawn(SoundKind::Sit, sit(TONE_DBFS))),
            Step::Fax(Fax::Answer(length)) => {
                steps.push(drawn(SoundKind::Fax, tone(&[2100.0], length.0, TONE_DBFS)));
            }
            Step::Fax(Fax::Calling(length)) => {
                steps.push(drawn(SoundKind::Fax, cadence(&[1100.0], &[500, 3_000], length.0)));
            }
            Step::Ringback(ringback) => {
                let (hz, pattern): (&[f32], &[u64]) = match ringback.country {
                    Country::UnitedStates => (&[440.0, 480.0], &[2_000, 4_000]),
                    Country::UnitedKingdom => (&[400.0, 450.0], &[400, 200, 400, 2_000]),
                    Country::Europe => (&[425.0], &[1_000, 4_000]),
                };
                steps.push(drawn(SoundKind::Ringback, cadence(hz, pattern, ringback.length.0)));
            }
            Step::Silence(length) => steps.push(ReadyStep::Silence(ms_to_samples(length.0))),
            Step::Dtmf(keys) => {
                for key in keys.0.chars() {
                    let pair = dtmf_pair(key).unwrap_or_default();
                    let tone = tone(&pair, KEY_TONE_MS, TONE_DBFS).into();
                    steps.push(ReadyStep::Key { key, tone });
                    steps.push(ReadyStep::Silence(ms_to_samples(KEY_MS - KEY_TONE_MS)));
                }
            }
            Step::WaitForBot(wait) => {
                steps.push(ReadyStep::WaitForBot { spoken_ms: 0, timeout_ms: wait.timeout.0 });
            }
            Step::WaitUntilBotStops(wait) => steps.push(ReadyStep::WaitUntilBotStops {
                silence_ms: wait.silence.0,
                timeout_ms: wait.timeout.0,
            }),
            Step::TalkOver(talk) => {
                steps.push(ReadyStep::WaitForBot { spoken_ms: talk.after.0, timeout_ms: talk.timeout.0 });
                steps.push(speak(&talk.speak, file, tts).await?);
            }
            Step::HangUp => steps.push(ReadyStep::HangUp),
        }
    }
    let echo = file.echo.map(|echo| EchoPath::new(echo.delay.0, echo.loss.0));
    Ok(Prepared { steps, noise_dbfs: file.noise.0, echo, cap_ms: file.cap.0 })
}

async fn speak(speech: &Speech, file: &CalleeFile, tts: &Tts) -> Result<ReadyStep, PrepareError> {
    let language = speech.language.as_deref().unwrap_or(&file.language);
    let voice = speech.voice.as_deref().or(file.voice.as_deref());
    let samples = tts
        .say(&speech.text, language, voice)
        .await
        .map_err(|source| PrepareError::Speech { text: speech.text.clone(), source })?;
    Ok(ReadyStep::Sound(Sound::new(SoundKind::Speech, at_level(samples, speech.level))))
}

fn at_level(samples: Arc<[i16]>, level: Option<Level>) -> Arc<[i16]> {
    match level {
        None => samples,
        Some(Level(dbfs)) => {
            let mut louder = samples.to_vec();
            level::normalise(&mut louder, dbfs);
            louder.into()
        }
    }
}

/// A tone sounds from its first sample to its last, ramps included.
fn drawn(kind: SoundKind, samples: Vec<i16>) -> ReadyStep {
    ReadyStep::Sound(Sound { kind, first: 0, end: samples.len(), samples: samples.into() })
}

/// `pattern` is milliseconds on, off, on, off; repeated until `length_ms`.
fn cadence(hz: &[f32], pattern: &[u64], length_ms: u64) -> Vec<i16> {
    let length = ms_to_samples(length_ms);
    let mut samples = Vec::with_capacity(length);
    for (n, ms) in pattern.iter().cycle().enumerate() {
        if samples.len() >= length {
            break;
        }
        if n % 2 == 0 {
            samples.extend(tone(hz, *ms, TONE_DBFS));
        } else {
            samples.resize(samples.len() + ms_to_samples(*ms), 0);
        }
    }
    samples.truncate(length);
    samples
}
