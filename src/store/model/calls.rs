//! Calls as they are read, what belongs to one, and which are asked for.

use callcore::amd::{EventKind, Reason, Subtype};
use callcore::call::{Direction, Disposition, Fact};
use callcore::flow::MachineDetection;
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::state::{CallState, Speaker};
use super::text::read;
use super::visibility::Visibility;

/// A call and how far it got. Fields mean what they mean in [`super::NewCall`] and
/// [`super::CallUpdate`].
#[derive(Clone, Debug, PartialEq)]
pub struct CallRow {
    pub id: String,
    pub app_id: String,
    pub bot_id: String,
    pub trunk: String,
    pub direction: Direction,
    pub target: String,
    pub caller: String,
    pub flow: String,
    pub flow_digest: String,
    pub metadata: Value,
    pub notify_url: Option<String>,
    pub state: CallState,
    pub created_ms: i64,
    pub session_id: Option<String>,
    pub answered_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub disposition: Option<Disposition>,
    pub cause_code: Option<i64>,
    pub amd_event: Option<EventKind>,
    pub amd_ms: Option<i64>,
    pub amd_reason: Option<Reason>,
    pub amd_subtype: Option<Subtype>,
    pub outcome: Option<String>,
    pub last_checkpoint: Option<String>,
    pub message_left: Option<bool>,
    pub machine_detection: Option<MachineDetection>,
    pub start_ms: Option<i64>,
    pub expires_ms: Option<i64>,
    pub began_ms: Option<i64>,
    /// When everything said in it was deleted.
    pub words_deleted_ms: Option<i64>,
    /// It was asked for as a video call.
    pub video: bool,
    /// Pictures could go at least one way; unknown before the answer, and of calls that carry none.
    pub pictures: Option<bool>,
}

impl CallRow {
    /// How far it is, or how it went.
    #[must_use]
    pub fn status(&self) -> CallStatus {
        let by_machine = self.machine_detection == Some(MachineDetection::Disconnect)
            && self.outcome.as_deref() == Some("machine_detected");
        match (self.ended_ms, self.answered_ms) {
            (None, _) if self.state == CallState::Scheduled => CallStatus::Scheduled,
            (None, _) => CallStatus::InProgress,
            (Some(_), _) if by_machine => CallStatus::EndedAtMachine,
            (Some(_), Some(_)) => CallStatus::Completed,
            (Some(_), None) => CallStatus::Failed,
        }
    }
}

impl<'r, R> FromRow<'r, R> for CallRow
where
    R: Row,
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
    Json<Value>: Decode<'r, R::Database> + Type<R::Database>,
    CallState: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let text = |column: &'static str| row.try_get::<Option<String>, _>(column);
        let ms = |column: &'static str| row.try_get::<Option<i64>, _>(column);
        Ok(Self {
            id: row.try_get("id")?,
            app_id: row.try_get("app_id")?,
            bot_id: row.try_get("bot_id")?,
            trunk: row.try_get("trunk")?,
            direction: read(&row.try_get::<String, _>("direction")?)?,
            target: row.try_get("target")?,
            caller: row.try_get("caller")?,
            flow: row.try_get("flow")?,
            flow_digest: row.try_get("flow_digest")?,
            metadata: row.try_get::<Json<Value>, _>("metadata")?.0,
            notify_url: text("notify_url")?,
            state: row.try_get("state")?,
            created_ms: row.try_get("created_ms")?,
            session_id: text("session_id")?,
            answered_ms: ms("answered_ms")?,
            ended_ms: ms("ended_ms")?,
            disposition: text("disposition")?.as_deref().map(read).transpose()?,
            cause_code: ms("cause_code")?,
            amd_event: text("amd_event")?.as_deref().map(read).transpose()?,
            amd_ms: ms("amd_ms")?,
            amd_reason: text("amd_reason")?.as_deref().map(read).transpose()?,
            amd_subtype: text("amd_subtype")?.as_deref().map(read).transpose()?,
            outcome: text("outcome")?,
            last_checkpoint: text("last_checkpoint")?,
            message_left: row.try_get("message_left")?,
            machine_detection: text("machine_detection")?.as_deref().map(read).transpose()?,
            start_ms: ms("start_ms")?,
            expires_ms: ms("expires_ms")?,
            began_ms: ms("began_ms")?,
            words_deleted_ms: ms("words_deleted_ms")?,
            video: row.try_get("video")?,
            pictures: row.try_get("pictures")?,
        })
    }
}

