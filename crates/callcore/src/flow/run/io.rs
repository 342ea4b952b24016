//! What passes between a running flow and the call it drives.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::note::Note;
use crate::flow::model::{BargeIn, Confirm, Listening, Method, Outcome, Weighed};
use crate::ids::{ExternalStepId, PlayId};

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
    /// The callee has talked for [`TALKS_ON_MS`](crate::flow::TALKS_ON_MS): it is no cough. Told once each time.
    TalksOn,
    /// The callee stopped speaking; [`Self::Utterance`] follows when the words are known.
    SpeechEnded,
    /// A sound that was too short to be speech ([`NOISE_MS`](crate::flow::NOISE_MS)) and had no words is over.
    Noise,
    /// The callee stopped speaking; the words, when a recogniser heard them, and what it makes of the answers of the
    /// question that is open, when it has weighed them.
    Utterance { text: Option<String>, weighed: Option<Weighed> },
    /// Words of something said to the question that is still open, and taken for wordless meanwhile.
    LateWords { text: String, weighed: Option<Weighed> },
    /// The callee has heard everything before this check point.
    Checkpoint(String),
    /// A prompt is over.
    PlaybackEnded(PlaybackEnd),
    /// The callee has hung up.
    HungUp,
    /// The connection to the carrier is lost, and the callee with it.
    CarrierLost,
    /// What a [`Command::External`] came to.
    ExternalStepEnded { id: ExternalStepId, end: ExternalStepEnd },
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
    pub(crate) const fn unheard(id: PlayId, error: Option<String>) -> Self {
        Self { id, heard_ms: 0, heard_text: String::new(), heard_words: 0, completed: false, error }
    }
}

/// Whether somebody has finished speaking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TurnEnd {
    /// A full answer to the open question.
    Complete,
    /// Nothing speaks for or against it.
    #[default]
    Open,
    /// More must follow.
    Unfinished,
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
    /// Show the picture of this name in place of what is shown, or nothing any more.
    Show(Option<String>),
    /// End the call; `outcome` is the flow author's word for how it went.
    Hangup { outcome: Option<String> },
    /// Listen like this until the next such command.
    Listen(Listening),
    /// Do something outside the conversation; ends with [`Input::ExternalStepEnded`], a notification excepted.
    External { id: ExternalStepId, order: ExternalStepOrder },
    /// The recording of this step is long enough.
    EndRecording { id: ExternalStepId },
    /// A fact for the call's timeline: a step entered, a variable set, a choice taken.
    Note(Note),
}

/// What the flow wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum ExternalStepOrder {
    /// Keep what the callee says, as a recording of its own.
    Record {
        /// Longest recording, ms.
        max_ms: u64,
        /// Silence after speech that ends it, ms.
        end_silence_ms: u64,
    },
    /// Ask a web service.
    Request(Request),
    /// Tell the caller's `notifyUrl`. Nothing comes back.
    Notify { event: String, data: Value },
    /// Connect the callee with another number. After `timeout_ms` nobody waits for it any more.
    Transfer { to: String, timeout_ms: u64 },
}

/// An HTTP request with everything filled in.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    pub url: String,
    /// The URL as the flow's author wrote it, without its query: what a record may show.
    pub shown_url: String,
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: Option<String>,
    /// From the beginning to the end of the answer, ms.
    pub timeout_ms: u64,
}

impl std::fmt::Debug for Request {
    /// Leaves out what may hold a secret or name a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method.as_str(), self.shown_url)
    }
}

/// What an external step came to.
#[derive(Clone, Debug, PartialEq)]
pub enum ExternalStepEnd {
    /// A message was kept under this name.
    Recorded { name: String, ms: u64 },
    /// The callee said nothing.
    NothingSaid,
    /// The service answered; `body` is its JSON, if it sent any.
    Answered { status: u16, body: Option<Value> },
    /// The callee is connected.
    Transferred,
    /// This trunk cannot do it.
    Unsupported,
    /// It could not be done; a sentence for the timeline.
    Failed(String),
}
