//! Weights in blocks of 32 with fewer bits each, as ggml keeps them.

use half::f16;
use serde::Deserialize;

/// Elements of a block.
const BLOCK: usize = 32;

/// How exactly the large tables of a model are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// 16 bits each.
    #[default]
    F16,
    /// 8 bits each, half the size.
    Q8_0,
    /// 5 bits each and two numbers for 32 of them, a third of the size.
    Q5_1,
}

/// How one tensor is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    Exact,
    Half,
    Blocks(Weights),
}

impl Weights {
    pub(super) const fn precision(self) -> Precision {
        match self {
            Self::F16 => Precision::Half,
            Self::Q8_0 | Self::Q5_1 => Precision::Blocks(self),
        }
    }

    /// ggml's number for a whole file; those in blocks carry the version of that format in front.
    pub(super) const fn file_type(self) -> u32 {
        match self {
            Self::F16 => 1,
            Self::Q8_0 => 2_007,
            Self::Q5_1 => 2_009,
        }
    }

    /// ggml's number for a tensor.
    pub(super) const fn tensor_type(self) -> u32 {
        match self {
            Self::F16 => 1,
            Self::Q8_0 => 8,
            Self::Q5_1 => 7,
        }
    }

    /// What the name of a model ends with.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::F16 => "",
            Self::Q8_0 => "-q8_0",
            Self::Q5_1 => "-q5_1",
        }
    }
}

/// Whether rows of so many elements can be kept in blocks.
pub(super) const fn fits(row: usize) -> bool {
    row.is_multiple_of(BLOCK)
}

/// `values` in blocks, whose rows are whole blocks.
pub(super) fn blocks(values: &[f32], weights: Weights) -> Vec<u8> {
    let mut out = Vec::with_capacity(values.len() * 9 / 8);
    for block in values.as_chunks::<BLOCK>().0 {
        match weights {
            Weights::F16 => half(block, &mut out),
            Weights::Q8_0 => q8_0(block, &mut out),
            Weights::Q5_1 => q5_1(block, &mut out),
        }
    }
    out
}

pub(super) fn half(values: &[f32], out: &mut Vec<u8>) {
    out.extend(values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()));
}

/// The scale, then each as a multiple of it.
fn q8_0(block: &[f32; BLOCK], out: &mut Vec<u8>) {
    let largest = block.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let scale = largest / 127.0;
    let inverse = inverse(scale);
    half(&[scale], out);
    out.extend(block.iter().map(|value| (value * inverse).round() as i8).map(i8::cast_unsigned));
}

/// Scale and smallest value, the fifth bits of all, then the lower four: the first half of the block in the lower
/// halves of the bytes, the second in the upper ones.
fn q5_1(block: &[f32; BLOCK], out: &mut Vec<u8>) {
    let smallest = block.iter().copied().fold(f32::INFINITY, f32::min);
    let largest = block.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scale = (largest - smallest) / 31.0;
    let inverse = inverse(scale);
    half(&[scale, smallest], out);
    // No larger than 31, but for rounding.
    let levels = block.map(|value| (((value - smallest) * inverse + 0.5) as u8).min(31));
    let fifth = levels.iter().enumerate().fold(0_u32, |bits, (at, level)| bits | u32::from(level >> 4) << at);
    out.extend(fifth.to_le_bytes());
    let (first, second) = levels.split_at(BLOCK / 2);
    out.extend(first.iter().zip(second).map(|(low, high)| (low & 0xF) | (high & 0xF) << 4));
}

fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(bytes: &[u8]) -> f32 {
        f16::from_le_bytes([bytes[0], bytes[1]]).to_f32()
    }

    fn wave() -> Vec<f32> {
        (0..BLOCK).map(|n| (n as f32 * 0.7).sin() * 0.3 + 0.05).collect()
    }

    #[test]
    fn eight_bits_come_back_to_half_a_step() {
        let values = wave();
        let bytes = blocks(&values, Weights::Q8_0);
        assert_eq!(bytes.len(), 34);
        let scale = number(&bytes);
        for (value, level) in values.iter().zip(&bytes[2..]) {
            let back = f32::from(level.cast_signed()) * scale;
            assert!((value - back).abs() <= scale * 0.6, "{value} {back}");
        }
    }

    #[test]
    fn five_bits_come_back_to_half_a_step() {
        let values = wave();
        let bytes = blocks(&values, Weights::Q5_1);
        assert_eq!(bytes.len(), 24);
        let (scale, smallest) = (number(&bytes), number(&bytes[2..]));
        let fifth = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        for (at, value) in values.iter().enumerate() {
            let byte = bytes[8 + at % 16];
            let low = if at < 16 { byte & 0xF } else { byte >> 4 };
            let level = u32::from(low) | (fifth >> at & 1) << 4;
            let back = level as f32 * scale + smallest;
            assert!((value - back).abs() <= scale * 0.6, "{at}: {value} {back}");
        }
    }

    #[test]
    fn blocks_of_one_value_are_exact() {
        for weights in [Weights::Q8_0, Weights::Q5_1] {
            for value in [0.0, 0.5] {
                let bytes = blocks(&[value; BLOCK], weights);
                let back = match weights {
                    Weights::Q5_1 => number(&bytes[2..]),
                    Weights::F16 | Weights::Q8_0 => number(&bytes) * f32::from(bytes[2].cast_signed()),
                };
                assert!((back - value).abs() < 0.001, "{weights:?} {value} {back}");
            }
        }
    }
}
