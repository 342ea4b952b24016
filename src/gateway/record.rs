//! What a call sounded like and when things happened: a stereo WAV and a timeline beside it.
//!
//! `<session>.wav` holds at the left what the callee said and at the right what it heard, sample by sample
//! on the gateway's clock, from the answer on. `<session>.json` holds the timeline in milliseconds of the
//! same clock. Both appear under their names when the call has ended and they are complete.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};

use callcore::audio::frame::{FRAME_MS, Frame};
use callcore::audio::wav;
use serde::Serialize;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::callees::prepare::SoundKind;

/// Frames written at once (one second).
const BLOCK_FRAMES: usize = 50;
/// Blocks that may wait for the disk; a disk slower than that ends the recording.
const WAITING_BLOCKS: usize = 30;
/// Entries of a timeline.
const MAX_ENTRIES: usize = 20_000;

/// Something that happened in a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happening {
    Answered,
    CalleeStarted {
        sound: Sound,
    },
    CalleeStopped {
        sound: Sound,
    },
    CalleeKey {
        key: char,
    },
    BotStarted,
    BotStopped,
    BotKey {
        key: char,
    },
    #[serde(rename_all = "camelCase")]
    Interruption {
        dropped_ms: u64,
    },
    CheckPoint {
        name: String,
    },
    /// What the client sent as audio could not be read; told once.
    AudioUnreadable {
        reason: String,
    },
    Hangup {
        by: Party,
    },
}

/// What the callee's sound was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sound {
    Speech,
    Recording,
    Cough,
    Music,
    Beep,
    Sit,
    Fax,
    Ringback,
}

impl From<SoundKind> for Sound {
    fn from(kind: SoundKind) -> Self {
        match kind {
            SoundKind::Speech => Self::Speech,
            SoundKind::Recording => Self::Recording,
            SoundKind::Cough => Self::Cough,
            SoundKind::Music => Self::Music,
            SoundKind::Beep => Self::Beep,
            SoundKind::Sit => Self::Sit,
            SoundKind::Fax => Self::Fax,
            SoundKind::Ringback => Self::Ringback,
        }
    }
}

/// Who hung up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    Bot,
    Callee,
    Gateway,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    at_ms: u64,
    #[serde(flatten)]
    happening: Happening,
}

/// The JSON file beside a recording.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Timeline {
    session_id: String,
    /// Name of the callee file.
    callee: String,
    /// ISO 8601 UTC.
    answered_at: String,
    duration_ms: u64,
    channels: [&'static str; 2],
    /// The WAV ends before the call did, because the disk was too slow or full.
    truncated: bool,
    events: Vec<Entry>,
}

/// Where a session's recording will be.
#[must_use]
pub fn wav_path(folder: &Path, session_id: &str) -> PathBuf {
    folder.join(format!("{session_id}.wav"))
}

/// Records one call.
#[derive(Debug)]
pub(super) struct Recorder {
    timeline: Timeline,
    folder: PathBuf,
    block: Vec<u8>,
    frames: usize,
    writer: Option<Writer>,
}

