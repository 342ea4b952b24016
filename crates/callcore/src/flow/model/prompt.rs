//! What the callee hears: texts, audio files and check points, in order.

use super::barge_in::{BargeIn, Confirm};
use super::ids::SceneId;
use super::text::Text;

/// Something to say or play: `say`, `play`, and the prompts of an `ask`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prompt {
    pub parts: Vec<PromptPart>,
    pub barge_in: BargeIn,
    pub confirm: Confirm,
    /// Where to go when the callee's voice cut it short.
    pub on_speech: Option<SceneId>,
}

#[derive(Clone, Debug)]
pub(crate) enum PromptPart {
    Say {
        text: Text,
        language: String,
        voice: Option<String>,
    },
    File(String),
    Checkpoint(String),
    /// From here on nothing cuts the prompt short, or it may be cut again.
    Protected(bool),
}
