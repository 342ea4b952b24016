//! How a call ended, and what is kept of it.

use serde_json::Value;

use super::carrier::{CarrierCdr, Disposition, HangupBy};
use super::settings::Direction;
use crate::amd;
use crate::clock::CallTime;

/// Who or what ended the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The other party hung up (the callee, or the caller of an incoming call), or the carrier did for them.
    ByCallee,
    /// We hung up: the flow, a limit, or somebody through the API.
    ByBot,
    /// The detector failed, or the carrier vanished.
    ByFault,
    /// It was never answered.
    Unanswered,
}

impl Ended {
    /// The CDR's word for it: we are the caller of an outgoing call and the callee of an incoming one.
    #[must_use]
    pub const fn hangup_by(self, direction: Direction) -> HangupBy {
        match (self, direction) {
            (Self::ByBot, Direction::Outbound) => HangupBy::Caller,
            (Self::ByBot, Direction::Inbound) => HangupBy::Callee,
            (Self::ByCallee | Self::ByFault | Self::Unanswered, Direction::Outbound) => HangupBy::Callee,
            (Self::ByCallee | Self::ByFault | Self::Unanswered, Direction::Inbound) => HangupBy::Caller,
        }
    }
}

/// Everything that is known when a call is over.
#[derive(Clone, Debug)]
pub struct Summary {
    pub session_id: Option<String>,
    pub ended: Ended,
    pub ringing_at: Option<CallTime>,
    pub answered_at: Option<CallTime>,
    pub ended_at: CallTime,
    pub disposition: Disposition,
    /// Hang-up cause, see [`super::cause`].
    pub cause: u16,
    /// The carrier's record; `None` when it never came and one must be made from our own times.
    pub cdr: Option<CarrierCdr>,
    /// The detector's decision.
    pub amd: Option<amd::Event>,
    /// The flow author's word for how it went; without one, a word for what happened.
    pub outcome: String,
    pub last_checkpoint: Option<String>,
    /// A prompt that began after the beep was heard to its end by a machine.
    pub message_left: bool,
    /// The callee asked never to be called again.
    pub do_not_call: bool,
    /// The detector's evidence, for the API.
    pub evidence: Option<Value>,
    /// What it was fed besides the audio, for replay.
    pub trace: Option<amd::Trace>,
}
