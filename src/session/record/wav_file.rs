//! A WAV file that is written by its own task while its audio arrives: no call waits for the disk.
//!
//! The lengths in the header are updated with every block, so the file can be played whenever the process or the machine
//! stops. What the disk does not accept is silence: everything after it keeps its place.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callcore::audio::wav;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Blocks waiting for the disk; when it is full the newest is dropped and counted.
const WAITING_BLOCKS: usize = 16;
/// Bytes of the header in front of the samples.
pub(in crate::session) const HEADER_BYTES: u64 = 44;

/// A file being written.
#[derive(Debug)]
pub(in crate::session) struct WavFile {
    blocks: mpsc::Sender<Block>,
    writer: JoinHandle<Writer>,
    path: PathBuf,
    /// Where the next block belongs, in bytes of samples.
    offset: u64,
    dropped_bytes: u64,
}

#[derive(Debug)]
struct Block {
    offset: u64,
    bytes: Vec<u8>,
}

/// A file that is complete, or as complete as the disk let it be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::session) struct Written {
    pub(in crate::session) path: PathBuf,
    /// Audio that is missing, in bytes.
    pub(in crate::session) lost_bytes: u64,
    /// What the disk said when it first refused.
    pub(in crate::session) trouble: Option<String>,
}

impl WavFile {
    /// Begins `path`, 8 kHz pcm16; its folder is made where missing. What fails is told by [`Self::finish`].
    pub(in crate::session) fn start(path: &Path, stereo: bool) -> Self {
        let (blocks, waiting) = mpsc::channel(WAITING_BLOCKS);
        let writer =
            Writer { path: path.to_owned(), stereo, file: None, end: 0, lost_bytes: 0, trouble: None };
        let path = path.to_owned();
        Self { blocks, writer: tokio::spawn(write(writer, waiting)), path, offset: 0, dropped_bytes: 0 }
    }

    pub(in crate::session) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends little-endian samples, interleaved.
    pub(in crate::session) fn push(&mut self, bytes: Vec<u8>) {
        let (offset, length) = (self.offset, bytes.len() as u64);
        self.offset += length;
        if self.blocks.try_send(Block { offset, bytes }).is_err() {
            self.dropped_bytes += length;
            metrics::counter!("dering_recording_blocks_dropped_total").increment(1);
        }
    }

    /// Writes the rest and closes the file.
    ///
    /// # Errors
    /// When the file could not even be begun.
    pub(in crate::session) async fn finish(self) -> std::io::Result<Written> {
        drop(self.blocks);
        let writer = self.writer.await.map_err(std::io::Error::other)?;
        if writer.file.is_none() {
            return Err(std::io::Error::other(writer.trouble.unwrap_or_default()));
        }
        let lost_bytes = writer.lost_bytes + self.dropped_bytes;
        let slow = || "the disk was too slow".to_owned();
        let trouble = writer.trouble.or_else(|| (self.dropped_bytes > 0).then(slow));
        Ok(Written { path: writer.path, lost_bytes, trouble })
    }
}

/// The writing end.
#[derive(Debug)]
struct Writer {
    path: PathBuf,
    stereo: bool,
    file: Option<Arc<File>>,
    /// Samples up to here are in the file, in bytes.
    end: u64,
    lost_bytes: u64,
    trouble: Option<String>,
}

async fn write(mut writer: Writer, mut blocks: mpsc::Receiver<Block>) -> Writer {
    let mut block = None;
    loop {
        let attempt = tokio::task::spawn_blocking(move || {
            writer.put(block);
            writer
        });
        match attempt.await {
            Ok(back) => writer = back,
            Err(error) => {
                let trouble = Some(error.to_string());
                return Writer {
                    path: PathBuf::new(),
                    stereo: true,
                    file: None,
                    end: 0,
                    lost_bytes: 0,
                    trouble,
                };
            }
        }
        block = blocks.recv().await;
        if block.is_none() {
            return writer;
        }
    }
}

impl Writer {
    /// Opens the file if it is not open yet, and writes the block.
    fn put(&mut self, block: Option<Block>) {
        let length = block.as_ref().map_or(0, |block| block.bytes.len() as u64);
        if let Err(error) = self.try_put(block) {
            self.lost_bytes += length;
            metrics::counter!("dering_recording_write_failures_total").increment(1);
            if self.trouble.is_none() {
                tracing::error!(%error, path = %self.path.display(), "a recording cannot be written; the call goes on");
                self.trouble = Some(error.to_string());
            }
        }
    }

