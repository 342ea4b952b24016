//! The sound of a call from the answer on: the callee on the left, the bot on the right, each where it was heard. It goes to a
//! recording, to people who listen in, to both, or nowhere; then nothing is kept of it.

use std::collections::VecDeque;

use bytes::Bytes;
use callcore::audio::frame::{Frame, ms_to_samples};
use callcore::call::RecordingMute;
use callcore::clock::CallTime;
use callcore::playback::Chunk;
use tokio::sync::broadcast;

use crate::media::MediaTime;
use crate::session::record::recording::{FRAME_BYTES, Recorded, Recording};
use crate::session::record::trace::Placement;

/// Audio is handed on once it is this old, so that an interruption can still cut the bot's side.
const SETTLED_MS: u64 = 1_000;
/// The last key's tone and the end of the last word come after the answer is known, ms.
const LINGER_MS: u64 = 1_000;
/// Who listens in gets blocks of this length, ms.
const BLOCK_MS: u64 = 100;
/// Blocks that wait for a listener who is slow; then the oldest is lost.
const WAITING_BLOCKS: usize = 64;
/// People who may listen to one call at the same time.
const MOST_LISTENERS: usize = 16;

/// Too many listen to a call already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Crowded;

/// Both sides of a call.
#[derive(Debug)]
pub(in crate::session) struct Sound {
    answered_at: CallTime,
    /// Whom it leaves out at the moment.
    silence: RecordingMute,
    /// From the leg's clock to that of the call, samples; known once audio came.
    offset: Option<i64>,
    /// The callee stays left out for so many samples more.
    linger: usize,
    callee: VecDeque<i16>,
    bot: VecDeque<i16>,
    /// Samples per channel that are gone: the queues begin here. `None`: with the next frame.
    begin: Option<usize>,
    recording: Option<Recording>,
    listeners: Option<Listeners>,
}

#[derive(Debug)]
struct Listeners {
    blocks: broadcast::Sender<Bytes>,
    /// Samples per channel that they got, or that were before them.
    told: usize,
}

impl Sound {
    /// Begins with the answer.
    pub(in crate::session) fn new(answered_at: CallTime, recording: Option<Recording>) -> Self {
        let room = if recording.is_some() { ms_to_samples(SETTLED_MS * 2) } else { 0 };
        Self {
            answered_at,
            silence: RecordingMute::None,
            offset: None,
            linger: 0,
            callee: VecDeque::with_capacity(room),
            bot: VecDeque::with_capacity(room),
            begin: recording.is_some().then_some(0),
            recording,
            listeners: None,
        }
    }

    /// What will be recorded, before there is any of it.
    pub(in crate::session) fn recording_begun(&self) -> Option<Recorded> {
        self.recording.as_ref().map(|recording| recording.begun(self.answered_at))
    }

    /// Somebody listens in from now on.
    pub(in crate::session) fn listen(
        &mut self,
        now: CallTime,
    ) -> Result<broadcast::Receiver<Bytes>, Crowded> {
        if self.listeners.as_ref().is_some_and(|all| all.blocks.receiver_count() >= MOST_LISTENERS) {
            return Err(Crowded);
        }
        let told = self.begin.map_or(0, |begin| self.settled(now).max(begin));
        let listeners = self
            .listeners
            .get_or_insert_with(|| Listeners { blocks: broadcast::Sender::new(WAITING_BLOCKS), told });
        Ok(listeners.blocks.subscribe())
    }

    /// From now on leaves out whom `silence` names.
    pub(in crate::session) fn silence(&mut self, silence: RecordingMute) {
        if silence == RecordingMute::None && self.silence != RecordingMute::None {
            self.linger = ms_to_samples(LINGER_MS);
        }
        self.silence = silence;
    }

    /// Whether the callee is left out, or was a moment ago.
    pub(in crate::session) fn hides_callee(&self) -> bool {
        self.silence != RecordingMute::None || self.linger > 0
    }

