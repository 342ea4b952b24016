//! What a call says, made before it, so that nobody who answers waits for a voice.

use std::sync::Arc;
use std::time::Duration;

use callcore::flow::{Part, Run};
use callcore::language::masked;
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::flows::Stored;
use crate::session::run::speech::Speech;

/// What comes behind the first prompt holds a call up for no longer.
const REST: Duration = Duration::from_secs(5);
/// Prompts that are made at the same time.
const AT_ONCE: usize = 4;
/// Texts that are listed as missing, and characters of each.
const MOST_LISTED: usize = 20;
const LONGEST: usize = 120;

/// When a call may begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PromptsReady {
    /// When what is heard first has been made.
    #[default]
    Wait,
    /// At once; prompts are made while it rings.
    Begin,
}

/// Which of the prompts that can be made before a call are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Prompts that can be made before the call.
    pub known: usize,
    /// Those that are there.
    pub made: usize,
    /// Texts of the others, the first of them and each of them cut to a length that can be shown.
    pub missing: Vec<String>,
}

/// The prompts of a call that are known before it.
#[derive(Debug)]
pub(in crate::session) struct Prompts {
    speech: Speech,
    flow: Arc<Stored>,
    first: Vec<Part>,
    rest: Vec<Part>,
}

impl Prompts {
    /// Those of a call that begins as `run` stands.
    pub(in crate::session) fn of(speech: Speech, flow: Arc<Stored>, run: &Run) -> Self {
        let mut rest = run.known_prompts();
        let mut first = run.first_prompt();
        // Where it cannot be told, it is most likely what stands first.
        first.extend(rest.first().filter(|_| first.is_empty()).cloned());
        rest.retain(|part| !first.contains(part));
        Self { speech, flow, first, rest }
    }

    /// Makes them. Returns when the call may begin: with [`PromptsReady::Wait`] after the first prompt, for which `patience` is the longest
    /// wait, and after the others as far as they take no more than 5 s. What is not there then is made while it rings.
    pub(in crate::session) async fn make(self, when: PromptsReady, patience: Duration) {
        let name = self.flow.flow.name().to_owned();
        let (first_made, first) = oneshot::channel();
        let all = tokio::spawn(self.make_all(first_made, patience));
        if when == PromptsReady::Begin {
            return;
        }
        if tokio::time::timeout(patience, first).await.is_err() {
            tracing::warn!(flow = name, "the first prompt was not ready in time; the call begins without it");
        } else if tokio::time::timeout(REST, all).await.is_err() {
            tracing::info!(
                flow = name,
                "not all prompts were ready in time; the rest is made while it rings"
            );
        }
    }

    /// The first prompt, sentence by sentence; then the others, a few at a time.
    async fn make_all(self, first_made: oneshot::Sender<()>, patience: Duration) {
        let Self { speech, flow, first, rest } = self;
        let tell = |result: Result<(), String>| {
            if let Err(error) = result {
                tracing::warn!(flow = flow.flow.name(), %error, "a prompt could not be made before the call");
            }
        };
        for part in &first {
            tell(speech.make_first(&flow, part, patience).await);
        }
        // A call that was hung up meanwhile does not wait.
        let _gone = first_made.send(());
        let made = futures_util::stream::iter(rest).map(|part| {
            let (speech, flow) = (speech.clone(), Arc::clone(&flow));
            async move { speech.make_ready(&flow, &part).await }
        });
        let mut made = made.buffered(AT_ONCE);
        while let Some(result) = made.next().await {
            tell(result);
        }
    }

    /// Which of them are there.
    pub(in crate::session) async fn readiness(&self) -> Readiness {
        let mut readiness = Readiness::default();
        for part in self.first.iter().chain(&self.rest) {
            readiness.known += 1;
            if self.speech.is_made(&self.flow, part).await {
                readiness.made += 1;
            } else if let Part::Say { text, language, .. } = part
                && readiness.missing.len() < MOST_LISTED
            {
                let redacts = self.flow.flow.recording_policy().redacts;
                let shown = if redacts { masked(text, language) } else { text.clone() };
                readiness.missing.push(shown.chars().take(LONGEST).collect());
            }
        }
        readiness
    }
}
