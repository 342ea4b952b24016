//! A recogniser that says what it was told to, for tests of what comes after recognition.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Request, SttError, Transcript, duration_ms};

/// Answers in the order given; after the last one nothing is understood any more.
#[derive(Clone, Debug, Default)]
pub struct Scripted(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Result<String, SttError>>,
    heard_ms: Vec<u64>,
}

impl Scripted {
    /// A recogniser with these answers.
    pub fn new(answers: impl IntoIterator<Item = Result<String, SttError>>) -> Self {
        let script = Script { answers: answers.into_iter().collect(), heard_ms: Vec::new() };
        Self(Arc::new(Mutex::new(script)))
    }

    /// Lengths of the utterances so far, in ms.
    #[must_use]
    pub fn heard(&self) -> Vec<u64> {
        self.script().heard_ms.clone()
    }

    pub(super) fn transcribe(&self, request: &Request) -> Result<Transcript, SttError> {
        let mut script = self.script();
        script.heard_ms.push(duration_ms(&request.audio));
        match script.answers.pop_front() {
            Some(Ok(text)) => Ok(Transcript { text, confidence: 1.0, no_speech: 0.0, took_ms: 0 }),
            Some(Err(error)) => Err(error),
            None => Ok(Transcript::nothing_said()),
        }
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
