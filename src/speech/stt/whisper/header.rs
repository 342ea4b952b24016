//! A walk through a model file before the library reads it. The library throws at a file that is cut off, which would end
//! this process; here it becomes a sentence.
//!
//! Layout (whisper.cpp's ggml format), all numbers 32 bit, little-endian: magic; vocabulary size, the encoder's positions,
//! width, heads and layers, the decoder's, mel bands, kind of weights; the mel filters (rows, columns, floats); the
//! vocabulary (count, then length and bytes of each); then tensors to the end (dimensions, length of the name, type, each
//! dimension, name, data).

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
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
const MOST_FILTER_COLUMNS: u32 = 4_096;
const LONGEST_TOKEN: u32 = 1_024;
const LONGEST_NAME: u32 = 256;
const MOST_DIMENSIONS: u32 = 4;

/// Why a file is no whole model.
enum Wrong {
    NoModel,
    Damaged(String),
    Unreadable(io::Error),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Damaged("it is cut off".into());
        }
        Self::Unreadable(error)
    }
}

/// Reads the structure of the model at `path`, and leaves its weights alone.
pub(super) fn check(path: &Path) -> Result<(), LoadError> {
    let missing = |error: io::Error| LoadError::Missing { path: path.into(), reason: error.to_string() };
    let file = File::open(path).map_err(missing)?;
    walk(file).map_err(|wrong| match wrong {
        Wrong::NoModel => LoadError::Model { path: path.into(), reason: "it does not begin like one".into() },
        Wrong::Damaged(reason) => LoadError::Damaged { path: path.into(), reason },
        Wrong::Unreadable(error) => missing(error),
    })
}

fn walk(file: File) -> Result<(), Wrong> {
    let length = file.metadata()?.len();
    let mut file = BufReader::new(file);
    if length < 4 || number(&mut file)? != MAGIC {
        return Err(Wrong::NoModel);
    }
    for (name, possible) in NUMBERS {
        let found = number(&mut file)?;
        within(name, found, &possible)?;
    }
    let (rows, columns) = (number(&mut file)?, number(&mut file)?);
    within("rows of the mel filters", rows, &(1..=128))?;
    within("columns of the mel filters", columns, &(1..=MOST_FILTER_COLUMNS))?;
    skip(&mut file, u64::from(rows) * u64::from(columns) * 4, length)?;
    let tokens = number(&mut file)?;
    within("vocabulary", tokens, &(0..=200_000))?;
    let mut has_space = false;
    for _ in 0..tokens {
        let bytes = number(&mut file)?;
        within("length of a token", bytes, &(0..=LONGEST_TOKEN))?;
        if bytes == 1 {
            let mut byte = [0];
            file.read_exact(&mut byte)?;
            has_space |= byte == *b" ";
        } else {
            skip(&mut file, u64::from(bytes), length)?;
        }
    }
    // The library looks for it by name, and throws when it does not find it.
    if !has_space {
        return Err(Wrong::Damaged("its vocabulary has no token for a space".into()));
    }
    while file.stream_position()? < length {
        let (dimensions, name, kind) = (number(&mut file)?, number(&mut file)?, number(&mut file)?);
        within("dimensions of a tensor", dimensions, &(1..=MOST_DIMENSIONS))?;
        within("length of a tensor's name", name, &(1..=LONGEST_NAME))?;
        let mut elements = 1_u64;
        for _ in 0..dimensions {
            elements = elements.saturating_mul(u64::from(number(&mut file)?));
        }
        // A type of weights that is newer than this list: the library may know it.
        let Some((per_block, block_bytes)) = block(kind) else { return Ok(()) };
        let data = (elements / per_block).saturating_mul(block_bytes);
        skip(&mut file, data.saturating_add(u64::from(name)), length)?;
    }
    Ok(())
}

/// Elements of a block and its bytes, by ggml's number of the type.
const fn block(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 => (1, 4),
        1 => (1, 2),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        _ => return None,
    })
}

fn within(name: &str, found: u32, possible: &RangeInclusive<u32>) -> Result<(), Wrong> {
    if possible.contains(&found) { Ok(()) } else { Err(Wrong::Damaged(format!("{name}: {found} cannot be"))) }
}

fn number(file: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn skip(file: &mut BufReader<File>, bytes: u64, length: u64) -> Result<(), Wrong> {
    let here = file.stream_position()?;
    if bytes > length.saturating_sub(here) {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    let forward = i64::try_from(bytes).map_err(io::Error::other)?;
    if file.seek_relative(forward).is_err() {
        file.seek(SeekFrom::Start(here + bytes))?;
    }
    Ok(())
}
