//! A recogniser that says what it was told to, for tests of what comes after recognition.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::request::{Request, Urgency, duration_ms};
use super::transcript::{SttError, Transcript};

/// Answers finished utterances in the order given; after the last answer nothing is understood any more. An
/// utterance that still grows is answered with as many words of the next answer as half a second each has room for.
#[derive(Clone, Debug, Default)]
pub struct Scripted(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Answer>,
    heard_ms: Vec<u64>,
    interims: usize,
    expected: Vec<Arc<[String]>>,
    languages: Vec<Option<String>>,
}

#[derive(Clone, Debug)]
enum Answer {
    Given(Result<String, SttError>),
    Never,
}

impl Scripted {
    /// A recogniser with these answers.
    pub fn new(answers: impl IntoIterator<Item = Result<String, SttError>>) -> Self {
        let answers = answers.into_iter().map(Answer::Given).collect();
        Self(Arc::new(Mutex::new(Script { answers, ..Script::default() })))
    }

    /// The next utterance after those that have answers is never answered.
    #[must_use]
    pub fn then_stalls(self) -> Self {
        self.script().answers.push_back(Answer::Never);
        self
    }

    /// Lengths of the finished utterances so far, in ms.
    #[must_use]
    pub fn heard(&self) -> Vec<u64> {
        self.script().heard_ms.clone()
    }

    /// How often it was asked about an utterance that still grew.
    #[must_use]
    pub fn interims(&self) -> usize {
        self.script().interims
    }

    /// What was expected with each finished utterance.
    #[must_use]
    pub fn expected(&self) -> Vec<Arc<[String]>> {
        self.script().expected.clone()
    }

    /// The language asked for with each finished utterance.
    #[must_use]
    pub fn languages(&self) -> Vec<Option<String>> {
        self.script().languages.clone()
    }

    pub(super) async fn transcribe(&self, request: &Request) -> Result<Transcript, SttError> {
        match self.answer(request) {
            Answer::Given(answer) => answer.map(transcript),
            Answer::Never => {
                tokio::time::sleep(request.patience).await;
                Err(request.late())
            }
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        let ms = duration_ms(&request.audio);
        let mut script = self.script();
        if request.urgency == Urgency::Interim {
            script.interims += 1;
            let words = usize::try_from(ms / 500).unwrap_or(usize::MAX);
            return match script.answers.front() {
                Some(Answer::Given(Ok(text))) => {
                    let begun: Vec<&str> = text.split_whitespace().take(words).collect();
                    Answer::Given(Ok(begun.join(" ")))
                }
                Some(other) => other.clone(),
                None => Answer::Given(Ok(String::new())),
            };
        }
        script.heard_ms.push(ms);
        script.expected.push(Arc::clone(&request.expected));
        script.languages.push(request.language.clone());
        script.answers.pop_front().unwrap_or_else(|| Answer::Given(Ok(String::new())))
    }

    fn script(&self) -> parking_lot::MutexGuard<'_, Script> {
        self.0.lock()
    }
}

fn transcript(text: String) -> Transcript {
    if text.is_empty() {
        return Transcript::nothing_said();
    }
    Transcript { text, confidence: 1.0, no_speech: 0.0, took_ms: 0, weighed: None }
}
