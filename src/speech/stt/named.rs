//! A recogniser of this server, and how quick it turns out to be.

use std::sync::Arc;
use std::time::Duration;

use callcore::audio::frame::{ms_to_samples, samples_to_ms};

use super::recognizer::Recognizer;
use super::request::Request;
use super::speed::Speed;
use super::transcript::SttError;

/// A trial that has no answer by then has failed.
const TRIAL_PATIENCE: Duration = Duration::from_secs(20);
/// One that hears only answers is tried with this much, as long as an answer.
const ANSWER_MS: u64 = 2_000;

/// A recogniser under the name that settings and dial requests give it.
#[derive(Clone, Debug)]
pub struct Named {
    pub name: String,
    pub recognizer: Recognizer,
    /// Whether it is asked for words before the callee has finished; as suits the kind of recogniser when absent.
    pub interim: Option<bool>,
    /// How quick it is here.
    pub speed: Speed,
}

impl Named {
    /// A recogniser of which nothing is known yet.
    #[must_use]
    pub fn new(name: impl Into<String>, recognizer: Recognizer, interim: Option<bool>) -> Self {
        Self { name: name.into(), recognizer, interim, speed: Speed::default() }
    }
}

/// What came of a trial.
#[derive(Debug)]
pub struct Trial {
    /// What the utterance took.
    pub took: Duration,
    /// How long it was, ms.
    pub speech_ms: u64,
    /// How long calls wait from now on.
    pub limit: Duration,
}

impl Named {
    /// Recognises `audio` to see how long it takes. What was understood is of no interest.
    ///
    /// # Errors
    /// When the recogniser cannot do it.
    pub async fn try_out(&self, audio: Arc<[i16]>) -> Result<Trial, SttError> {
        let audio = match audio.get(..ms_to_samples(ANSWER_MS)) {
            Some(answer) if self.recognizer.hears_answers_only() => answer.into(),
            _ => audio,
        };
        let speech_ms = samples_to_ms(audio.len());
        let mut took = Duration::MAX;
        // The first time costs more: memory is touched, connections are made.
        for _ in 0..2 {
            let begun = tokio::time::Instant::now();
            self.recognizer.transcribe(Request::new(Arc::clone(&audio), TRIAL_PATIENCE)).await?;
            took = took.min(begun.elapsed());
        }
        self.speed.measured(took);
        self.speed.tried(took, speech_ms);
        Ok(Trial { took, speech_ms, limit: self.speed.limit() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::stt::scripted::Scripted;
    use crate::speech::stt::speed::{LEAST, UNKNOWN};

    #[tokio::test(start_paused = true)]
    async fn a_trial_tells_how_long_calls_will_wait_and_one_that_fails_changes_nothing() {
        let audio: Arc<[i16]> = (0..8_000).map(|n| if n % 2 == 0 { 3_000 } else { -3_000 }).collect();
        let heard = Scripted::new([Ok("one".into()), Ok("two".into())]);
        let quick = Named::new("quick", Recognizer::Scripted(heard.clone()), None);
        let trial = quick.try_out(Arc::clone(&audio)).await.expect("an answer");
        assert_eq!((trial.limit, heard.heard()), (LEAST, vec![1_000, 1_000]));
        assert_eq!(quick.speed.ms_per_second(), Some(0), "in virtual time it takes none");
        let hangs = Named::new("hangs", Recognizer::Scripted(Scripted::default().then_stalls()), None);
        let begun = tokio::time::Instant::now();
        assert_eq!(hangs.try_out(audio).await.err(), Some(SttError::TooLate(20_000)));
        assert_eq!((begun.elapsed(), hangs.speed.limit()), (TRIAL_PATIENCE, UNKNOWN));
        assert_eq!(hangs.speed.ms_per_second(), None);
    }
}