    /// A frame of the callee, when it was spoken on the leg's clock, and when it came.
    pub(in crate::session) fn callee(&mut self, frame: &Frame, spoken: MediaTime, now: CallTime) {
        let spoken = spoken.samples() as i64;
        let end = self.sample(now);
        // The two clocks meet at the first frame: it was spoken just before it came.
        let offset = *self.offset.get_or_insert(end.saturating_sub(frame.len()) as i64 - spoken);
        let audible = self.silence == RecordingMute::None && self.linger == 0;
        if !audible {
            self.linger = self.linger.saturating_sub(frame.len());
        }
        if !self.is_kept() {
            return;
        }
        let at = usize::try_from(spoken + offset).unwrap_or_default();
        let begin = *self.begin.get_or_insert(at);
        let start = at.saturating_sub(begin);
        if start > self.callee.len() {
            // A gap on the wire is silence here.
            self.callee.resize(start, 0);
        }
        if let Some(recording) = &mut self.recording {
            recording.place(begin + self.callee.len(), audible);
        }
        if audible {
            self.callee.extend(frame);
        } else {
            self.callee.resize(self.callee.len() + frame.len(), 0);
        }
        self.hand_on(now);
    }

    pub(in crate::session) fn bot(&mut self, chunk: &Chunk) {
        let Some(begin) = self.begin else { return };
        let at = self.sample(chunk.plays_at);
        if self.bot.len() < at.saturating_sub(begin) {
            self.bot.resize(at.saturating_sub(begin), 0);
        }
        // Who begins to listen hears the rest of what the bot is saying where it belongs.
        let past = if self.bot.is_empty() && self.recording.is_none() { begin.saturating_sub(at) } else { 0 };
        let samples = chunk.samples().get(past..).unwrap_or_default();
        if self.silence == RecordingMute::Both {
            self.bot.resize(self.bot.len() + samples.len(), 0);
        } else {
            self.bot.extend(samples);
        }
    }

    /// The bot was cut off: nothing of it sounds from `now` on.
    pub(in crate::session) fn cut(&mut self, now: CallTime) {
        let heard = self.sample(now).saturating_sub(self.begin.unwrap_or_default());
        self.bot.truncate(heard);
    }

    /// Whether anybody wants the sound.
    const fn is_kept(&self) -> bool {
        self.recording.is_some() || self.listeners.is_some()
    }

    fn sample(&self, at: CallTime) -> usize {
        ms_to_samples(at.ms_since(self.answered_at))
    }

    /// Up to here nothing changes any more.
    fn settled(&self, now: CallTime) -> usize {
        ms_to_samples(now.ms_since(self.answered_at).saturating_sub(SETTLED_MS))
    }

    fn hand_on(&mut self, now: CallTime) {
        let settled = self.settled(now);
        let ready = settled.saturating_sub(self.begin.unwrap_or(settled));
        let writes = ready >= ms_to_samples(SETTLED_MS);
        // What leaves the queues is told before, however little it is.
        self.tell(settled, if writes { 1 } else { ms_to_samples(BLOCK_MS) });
        if writes {
            self.write(ready);
        }
    }

    /// Listeners get what they did not get yet up to sample `end`, once it is `least` long.
    fn tell(&mut self, end: usize, least: usize) {
        let (Some(Listeners { blocks, told }), Some(begin)) = (&mut self.listeners, self.begin) else {
            return;
        };
        if blocks.receiver_count() == 0 {
            self.listeners = None;
            if self.recording.is_none() {
                (self.callee, self.bot, self.begin) = (VecDeque::new(), VecDeque::new(), None);
            }
            return;
        }
        let from = begin.max(*told);
        if end < from + least.max(1) {
            return;
        }
        let block = interleaved(&self.callee, &self.bot, from - begin..end - begin);
        *told = end;
        // Nobody is left: that is seen at the next frame.
        let _told = blocks.send(block.into());
    }

