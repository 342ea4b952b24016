//! A stereo WAV of the call while it runs: the callee on the left, the bot on the right, from the answer.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use callcore::audio::frame::{Frame, ms_to_samples, samples_to_ms};
use callcore::call::RecordingMute;
use callcore::clock::CallTime;
use callcore::playback::Chunk;

use crate::media::MediaTime;
use crate::session::record::trace::Placement;
use crate::session::record::wav_file::{WavFile, Written};

/// Audio is written once it is this old, so that an interruption can still cut the bot's side.
const SETTLED_MS: u64 = 1_000;

/// The last key's tone and the end of the last word come after the answer is known, ms.
const LINGER_MS: u64 = 1_000;
/// One sample of both sides.
const FRAME_BYTES: u64 = 4;

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

/// The recording of one call.
#[derive(Debug)]
pub(in crate::session) struct Recording {
    file: WavFile,
    answered_at: CallTime,
    keep_days: Option<u32>,
    /// Whom it leaves out at the moment.
    silence: RecordingMute,
    /// From the leg's clock to that of the recording, samples; known once audio came.
    offset: Option<i64>,
    /// The callee stays left out for so many samples more.
    linger: usize,
    callee: VecDeque<i16>,
    bot: VecDeque<i16>,
    /// Samples per channel already handed to the writer.
    written: usize,
    placement: Placement,
}

impl Recording {
    /// Begins the file of the call.
    pub(in crate::session) fn start(
        folder: &Path,
        call_id: &str,
        answered_at: CallTime,
        keep_days: Option<u32>,
    ) -> Self {
        Self {
            file: WavFile::start(&recording_path(folder, call_id), true),
            answered_at,
            keep_days,
            silence: RecordingMute::None,
            offset: None,
            linger: 0,
            callee: VecDeque::with_capacity(ms_to_samples(SETTLED_MS * 2)),
            bot: VecDeque::with_capacity(ms_to_samples(SETTLED_MS * 2)),
            written: 0,
            placement: Placement::default(),
        }
    }

    /// What there will be, before there is any of it.
    pub(in crate::session) fn begun(&self) -> Recorded {
        Recorded {
            path: self.file.path().to_owned(),
            started_at: self.answered_at,
            duration_ms: 0,
            keep_days: self.keep_days,
            lost: None,
        }
    }

    /// From now on leaves out whom `silence` names.
    pub(in crate::session) fn silence(&mut self, silence: RecordingMute) {
        if silence == RecordingMute::None && self.silence != RecordingMute::None {
            self.linger = ms_to_samples(LINGER_MS);
        }
        self.silence = silence;
    }

    /// A frame of the callee, when it was spoken on the leg's clock, and when it came.
    pub(in crate::session) fn callee(&mut self, frame: &Frame, spoken: MediaTime, now: CallTime) {
        let spoken = spoken.samples() as i64;
        // The two clocks meet at the first frame: it was spoken just before it came.
        let offset = *self.offset.get_or_insert_with(|| {
            let end = ms_to_samples(now.ms_since(self.answered_at));
            end.saturating_sub(frame.len()) as i64 - spoken
        });
        let start = usize::try_from(spoken + offset).unwrap_or_default().saturating_sub(self.written);
        if start > self.callee.len() {
            // A gap on the wire is silence here.
            self.callee.resize(start, 0);
        }
        let kept = self.silence == RecordingMute::None && self.linger == 0;
        self.placement.frame(self.written + self.callee.len(), kept);
        if kept {
            self.callee.extend(frame);
        } else {
            self.linger = self.linger.saturating_sub(frame.len());
            self.callee.resize(self.callee.len() + frame.len(), 0);
        }
        self.flush(now);
    }

    pub(in crate::session) fn bot(&mut self, chunk: &Chunk) {
        let start = ms_to_samples(chunk.plays_at.ms_since(self.answered_at)).saturating_sub(self.written);
        if self.bot.len() < start {
            self.bot.resize(start, 0);
        }
        if self.silence == RecordingMute::Both {
            self.bot.resize(self.bot.len() + chunk.samples().len(), 0);
        } else {
            self.bot.extend(chunk.samples());
        }
    }

    /// The bot was cut off: nothing of it sounds from `now` on.
    pub(in crate::session) fn cut(&mut self, now: CallTime) {
        let heard = ms_to_samples(now.ms_since(self.answered_at)).saturating_sub(self.written);
        self.bot.truncate(heard);
    }

    fn flush(&mut self, now: CallTime) {
        let settled = ms_to_samples(now.ms_since(self.answered_at).saturating_sub(SETTLED_MS));
        let ready = settled.saturating_sub(self.written);
        if ready >= ms_to_samples(SETTLED_MS) {
            self.hand_over(ready);
        }
    }

    fn hand_over(&mut self, samples: usize) {
        let mut block = Vec::with_capacity(samples * 4);
        for _ in 0..samples {
            block.extend_from_slice(&self.callee.pop_front().unwrap_or(0).to_le_bytes());
            block.extend_from_slice(&self.bot.pop_front().unwrap_or(0).to_le_bytes());
        }
        self.written += samples;
        self.file.push(block);
    }

