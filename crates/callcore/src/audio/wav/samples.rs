//! The layout of a sample in its bytes, and its value.

use audio_codec_algorithms::{decode_alaw, decode_ulaw};

use super::limits::{Side, WavError};
use super::riff::{Format, MPEG, PCM};

const FLOAT: u16 = 3;
const ALAW: u16 = 6;
const ULAW: u16 = 7;
/// Bits of whole numbers without their sign, and what is louder than those of fewer.
const WIDTHS: [(u32, f64); 3] = [(15, 4.0), (23, 131_072.0), (31, 33_554_432.0)];
/// How the samples of one channel lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Unsigned8,
    /// A number of so many bytes, shifted up by so many bits to use all of them.
    Signed {
        bytes: usize,
        shift: u32,
    },
    /// Full scale is two to the power of so many bits: 1, as the standard has it, or that of the numbers it was made of.
    Float32 {
        bits: u32,
    },
    Float64 {
        bits: u32,
    },
    Alaw,
    Ulaw,
}

impl Layout {
    pub(super) fn of(format: &Format, data: &[u8]) -> Result<Self, WavError> {
        let channels = usize::from(format.channels.max(1));
        let block = usize::from(format.block);
        let stated = if block.is_multiple_of(channels) { block / channels } else { 0 };
        let bits = if format.bits == 0 { stated * 8 } else { usize::from(format.bits) };
        match format.tag {
            // 24 bits may lie in four bytes; other blocks than the bits need are a slip.
            PCM => match if bits.div_ceil(8) == 3 && stated == 4 { 4 } else { bits.div_ceil(8) } {
                1 => Ok(Self::Unsigned8),
                bytes @ (2..=4 | 8) => {
                    Ok(Self::Signed { bytes, shift: shift(data, bytes, usize::from(format.valid)) })
                }
                _ => Err(WavError::Codec(format!("{bits}-bit numbers"))),
            },
            FLOAT if bits == 32 => Ok(Self::Float32 { bits: full_scale(data.chunks_exact(4).map(single)) }),
            FLOAT if bits == 64 => Ok(Self::Float64 { bits: full_scale(data.chunks_exact(8).map(double)) }),
            FLOAT => Err(WavError::Codec(format!("{bits}-bit floating-point numbers"))),
            ALAW => Ok(Self::Alaw),
            ULAW => Ok(Self::Ulaw),
            tag => Err(WavError::Codec(named(tag))),
        }
    }

    /// Bytes of a sample.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Unsigned8 | Self::Alaw | Self::Ulaw => 1,
            Self::Signed { bytes, .. } => bytes,
            Self::Float32 { .. } => 4,
            Self::Float64 { .. } => 8,
        }
    }

    /// Appends the samples of `data`, one for each whole frame.
    pub(super) fn decode(self, data: &[u8], channels: usize, side: Side, out: &mut Vec<i16>) {
        let one = |bytes: &[u8]| bytes.first().copied().unwrap_or(0);
        match self {
            Self::Unsigned8 => mono(data, 1, channels, side, out, |b| (i16::from(one(b)) - 128) << 8),
            Self::Alaw => mono(data, 1, channels, side, out, |b| decode_alaw(one(b))),
            Self::Ulaw => mono(data, 1, channels, side, out, |b| decode_ulaw(one(b))),
            Self::Signed { bytes: 2, shift: 0 } => mono(data, 2, channels, side, out, |b| {
                b.first_chunk().map_or(0, |pair| i16::from_le_bytes(*pair))
            }),
            Self::Signed { bytes, shift } => mono(data, bytes, channels, side, out, |b| {
                // The sixteen bits at the upper end.
                ((whole(b) << shift) >> (8 * bytes - 16)) as i16
            }),
            Self::Float32 { bits } => mono(data, 4, channels, side, out, |b| scaled(single(b), bits)),
            Self::Float64 { bits } => mono(data, 8, channels, side, out, |b| scaled(double(b), bits)),
        }
    }
}

