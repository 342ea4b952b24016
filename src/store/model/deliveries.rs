//! The webhook ledger as it is read, and how endpoints fare.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::FromRow;

use super::state::{DeadReason, DeliveryState, NotificationState};
use super::visibility::Visibility;

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct NotificationRow {
    pub id: String,
    /// The call that it is about, or the campaign: what belongs together and is sent in order.
    pub call_id: String,
    /// The campaign that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<String>,
    pub seq: i64,
    pub app_id: String,
    pub kind: String,
    pub url: String,
    pub body: String,
    pub state: NotificationState,
    /// Why it is dead.
    pub reason: Option<DeadReason>,
    pub due_ms: i64,
    pub attempts: i64,
    /// How often it was sent again on demand.
    pub redelivered: i64,
    pub created_ms: i64,
    pub settled_ms: Option<i64>,
}

/// A line of the ledger with the end of its last attempt.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct DeliveryRow {
    #[sqlx(flatten)]
    pub notification: NotificationRow,
    /// Scheme, host and port of its URL.
    pub endpoint: String,
    /// The caller's own headers; they may hold secrets.
    #[sqlx(skip)]
    pub headers: BTreeMap<String, String>,
    #[sqlx(rename = "headers")]
    pub(in crate::store) sealed_headers: String,
    pub last_at_ms: Option<i64>,
    /// HTTP status of the last answer, if there was one.
    pub last_status: Option<i64>,
    pub last_error: Option<String>,
}

/// One attempt as the ledger keeps it; `attempt` counts from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRow {
    pub attempt: i64,
    pub at_ms: i64,
    pub duration_ms: i64,
    pub status: Option<i64>,
    pub response: Option<String>,
    pub error: Option<String>,
}

/// How many notifications there are, by fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, FromRow)]
pub struct Tally {
    /// Waiting, due or being sent.
    pub open: i64,
    pub delivered: i64,
    pub dead: i64,
}

/// Which notifications; what is `None` does not narrow.
#[derive(Clone, Debug)]
pub struct DeliveryFilter {
    pub state: Option<DeliveryState>,
    pub call_id: Option<String>,
    pub app_id: Option<String>,
    pub endpoint: Option<String>,
    pub kind: Option<String>,
    /// Why they are dead.
    pub reason: Option<DeadReason>,
    /// Made at or after.
    pub since_ms: Option<i64>,
    /// Made before.
    pub until_ms: Option<i64>,
    /// Only these.
    pub ids: Option<Vec<String>>,
    /// Only those of these calls.
    pub visibility: Visibility,
}

impl DeliveryFilter {
    /// All notifications within `visibility`.
    #[must_use]
    pub const fn within(visibility: Visibility) -> Self {
        Self {
            state: None,
            call_id: None,
            app_id: None,
            endpoint: None,
            kind: None,
            reason: None,
            since_ms: None,
            until_ms: None,
            ids: None,
            visibility,
        }
    }
}

/// What is to be sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redelivered {
    /// By age, oldest first.
    pub ids: Vec<String>,
    /// Where they go, each once.
    pub endpoints: Vec<String>,
    /// More match than were taken.
    pub more: bool,
}

/// Why one notification is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSettled {
    /// There is none of that id.
    Unknown,
    /// It is on its way already.
    Open,
}

/// What the delivery worker knows of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
pub struct EndpointHealth {
    /// Scheme, host and port.
    pub endpoint: String,
    /// Failures in a row.
    pub failures: i64,
    /// How often its breaker has opened in a row.
    pub trips: i64,
    /// Set while its breaker is open; from this time on one post at a time is tried.
    pub open_until_ms: Option<i64>,
    pub last_ok_ms: Option<i64>,
    pub last_failed_ms: Option<i64>,
    pub last_problem: Option<String>,
    /// How long its answers take, averaged over the latest ones.
    pub answer_ms: Option<i64>,
    /// Posts that it took since this was last written down.
    pub delivered: i64,
    /// Posts that it did not take since then.
    pub failed: i64,
}

/// An endpoint with what waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct EndpointRow {
    pub endpoint: String,
    pub failures: i64,
    pub open_until_ms: Option<i64>,
    pub last_ok_ms: Option<i64>,
    pub last_failed_ms: Option<i64>,
    pub last_problem: Option<String>,
    pub answer_ms: Option<i64>,
    /// Posts that it took, ever.
    pub delivered: i64,
    /// Posts that it did not take, ever.
    pub failed: i64,
    /// Notifications whose turn it is; others of their calls wait behind them.
    pub due: i64,
    pub dead: i64,
}

impl EndpointRow {
    /// It answers, and refused what was posted last.
    #[must_use]
    pub fn is_refusing(&self) -> bool {
        self.failures == 0 && self.last_failed_ms > self.last_ok_ms
    }
}
