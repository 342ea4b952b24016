//! What a call writes at one instant: all of it or nothing.

use std::collections::BTreeMap;

use callcore::amd::{EventKind, Reason, Subtype};
use callcore::call::{CarrierCdr, Direction, Disposition, Fact};
use callcore::flow::MachineDetection;
use serde_json::Value;

use super::audit::NewAudit;
use super::do_not_call::NewDoNotCall;
use super::state::{CallState, Speaker};

/// Everything that happened to one call at one instant. It becomes visible at once or not at all, so a
/// notification is never sent for a state that was not kept.
#[derive(Clone, Debug, Default)]
pub struct CallBatch {
    pub call_id: String,
    /// Present in the first batch of a call only.
    pub new: Option<NewCall>,
    pub update: Option<CallUpdate>,
    /// Appended to the timeline in this order.
    pub events: Vec<NewEvent>,
    /// Appended to the webhook ledger in this order.
    pub notifications: Vec<NewNotification>,
    /// Replaces an earlier record of the same session.
    pub cdr: Option<CarrierCdr>,
    /// Whether `cdr` is made from our own times; it never replaces the carrier's.
    pub cdr_estimated: bool,
    /// Replaces earlier evidence of the same call.
    pub evidence: Option<Value>,
    pub transcripts: Vec<NewTranscript>,
    /// Replaces an earlier recording of the same call.
    pub recording: Option<NewRecording>,
    /// The other party asked never to be called again.
    pub do_not_call: Option<NewDoNotCall>,
    /// Who asked for what is done here.
    pub audit: Option<NewAudit>,
}

/// A call as it was asked for.
#[derive(Clone, Debug, Default)]
pub struct NewCall {
    pub app_id: String,
    pub bot_id: String,
    pub trunk: String,
    pub direction: Direction,
    pub target: String,
    pub caller: String,
    pub flow: String,
    /// SHA-256 of the flow's text, so that a later edit cannot rewrite history.
    pub flow_digest: String,
    pub metadata: Value,
    pub notify_url: Option<String>,
    pub notify_headers: BTreeMap<String, String>,
    pub state: CallState,
    pub created_ms: i64,
    /// `None` where nobody asked.
    pub machine_detection: Option<MachineDetection>,
    /// When it is to start, if not at once.
    pub start_ms: Option<i64>,
    /// It is not dialled any more from here on.
    pub expires_ms: Option<i64>,
    /// It was asked for as a video call.
    pub video: bool,
}

/// What changed; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct CallUpdate {
    /// The carrier's name for the call.
    pub session_id: Option<String>,
    pub state: Option<CallState>,
    /// When a call that was planned began.
    pub began_ms: Option<i64>,
    pub answered_ms: Option<i64>,
    /// A call with an end is finished and will not be recovered at start.
    pub ended_ms: Option<i64>,
    pub disposition: Option<Disposition>,
    /// Hang-up cause (Outgoing Call Service, "Hangup Cause Codes").
    pub cause_code: Option<u16>,
    /// The verdict.
    pub amd_event: Option<EventKind>,
    /// From answer to verdict.
    pub amd_ms: Option<u64>,
    pub amd_reason: Option<Reason>,
    pub amd_subtype: Option<Subtype>,
    pub outcome: Option<String>,
    pub last_checkpoint: Option<String>,
    pub message_left: Option<bool>,
    /// Pictures can go at least one way.
    pub pictures: Option<bool>,
}

/// One entry of the timeline.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub at_ms: i64,
    /// Since the call began.
    pub t_ms: u64,
    pub fact: Fact,
}

/// A webhook to deliver.
#[derive(Clone, Debug)]
pub struct NewNotification {
    /// Whose secrets sign it.
    pub app_id: String,
    pub kind: String,
    pub url: String,
    /// The caller's own headers, sent with the post.
    pub headers: BTreeMap<String, String>,
    /// The exact JSON text that is signed and sent.
    pub body: String,
}

/// One utterance.
#[derive(Clone, Debug)]
pub struct NewTranscript {
    /// Since the call began.
    pub t_ms: u64,
    pub end_t_ms: Option<u64>,
    pub speaker: Speaker,
    /// What recognised or spoke it.
    pub source: String,
    pub text: String,
    /// 0.0..=1.0
    pub confidence: Option<f64>,
}

/// Where the audio of a call is.
#[derive(Clone, Debug)]
pub struct NewRecording {
    pub path: String,
    pub channels: u16,
    pub sample_rate_hz: u32,
    pub duration_ms: u64,
    pub started_ms: i64,
    /// Days until it is deleted, when its flow says so.
    pub keep_days: Option<u32>,
}
