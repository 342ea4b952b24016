//! What became of a call.

use std::path::PathBuf;

use callcore::call::CarrierCdr;
use serde::Serialize;

use crate::gateway::record::{Happening, Party};

/// Something that happened, in ms since the answer; before it, since the call was placed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub at_ms: u64,
    #[serde(flatten)]
    pub happening: Happening,
}

/// What became of a call.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub session_id: String,
    /// How long it rang; `None` when nobody answered.
    pub answered_after_ms: Option<u64>,
    /// Who ended it; `None` when it rang for too long.
    pub ended_by: Option<Party>,
    pub events: Vec<Entry>,
    /// Audio from the server, in ms.
    pub heard_ms: u64,
    /// The most of it that waited to be played at once: what an interruption would be late by.
    pub most_waiting_ms: u64,
    /// Messages of the server's that mean nothing on this wire.
    pub oddities: Vec<String>,
    pub cdr: CarrierCdr,
    pub recording: Option<PathBuf>,
}

impl Report {
    /// Whether the call was answered and hung up by one of its two parties.
    #[must_use]
    pub fn is_in_order(&self) -> bool {
        let by_a_party = matches!(self.ended_by, Some(Party::Bot | Party::Callee));
        self.answered_after_ms.is_some() && by_a_party && self.oddities.is_empty()
    }
}
