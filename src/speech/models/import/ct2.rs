//! Weights as CTranslate2 writes them, read one at a time.
//!
//! Layout, little-endian: version of the format, name of the architecture and its revision, number of variables; of each
//! its name, rank, dimensions, type, bytes of data, data; then names that stand for other variables. A text is its length
//! in 16 bits, and its bytes with a 0 behind them.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use half::{bf16, f16};

use super::error::ImportError;

/// Versions of the format that tell each variable's type.
const VERSIONS: std::ops::RangeInclusive<u32> = 4..=6;
/// The largest published model has about 1,300.
const MOST_VARIABLES: u32 = 20_000;
const MOST_DIMENSIONS: u8 = 4;
/// Of one variable; the largest published one has 66 million.
const MOST_ELEMENTS: u64 = 1 << 28;

/// What is wrong with a file.
#[derive(Debug)]
pub(super) enum Wrong {
    Foreign(String),
    Damaged(String),
    Unreadable(io::Error),
}

impl Wrong {
    pub(super) fn of(self, path: &Path) -> ImportError {
        let path = path.to_path_buf();
        match self {
            Self::Foreign(reason) => ImportError::Foreign { path, reason },
            Self::Damaged(reason) => ImportError::Damaged { path, reason },
            Self::Unreadable(source) => ImportError::File { path, source },
        }
    }
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Damaged("it ends too early".into());
        }
        Self::Unreadable(error)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    F32,
    I8,
    I16,
    I32,
    F16,
    Bf16,
}

impl Kind {
    const fn of(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::F32,
            1 => Self::I8,
            2 => Self::I16,
            3 => Self::I32,
            4 => Self::F16,
            5 => Self::Bf16,
            _ => return None,
        })
    }

    const fn bytes(self) -> u64 {
        match self {
            Self::I8 => 1,
            Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::F32 | Self::I32 => 4,
        }
    }
}

#[derive(Clone, Debug)]
struct Variable {
    shape: Vec<u32>,
    kind: Kind,
    offset: u64,
    bytes: u64,
}

/// A tensor in memory, its last dimension the one that runs fastest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) shape: Vec<u32>,
    pub(super) values: Vec<f32>,
}

