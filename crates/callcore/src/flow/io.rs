//! What passes between a running flow and the call it drives.

use serde::{Deserialize, Serialize};

use super::errand::{ErrandEnd, ErrandOrder};
use super::note::Note;
use super::question::Listening;
use crate::ids::{ErrandId, PlayId};

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
    /// What kind of person or machine it is, in a webhook's word; told before the decision, and again with what
    /// the decision would be when more is known. No branch is taken twice.
    Learned { outcome: Outcome, subtype: &'static str },
    /// A machine's greeting has ended.
    GreetingEnded,
    /// A beep sounds.
    BeepStarted,
    /// A beep has ended and it has been quiet since: the mailbox records from now on.
    BeepEnded,
    /// The callee pressed a key: `0`-`9`, `*`, `#`, `A`-`D`.
    Digit(char),
    /// The callee began to speak.
    SpeechStarted,
    /// The callee has talked for [`TALKS_ON_MS`]: it is no cough. Told once each time.
    TalksOn,
    /// The callee stopped speaking; [`Self::Utterance`] follows when the words are known.
    SpeechEnded,
    /// A sound that was too short to be speech ([`NOISE_MS`]) and had no words is over.
    Noise,
    /// The callee stopped speaking; the words, when a recogniser heard them.
    Utterance { text: Option<String> },
    /// Words of something said to the question that is still open, and taken for wordless meanwhile.
    LateWords { text: String },
    /// The callee has heard everything before this check point.
    Checkpoint(String),
    /// A prompt is over.
    PlaybackEnded(PlaybackEnd),
    /// The callee has hung up.
    HungUp,
    /// The connection to the carrier is lost, and the callee with it.
    CarrierLost,
    /// What a [`Command::Errand`] came to.
    ErrandEnded { id: ErrandId, end: ErrandEnd },
}

/// How a prompt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaybackEnd {
    pub id: PlayId,
    /// Milliseconds of it that the callee heard.
    pub heard_ms: u64,
    /// What of its words the callee heard, and how many they are.
    pub heard_text: String,
    pub heard_words: usize,
    /// Heard to its end.
    pub completed: bool,
    /// Why nothing could be played, when the audio could not be made.
    pub error: Option<String>,
}

impl PlaybackEnd {
    /// A prompt of which nothing was heard.
    pub(super) const fn unheard(id: PlayId, error: Option<String>) -> Self {
        Self { id, heard_ms: 0, heard_text: String::new(), heard_words: 0, completed: false, error }
    }
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

/// What makes speech over a prompt an interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// The callee must talk this long, ms; 0 when the length proves nothing.
    pub min_speech_ms: u64,
    /// Or the recogniser must hear this many words; 0 when words prove nothing.
    pub min_words: u32,
    /// Fall silent at the first sound, and go on where the callee stopped hearing when it proves to be
    /// none.
    pub resume: bool,
}

impl Default for Confirm {
    /// The bot falls silent at once, and goes on unless the callee talks on or says words.
    fn default() -> Self {
        Self { min_speech_ms: 400, min_words: 1, resume: true }
    }
}

impl Confirm {
    /// A tenth of a second of speech cuts the prompt.
    pub const AT_ONCE: Self = Self { min_speech_ms: 0, min_words: 0, resume: false };

    /// Whether the first sound of speech is an interruption.
    #[must_use]
    pub const fn at_once(self) -> bool {
        self.min_speech_ms == 0 && self.min_words == 0 && !self.resume
    }

    /// The same for a call in which nobody recognises words: as many words take this long.
    #[must_use]
    pub const fn without_words(self) -> Self {
        let by_length = self.min_words as u64 * MS_PER_WORD;
        let min_speech_ms = if self.min_speech_ms == 0 { by_length } else { self.min_speech_ms };
        Self { min_speech_ms, min_words: 0, resume: self.resume }
    }
}

/// Whether somebody has said all that he is going to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// A full answer to the open question.
    Complete,
    /// Nothing speaks for or against it.
    #[default]
    Open,
    /// More must follow.
    Unfinished,
}

/// A sound without words that is shorter than this is no speech, ms.
pub const NOISE_MS: u64 = 400;
/// Speech of this length is talk, ms.
pub const TALKS_ON_MS: u64 = 500;
/// A word spoken at an even pace, ms.
const MS_PER_WORD: u64 = 300;

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
    /// From here on nothing cuts the prompt short (`true`), or it may be cut again (`false`).
    Protected(bool),
    /// The sound after which a message is recorded.
    Beep,
}

/// What the flow wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Play these parts after whatever is playing; ends with [`Input::PlaybackEnded`]. Keys pressed before
    /// `keys_after_ms` of it were heard belong to what came before it and are dropped.
    Play { id: PlayId, parts: Vec<Part>, barge_in: BargeIn, confirm: Confirm, keys_after_ms: u64 },
    /// Cut the prompt short, if it still plays; it ends with [`Input::PlaybackEnded`].
    Stop { id: PlayId },
    /// Take the prompt back, protected or not: it will be said again. It ends with [`Input::PlaybackEnded`].
    Withdraw { id: PlayId },
    /// Press keys towards the callee.
    SendDigits(String),
    /// End the call; `outcome` is the flow author's word for how it went.
    Hangup { outcome: Option<String> },
    /// Listen like this until the next such command.
    Listen(Listening),
    /// Do something outside the conversation; ends with [`Input::ErrandEnded`], a notification excepted.
    Errand { id: ErrandId, order: ErrandOrder },
    /// The recording of this errand is long enough.
    EndRecording { id: ErrandId },
    /// A fact for the call's timeline: a step entered, a variable set, a choice taken.
    Note(Note),
}
