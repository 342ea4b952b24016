//! Versions of flows: who brought which one when, and where labels point.

use serde::Serialize;
use sqlx::FromRow;

/// A version to be written down.
#[derive(Clone, Debug)]
pub struct NewFlowVersion {
    pub flow: String,
    /// SHA-256 of what it says, in lower-case hexadecimal.
    pub digest: String,
    pub author: String,
    /// Why it was made; may be empty.
    pub message: String,
}

/// A version of a flow, oldest with the smallest `seq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct FlowVersionRow {
    pub seq: i64,
    pub flow: String,
    pub digest: String,
    pub author: String,
    pub message: String,
    pub created_ms: i64,
}

/// Where a label points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct FlowLabelRow {
    pub flow: String,
    pub label: String,
    pub digest: String,
}

/// What is done with a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelMove {
    Set,
    /// Set to a version that ran before.
    Back,
    TakeAway,
}

/// A label that was set, moved or taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct LabelMoveRow {
    pub seq: i64,
    pub flow: String,
    pub label: String,
    /// `None`: it was taken away.
    pub digest: Option<String>,
    /// What a plain name ran until then.
    pub ran_before: String,
    /// It was a roll-back.
    pub back: bool,
    pub author: String,
    pub at_ms: i64,
}
