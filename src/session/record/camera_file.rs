//! The pictures of the callee's camera beside the recording of a call: a WebM that is written by its own task, so that no call waits
//! for the disk.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use callcore::clock::CallTime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::session::record::webm::Webm;
use crate::trunk::CameraFrame;

/// Frames that wait for the disk; when it is full, what comes is dropped up to the next key frame.
const WAITING: usize = 64;
/// Time stamps that are further than this from when their frames came are those of another clock, ms.
const ASTRAY_MS: u64 = 1_000;

/// Where the pictures of the call with this recording are.
pub(crate) fn camera_path(recording: &Path) -> PathBuf {
    recording.with_extension("webm")
}

#[derive(Debug)]
struct Shown {
    at_ms: u64,
    frame: CameraFrame,
}

/// The file of a call's camera, while the call runs. There is one once a key frame came.
#[derive(Debug)]
pub(in crate::session) struct CameraFile {
    frames: mpsc::Sender<Shown>,
    writing: JoinHandle<std::io::Result<()>>,
    answered_at: CallTime,
    /// A time stamp, and when it was shown, ms since the answer.
    anchor: Option<(u32, u64)>,
    /// Nothing can be shown before the next key frame.
    needs_key: bool,
    is_silent: bool,
}

impl CameraFile {
    /// Begins the file beside this recording of a call that was answered then.
    pub(in crate::session) fn start(recording: &Path, answered_at: CallTime) -> Self {
        let (frames, waiting) = mpsc::channel(WAITING);
        let path = camera_path(recording);
        let writing = tokio::task::spawn_blocking(move || write(&path, waiting));
        Self { frames, writing, answered_at, anchor: None, needs_key: true, is_silent: false }
    }

    /// From now on leaves the callee out, or no more.
    pub(in crate::session) const fn silence(&mut self, is_silent: bool) {
        self.is_silent = is_silent;
        // What follows may show what was left out, up to the next key frame.
        self.needs_key |= is_silent;
    }

    /// A frame that came at `now`.
    pub(in crate::session) fn push(&mut self, frame: CameraFrame, now: CallTime) {
        if self.is_silent || (self.needs_key && !frame.is_key) {
            return;
        }
        let at_ms = self.shown_at(frame.timestamp, now.ms_since(self.answered_at));
        self.needs_key = self.frames.try_send(Shown { at_ms, frame }).is_err();
        if self.needs_key {
            metrics::counter!("dering_recording_blocks_dropped_total").increment(1);
        }
    }

    /// By the camera's clock, which is even where the network is not.
    fn shown_at(&mut self, timestamp: u32, came_ms: u64) -> u64 {
        let (first, first_ms) = *self.anchor.get_or_insert((timestamp, came_ms));
        let at_ms = first_ms + u64::from(timestamp.wrapping_sub(first) / (rtp::vp8::CLOCK / 1_000));
        if at_ms.abs_diff(came_ms) <= ASTRAY_MS {
            return at_ms;
        }
        self.anchor = Some((timestamp, came_ms));
        came_ms
    }

    /// Writes the rest and closes the file.
    ///
    /// # Errors
    /// When the disk did not take it; what it took before can be played.
    pub(in crate::session) async fn finish(self) -> std::io::Result<()> {
        drop(self.frames);
        self.writing.await.map_err(std::io::Error::other)?
    }
}

/// Writes what comes; the file is made with the first key frame.
fn write(path: &Path, mut frames: mpsc::Receiver<Shown>) -> std::io::Result<()> {
    let mut file: Option<Webm<BufWriter<File>>> = None;
    while let Some(Shown { at_ms, frame }) = frames.blocking_recv() {
        if file.is_none() {
            let Some(size) = rtp::vp8::size(&frame.vp8) else { continue };
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            file = Some(Webm::begin(BufWriter::new(File::create(path)?), size)?);
        }
        if let Some(file) = &mut file {
            file.frame(at_ms, frame.is_key, &frame.vp8)?;
        }
    }
    file.map_or(Ok(()), |file| file.finish().map(drop))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use webm_iterable::WebmIterator;
    use webm_iterable::matroska_spec::MatroskaSpec as Tag;

    use super::*;

    fn frame(n: u32, is_key: bool) -> CameraFrame {
        let vp8 = Bytes::from(vec![u8::from(!is_key), 0, 0, 0x9d, 0x01, 0x2a, 0x80, 2, 0x68, 1, n as u8]);
        CameraFrame { timestamp: n.wrapping_mul(3_600).wrapping_sub(90_000), is_key, vp8 }
    }

    /// Times of all frames in a file, ms.
    fn times(path: &Path) -> Vec<u64> {
        let mut file = File::open(path).unwrap();
        let (mut times, mut cluster) = (Vec::new(), 0);
        for tag in WebmIterator::new(&mut file, &[]) {
            let tag = tag.unwrap();
            if let Tag::Timestamp(at) = tag {
                cluster = at;
            } else if let Tag::SimpleBlock(block) = tag {
                times.push(cluster + u64::from(u16::from_be_bytes([block[1], block[2]])));
            }
        }
        times
    }

    #[tokio::test]
    async fn frames_stand_where_they_were_shown_and_a_redacted_stretch_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let recording = folder.path().join("c1.wav");
        let answered = CallTime::from_ms(5_000);
        let mut file = CameraFile::start(&recording, answered);
        for n in 0..50 {
            // The network is uneven, the camera is not.
            let now = CallTime::from_ms(5_200 + u64::from(n) * 40 + u64::from(n % 3) * 10);
            file.silence((20..30).contains(&n));
            file.push(frame(n, n == 1 || n == 35), now);
            // The writer has its own pace.
            while file.frames.capacity() < WAITING {
                tokio::task::yield_now().await;
            }
        }
        file.finish().await.unwrap();
        let wanted: Vec<u64> = (1..20).chain(35..50).map(|n| 250 + (n - 1) * 40).collect();
        assert_eq!(times(&folder.path().join("c1.webm")), wanted);
    }

    #[tokio::test]
    async fn without_a_camera_there_is_no_file_and_a_full_disk_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let recording = folder.path().join("c1.wav");
        CameraFile::start(&recording, CallTime::ZERO).finish().await.unwrap();
        assert!(!camera_path(&recording).exists());
        std::os::unix::fs::symlink("/dev/full", camera_path(&recording)).unwrap();
        let mut file = CameraFile::start(&recording, CallTime::ZERO);
        file.push(frame(0, true), CallTime::ZERO);
        assert!(file.finish().await.is_err());
    }
}
