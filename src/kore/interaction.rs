//! A line of the interactions page, and Kore's words for the status of a call.

use serde::Serialize;
use utoipa::ToSchema;

/// The status of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::EnumIter, strum::IntoStaticStr)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub(crate) enum InteractionStatus {
    Scheduled,
    InProgress,
    /// Hung up because a machine answered and `machineDetection` was `disconnect`.
    MachineDetected,
    Completed,
    Failed,
}

/// A call as the interactions page shows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InteractionRow {
    pub(crate) conversation_id: String,
    pub(crate) bot_id: String,
    /// `outbound` or `inbound`.
    pub(crate) direction: String,
    pub(crate) target: String,
    pub(crate) caller: String,
    /// `machineDetected`: hung up on a machine because `machineDetection` was `disconnect`.
    #[schema(value_type = String, example = "machineDetected")]
    pub(crate) status: InteractionStatus,
    /// The decisive AMD event.
    pub(crate) machine_detection: Option<String>,
    pub(crate) outcome: Option<String>,
    /// Times are ISO 8601 UTC.
    pub(crate) start_time: String,
    pub(crate) scheduled_at: Option<String>,
    pub(crate) call_connect_time: Option<String>,
    pub(crate) call_disconnect_time: Option<String>,
    /// Whole seconds from answer to end.
    pub(crate) duration: Option<i64>,
}
