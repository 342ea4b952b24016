//! The audio of a recording as the detector takes it.

use std::path::Path;

use callcore::audio::wav::Side;

pub(crate) use callcore::amd::listen::{Listened as Analysis, listen};

use crate::speech::file;

/// Why the recording of a case cannot be used, for people.
pub(crate) fn why_not(file: &Path, error: &anyhow::Error) -> String {
    if file.exists() { error.root_cause().to_string() } else { "its recording is gone".to_owned() }
}

/// Reads a recording whose first sample is the moment of answer; `left` takes the first channel alone.
pub(crate) fn audio_of(path: &Path, left: bool) -> anyhow::Result<Vec<i16>> {
    let side = if left { Side::Left } else { Side::Mixed };
    Ok(file::load_now(path, side, file::RECORDING)?)
}