/// A file of variables, of which only the list is in memory.
#[derive(Debug)]
pub(super) struct Archive<R> {
    source: R,
    variables: BTreeMap<String, Variable>,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the list of a file of `length` bytes.
    pub(super) fn open(mut source: R, length: u64) -> Result<Self, Wrong> {
        let from = &mut source;
        let foreign = |reason: String| Err(Wrong::Foreign(reason));
        if length < 4 {
            return foreign("it is empty".into());
        }
        let version = u32::from_le_bytes(array(from)?);
        if !VERSIONS.contains(&version) {
            return foreign(if version < *VERSIONS.start() && version > 0 {
                format!("it is of the old version {version} of the format")
            } else {
                "it does not begin like one".into()
            });
        }
        let architecture = text(from)?;
        if architecture != "WhisperSpec" {
            let shown: String = architecture.chars().take(40).collect();
            return foreign(format!("it is a {shown:?} and not a Whisper"));
        }
        let (_revision, count) = (u32::from_le_bytes(array(from)?), u32::from_le_bytes(array(from)?));
        if count > MOST_VARIABLES {
            return Err(Wrong::Damaged(format!("{count} variables cannot be")));
        }
        let mut variables = BTreeMap::new();
        for _ in 0..count {
            let name = text(from)?;
            let variable = variable(from, &name, length)?;
            variables.insert(name, variable);
        }
        for _ in 0..aliases(from, length)? {
            let (name, other) = (text(from)?, text(from)?);
            let Some(found) = variables.get(&other) else {
                return Err(Wrong::Damaged(format!("{name} stands for {other}, which is not there")));
            };
            let found = found.clone();
            variables.insert(name, found);
        }
        Ok(Self { source, variables })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    pub(super) fn shape(&self, name: &str) -> Result<&[u32], Wrong> {
        Ok(&self.variable(name)?.shape)
    }

    fn variable(&self, name: &str) -> Result<&Variable, Wrong> {
        self.variables.get(name).ok_or_else(|| Wrong::Foreign(format!("it has no {name}")))
    }

    /// The values of a variable, whatever numbers they are kept as.
    pub(super) fn tensor(&mut self, name: &str) -> Result<Tensor, Wrong> {
        let Variable { shape, kind, offset, bytes } = self.variable(name)?.clone();
        self.source.seek(SeekFrom::Start(offset))?;
        let length = usize::try_from(bytes).map_err(io::Error::other)?;
        let mut data = vec![0; length];
        self.source.read_exact(&mut data)?;
        let mut values = numbers(&data, kind);
        if kind == Kind::I8 {
            self.unscale(name, &shape, &mut values)?;
        }
        Ok(Tensor { shape, values })
    }

    /// Weights in 8 bits have a scale for each row, by which they were multiplied.
    fn unscale(&mut self, name: &str, shape: &[u32], values: &mut [f32]) -> Result<(), Wrong> {
        let scale = self.tensor(&format!("{name}_scale"))?;
        let rows = shape.first().copied().unwrap_or(1) as usize;
        let one = scale.values.len() == 1;
        if rows == 0 || !(one || scale.values.len() == rows) {
            return Err(Wrong::Damaged(format!("{name} has {rows} rows and {} scales", scale.values.len())));
        }
        let columns = (values.len() / rows).max(1);
        for (row, values) in values.chunks_mut(columns).enumerate() {
            let scale = scale.values[if one { 0 } else { row }];
            values.iter_mut().for_each(|value| *value /= scale);
        }
        Ok(())
    }
}

fn numbers(data: &[u8], kind: Kind) -> Vec<f32> {
    let pairs = || data.as_chunks::<2>().0.iter().copied();
    let fours = || data.as_chunks::<4>().0.iter().copied();
    match kind {
        Kind::I8 => data.iter().map(|byte| f32::from(byte.cast_signed())).collect(),
        Kind::I16 => pairs().map(|bytes| f32::from(i16::from_le_bytes(bytes))).collect(),
        Kind::F16 => pairs().map(|bytes| f16::from_le_bytes(bytes).to_f32()).collect(),
        Kind::Bf16 => pairs().map(|bytes| bf16::from_le_bytes(bytes).to_f32()).collect(),
        Kind::I32 => fours().map(|bytes| i32::from_le_bytes(bytes) as f32).collect(),
        Kind::F32 => fours().map(f32::from_le_bytes).collect(),
    }
}

fn variable<R: Read + Seek>(from: &mut R, name: &str, length: u64) -> Result<Variable, Wrong> {
    let damaged = |reason: String| Err(Wrong::Damaged(reason));
    let [rank] = array(from)?;
    if rank > MOST_DIMENSIONS {
        return damaged(format!("{name} has {rank} dimensions"));
    }
    let shape = (0..rank).map(|_| array(from).map(u32::from_le_bytes)).collect::<io::Result<Vec<u32>>>()?;
    let [kind] = array(from)?;
    let Some(kind) = Kind::of(kind) else { return damaged(format!("{name} is of the unknown type {kind}")) };
    let bytes = u64::from(u32::from_le_bytes(array(from)?));
    let elements = shape.iter().try_fold(1_u64, |all, one| all.checked_mul(u64::from(*one)));
    match elements {
        Some(elements) if elements <= MOST_ELEMENTS && elements * kind.bytes() == bytes => {}
        _ => return damaged(format!("{name} has {bytes} bytes for {shape:?}")),
    }
    let offset = from.stream_position()?;
    if bytes > length.saturating_sub(offset) {
        return damaged("it ends too early".into());
    }
    from.seek(SeekFrom::Start(offset + bytes))?;
    Ok(Variable { shape, kind, offset, bytes })
}

/// The number of names that stand for others; a file may end before it.
fn aliases<R: Read + Seek>(from: &mut R, length: u64) -> Result<u32, Wrong> {
    if from.stream_position()? >= length {
        return Ok(0);
    }
    let count = u32::from_le_bytes(array(from)?);
    if count > MOST_VARIABLES {
        return Err(Wrong::Damaged(format!("{count} names for others cannot be")));
    }
    Ok(count)
}

fn text(from: &mut impl Read) -> Result<String, Wrong> {
    let length = usize::from(u16::from_le_bytes(array(from)?));
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|_| Wrong::Damaged("a name in it is no text".into()))
}

fn array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}
