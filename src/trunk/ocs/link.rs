//! The connection to a carrier, as a trunk last saw it.

use super::options::Version;

/// The connection to the carrier, as last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    Connecting,
    Up,
    /// There is none to keep: a carrier of 1.0.5 is connected to when a call needs it.
    OnDemand,
    /// The carrier refuses the token; tried again all the same.
    Refused(String),
    Down(String),
}

impl Link {
    /// A carrier of 1.0.5 may turn everybody away at its base URL: media is elsewhere.
    pub(super) fn known_as(self, version: Option<Version>) -> Self {
        let elsewhere = matches!(self, Self::Refused(_)) && version == Some(Version::V1_0_5);
        if elsewhere { Self::OnDemand } else { self }
    }
}
