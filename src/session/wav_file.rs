//! A WAV file that is written while its audio comes, by a task of its own: no call waits for the disk.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};

use callcore::audio::wav;
use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Blocks waiting for the disk; when it is full the newest is dropped and counted.
const WAITING_BLOCKS: usize = 16;

/// A file being written.
#[derive(Debug)]
pub(super) struct WavFile {
    blocks: mpsc::Sender<Vec<u8>>,
    writer: JoinHandle<std::io::Result<()>>,
    path: PathBuf,
}

impl WavFile {
    /// Begins `path`, 8 kHz pcm16; its folder is made where missing. What fails is told by [`Self::finish`].
    pub(super) fn start(path: &Path, stereo: bool) -> Self {
        let (blocks, waiting) = mpsc::channel(WAITING_BLOCKS);
        let writer = tokio::spawn(write(path.to_owned(), stereo, waiting));
        Self { blocks, writer, path: path.to_owned() }
    }

    /// Appends little-endian samples, interleaved.
    pub(super) fn push(&self, block: Vec<u8>) {
        if self.blocks.try_send(block).is_err() {
            metrics::counter!("dering_recording_blocks_dropped_total").increment(1);
        }
    }

    /// Writes the rest and closes the file.
    pub(super) async fn finish(self) -> std::io::Result<PathBuf> {
        drop(self.blocks);
        self.writer.await.map_err(std::io::Error::other)??;
        Ok(self.path)
    }
}

async fn write(path: PathBuf, stereo: bool, mut blocks: mpsc::Receiver<Vec<u8>>) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let mut file = File::create(&path).await?;
    let header = if stereo { wav::write_8k(&[&[], &[]]) } else { wav::write_8k(&[&[]]) };
    file.write_all(&header).await?;
    let mut data_len = 0_u32;
    while let Some(block) = blocks.recv().await {
        file.write_all(&block).await?;
        data_len = data_len.saturating_add(u32::try_from(block.len()).unwrap_or(u32::MAX));
    }
    // The two lengths of a RIFF file, unknown until now.
    file.seek(SeekFrom::Start(4)).await?;
    file.write_all(&data_len.saturating_add(36).to_le_bytes()).await?;
    file.seek(SeekFrom::Start(40)).await?;
    file.write_all(&data_len.to_le_bytes()).await?;
    file.flush().await
}