    /// Writes the rest and closes the file; where the frames that were heard stand in it.
    pub(in crate::session) async fn finish(mut self) -> std::io::Result<(Recorded, Placement)> {
        let rest = self.callee.len().max(self.bot.len());
        self.hand_over(rest);
        let Written { path, lost_bytes, trouble } = self.file.finish().await?;
        let recorded = Recorded {
            path,
            started_at: self.answered_at,
            duration_ms: samples_to_ms(self.written),
            keep_days: self.keep_days,
            lost: trouble.map(|why| (samples_to_ms((lost_bytes / FRAME_BYTES) as usize), why)),
        };
        Ok((recorded, self.placement))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> CallTime {
        CallTime::from_ms(ms)
    }

    #[tokio::test]
    async fn both_sides_stand_where_they_were_heard_and_a_cut_is_silence() {
        let folder = tempfile::tempdir().unwrap();
        let mut recording = Recording::start(folder.path(), "c1", at(1_000), None);
        let audio: std::sync::Arc<[i16]> = vec![7; ms_to_samples(500)].into();
        let play = callcore::ids::PlayId(1);
        recording.bot(&Chunk { play, audio, from: 0, to: ms_to_samples(500), plays_at: at(1_200) });
        recording.cut(at(1_400));
        for n in 1..=200_u64 {
            recording.callee(&[3; 160], MediaTime::from_samples((n - 1) * 160), at(1_000 + n * 20));
        }
        let (recorded, _) = recording.finish().await.unwrap();
        assert_eq!(recorded.duration_ms, 4_000);
        let bytes = std::fs::read(&recorded.path).unwrap();
        let frame = |ms: usize| {
            let byte = 44 + ms_to_samples(ms as u64) * 4;
            let sample = |at: usize| i16::from_le_bytes([bytes[at], bytes[at + 1]]);
            (sample(byte), sample(byte + 2))
        };
        assert_eq!((frame(100), frame(300), frame(450), frame(3_900)), ((3, 0), (3, 7), (3, 0), (3, 0)));
        assert_eq!(bytes.len(), 44 + ms_to_samples(4_000) * 4);
    }

    #[tokio::test]
    async fn a_gap_on_the_wire_is_silence_and_a_burst_stands_where_it_was_spoken() {
        let folder = tempfile::tempdir().unwrap();
        let mut recording = Recording::start(folder.path(), "c1", at(1_000), None);
        // 0.4 s, a second of nothing, and 0.4 s that all come 300 ms late.
        for n in 1..=20_u64 {
            recording.callee(&[3; 160], MediaTime::from_samples((n - 1) * 160), at(1_000 + n * 20));
        }
        for n in 1..=20_u64 {
            recording.callee(&[4; 160], MediaTime::from_samples(11_200 + (n - 1) * 160), at(3_100));
        }
        let (recorded, _) = recording.finish().await.unwrap();
        assert_eq!(recorded.duration_ms, 1_800);
        let bytes = std::fs::read(&recorded.path).unwrap();
        let left = |ms: usize| {
            let byte = 44 + ms * 8 * 4;
            i16::from_le_bytes([bytes[byte], bytes[byte + 1]])
        };
        assert_eq!([left(390), left(410), left(1_390), left(1_410), left(1_790)], [3, 0, 0, 4, 4]);
    }

    #[tokio::test]
    async fn a_redacted_stretch_is_silent_for_whom_it_hides() {
        let folder = tempfile::tempdir().unwrap();
        let mut recording = Recording::start(folder.path(), "c1", at(0), Some(30));
        let play = callcore::ids::PlayId(1);
        for n in 1..=200_u64 {
            recording.silence(match n {
                51..=100 => RecordingMute::Callee,
                101..=125 => RecordingMute::Both,
                _ => RecordingMute::None,
            });
            recording.callee(&[3; 160], MediaTime::from_samples((n - 1) * 160), at(n * 20));
            let audio: std::sync::Arc<[i16]> = vec![7; 160].into();
            recording.bot(&Chunk { play, audio, from: 0, to: 160, plays_at: at((n - 1) * 20) });
        }
        let (recorded, _) = recording.finish().await.unwrap();
        assert_eq!((recorded.keep_days, recorded.lost), (Some(30), None));
        let bytes = std::fs::read(&recorded.path).unwrap();
        let at_ms = |ms: usize| {
            let sample = |at: usize| i16::from_le_bytes([bytes[at], bytes[at + 1]]);
            let byte = 44 + ms * 8 * 4;
            (sample(byte), sample(byte + 2))
        };
        assert_eq!(
            (at_ms(990), at_ms(1_010), at_ms(2_010), at_ms(2_510), at_ms(3_510)),
            ((3, 7), (0, 7), (0, 0), (0, 7), (3, 7))
        );
    }
}