    /// Lets go of the oldest samples, into the recording if there is one.
    fn write(&mut self, samples: usize) {
        if let Some(recording) = &mut self.recording {
            recording.push(interleaved(&self.callee, &self.bot, 0..samples));
        }
        for side in [&mut self.callee, &mut self.bot] {
            side.drain(..samples.min(side.len()));
        }
        self.begin = self.begin.map(|begin| begin + samples);
    }

    /// Hands on the rest and closes the recording, where there is one; where the frames that were heard stand in it.
    pub(in crate::session) async fn finish(mut self) -> Option<std::io::Result<(Recorded, Placement)>> {
        let rest = self.callee.len().max(self.bot.len());
        self.tell(self.begin.unwrap_or_default() + rest, 0);
        self.listeners = None;
        self.write(rest);
        Some(self.recording?.finish(self.answered_at).await)
    }
}

/// Samples of both sides as they stand in a file; what one side has not is silence.
fn interleaved(callee: &VecDeque<i16>, bot: &VecDeque<i16>, range: std::ops::Range<usize>) -> Vec<u8> {
    let mut block = Vec::with_capacity(range.len() * FRAME_BYTES);
    for at in range {
        for side in [callee, bot] {
            block.extend_from_slice(&side.get(at).copied().unwrap_or(0).to_le_bytes());
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> CallTime {
        CallTime::from_ms(ms)
    }

    fn recorded(folder: &std::path::Path, answered: CallTime, keep_days: Option<u32>) -> Sound {
        Sound::new(answered, Some(Recording::start(folder, "c1", keep_days)))
    }

    fn said(sample: i16, from: u64, plays_at: CallTime) -> Chunk {
        let audio: std::sync::Arc<[i16]> = vec![sample; ms_to_samples(from)].into();
        let to = audio.len();
        Chunk { play: callcore::ids::PlayId(1), audio, from: 0, to, plays_at }
    }

    #[tokio::test]
    async fn both_sides_stand_where_they_were_heard_and_a_cut_is_silence() {
        let folder = tempfile::tempdir().unwrap();
        let mut sound = recorded(folder.path(), at(1_000), None);
        sound.bot(&said(7, 500, at(1_200)));
        sound.cut(at(1_400));
        for n in 1..=200_u64 {
            sound.callee(&[3; 160], MediaTime::from_samples((n - 1) * 160), at(1_000 + n * 20));
        }
        let (recorded, _) = sound.finish().await.unwrap().unwrap();
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
        let mut sound = recorded(folder.path(), at(1_000), None);
        // 0.4 s, a second of nothing, and 0.4 s that all come 300 ms late.
        for n in 1..=20_u64 {
            sound.callee(&[3; 160], MediaTime::from_samples((n - 1) * 160), at(1_000 + n * 20));
        }
        for n in 1..=20_u64 {
            sound.callee(&[4; 160], MediaTime::from_samples(11_200 + (n - 1) * 160), at(3_100));
        }
        let (recorded, _) = sound.finish().await.unwrap().unwrap();
        assert_eq!(recorded.duration_ms, 1_800);
        let bytes = std::fs::read(&recorded.path).unwrap();
        let left = |ms: usize| {
            let byte = 44 + ms * 8 * 4;
            i16::from_le_bytes([bytes[byte], bytes[byte + 1]])
        };
        assert_eq!([left(390), left(410), left(1_390), left(1_410), left(1_790)], [3, 0, 0, 4, 4]);
    }

    /// Four seconds of both sides; the callee is left out from 1 to 2 s, both from 2 to 2.5 s.
    fn frame_of_a_secret(sound: &mut Sound, n: u64) {
        sound.silence(match n {
            51..=100 => RecordingMute::Callee,
            101..=125 => RecordingMute::Both,
            _ => RecordingMute::None,
        });
        sound.callee(&[3; 160], MediaTime::from_samples((n - 1) * 160), at(n * 20));
        sound.bot(&said(7, 20, at((n - 1) * 20)));
    }

    #[tokio::test]
    async fn a_redacted_stretch_is_silent_for_whom_it_hides() {
        let folder = tempfile::tempdir().unwrap();
        let mut sound = recorded(folder.path(), at(0), Some(30));
        for n in 1..=200_u64 {
            frame_of_a_secret(&mut sound, n);
        }
        let (recorded, _) = sound.finish().await.unwrap().unwrap();
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

    /// Everything that waits for a listener.
    fn heard(ears: &mut broadcast::Receiver<Bytes>) -> Vec<u8> {
        std::iter::from_fn(|| ears.try_recv().ok()).flatten().collect()
    }

    #[tokio::test]
    async fn who_listens_in_hears_what_is_recorded_and_nothing_that_is_left_out_of_it() {
        let folder = tempfile::tempdir().unwrap();
        for is_recorded in [true, false] {
            let mut sound =
                if is_recorded { recorded(folder.path(), at(0), None) } else { Sound::new(at(0), None) };
            let mut reference = recorded(&folder.path().join("reference"), at(0), None);
            let mut ears = None;
            let mut live = Vec::new();
            for n in 1..=200_u64 {
                if n == 63 {
                    ears = Some(sound.listen(at(n * 20)).unwrap());
                }
                frame_of_a_secret(&mut sound, n);
                frame_of_a_secret(&mut reference, n);
                live.extend(ears.iter_mut().flat_map(heard));
            }
            drop(sound.finish().await);
            live.extend(ears.iter_mut().flat_map(heard));
            let (recorded, _) = reference.finish().await.unwrap().unwrap();
            let bytes = std::fs::read(&recorded.path).unwrap();
            let tail = &bytes[bytes.len() - live.len()..];
            assert!(live.len() > 2 * 32_000, "{}", live.len());
            // Without a recording the sound begins with who listens; what the bot was saying then comes a frame later.
            assert!(live[4_000..] == tail[4_000..], "recorded: {is_recorded}");
            assert!(ears.unwrap().try_recv().is_err(), "the call is over");
        }
    }

    #[tokio::test]
    async fn a_slow_listener_loses_what_is_old_and_nobody_else_anything() {
        let mut sound = Sound::new(at(0), None);
        let (mut slow, mut quick) = (sound.listen(at(0)).unwrap(), sound.listen(at(0)).unwrap());
        let mut live = Vec::new();
        for n in 1..=1_000_u64 {
            let sample = i16::try_from(n).unwrap();
            sound.callee(&[sample; 160], MediaTime::from_samples((n - 1) * 160), at(n * 20));
            live.extend(heard(&mut quick));
        }
        assert_eq!(live.len(), 19 * 32_000, "a second waits until it is settled");
        assert!(matches!(slow.try_recv(), Err(broadcast::error::TryRecvError::Lagged(lost)) if lost >= 100));
        let late = heard(&mut slow);
        assert_eq!(late.len(), WAITING_BLOCKS * 3_200);
        assert!(live.ends_with(&late), "it goes on with what is latest");
    }

    #[tokio::test]
    async fn nothing_is_kept_while_nobody_wants_it_and_a_crowd_is_refused() {
        let mut sound = Sound::new(at(0), None);
        let frames = |sound: &mut Sound, from: u64| {
            for n in from..from + 100 {
                sound.callee(&[3; 160], MediaTime::from_samples((n - 1) * 160), at(n * 20));
                sound.bot(&said(7, 20, at(n * 20)));
            }
        };
        frames(&mut sound, 1);
        assert_eq!((sound.callee.capacity(), sound.bot.capacity()), (0, 0));
        let all: Vec<_> = std::iter::from_fn(|| sound.listen(at(2_000)).ok()).collect();
        assert_eq!(all.len(), MOST_LISTENERS);
        frames(&mut sound, 101);
        assert!(sound.callee.len() >= ms_to_samples(SETTLED_MS));
        drop(all);
        frames(&mut sound, 201);
        assert_eq!((sound.callee.capacity(), sound.bot.capacity()), (0, 0), "they have gone");
        assert!(sound.listen(at(6_000)).is_ok());
    }
}
