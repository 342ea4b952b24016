//! The file of a call's sound, while the call runs.

use std::path::{Path, PathBuf};

use callcore::audio::frame::samples_to_ms;
use callcore::clock::CallTime;

use crate::session::record::trace::Placement;
use crate::session::record::wav_file::{WavFile, Written};

/// One sample of both sides.
pub(super) const FRAME_BYTES: usize = 4;

/// The recording of a call.
pub(in crate::session) fn recording_path(folder: &Path, call_id: &str) -> PathBuf {
    folder.join(format!("{call_id}.wav"))
}

/// What was written.
#[derive(Clone, Debug)]
pub(in crate::session) struct Recorded {
    pub(in crate::session) path: PathBuf,
    pub(in crate::session) started_at: CallTime,
    pub(in crate::session) duration_ms: u64,
    /// Days until it is deleted, when the flow says so.
    pub(in crate::session) keep_days: Option<u32>,
    /// Audio that the disk did not take, ms, and what it said.
    pub(in crate::session) lost: Option<(u64, String)>,
}

/// The recording of one call: a stereo WAV, the callee on the left, the bot on the right.
#[derive(Debug)]
pub(in crate::session) struct Recording {
    file: WavFile,
    keep_days: Option<u32>,
    /// Bytes that were handed to the writer.
    written: usize,
    placement: Placement,
}

impl Recording {
    /// Begins the file of the call.
    pub(in crate::session) fn start(folder: &Path, call_id: &str, keep_days: Option<u32>) -> Self {
        let file = WavFile::start(&recording_path(folder, call_id), true);
        Self { file, keep_days, written: 0, placement: Placement::default() }
    }

    /// What there will be, before there is any of it.
    pub(super) fn begun(&self, started_at: CallTime) -> Recorded {
        let (path, keep_days) = (self.file.path().to_owned(), self.keep_days);
        Recorded { path, started_at, duration_ms: 0, keep_days, lost: None }
    }

    /// The next frame that was heard begins at sample `at`; `audible` when the recording holds it.
    pub(super) fn place(&mut self, at: usize, audible: bool) {
        self.placement.frame(at, audible);
    }

    pub(super) fn push(&mut self, block: Vec<u8>) {
        self.written += block.len();
        self.file.push(block);
    }

    /// Closes the file; where the frames that were heard stand in it.
    pub(super) async fn finish(self, started_at: CallTime) -> std::io::Result<(Recorded, Placement)> {
        let Written { path, lost_bytes, trouble } = self.file.finish().await?;
        let recorded = Recorded {
            path,
            started_at,
            duration_ms: samples_to_ms(self.written / FRAME_BYTES),
            keep_days: self.keep_days,
            lost: trouble.map(|why| (samples_to_ms(lost_bytes as usize / FRAME_BYTES), why)),
        };
        Ok((recorded, self.placement))
    }
}
