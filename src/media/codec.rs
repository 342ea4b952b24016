//! The codecs of telephony wires. Inside, audio is pcm16 or samples; what differs stays on the wire.

use bytes::Bytes;
use callcore::audio::frame::{from_pcm16le, to_pcm16le};
use callcore::audio::g711;
use serde::Deserialize;

/// How audio is written on a wire, 8 kHz mono.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// G.711 μ-law, one byte per sample.
    Ulaw,
    /// G.711 A-law, one byte per sample.
    Alaw,
    /// Little-endian, two bytes per sample.
    #[default]
    Pcm16,
}

impl Codec {
    /// Its name in the Outgoing Call Service.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ulaw => "ulaw",
            Self::Alaw => "alaw",
            Self::Pcm16 => "pcm16",
        }
    }

    /// Reads a name as carriers and clients in the field write it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let is = |known: &[&str]| known.iter().any(|known| name.eq_ignore_ascii_case(known));
        if is(&["pcm16", "l16-8k"]) {
            Some(Self::Pcm16)
        } else if is(&["ulaw", "mulaw"]) {
            Some(Self::Ulaw)
        } else if is(&["alaw"]) {
            Some(Self::Alaw)
        } else {
            None
        }
    }

    /// What came over the wire as pcm16.
    #[must_use]
    pub fn decode(self, wire: Bytes) -> Bytes {
        if self == Self::Pcm16 {
            return wire;
        }
        let mut samples = Vec::with_capacity(wire.len());
        self.decode_samples(&wire, &mut samples);
        to_pcm16le(&samples).into()
    }

    /// Adds the samples of what came over the wire to `samples`. A last odd byte of pcm16 is half a sample and is left
    /// out.
    pub fn decode_samples(self, wire: &[u8], samples: &mut Vec<i16>) {
        match self {
            Self::Ulaw => g711::ulaw(wire, samples),
            Self::Alaw => g711::alaw(wire, samples),
            Self::Pcm16 => {
                samples.extend(wire.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)));
            }
        }
    }

    /// pcm16 as it goes over the wire. A last odd byte is half a sample and is left out.
    #[must_use]
    pub fn encode(self, pcm16: Bytes) -> Bytes {
        if self == Self::Pcm16 { pcm16 } else { self.encode_samples(&from_pcm16le(&pcm16)) }
    }

    /// Samples as they go over the wire, in a buffer of their own.
    #[must_use]
    pub fn encode_samples(self, samples: &[i16]) -> Bytes {
        let mut wire = Vec::with_capacity(samples.len() * 2);
        match self {
            Self::Ulaw => g711::to_ulaw(samples, &mut wire),
            Self::Alaw => g711::to_alaw(samples, &mut wire),
            Self::Pcm16 => wire.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
        }
        wire.into()
    }
}

/// The codecs of one call: what we send, and what we receive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codecs {
    pub sent: Codec,
    pub received: Codec,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_sounds_the_same_when_it_comes_back() {
        let samples: Vec<i16> = (-60..60).map(|n| n * 500).collect();
        let pcm: Bytes = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        for (codec, bytes_per_sample) in [(Codec::Ulaw, 1), (Codec::Alaw, 1), (Codec::Pcm16, 2)] {
            let wire = codec.encode(pcm.clone());
            assert_eq!(wire.len(), samples.len() * bytes_per_sample, "{codec:?}");
            let back = codec.decode(wire);
            for (pair, sample) in back.as_chunks::<2>().0.iter().zip(&samples) {
                let off = i32::from(i16::from_le_bytes(*pair)) - i32::from(*sample);
                assert!(off.abs() <= 1_024, "{codec:?}: {sample} is off by {off}");
            }
        }
    }

    #[test]
    fn names_from_the_field_are_understood() {
        assert_eq!(Codec::named("MULAW"), Some(Codec::Ulaw));
        assert_eq!(Codec::named("l16-8k"), Some(Codec::Pcm16));
        assert_eq!(Codec::named("mp3"), None);
    }
}