/// Where a call stood by its timeline. Times are ms since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct LastSigns {
    /// When something was last written.
    pub last_ms: Option<i64>,
    /// When the carrier was asked to place it.
    pub asked_ms: Option<i64>,
    /// Since when it rang.
    pub ringing_ms: Option<i64>,
    /// The callee asked not to be called again.
    pub do_not_call: bool,
}

/// One entry of a call's timeline; `seq` counts from 1 without gaps.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct EventRow {
    pub seq: i64,
    /// Since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Since the call began.
    pub t_ms: i64,
    pub kind: String,
    #[sqlx(json)]
    pub detail: Value,
}

impl EventRow {
    /// What happened, by type.
    ///
    /// # Errors
    /// When another version wrote this, and its kind or its fields are unknown here. The row itself holds it all.
    pub fn fact(&self) -> Result<Fact, serde_json::Error> {
        Fact::read(&self.kind, &self.detail)
    }
}

/// One utterance of a call, in the order recorded.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct TranscriptRow {
    pub seq: i64,
    pub t_ms: i64,
    pub end_t_ms: Option<i64>,
    pub speaker: Speaker,
    pub source: String,
    pub text: String,
    pub confidence: Option<f64>,
}

/// Where the audio of a call is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct RecordingRow {
    pub path: String,
    pub channels: i64,
    pub sample_rate_hz: i64,
    pub duration_ms: i64,
    pub started_ms: i64,
    /// Days until it is deleted, when its flow says so.
    pub keep_days: Option<i64>,
    /// When its file was deleted.
    pub deleted_ms: Option<i64>,
}

/// A recording whose time is over.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ExpiredRecording {
    pub call_id: String,
    pub path: String,
}

/// The outcome of a call that was under way when its server stopped.
pub const SERVER_STOPPED: &str = "server_stopped";

/// Which calls to list; what is `None` does not narrow.
#[derive(Clone, Debug)]
pub struct CallFilter {
    pub app_id: Option<String>,
    pub bot_id: Option<String>,
    pub disposition: Option<Disposition>,
    pub amd_event: Option<EventKind>,
    pub amd_subtype: Option<Subtype>,
    pub direction: Option<Direction>,
    pub campaign_id: Option<String>,
    pub flow: Option<String>,
    /// The beginning of the digest of a flow's version.
    pub flow_digest: Option<String>,
    pub trunk: Option<String>,
    pub outcome: Option<String>,
    /// Digits of the number that was called or that called: all of them, or a part.
    pub digits: Option<String>,
    /// The number begins with them.
    pub begins: bool,
    pub progress: Progress,
    pub status: Option<CallStatus>,
    pub visibility: Visibility,
    /// Created at or after.
    pub since_ms: Option<i64>,
    /// Created before.
    pub until_ms: Option<i64>,
}

impl CallFilter {
    /// All calls within `visibility`.
    #[must_use]
    pub const fn within(visibility: Visibility) -> Self {
        Self {
            app_id: None,
            bot_id: None,
            disposition: None,
            amd_event: None,
            amd_subtype: None,
            direction: None,
            campaign_id: None,
            flow: None,
            flow_digest: None,
            trunk: None,
            outcome: None,
            digits: None,
            begins: false,
            progress: Progress::Any,
            status: None,
            visibility,
            since_ms: None,
            until_ms: None,
        }
    }
}

/// Whether a call has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    #[default]
    Any,
    /// Planned, and neither begun nor ended.
    Scheduled,
    Live,
    Ended,
}

/// How far a call is, or how it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallStatus {
    Scheduled,
    InProgress,
    /// We hung up because a machine answered.
    EndedAtMachine,
    /// It was answered and is over.
    Completed,
    /// It was never answered.
    Failed,
}
