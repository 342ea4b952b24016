//! The audio of a recording as the detector takes it.

use std::path::Path;

use callcore::audio::wav::Side;

pub(super) use callcore::amd::listen::{Listened as Analysis, frames, listen, listen_again};

use crate::speech::file;

/// Reads a recording whose first sample is the moment of answer; `left` takes the first channel alone.
pub(super) fn audio_of(path: &Path, left: bool) -> anyhow::Result<Vec<i16>> {
    let side = if left { Side::Left } else { Side::Mixed };
    Ok(file::load_now(path, side, file::RECORDING)?)
}
