//! The ear of a call: which recogniser it is, in which language it listens, and the words of what the callee says.

use std::sync::Arc;
use std::time::Duration;

use callcore::call::{Fact, Hypothesis, Input};
use callcore::flow::Expected;
use futures_util::future::BoxFuture;

use crate::flows::Stored;
use crate::session::control::CallControl;
use crate::speech::stt::{CallRecogniser, Preference, Recognizers, SttOptions, Transcript};

/// Words that come so much later than a call waits for them may still answer a question that is open.
const LATE: Duration = Duration::from_secs(4);

/// How one call hears; without a recogniser it hears that somebody speaks, and no words.
#[derive(Debug)]
pub(in crate::session) struct SpeechInput {
    recogniser: Option<CallRecogniser>,
    language: String,
    /// The provider that was asked for is not here.
    is_substitute: bool,
}

/// Why a call cannot be heard as it was asked.
#[derive(Debug, thiserror::Error)]
#[error(
    "sttLanguage: the recogniser \"{recogniser}\" does not know the language \"{language}\"; leave it out, or use a code such as \"en\" or \"id\""
)]
pub struct UnknownLanguage {
    recogniser: String,
    language: String,
}

impl SpeechInput {
    /// The ear of a call that runs `flow`. What `control` says goes before what the flow says.
    ///
    /// # Errors
    /// When the language asked for is unknown to the recogniser.
    pub(in crate::session) fn new(
        recognizers: &Recognizers,
        flow: &Stored,
        control: &CallControl,
    ) -> Result<Self, UnknownLanguage> {
        let language = control.language.clone().unwrap_or_else(|| flow.flow.language().to_owned());
        let preference = Preference {
            provider: control.provider.as_deref(),
            label: control.label.as_deref(),
            flow: flow.flow.name(),
        };
        let Some(choice) = recognizers.choose(preference) else {
            return Ok(Self { recogniser: None, language, is_substitute: control.provider.is_some() });
        };
        if control.language.is_some() && !choice.first.recognizer.knows(&language) {
            return Err(UnknownLanguage { recogniser: choice.first.name.clone(), language });
        }
        let options = SttOptions {
            language: Some(language.clone()),
            interim: control.interim,
            endpointing_ms: control.endpointing_ms,
            utterance_end_ms: control.utterance_end_ms,
        };
        Ok(Self {
            is_substitute: choice.is_substitute,
            recogniser: Some(choice.recogniser(options)),
            language,
        })
    }

    /// Whether words can be had.
    pub(in crate::session) const fn recognises(&self) -> bool {
        self.recogniser.is_some()
    }

    /// How long a call waits for the words of what has been said, ms.
    pub(in crate::session) fn limit_ms(&self) -> u64 {
        let limit = self.recogniser.as_ref().map_or(Duration::ZERO, CallRecogniser::limit);
        u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether only the answers of questions are heard, and nothing of who speaks.
    pub(in crate::session) fn hears_answers_only(&self) -> bool {
        self.recogniser.as_ref().is_some_and(CallRecogniser::hears_answers_only)
    }

    /// Whether they can be had before the callee has finished.
    pub(in crate::session) fn gives_interims(&self) -> bool {
        self.recogniser.as_ref().is_some_and(CallRecogniser::gives_interims)
    }

    /// Whether another recogniser hears than was asked for.
    pub(in crate::session) const fn is_substitute(&self) -> bool {
        self.is_substitute
    }

    /// For the timeline: who hears, and how.
    pub(in crate::session) fn fact(&self, control: &CallControl) -> Fact {
        Fact::Hearing {
            recogniser: self.recogniser.as_ref().map(|recogniser| recogniser.name().to_owned()),
            language: self.language.clone(),
            interim: self.gives_interims(),
            end_silence_ms: control.end_silence_ms(),
            label: control.label.clone(),
            asked_for: control.provider.clone(),
            substitute: self.is_substitute,
        }
    }

    /// The words of an utterance; none when there are none, the engine fails, or they are not worth their time. An
    /// engine that fails is logged and counted.
    pub(in crate::session) fn words(
        &mut self,
        utterance: u32,
        interim: bool,
        audio: Arc<[i16]>,
        expected: Expected,
    ) -> BoxFuture<'static, Input> {
        let answer = move |heard: Option<Transcript>| {
            let heard = heard
                .filter(|heard| !heard.text.is_empty())
                .map(|Transcript { text, confidence, weighed, .. }| Hypothesis { text, confidence, weighed });
            Input::Recognised { utterance, interim, heard }
        };
        let Some(recogniser) = &mut self.recogniser else {
            return Box::pin(std::future::ready(answer(None)));
        };
        if interim {
            let words = recogniser.interim(utterance, audio, expected);
            return Box::pin(async move {
                match words {
                    Some(words) => answer(words.await),
                    None => answer(None),
                }
            });
        }
        let words = recogniser.finish_late(utterance, audio, expected, recogniser.limit(), LATE);
        Box::pin(async move {
            answer(
                words
                    .await
                    .inspect_err(|error| tracing::warn!(%error, "an utterance could not be recognised"))
                    .ok(),
            )
        })
    }
}