#[derive(Debug)]
struct Writer {
    blocks: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Recorder {
    /// Begins at the answer.
    pub(super) fn start(folder: &Path, session_id: &str, callee: &str, answered_at: String) -> Self {
        let (blocks, waiting) = mpsc::channel(WAITING_BLOCKS);
        let task = tokio::spawn(write_wav(wav_path(folder, session_id), waiting));
        Self {
            timeline: Timeline {
                session_id: session_id.into(),
                callee: callee.into(),
                answered_at,
                duration_ms: 0,
                channels: ["callee said", "callee heard"],
                truncated: false,
                events: vec![Entry { at_ms: 0, happening: Happening::Answered }],
            },
            folder: folder.into(),
            block: Vec::with_capacity(BLOCK_FRAMES * size_of::<Frame>() * 2),
            frames: 0,
            writer: Some(Writer { blocks, task }),
        }
    }

    /// Adds 20 ms of both directions.
    pub(super) fn frame(&mut self, said: &Frame, heard: &Frame) {
        self.frames += 1;
        self.timeline.duration_ms += FRAME_MS;
        for (left, right) in said.iter().zip(heard) {
            self.block.extend_from_slice(&left.to_le_bytes());
            self.block.extend_from_slice(&right.to_le_bytes());
        }
        if self.frames.is_multiple_of(BLOCK_FRAMES) {
            self.hand_over();
        }
    }

    /// Notes what happened at `at_ms` after the answer.
    pub(super) fn note(&mut self, at_ms: u64, happening: Happening) {
        if self.timeline.events.len() < MAX_ENTRIES {
            self.timeline.events.push(Entry { at_ms, happening });
        }
    }

    fn hand_over(&mut self) {
        let empty = Vec::with_capacity(self.block.capacity());
        let block = std::mem::replace(&mut self.block, empty);
        if self.timeline.truncated {
            return;
        }
        let taken = self.writer.as_ref().is_some_and(|writer| writer.blocks.try_send(block).is_ok());
        if !taken {
            self.timeline.truncated = true;
            metrics::counter!("dering_gateway_recordings_truncated_total").increment(1);
            tracing::warn!(session = %self.timeline.session_id, "a recording ends early: the disk is too slow or full");
        }
    }

    /// Completes both files.
    ///
    /// # Errors
    /// When either could not be written.
    pub(super) async fn finish(mut self) -> std::io::Result<()> {
        self.hand_over();
        let written = match self.writer.take() {
            Some(Writer { blocks, task }) => {
                drop(blocks);
                task.await.map_err(std::io::Error::other).flatten()
            }
            None => Ok(()),
        };
        self.timeline.truncated |= written.is_err();
        // Events come from two machines that are drained one after the other.
        self.timeline.events.sort_by_key(|entry| entry.at_ms);
        let json = serde_json::to_vec_pretty(&self.timeline).map_err(std::io::Error::other)?;
        let path = self.folder.join(format!("{}.json", self.timeline.session_id));
        let unfinished = path.with_extension("json.part");
        tokio::fs::write(&unfinished, json).await?;
        tokio::fs::rename(&unfinished, &path).await?;
        written
    }
}

async fn write_wav(path: PathBuf, mut blocks: mpsc::Receiver<Vec<u8>>) -> std::io::Result<()> {
    let mut header = wav::write_8k(&[&[], &[]]);
    let unfinished = path.with_extension("wav.part");
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let mut file = tokio::fs::File::create(&unfinished).await?;
    file.write_all(&header).await?;
    let mut length = 0_u32;
    while let Some(block) = blocks.recv().await {
        file.write_all(&block).await?;
        length += block.len() as u32;
    }
    // The two lengths of a RIFF file, once they are known.
    header[4..8].copy_from_slice(&(36 + length).to_le_bytes());
    header[40..44].copy_from_slice(&length.to_le_bytes());
    file.seek(SeekFrom::Start(0)).await?;
    file.write_all(&header).await?;
    file.flush().await?;
    drop(file);
    tokio::fs::rename(&unfinished, &path).await
}

#[cfg(test)]
mod tests {
    use callcore::audio::FRAME_SAMPLES;

    use super::*;

    #[tokio::test]
    async fn both_directions_and_the_timeline_are_on_disk_when_the_call_has_ended() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut recorder = Recorder::start(folder.path(), "abc", "person", "now".into());
        for n in 0..75_i16 {
            recorder.frame(&[n; FRAME_SAMPLES], &[-n; FRAME_SAMPLES]);
        }
        recorder.note(300, Happening::Interruption { dropped_ms: 40 });
        recorder.note(120, Happening::CalleeStarted { sound: Sound::Beep });
        recorder.finish().await.expect("written");
        let bytes = std::fs::read(wav_path(folder.path(), "abc")).expect("a WAV file");
        assert_eq!(bytes.len(), 44 + 75 * 640);
        assert_eq!(bytes[44 + 74 * 640..][..4], [74, 0, 182, 255]);
        assert_eq!(wav::read_8k(&bytes).expect("a good WAV file").len(), 75 * 160);
        let json = std::fs::read(folder.path().join("abc.json")).expect("a timeline");
        let timeline: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(timeline["durationMs"], 1_500);
        assert_eq!(
            timeline["events"][1],
            serde_json::json!({"atMs": 120, "event": "callee_started", "sound": "beep"})
        );
        assert_eq!(timeline["events"][2]["droppedMs"], 40);
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            2,
            "nothing unfinished is left"
        );
    }
}
