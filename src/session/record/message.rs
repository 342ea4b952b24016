//! A message that the callee leaves: what they say, as a WAV file of its own beside the call's recording.

use std::path::{Path, PathBuf};

use callcore::audio::frame::{Frame, SAMPLE_RATE, samples_to_ms};
use callcore::call::Input;
use callcore::flow::ExternalStepEnd;
use callcore::ids::ExternalStepId;

use crate::session::record::wav_file::WavFile;

/// One second of pcm16: what goes to the disk at once.
const BLOCK_BYTES: usize = SAMPLE_RATE as usize * 2;

/// The file of a call's message.
pub(in crate::session) fn message_path(folder: &Path, call_id: &str, message: u32) -> PathBuf {
    folder.join(format!("{call_id}-message-{message}.wav"))
}

/// A message being left.
#[derive(Debug)]
pub(in crate::session) struct Message {
    id: ExternalStepId,
    file: WavFile,
    block: Vec<u8>,
    samples: usize,
}

impl Message {
    pub(in crate::session) fn start(folder: &Path, call_id: &str, id: ExternalStepId) -> Self {
        let file = WavFile::start(&message_path(folder, call_id, id.0), false);
        Self { id, file, block: Vec::with_capacity(BLOCK_BYTES), samples: 0 }
    }

    pub(in crate::session) fn callee(&mut self, frame: &Frame) {
        self.block.extend(frame.iter().flat_map(|sample| sample.to_le_bytes()));
        self.samples += frame.len();
        if self.block.len() >= BLOCK_BYTES {
            self.file.push(std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES)));
        }
    }

    /// Writes the rest and tells the call the file's name.
    pub(in crate::session) async fn keep(mut self) -> Input {
        let (id, ms) = (self.id, samples_to_ms(self.samples));
        self.file.push(self.block);
        let end = match self.file.finish().await {
            Ok(written) if written.lost_bytes > 0 => {
                ExternalStepEnd::Failed(written.trouble.unwrap_or_default())
            }
            Ok(written) => {
                let name = written.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                ExternalStepEnd::Recorded { name, ms }
            }
            Err(error) => {
                tracing::error!(%error, "a message could not be written to the disk");
                ExternalStepEnd::Failed(error.to_string())
            }
        };
        Input::ExternalStepEnded { id, end }
    }

    /// Nothing was said.
    pub(in crate::session) async fn discard(self) {
        if let Ok(written) = self.file.finish().await
            && let Err(error) = tokio::fs::remove_file(&written.path).await
        {
            tracing::warn!(%error, "an empty message was left on the disk");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_said_is_a_file_and_silence_leaves_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut message = Message::start(folder.path(), "c1", ExternalStepId(3));
        for _ in 0..75 {
            message.callee(&[5; 160]);
        }
        let Input::ExternalStepEnded { id, end } = message.keep().await else { panic!("no end") };
        assert_eq!(
            (id, &end),
            (ExternalStepId(3), &ExternalStepEnd::Recorded { name: "c1-message-3.wav".into(), ms: 1_500 })
        );
        let bytes = std::fs::read(message_path(folder.path(), "c1", 3)).unwrap();
        assert_eq!((bytes.len(), bytes[22], &bytes[40..44]), (44 + 24_000, 1, &24_000_u32.to_le_bytes()[..]));
        Message::start(folder.path(), "c1", ExternalStepId(4)).discard().await;
        assert!(!message_path(folder.path(), "c1", 4).exists());
    }
}