fn mono(
    data: &[u8],
    bytes: usize,
    channels: usize,
    side: Side,
    out: &mut Vec<i16>,
    sample: impl Fn(&[u8]) -> i16,
) {
    let frames = data.chunks_exact(bytes * channels);
    match side {
        Side::Left => out.extend(frames.map(|frame| sample(&frame[..bytes]))),
        Side::Mixed if channels == 1 => out.extend(frames.map(sample)),
        Side::Mixed => out.extend(frames.map(|frame| {
            let sum: i32 = frame.chunks_exact(bytes).map(|one| i32::from(sample(one))).sum();
            (sum / channels as i32) as i16
        })),
    }
}

/// What is no number is silence.
fn scaled(x: f64, bits: u32) -> i16 {
    ((x / f64::from(bits).exp2()).clamp(-1.0, 1.0) * 32_767.0) as i16
}

fn single(bytes: &[u8]) -> f64 {
    bytes.first_chunk().map_or(0.0, |b| f32::from_le_bytes(*b)).into()
}

fn double(bytes: &[u8]) -> f64 {
    bytes.first_chunk().map_or(0.0, |b| f64::from_le_bytes(*b))
}

/// The bits of the whole numbers that somebody has written as they were where numbers up to 1 belong. A few that are
/// louder than full scale are only that.
fn full_scale(samples: impl Iterator<Item = f64>) -> u32 {
    let (mut all, mut above) = (0_usize, [0_usize; WIDTHS.len()]);
    for sample in samples {
        all += 1;
        for (count, (_, from)) in above.iter_mut().zip(WIDTHS) {
            *count += usize::from(sample.is_finite() && sample.abs() > from);
        }
    }
    let many = |count: usize| count > all / 100;
    above.iter().zip(WIDTHS).filter(|(count, _)| many(**count)).map(|(_, (bits, _))| bits).max().unwrap_or(0)
}

/// A number of up to eight bytes.
fn whole(bytes: &[u8]) -> i64 {
    let mut all = [0; 8];
    let from = 8_usize.saturating_sub(bytes.len());
    all[from..].copy_from_slice(&bytes[..8 - from]);
    i64::from_le_bytes(all) >> (8 * from)
}

/// By how much to shift a number that uses `bits` of its bytes. The standard puts it at the upper end; sound cards
/// that count 24 bits in 32 put it at the lower one, and nothing in the header tells them apart. At the upper end, all
/// that fits into the lower would be softer than -48 dBFS.
fn shift(data: &[u8], bytes: usize, bits: usize) -> u32 {
    let spare = (8 * bytes).saturating_sub(bits);
    if spare == 0 || bits == 0 {
        return 0;
    }
    let lower = data.chunks_exact(bytes).map(whole).all(|n| {
        // A sign that is carried on, or bytes left at zero.
        matches!(n >> (bits - 1), 0 | -1) || (n >> bits) & ((1 << spare) - 1) == 0
    });
    if lower { spare as u32 } else { 0 }
}

/// What people call a format.
fn named(tag: u16) -> String {
    let name = match tag {
        0x02 | 0x11 => "ADPCM",
        0x10 | 0x28 | 0x17 | 0x20 | 0x40 | 0x45 | 0x64 | 0x65 | 0x8c => "one of the ADPCM codecs",
        0x22 => "TrueSpeech",
        0x31 | 0x32 => "GSM 06.10",
        0x42 => "G.723.1",
        0x83 => "G.729",
        0x28f => "G.722",
        0x160..=0x163 => "Windows Media audio",
        0xff | 0x1600..=0x1610 | 0xa106 => "AAC",
        0x566f | 0x674f..=0x6771 => "Vorbis",
        0x704f => "Opus",
        0xf1ac => "FLAC",
        _ if MPEG.contains(&tag) => "MP3",
        _ => return format!("samples of the format 0x{tag:04x}"),
    };
    format!("{name} (format 0x{tag:04x})")
}
