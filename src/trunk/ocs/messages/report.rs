//! What a carrier says about a call, whichever wire brings it.

use bytes::Bytes;
use callcore::call::{CarrierCdr, DialStatus};

use crate::trunk::ocs::packet::PacketError;

/// What the carrier says about one session.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::trunk::ocs) enum Report {
    /// The session exists; its room can be joined.
    Announced,
    /// Somebody calls us: who takes the call joins its room.
    Offered(Offered),
    Joined,
    JoinRefused,
    Status(DialStatus),
    /// In the codec of the call.
    Audio(Bytes),
    /// It sent audio that cannot be read, and why.
    AudioUnreadable(String),
    /// It acknowledged audio of ours as refused, and why.
    AudioRefused(String),
    Digit(char),
    CheckPoint(String),
    Hangup,
    Cdr(CarrierCdr),
}

/// What the carrier tells of a call that comes in. No document says how it names the numbers: those of the inbound
/// WebSocket are expected, and others are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::trunk::ocs) struct Offered {
    pub(in crate::trunk::ocs) caller: String,
    /// Empty when the carrier does not say which number was dialled.
    pub(in crate::trunk::ocs) called: String,
    /// Where its media is, from 1.0.5 on.
    pub(in crate::trunk::ocs) endpoint: Option<String>,
}

/// Why an event is not passed on.
#[derive(Debug, thiserror::Error)]
pub(in crate::trunk::ocs) enum ReportError {
    #[error("unknown event")]
    Unknown,
    #[error(transparent)]
    Malformed(#[from] PacketError),
    #[error("unknown {field} {value:?}")]
    Value { field: &'static str, value: String },
    #[error("a packet of audio is too long")]
    TooLong,
}

pub(super) fn dial_status(text: &str) -> Result<DialStatus, ReportError> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "dialing" => DialStatus::Dialing,
        "ringing" => DialStatus::Ringing,
        "busy" => DialStatus::Busy,
        "connected" => DialStatus::Connected,
        "failed" => DialStatus::Failed,
        _ => return Err(ReportError::Value { field: "status", value: text.to_owned() }),
    })
}

pub(super) fn key(text: &str) -> Result<char, ReportError> {
    let mut chars = text.trim().chars().map(|c| c.to_ascii_uppercase());
    match (chars.next(), chars.next()) {
        (Some(c @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(c),
        _ => Err(ReportError::Value { field: "digit", value: text.to_owned() }),
    }
}
