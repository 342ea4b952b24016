//! Performs what a call wants done: the only place where a call touches the world.

use std::sync::Arc;

use callcore::call::Input;
use callcore::flow::Part;
use callcore::ids::PlayId;
use callcore::language::{masked, sentences};

use crate::flows::Stored;
use crate::speech::tts::Tts;
use crate::speech::{file, tts};

/// Makes audio of words and files.
#[derive(Clone, Debug)]
pub(in crate::session) struct Speech {
    pub(in crate::session) tts: Tts,
}

impl Speech {
    /// Audio of one part of a prompt; the error is a sentence for the timeline.
    async fn render(&self, flow: &Stored, part: &Part, keep: bool) -> Result<Arc<[i16]>, String> {
        match part {
            Part::Say { text, language, voice } => {
                let voice = voice.as_deref();
                let said = if keep {
                    self.tts.say(text, language, voice).await
                } else {
                    self.tts.say_unkept(text, language, voice).await
                };
                said.map_err(|error: tts::TtsError| error.to_string())
            }
            Part::File(name) => file::load(flow.folder.join(name)).await.map_err(|error| error.to_string()),
            Part::Checkpoint(_) | Part::Protected(_) | Part::Beep => Ok(Arc::from([])),
        }
    }

    /// Makes a part before the call, in the sentences in which the call will ask for it.
    pub(in crate::session) async fn make_ready(&self, flow: &Stored, part: &Part) -> Result<(), String> {
        let Part::Say { text, language, voice } = part else {
            return self.render(flow, part, true).await.map(|_| ());
        };
        for sentence in sentences(text, language) {
            // What may not be kept cannot be made ready.
            if flow.flow.recording_policy().redacts && masked(&sentence.text, language) != sentence.text {
                continue;
            }
            let (language, voice) = (language.clone(), voice.clone());
            self.render(flow, &Part::Say { text: sentence.text, language, voice }, true).await?;
        }
        Ok(())
    }

    pub(in crate::session) async fn rendered(
        self,
        flow: Arc<Stored>,
        play: PlayId,
        part: u16,
        what: Part,
        keep: bool,
    ) -> Input {
        let result = self.render(&flow, &what, keep).await;
        Input::Rendered { play, part, result }
    }
}
