//! What passes between a running flow and the call it drives.

use serde::{Deserialize, Serialize};

use super::question::Listening;
use crate::ids::PlayId;

/// Who or what answered, as a flow branches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Human,
    Voicemail,
    Screening,
    Ivr,
    /// A network announcement, or a mailbox that takes no message.
    Unavailable,
    Fax,
    NoSpeech,
    /// No decision in time.
    Timeout,
}

/// Something that happened in the call.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Audio flows both ways from now on.
    Answered,
    /// The detector decided (once per call).
    Outcome(Outcome),
    /// A machine's greeting has ended.
    GreetingEnded,
    /// A beep has ended: the mailbox records from now on.
    BeepEnded,
    /// The callee pressed a key: `0`-`9`, `*`, `#`, `A`-`D`.
    Digit(char),
    /// The callee began to speak.
    SpeechStarted,
    /// The callee stopped speaking; the words, when a recogniser heard them.
    Utterance { text: Option<String> },
    /// The callee has heard everything before this check point.
    Checkpoint(String),
    /// A prompt is over.
    PlaybackEnded(PlaybackEnd),
    /// The callee has hung up.
    HungUp,
}

/// How a prompt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaybackEnd {
    pub id: PlayId,
    /// Milliseconds of it that the callee heard.
    pub heard_ms: u64,
    /// Heard to its end.
    pub completed: bool,
    /// Why nothing could be played, when the audio could not be made.
    pub error: Option<String>,
}

/// What may cut a prompt short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BargeIn {
    Off,
    Speech,
    Dtmf,
    #[default]
    Both,
}

impl BargeIn {
    #[must_use]
    pub const fn by_speech(self) -> bool {
        matches!(self, Self::Speech | Self::Both)
    }

    #[must_use]
    pub const fn by_dtmf(self) -> bool {
        matches!(self, Self::Dtmf | Self::Both)
    }
}

/// A piece of a prompt, in playing order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Text to speak; templates are already filled in.
    Say { text: String, language: String, voice: Option<String> },
    /// An audio file, relative to the flow's own folder.
    File(String),
    /// A named mark: reached when everything before it has been heard.
    Checkpoint(String),
}

/// What the flow wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Play these parts after whatever is playing; ends with [`Input::PlaybackEnded`].
    Play { id: PlayId, parts: Vec<Part>, barge_in: BargeIn },
    /// Cut the prompt short, if it still plays; it ends with [`Input::PlaybackEnded`].
    Stop { id: PlayId },
    /// Press keys towards the callee.
    SendDigits(String),
    /// End the call; `outcome` is the flow author's word for how it went.
    Hangup { outcome: Option<String> },
    /// Listen like this until the next such command.
    Listen(Listening),
    /// A fact for the call's timeline: a step entered, a variable set, a choice taken.
    Note { what: &'static str, detail: serde_json::Value },
}
