//! The closed lists of what can happen to a call and what it can want.

use std::sync::Arc;

use super::carrier::{CarrierCdr, DialStatus, Link};
use super::ending::Summary;
use super::fact::Fact;
use super::notice::Notice;
use crate::clock::CallTime;
use crate::flow::{Answered, Expected, ExternalStepEnd, Note, Part, Request, Weighed};
use crate::ids::{ExternalStepId, PlayId};
use crate::playback::Chunk;

/// Something that happened. Audio has its own entrance, [`super::Call::audio`].
#[derive(Clone, Debug)]
pub enum Input {
    /// The carrier took the call and named its session.
    Placed {
        session_id: String,
    },
    /// The carrier did not take the call; `cause` as in [`super::cause`].
    Refused {
        cause: u16,
        why: String,
    },
    Status(DialStatus),
    Digit(char),
    /// The carrier played everything before this mark.
    CheckPoint(String),
    RemoteHangup,
    /// How long the carrier takes to answer, ms; play-out paces itself by it.
    RoundTrip(u64),
    Cdr(CarrierCdr),
    /// Audio cannot be read: the carrier's, or (`is_ours`) ours by the carrier.
    AudioUnreadable {
        is_ours: bool,
        why: String,
    },
    /// How the way to the carrier is from now on. After [`Link::Stalled`] or [`Link::Away`] comes [`Link::Up`] or
    /// [`Input::Lost`].
    Link {
        link: Link,
        why: String,
    },
    /// The call carries pictures: whether the callee sees those of [`Effect::Show`], and whether the callee shows a camera. Told
    /// just before [`DialStatus::Connected`]; calls of which it is not told carry none.
    Sight {
        shows: bool,
        has_camera: bool,
    },
    /// A whole picture of the callee's camera came. The first is told; told again it is passed over.
    CameraSeen,
    /// The carrier has nothing to say about the call, but it is there.
    Alive,
    /// All that was sent up to then has come to the carrier: it has answered a ping that was sent at this time. Wires ping
    /// twice a second.
    Delivered {
        sent_by: CallTime,
    },
    /// The carrier is gone and nothing more will come from it.
    Lost {
        why: String,
    },
    /// Audio asked for with [`Effect::Render`].
    Rendered {
        play: PlayId,
        part: u16,
        result: Result<Arc<[i16]>, String>,
    },
    /// Words asked for with [`Effect::Recognise`]; `None` when there are none, the request was dropped, or
    /// the engine failed. Every request is answered, so that the next interim one can follow.
    Recognised {
        utterance: u32,
        /// As in the request.
        interim: bool,
        heard: Option<Hypothesis>,
    },
    /// What [`Effect::Request`], [`Effect::EndMessage`] or [`Effect::SendTransfer`] came to.
    ExternalStepEnded {
        id: ExternalStepId,
        end: ExternalStepEnd,
    },
    /// Somebody outside the call wants it ended; `by` goes into the timeline.
    HangupRequested {
        by: String,
    },
}

impl Input {
    /// What the timeline says of this in whatever state the call is.
    #[expect(clippy::wildcard_enum_match_arm, reason = "of all others it says what they lead to")]
    pub(super) fn fact(&self) -> Option<Fact> {
        match self {
            Self::AudioUnreadable { is_ours, why } => {
                Some(Fact::AudioUnreadable { ours: *is_ours, why: why.clone() })
            }
            Self::Rendered { play, result: Err(error), .. } => {
                Some(Fact::PromptFailed { play: *play, error: error.clone() })
            }
            Self::ExternalStepEnded { id, end: ExternalStepEnd::Answered { status, .. } } => {
                Some(Fact::Flow(Note::Answer(Answered::Service { request: *id, status: *status })))
            }
            Self::ExternalStepEnded { id, end: ExternalStepEnd::Failed(reason) } => {
                Some(Fact::Flow(Note::ErrandFailed { errand: *id, reason: reason.clone() }))
            }
            Self::HangupRequested { by } => Some(Fact::HangupRequested { by: by.clone() }),
            _ => None,
        }
    }
}

/// What a recogniser heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    pub text: String,
    /// How sure the recogniser is, 0.0 to 1.0.
    pub confidence: f32,
    /// What it makes of the answers that were asked about, when it can weigh them.
    pub weighed: Option<Weighed>,
}

/// Something the call wants done, in order.
#[derive(Clone, Debug)]
pub enum Effect {
    SendAudio(Chunk),
    SendCheckPoint(String),
    SendInterruption,
    SendDigit {
        digit: char,
        duration_ms: u32,
    },
    SendHangup,
    /// Show the picture of this name from its beginning, or nothing any more. Only wanted where the callee can see it.
    Show(Option<String>),
    /// Make audio of a part; answered by [`Input::Rendered`].
    Render {
        play: PlayId,
        part: u16,
        what: Part,
        /// The audio may be kept for other calls: it says nothing that is to be hidden.
        keep: bool,
    },
    /// Make words of the callee's utterance (8 kHz mono); answered by [`Input::Recognised`].
    Recognise {
        /// Counted from 1 within the call.
        utterance: u32,
        /// The callee has not finished: `audio` is the utterance so far, from its beginning. Such a request
        /// may be dropped for a more urgent one. No final one follows when these words are found complete.
        interim: bool,
        audio: Arc<[i16]>,
        /// What the question under way expects: a bias for the engine, and the answers to weigh.
        expected: Expected,
    },
    /// From the next frame on, also keep what the callee says as a message of its own.
    KeepMessage {
        id: ExternalStepId,
    },
    /// The message is over. One that is kept is answered by [`Input::ExternalStepEnded`] with its name; one that
    /// is not is forgotten.
    EndMessage {
        id: ExternalStepId,
        keep: bool,
    },
    /// Ask a web service; answered by [`Input::ExternalStepEnded`].
    Request {
        id: ExternalStepId,
        request: Box<Request>,
    },
    /// Connect the callee with `to`; answered by [`Input::ExternalStepEnded`]. Only wanted of a trunk that can.
    SendTransfer {
        id: ExternalStepId,
        to: String,
        /// What comes of it later is not waited for.
        timeout_ms: u64,
    },
    /// From now on the recording of the call leaves out these sides of it.
    MuteRecording(RecordingMute),
    /// Have the carrier end the call, and ask it for its record: what became of the call was not seen.
    SeekRecord,
    /// Keep this in the call's timeline.
    Record(Fact),
    /// Tell the caller's `notifyUrl`.
    Notify(Notice),
    /// The call is over: nothing follows.
    Finish(Box<Summary>),
}

/// Whom a recording of the call leaves out for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingMute {
    None,
    Callee,
    /// The callee and the bot, who may repeat the answer.
    Both,
}
