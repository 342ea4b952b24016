//! What the numbers in the packets of one stream mean.

use callcore::audio::g711;

/// Payload type of comfort noise (RFC 3389, section 5).
pub(crate) const COMFORT_NOISE: u8 = 13;

/// The two laws of G.711.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// PCMU.
    Ulaw,
    /// PCMA.
    Alaw,
}

impl Law {
    /// Its static payload type (RFC 3551, table 4).
    #[must_use]
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Ulaw => 0,
            Self::Alaw => 8,
        }
    }

    /// Its name in an `rtpmap` attribute.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ulaw => "PCMU",
            Self::Alaw => "PCMA",
        }
    }

    pub(crate) fn decode(self, payload: &[u8], samples: &mut Vec<i16>) {
        match self {
            Self::Ulaw => g711::ulaw(payload, samples),
            Self::Alaw => g711::alaw(payload, samples),
        }
    }

    pub(crate) fn encode(self, samples: &[i16], payload: &mut Vec<u8>) {
        match self {
            Self::Ulaw => g711::to_ulaw(samples, payload),
            Self::Alaw => g711::to_alaw(samples, payload),
        }
    }
}

/// A law and the payload type by which a description names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    pub law: Law,
    pub payload_type: u8,
}

impl Coding {
    /// The law by its static payload type.
    #[must_use]
    pub const fn of(law: Law) -> Self {
        Self { law, payload_type: law.payload_type() }
    }
}

/// How the two ends of one stream write audio and keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formats {
    /// How we write audio. Audio is understood by this payload type and by both static ones.
    pub audio: Coding,
    /// Payload type of the keys that we send (RFC 4733); `None` where the peer takes none.
    pub sent_keys: Option<u8>,
    /// Payload type of the keys that come; `None` where none were agreed on.
    pub received_keys: Option<u8>,
}

impl Formats {
    /// One law by its static payload type, keys both ways by one number.
    #[must_use]
    pub const fn new(law: Law, keys: Option<u8>) -> Self {
        Self { audio: Coding::of(law), sent_keys: keys, received_keys: keys }
    }

    /// The law that a payload type stands for.
    pub(crate) fn law(self, payload_type: u8) -> Option<Law> {
        if payload_type == self.audio.payload_type {
            return Some(self.audio.law);
        }
        [Law::Ulaw, Law::Alaw].into_iter().find(|law| law.payload_type() == payload_type)
    }
}
