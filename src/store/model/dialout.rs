//! What a dial-out leaves beside the call itself: the answer kept for its idempotency key, and its plan while it waits
//! for its time or for a line.

use serde_json::Value;
use sqlx::FromRow;

use super::batch::CallBatch;
use super::do_not_call::DoNotCallRow;

/// Under what a request can be sent again without being done again.
#[derive(Clone, Debug)]
pub struct RequestKey {
    pub app_id: String,
    pub key: String,
    /// Of the request: another one under the same key is refused.
    pub digest: String,
    /// What to answer the next time.
    pub answer: String,
    /// Keys of before this time are forgotten, ms since 1970.
    pub kept_since_ms: i64,
    pub now_ms: i64,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It was written down.
    New,
    /// It was written down before; the answer of then.
    Again(String),
    /// Its key stands for another request; nothing was written.
    Reused,
    /// The number is on the do-not-call list since `call`; nothing was written.
    Listed(DoNotCallRow),
}

/// A call as it was asked for, with all that is written down with it.
#[derive(Clone, Debug, Default)]
pub struct NewDialOut {
    /// The call's first lines.
    pub batch: CallBatch,
    /// Present when it does not begin at once.
    pub plan: Option<NewPlan>,
    pub key: Option<RequestKey>,
    /// Nothing is written when this number is on the do-not-call list.
    pub unless_listed: Option<String>,
    /// Whose call it is, where that is known without looking for its number.
    pub parties: Option<NewParties>,
}

/// Whose call it is.
#[derive(Clone, Debug)]
pub struct NewParties {
    pub contact_id: String,
    pub user_id: Option<String>,
    /// What was kept of the contact for flows.
    pub contact_data: Value,
}

/// When a call is to begin.
#[derive(Clone, Debug)]
pub struct NewPlan {
    pub trunk: String,
    pub start_ms: i64,
    /// Not dialled any more from here on.
    pub expires_ms: Option<i64>,
    /// Everything that is needed to dial it then.
    pub request: String,
}

/// A call that waits for its time or for a line.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct PlannedRow {
    pub call_id: String,
    pub trunk: String,
    pub start_ms: i64,
    pub expires_ms: Option<i64>,
    pub request: String,
}

/// How long the latest answered calls of a flow took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct FlowUse {
    pub calls: i64,
    /// All of them together, from answer to end.
    pub answered_ms: i64,
}
