//! The versions of the service, and in what they differ.

use std::fmt;
use std::str::FromStr;

/// A version of the Outgoing Call Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// July 2025: no `Failed`, no records, no name of the format with the audio it sends.
    V1_0_3,
    #[default]
    V1_0_4,
    /// March 2026: a media host per call, negotiated codecs, no acknowledgements, plain WebSocket.
    V1_0_5,
}

impl Version {
    pub const ALL: [Self; 3] = [Self::V1_0_3, Self::V1_0_4, Self::V1_0_5];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0_3 => "1.0.3",
            Self::V1_0_4 => "1.0.4",
            Self::V1_0_5 => "1.0.5",
        }
    }

    /// `dialStatus` knows `Failed`.
    pub(super) fn tells_failure(self) -> bool {
        self >= Self::V1_0_4
    }

    /// There is a `cdr` event and `/v1/cdr`.
    pub(super) fn has_records(self) -> bool {
        self >= Self::V1_0_4
    }

    /// `audio` from a client is acknowledged.
    pub(super) fn acknowledges(self) -> bool {
        self < Self::V1_0_5
    }

    /// `audio` to a client has `audioFormat`.
    pub(super) fn names_format(self) -> bool {
        self == Self::V1_0_4
    }

    /// A call has codecs, a caller id, a time limit, and a media host of its own.
    pub(super) fn negotiates(self) -> bool {
        self >= Self::V1_0_5
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no version we serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the service has versions 1.0.3, 1.0.4 and 1.0.5")]
pub struct UnknownVersion;

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        Self::ALL.into_iter().find(|version| version.as_str() == text.trim()).ok_or(UnknownVersion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_written() {
        for version in Version::ALL {
            assert_eq!(version.to_string().parse(), Ok(version));
        }
        assert_eq!("1.0".parse::<Version>(), Err(UnknownVersion));
    }
}
