//! An utterance to be recognised, and how much its words are worth when.

use std::sync::Arc;
use std::time::Duration;

use callcore::audio::frame::{FRAME_SAMPLES, samples_to_ms};
use callcore::audio::level::rms_dbfs;
use callcore::flow::ExpectedAnswer;

use super::transcript::SttError;

/// An utterance whose loudest 20 ms stay below this, in dBFS, holds no speech and costs no work.
const SILENT_BELOW_DBFS: f32 = -50.0;
/// Longest bias that a recogniser is given, bytes; what is less telling comes later and is left out.
const MAX_PROMPT_BYTES: usize = 600;

/// One utterance to be recognised, 8 kHz mono.
#[derive(Clone, Debug)]
pub struct Request {
    pub audio: Arc<[i16]>,
    /// `id`, `en`, `en-US`; `None` leaves it to the recogniser's own default.
    pub language: Option<String>,
    /// Phrases that are likely to come, such as the choices of a menu, most telling first.
    pub expected: Arc<[String]>,
    /// Answers to weigh against each other, by a recogniser that can; the words are wanted all the same.
    pub answers: Arc<[ExpectedAnswer]>,
    /// How long the caller can wait, the time in the queue included.
    pub patience: Duration,
    /// When it is worth most, if that is before `patience` is over.
    pub in_time: Option<Duration>,
    pub urgency: Urgency,
}

/// Who goes first where recognisers are short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Urgency {
    /// The callee still speaks: nice to have, and worthless later.
    Interim,
    /// The call waits for it.
    #[default]
    Final,
}

impl Urgency {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Interim => "interim",
            Self::Final => "final",
        }
    }
}

impl Request {
    /// A finished utterance, without a language or a bias.
    pub fn new(audio: impl Into<Arc<[i16]>>, patience: Duration) -> Self {
        Self {
            audio: audio.into(),
            language: None,
            expected: Arc::default(),
            answers: Arc::default(),
            patience,
            in_time: None,
            urgency: Urgency::Final,
        }
    }

    /// What is expected as one text, for recognisers that take one.
    pub(super) fn prompt(&self) -> Option<String> {
        let mut prompt = String::new();
        for phrase in self.expected.iter().map(|phrase| phrase.trim()).filter(|phrase| !phrase.is_empty()) {
            if prompt.len() + phrase.len() > MAX_PROMPT_BYTES {
                break;
            }
            if !prompt.is_empty() {
                prompt.push_str(", ");
            }
            prompt.push_str(phrase);
        }
        (!prompt.is_empty()).then_some(prompt)
    }

    pub(super) fn late(&self) -> SttError {
        SttError::TooLate(self.patience.as_millis() as u64)
    }
}

pub(super) fn is_silent(audio: &[i16]) -> bool {
    audio.chunks(FRAME_SAMPLES).all(|frame| rms_dbfs(frame) < SILENT_BELOW_DBFS)
}

pub(super) fn duration_ms(audio: &[i16]) -> u64 {
    samples_to_ms(audio.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(audio: Vec<i16>) -> Request {
        Request::new(audio, Duration::from_secs(1))
    }

    #[test]
    fn a_bias_begins_with_the_most_telling_phrase_and_stays_short() {
        let expected: Vec<String> = std::iter::once("yes".into())
            .chain((0..1_000).map(|n| format!(" phrase {n} ")))
            .chain([String::new()])
            .collect();
        let long = Request { expected: expected.into(), ..request(vec![]) };
        let prompt = long.prompt().expect("a bias");
        assert!(prompt.starts_with("yes, phrase 0, phrase 1,"), "{prompt}");
        assert!(prompt.len() <= MAX_PROMPT_BYTES + 100, "{}", prompt.len());
        assert_eq!(request(vec![]).prompt(), None);
    }
}
