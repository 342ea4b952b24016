//! What a call's timeline holds: every kind of fact, with its fields.
//!
//! A fact is written as `kind` and `detail`. `docs/events.md` is made from this type. A field that retention deletes,
//! or that older versions did not write, is read as empty.

mod spelling;
#[cfg(test)]
mod tests;
mod words;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{EnumDiscriminants, EnumIter, IntoStaticStr};

use super::carrier::{DialStatus, Disposition};
use crate::amd::{Event, Revision};
use crate::detect::{Tone, ToneKind};
use crate::flow::{BargeIn, Note, detail_of};
use crate::ids::{ExternalStepId, PlayId};

pub(super) use spelling::spelled;

/// One line of a call's timeline. Times are in milliseconds, and count from the answer unless a field says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr, EnumDiscriminants)]
#[strum_discriminants(name(FactKind), derive(IntoStaticStr, EnumIter), strum(serialize_all = "snake_case"))]
#[cfg_attr(test, derive(strum::EnumMessage, strum::VariantNames))]
#[serde(tag = "kind", content = "detail", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[strum(serialize_all = "snake_case")]
pub enum Fact {
    /// The call was asked for and begins.
    Dialled {
        flow: String,
        digest: String,
        trunk: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sid: Option<String>,
        /// How much later it begins than it was planned for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        late_ms: Option<i64>,
    },
    /// The call was asked for, for later.
    Planned {
        flow: String,
        digest: String,
        trunk: String,
        sid: String,
        /// Since 1970-01-01 UTC, as is `expires_ms`.
        start_ms: i64,
        expires_ms: Option<i64>,
    },
    /// Somebody calls in.
    Incoming { flow: String, digest: String, machine_detection: bool },
    /// Somebody calls in whom no route takes.
    TurnedAway { reason: String, why: String, cause: u16 },
    /// How it is listened, when the request said so.
    Hearing {
        recogniser: Option<String>,
        language: String,
        interim: bool,
        end_silence_ms: Option<u64>,
        label: Option<String>,
        asked_for: Option<String>,
        /// Another recogniser hears than was asked for.
        substitute: bool,
    },
    /// It waits for a line.
    Queued {
        trunk: String,
        /// Calls that are dialled before it.
        ahead: usize,
        #[serde(flatten)]
        because: Wait,
    },
    /// It has a line.
    Dequeued { waited_ms: u64 },
    /// The carrier is asked to place it; written before the request.
    Dialling { trunk: String },
    /// The carrier took it.
    Placed { session_id: String },
    /// We took a call that comes in.
    Accepted { session_id: String },
    /// The carrier did not take it.
    Refused { cause: u16, why: String },
    /// What the carrier says while it dials: `Dialing`, `Ringing`, `Connected` …
    DialStatus { status: DialStatus },
    /// Audio comes before the answer; it is listened to from then on.
    EarlyMedia {},
    /// A tone was heard before the answer, the first of its kind; counted from the first sound.
    EarlyTone { tone: ToneKind, media_ms: u64 },
    /// What sounds like a voice was heard before the answer: a network that says why there is none, or a song that rings.
    EarlySpeech { media_ms: u64 },
    /// Nothing on the way carries a picture: the video call goes on by voice.
    VideoNotCarried { trunk: String },
    /// The call carries pictures: whether the callee can be shown ours, and whether a camera of theirs was agreed on.
    Video { shows: bool, camera: bool },
    /// The first whole picture of the callee's camera came.
    CameraSeen {},
    /// A link was made that rings in a browser: who opens it may answer, once.
    RingLink {
        /// Since 1970-01-01 UTC.
        expires_ms: i64,
    },
    /// It has rung for as long as it may.
    RingTimeout { after_ms: u64 },
    /// The connection to the carrier broke: the call stands still.
    CarrierAway { why: String, silent_ms: u64 },
    /// Nothing moves on the connection: the call stands still.
    CarrierStalled { why: String, silent_ms: u64 },
    /// The carrier is back, and the call goes on.
    CarrierBack { away_ms: u64 },

