//! What a carrier tells about a call, whatever wire it came over.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Progress of an outgoing call (Outgoing Call Service, `dialStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DialStatus {
    Dialing,
    Ringing,
    Busy,
    Connected,
    Failed,
}

impl DialStatus {
    /// The carrier's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dialing => "Dialing",
            Self::Ringing => "Ringing",
            Self::Busy => "Busy",
            Self::Connected => "Connected",
            Self::Failed => "Failed",
        }
    }
}

/// How the way to the carrier is, as the trunk sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Up,
    /// There is a connection, but nothing moves on it: the carrier answers nothing, or takes nothing more.
    Stalled,
    /// There is no connection; another attempt is made.
    Away,
}

/// How a call ended, as CDRs spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Disposition {
    #[serde(rename = "ANSWERED")]
    Answered,
    #[serde(rename = "NO ANSWER")]
    NoAnswer,
    #[serde(rename = "BUSY")]
    Busy,
    #[serde(rename = "FAILED")]
    Failed,
    #[serde(rename = "CANCEL")]
    Cancel,
}

impl Disposition {
    /// The spelling on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "ANSWERED",
            Self::NoAnswer => "NO ANSWER",
            Self::Busy => "BUSY",
            Self::Failed => "FAILED",
            Self::Cancel => "CANCEL",
        }
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which party ended the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HangupBy {
    Caller,
    Callee,
}

/// A carrier's call detail record. Times are ISO 8601 UTC with milliseconds, as sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CarrierCdr {
    pub session_id: String,
    pub destination: String,
    pub start_time: String,
    pub answer_time: Option<String>,
    pub end_time: String,
    /// Whole seconds from start to end.
    pub duration: u64,
    /// Whole seconds from answer to end.
    pub billable_seconds: u64,
    pub disposition: Disposition,
    pub hangup_by: Option<HangupBy>,
    pub hangup_cause_code: u16,
    pub hangup_cause_text: String,
    /// Where the call came from; only carriers of 1.0.5 and later say so, and not always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}
