//! The audio of a recording as the detector takes it.

use std::path::Path;

use anyhow::Context;
use callcore::audio::wav;

pub(super) use callcore::amd::listen::{Listened as Analysis, frames, listen};

/// Reads a WAV file whose first sample is the moment of answer; `left` takes the first channel alone.
pub(super) fn audio_of(path: &Path, left: bool) -> anyhow::Result<Vec<i16>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let audio = if left { wav::read_8k_left(&bytes) } else { wav::read_8k(&bytes) };
    audio.with_context(|| format!("cannot use {}", path.display()))
}
