//! Identifiers that tie a reply to its request inside one call.

use serde::{Deserialize, Serialize};

/// One prompt handed to play-out; unique within a call, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlayId(pub u32);

/// Hands out consecutive identifiers.
#[derive(Clone, Debug, Default)]
pub struct PlayIds(u32);

impl PlayIds {
    /// The next identifier, starting at 1.
    pub fn issue(&mut self) -> PlayId {
        self.0 += 1;
        PlayId(self.0)
    }

    /// The identifier issued last.
    #[must_use]
    pub const fn last(&self) -> Option<PlayId> {
        if self.0 == 0 { None } else { Some(PlayId(self.0)) }
    }
}

/// One thing that a flow wants done outside the conversation; unique within a call, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExternalStepId(pub u32);

/// Hands out consecutive identifiers.
#[derive(Clone, Debug, Default)]
pub struct ExternalStepIds(u32);

impl ExternalStepIds {
    /// The next identifier, starting at 1.
    pub fn issue(&mut self) -> ExternalStepId {
        self.0 += 1;
        ExternalStepId(self.0)
    }
}
