//! A look at a model file before the library reads it: what is damaged is refused with a sentence instead of whatever
//! wrong numbers make the library do.
//!
//! Layout (whisper.cpp's ggml format): magic, then eleven 32-bit numbers, little-endian: vocabulary, then the encoder's
//! positions, width, heads and layers, then the decoder's, then mel bands and the kind of weights.

use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::Path;

use super::LoadError;

const MAGIC: u32 = 0x6767_6d6c;
/// Name of each number and what it can be, with room for models larger than today's.
const NUMBERS: [(&str, RangeInclusive<u32>); 11] = [
    ("vocabulary", 1_000..=200_000),
    ("audio positions", 1..=1_500),
    ("audio width", 1..=4_096),
    ("audio heads", 1..=128),
    ("audio layers", 1..=128),
    ("text positions", 1..=4_096),
    ("text width", 1..=4_096),
    ("text heads", 1..=128),
    ("text layers", 1..=128),
    ("mel bands", 1..=128),
    ("kind of weights", 0..=20_999),
];

/// Reads the beginning of the model at `path`.
pub(super) fn check(path: &Path) -> Result<(), LoadError> {
    let missing = |error: std::io::Error| LoadError::Missing { path: path.into(), reason: error.to_string() };
    let mut bytes = Vec::with_capacity(48);
    File::open(path).map_err(missing)?.take(48).read_to_end(&mut bytes).map_err(missing)?;
    let mut words =
        bytes.chunks_exact(4).map(|word| word.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b)));
    if words.next() != Some(MAGIC) {
        let reason = "it does not begin like one".into();
        return Err(LoadError::Model { path: path.into(), reason });
    }
    for (name, possible) in NUMBERS {
        match words.next() {
            Some(number) if possible.contains(&number) => {}
            found => {
                let reason = found.map_or_else(
                    || "it ends within its first bytes".into(),
                    |number| format!("{name}: {number} cannot be"),
                );
                return Err(LoadError::Damaged { path: path.into(), reason });
            }
        }
    }
    Ok(())
}
