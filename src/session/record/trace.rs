//! The trace of a call's detector, kept beside its recording: `CALL.trace.json` beside `CALL.wav`.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use callcore::amd::Trace;
use callcore::audio::FRAME_SAMPLES;
use serde::Deserialize;
use serde_json::Value;

/// No trace is larger; what is, is none of ours, bytes.
const LARGEST: u64 = 1 << 20;

/// Where each frame that was heard stands in the recording.
#[derive(Debug, Default)]
pub(in crate::session) struct Placement {
    trace: Trace,
    frames: u64,
    /// First frame that the recording leaves out.
    left_out: Option<u64>,
}

impl Placement {
    /// The next frame begins at sample `at`; `kept` when the recording holds what was heard.
    pub(in crate::session) fn frame(&mut self, at: usize, kept: bool) {
        self.trace.place(self.frames, at as u64, FRAME_SAMPLES as u64);
        if !kept {
            self.left_out.get_or_insert(self.frames);
        }
        self.frames += 1;
    }

    /// `trace` with the places of its frames, as far as the recording holds them.
    fn complete(self, mut trace: Trace) -> Trace {
        trace.audio = self.trace.audio;
        trace.cut(self.left_out.unwrap_or(self.frames));
        trace
    }
}

/// The trace beside a recording.
#[must_use]
pub(in crate::session) fn trace_path(recording: &Path) -> PathBuf {
    recording.with_extension("trace.json")
}

/// Writes the trace of a call that is over; only its owner may read it.
///
/// # Errors
/// When the disk refuses.
pub(in crate::session) fn write(recording: &Path, trace: Trace, placement: Placement) -> std::io::Result<()> {
    let text = serde_json::to_vec(&placement.complete(trace))?;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(trace_path(recording))?;
    file.write_all(&text)
}

/// The trace beside `recording`; `None` where there is none that can be read.
#[must_use]
pub fn read_trace(recording: &Path) -> Option<Trace> {
    let path = trace_path(recording);
    if std::fs::metadata(&path).ok()?.len() > LARGEST {
        return None;
    }
    let mut trace: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    if let Ok(whole) = Trace::deserialize(&trace) {
        return Some(whole);
    }
    // Parameters of an earlier version are none of today's; the rest still tells what was heard.
    trace.get_mut("options")?.as_object_mut()?.remove("params");
    serde_json::from_value(trace).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_with_parameters_of_an_earlier_version_is_read_without_them() {
        let folder = tempfile::tempdir().unwrap();
        let recording = folder.path().join("call.wav");
        let text = r#"{"frames": 7, "options": {"locale": "id", "params": {"machine": [[2400, 0.95]]}}}"#;
        std::fs::write(trace_path(&recording), text).unwrap();
        let trace = read_trace(&recording).unwrap();
        assert_eq!((trace.frames, trace.options.locale.as_deref()), (7, Some("id")));
    }
}