    fn try_put(&mut self, block: Option<Block>) -> std::io::Result<()> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(self.file.insert(Arc::new(open(&self.path, self.stereo)?))),
        };
        let Some(Block { offset, bytes }) = block else { return Ok(()) };
        file.write_all_at(&bytes, HEADER_BYTES + offset)?;
        self.end = self.end.max(offset + bytes.len() as u64);
        write_lengths(&file, self.end)
    }
}

fn open(path: &Path, stereo: bool) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = File::create(path)?;
    let header = if stereo { wav::write_8k(&[&[], &[]]) } else { wav::write_8k(&[&[]]) };
    file.write_all_at(&header, 0)?;
    Ok(file)
}

/// Puts right the lengths in the header of a file whose writer was killed, after its samples or even before its header.
/// Returns the bytes of whole frames in it.
pub(in crate::session) fn mend(path: &Path, stereo: bool) -> std::io::Result<u64> {
    let file = File::options().write(true).open(path)?;
    let frame = if stereo { 4 } else { 2 };
    let length = file.metadata()?.len().saturating_sub(HEADER_BYTES) / frame * frame;
    file.set_len(HEADER_BYTES + length)?;
    file.write_all_at(&if stereo { wav::write_8k(&[&[], &[]]) } else { wav::write_8k(&[&[]]) }, 0)?;
    write_lengths(&file, length)?;
    file.sync_data()?;
    Ok(length)
}

/// The two lengths of a RIFF file.
fn write_lengths(file: &File, samples: u64) -> std::io::Result<()> {
    let length = u32::try_from(samples).unwrap_or(u32::MAX - 36);
    file.write_all_at(&(length + 36).to_le_bytes(), 4)?;
    file.write_all_at(&length.to_le_bytes(), 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(path: &Path) -> (u32, u32, u64) {
        let bytes = std::fs::read(path).unwrap();
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        (word(4), word(40), bytes.len() as u64)
    }

    #[tokio::test]
    async fn the_header_is_right_while_the_file_still_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/a.wav");
        let mut file = WavFile::start(&path, true);
        for _ in 0..3 {
            file.push(vec![1; 32_000]);
        }
        // Everything that is waiting has been written when there is room for all of it again.
        while file.blocks.capacity() < WAITING_BLOCKS || lengths(&path).2 < 44 + 96_000 {
            tokio::task::yield_now().await;
        }
        // No `finish`: this is what a kill leaves.
        let mut seen = lengths(&path);
        while seen.1 < 96_000 {
            tokio::task::yield_now().await;
            seen = lengths(&path);
        }
        assert_eq!(seen, (96_036, 96_000, 96_044));
    }

    #[test]
    fn a_kill_between_samples_and_header_is_put_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.wav");
        let left = |stereo: bool, samples: usize| {
            let mut bytes = if stereo { wav::write_8k(&[&[], &[]]) } else { wav::write_8k(&[&[]]) };
            bytes.extend(vec![5; samples]);
            std::fs::write(&path, bytes).unwrap();
        };
        // The last frame is torn, too.
        left(true, 32_003);
        assert_eq!(mend(&path, true).unwrap(), 32_000);
        assert_eq!(lengths(&path), (32_036, 32_000, 32_044));
        left(false, 7);
        assert_eq!((mend(&path, false).unwrap(), lengths(&path)), (6, (42, 6, 50)));
        // Killed before the header: there is nothing to play, and it can be played.
        std::fs::write(&path, b"RI").unwrap();
        assert_eq!((mend(&path, true).unwrap(), lengths(&path)), (0, (36, 0, 44)));
        assert_eq!(&std::fs::read(&path).unwrap()[..4], b"RIFF");
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_loses_only_the_audio() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("full.wav");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut file = WavFile::start(&path, false);
        file.push(vec![1; 16_000]);
        let error = file.finish().await.unwrap_err().to_string();
        assert!(error.contains("space"), "{error}");
    }

    #[tokio::test]
    async fn what_comes_behind_a_lost_block_keeps_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gap.wav");
        let mut file = WavFile::start(&path, false);
        file.push(vec![1; 100]);
        file.offset += 50;
        file.push(vec![2; 100]);
        let written = file.finish().await.unwrap();
        assert_eq!((written.lost_bytes, written.trouble), (0, None));
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((bytes[44 + 99], bytes[44 + 120], bytes[44 + 150], bytes.len()), (1, 0, 2, 294));
    }
}
