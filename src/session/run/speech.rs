//! Performs what a call wants done: the only place where a call touches the world.

use std::sync::Arc;
use std::time::Duration;

use callcore::call::Input;
use callcore::flow::Part;
use callcore::ids::PlayId;
use callcore::language::{masked, sentences};

use crate::flows::Stored;
use crate::speech::tts::Tts;
use crate::speech::{file, tts};

/// A callee waits so long in silence for the first sentence of a prompt; then another voice speaks it.
const NOW: Duration = Duration::from_secs(5);
/// While what comes before it is heard, a sentence has more time.
const LATER: Duration = Duration::from_secs(15);

/// Makes audio of words and files.
#[derive(Clone, Debug)]
pub(in crate::session) struct Speech {
    pub(in crate::session) tts: Tts,
}

impl Speech {
    /// Audio of one part of a prompt that a callee waits for, for `patience` where another voice can speak it; the error is a
    /// sentence for the timeline.
    async fn render(
        &self,
        flow: &Stored,
        part: &Part,
        keep: bool,
        patience: Duration,
    ) -> Result<Arc<[i16]>, String> {
        match part {
            Part::Say { text, language, voice } => {
                let said = self.tts.say_within(text, language, voice.as_deref(), keep, patience).await;
                said.map_err(|error: tts::TtsError| error.to_string())
            }
            Part::File(name) => file::load(flow.folder.join(name)).await.map_err(|error| error.to_string()),
            Part::Checkpoint(_) | Part::Protected(_) | Part::Beep => Ok(Arc::from([])),
        }
    }

    /// Makes a part before the call, in the sentences in which the call will ask for it.
    ///
    /// # Errors
    /// A sentence that says why it could not be made.
    pub(in crate::session) async fn make_ready(&self, flow: &Stored, part: &Part) -> Result<(), String> {
        let Part::Say { text, language, voice } = part else { return self.look_at(flow, part).await };
        for sentence in sentences_to_keep(flow, text, language) {
            let made = self.tts.say(&sentence, language, voice.as_deref()).await;
            made.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The same of the part that a callee hears first: a sentence that takes longer than `patience` is spoken by another voice.
    ///
    /// # Errors
    /// As [`Self::make_ready`].
    pub(in crate::session) async fn make_first(
        &self,
        flow: &Stored,
        part: &Part,
        patience: Duration,
    ) -> Result<(), String> {
        let Part::Say { text, language, voice } = part else { return self.look_at(flow, part).await };
        for text in sentences_to_keep(flow, text, language) {
            let sentence = Part::Say { text, language: language.clone(), voice: voice.clone() };
            self.render(flow, &sentence, true, patience / 2).await?;
        }
        Ok(())
    }

    /// A file that cannot be played is told of before the call.
    async fn look_at(&self, flow: &Stored, part: &Part) -> Result<(), String> {
        self.render(flow, part, true, Duration::ZERO).await.map(|_| ())
    }

    /// Whether a part is there already.
    pub(in crate::session) async fn is_made(&self, flow: &Stored, part: &Part) -> bool {
        let Part::Say { text, language, voice } = part else { return true };
        for sentence in sentences_to_keep(flow, text, language) {
            if !self.tts.is_made(&sentence, language, voice.as_deref()).await {
                return false;
            }
        }
        true
    }

    pub(in crate::session) async fn rendered(
        self,
        flow: Arc<Stored>,
        play: PlayId,
        part: u16,
        what: Part,
        keep: bool,
    ) -> Input {
        let patience = if part == 0 { NOW } else { LATER };
        let result = self.render(&flow, &what, keep, patience).await;
        Input::Rendered { play, part, result }
    }
}

/// The sentences of a text that may be made before a call: what may not be kept cannot.
fn sentences_to_keep(flow: &Stored, text: &str, language: &str) -> Vec<String> {
    let redacts = flow.flow.recording_policy().redacts;
    let may_be_kept = |sentence: &String| !redacts || masked(sentence, language) == *sentence;
    sentences(text, language).into_iter().map(|sentence| sentence.text).filter(may_be_kept).collect()
}