    /// An event of detection, as the webhook tells it; `t_ms` is the old name of `tMs`.
    Amd(#[serde(serialize_with = "spelling::both")] Event),
    /// A person is likely enough to be spoken to before the verdict.
    LikelyHuman { media_ms: u64 },
    /// A bot that had begun to speak before the verdict fell silent: nothing of what it said counts as heard, and the
    /// flow goes on from before it.
    FalseStart { spoken_ms: u64 },
    /// Evidence found after the decision.
    AmdFinding(Revision),
    /// A tone was heard, without `endMs` when its end fell into a gap in the audio; `start_ms` and `end_ms` are the old names.
    Tone(#[serde(serialize_with = "spelling::both")] Tone),

    /// A prompt begins.
    Prompt { play: PlayId, barge_in: BargeIn },
    /// More keys wait to be sent than may: these are not.
    KeysDropped { keys: usize },
    /// The callee is shown a picture or a clip, in place of what was shown before.
    PictureShown { name: String },
    /// Nothing is shown any more.
    PictureCleared {},
    /// The flow shows a picture, and nothing here carries it; told of the first one only.
    PictureNotShown { name: String },
    /// A prompt is over, and what of it was heard; `estimated` by a carrier that confirms nothing.
    PromptEnded(HeardPrompt),
    /// A prompt, or a part of it, could not be made.
    PromptFailed { play: PlayId, error: String },
    /// The callee speaks while the bot does.
    TalkOver { paused: bool },
    /// It was no interruption: the prompt goes on.
    Resumed {},
    /// The prompt was cut by speech or a key.
    Interruption { by: CutBy },
    /// It will be cut at the end of its protected part.
    InterruptionDeferred { by: CutBy },

    /// The callee begins to speak.
    SpeechStarted { media_ms: u64 },
    /// The callee has spoken and is silent.
    SpeechEnded { media_ms: u64, start_ms: u64 },
    /// What they said. `likely`, `margin`: the answer that was likeliest when a recogniser weighed them, and how far ahead it was.
    Transcript(Utterance),
    /// Audio of one side cannot be read; told once each way.
    AudioUnreadable { ours: bool, why: String },
    /// The words did not come in time.
    RecognitionLate { utterance: u32 },
    /// They pressed a key.
    Digit {
        #[serde(default)]
        key: String,
        /// It cut the prompt.
        #[serde(default)]
        interrupts: bool,
        /// It belonged to what came before the prompt, and nothing follows from it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dropped: bool,
    },
    /// They left a message; `ms` is the old name of `heardMs`.
    Message(#[serde(serialize_with = "spelling::with_length")] LeftMessage),

    /// Somebody outside wants it ended.
    HangupRequested { by: String },
    /// It lasted as long as it may.
    CallLimit { after_ms: u64 },
    /// Somebody hung up.
    Hangup(HungUp),
    /// The carrier is gone for good.
    CarrierLost { why: String },
    /// It is over.
    Ended {
        outcome: String,
        cause: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disposition: Option<Disposition>,
        /// Why nobody was dialled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// The carrier gave no record; ours is made from our own times.
    CdrEstimated { why: String },
    /// The carrier's record came after all.
    CdrLate { session_id: String, disposition: Disposition, cause: u16, why: String },
    /// Lines of this timeline are lost: the database could not be written.
    LinesLost { lost: usize, why: String },
    /// Its recording can be had.
    RecordingReady { duration_ms: u64 },
    /// A part of the recording is missing.
    RecordingIncomplete { lost_ms: u64, why: String },
    /// There is no recording.
    RecordingFailed { why: String },
    /// Its recording was deleted.
    RecordingDeleted { messages: usize },
    /// Everything said in it was deleted.
    WordsDeleted {},
    /// The server had stopped while it was under way: it ends when it was last seen.
    Recovered {
        why: String,
        /// Since the call began.
        known_to_ms: u64,
        unknown_ms: i64,
    },
    /// The server stopped before it heard the carrier's answer to the dial request.
    MayBeRinging { why: String },

    /// What the flow does and meets.
    #[serde(untagged)]
    Flow(Note),
}

impl Fact {
    /// Reads what a timeline holds.
    ///
    /// # Errors
    /// When the kind is unknown, or `detail` has not its shape.
    pub fn read(kind: &str, detail: &Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(serde_json::json!({ "kind": kind, "detail": detail }))
    }

    /// The name of this kind in a timeline.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if let Self::Flow(note) = self { note.kind() } else { self.into() }
    }

    /// What the timeline says about it, with the old names of fields beside the present ones.
    #[must_use]
    pub fn detail(&self) -> Value {
        detail_of(self)
    }
}

/// Why a call waits for a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Wait {
    /// The carrier takes no call now.
    SentBack { why: String, retry_after_ms: u64 },
    /// The trunk carries no more: calls at a time, and dial requests per second.
    Limits {
        #[serde(default)]
        calls: Option<usize>,
        #[serde(default)]
        per_second: Option<f64>,
    },
}

/// A prompt that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeardPrompt {
    pub play: PlayId,
    pub heard_ms: u64,
    /// It was heard to its end.
    pub completed: bool,
    /// When its first sound played; `None` when nothing of it was sent.
    pub start_ms: Option<u64>,
    /// What there was to say, and what of it the callee heard.
    #[serde(default)]
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<usize>,
    #[serde(default)]
    pub heard_text: String,
    #[serde(default)]
    pub heard_words: usize,
    /// By the clock: the carrier confirms nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

/// Words of the callee.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Utterance {
    /// Counted from 1 within the call.
    #[serde(default)]
    pub utterance: u32,
    #[serde(default)]
    pub text: String,
    /// How sure the recogniser is, 0.0 to 1.0.
    pub confidence: Option<f64>,
    /// The first versions wrote no times.
    pub start_ms: Option<u64>,
    pub end_ms: Option<u64>,
    /// Nobody waited for them any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// The answer that was likeliest when the recogniser weighed them all; none when two were, or something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likely: Option<String>,
    /// How far it was ahead, in nats; only where answers were weighed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
}

/// A message that the callee left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftMessage {
    pub message: ExternalStepId,
    #[serde(rename = "ms")]
    pub heard_ms: u64,
    /// It says something.
    pub kept: bool,
}

/// What cuts a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum CutBy {
    Speech,
    #[serde(rename = "dtmf")]
    #[strum(serialize = "dtmf")]
    Keys,
}

/// Who hung up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum HungUp {
    /// We did, with the flow's word for how the call went.
    Bot {
        outcome: Option<String>,
    },
    Callee {},
    Caller {},
}
