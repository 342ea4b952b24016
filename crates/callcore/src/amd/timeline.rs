//! What has been heard so far, as stretches of speech and tones on the clock of the audio.

use serde::Serialize;

use crate::audio::FRAME_MS;
use crate::detect::{Heard, Observation, Tone};

/// Stretches kept for the record; a call that has more keeps the last ones.
const KEPT: usize = 128;
/// Tones kept; a call that has more keeps the last ones.
const TONES_KEPT: usize = 48;
/// Voiced time below which a stretch is a click or a crackle and not speech, in ms.
const LEAST_SPEECH_MS: u64 = 110;
/// A pause this long ends an utterance, in ms.
pub(crate) const UTTERANCE_PAUSE_MS: u64 = 700;

/// One stretch of speech, in ms of audio from answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Segment {
    pub start_ms: u64,
    pub end_ms: u64,
}

impl Segment {
    const fn len_ms(self) -> u64 {
        self.end_ms.saturating_sub(self.start_ms)
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    now_ms: u64,
    segments: Vec<Segment>,
    tones: Vec<Tone>,
    /// Whether the last segment still goes on.
    speaking: bool,
    voiced_ms: u64,
    tone_sounds: bool,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self { segments: Vec::with_capacity(KEPT), tones: Vec::with_capacity(TONES_KEPT), ..Self::default() }
    }

    pub(crate) fn observe(&mut self, observation: &Observation) {
        self.now_ms = observation.end_ms;
        self.tone_sounds = observation.tone;
        if self.speaking
            && observation.speech
            && let Some(last) = self.segments.last_mut()
        {
            last.end_ms = observation.end_ms;
            self.voiced_ms += FRAME_MS;
        }
    }

    pub(crate) fn feed(&mut self, heard: &Heard) {
        match *heard {
            Heard::SpeechStarted { at_ms } => {
                if self.segments.len() == KEPT {
                    self.segments.remove(0);
                }
                self.segments.push(Segment { start_ms: at_ms, end_ms: self.now_ms.max(at_ms) });
                self.speaking = true;
                self.voiced_ms = self.now_ms.saturating_sub(at_ms);
            }
            Heard::SpeechEnded { at_ms } => {
                self.speaking = false;
                if self.voiced_ms < LEAST_SPEECH_MS {
                    self.segments.pop();
                } else if let Some(last) = self.segments.last_mut() {
                    last.end_ms = at_ms;
                }
            }
            Heard::ToneStarted(tone) => {
                if self.tones.len() == TONES_KEPT {
                    self.tones.remove(0);
                }
                self.tones.push(tone);
            }
            Heard::ToneEnded(tone) => {
                if let Some(last) = self.tones.iter_mut().rev().find(|t| t.start_ms == tone.start_ms) {
                    *last = tone;
                }
            }
        }
    }

    /// What seemed speech so far was none.
    pub(crate) fn forget_speech(&mut self) {
        self.segments.clear();
    }

    /// What seemed speech before the last stretch was none.
    pub(crate) fn forget_before(&mut self) {
        self.segments.drain(..self.segments.len().saturating_sub(1));
    }

    /// Whether somebody speaks, hang-over included.
    pub(crate) const fn is_speaking(&self) -> bool {
        self.speaking
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub(crate) fn tones(&self) -> &[Tone] {
        &self.tones
    }

    pub(crate) const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Start of the first speech.
    pub(crate) fn onset_ms(&self) -> Option<u64> {
        self.segments.first().map(|s| s.start_ms)
    }

    /// End of the last speech so far.
    pub(crate) fn speech_end_ms(&self) -> Option<u64> {
        self.segments.last().map(|s| s.end_ms)
    }

    /// Silence since the last speech; 0 before any.
    pub(crate) fn silence_ms(&self) -> u64 {
        self.speech_end_ms().map_or(0, |end| self.now_ms.saturating_sub(end))
    }

    /// Start of the utterance that goes on or was the last.
    pub(crate) fn utterance_start_ms(&self) -> Option<u64> {
        let mut segments = self.segments.iter().rev();
        let mut start = segments.next()?.start_ms;
        for before in segments {
            if start.saturating_sub(before.end_ms) >= UTTERANCE_PAUSE_MS {
                break;
            }
            start = before.start_ms;
        }
        Some(start)
    }

    /// The pauses between stretches of speech, in ms.
    pub(crate) fn pauses_ms(&self) -> impl Iterator<Item = u64> {
        self.segments.windows(2).map(|w| w[1].start_ms.saturating_sub(w[0].end_ms))
    }

    /// The longest pause between two stretches of speech, in ms.
    pub(crate) fn longest_pause_ms(&self) -> u64 {
        self.pauses_ms().max().unwrap_or(0)
    }

    /// The longest utterance, from its first to its last word so far, in ms.
    pub(crate) fn longest_utterance_ms(&self) -> u64 {
        let (mut longest, mut since, mut last) = (0, 0, None::<u64>);
        for segment in &self.segments {
            if last.is_none_or(|end| segment.start_ms.saturating_sub(end) >= UTTERANCE_PAUSE_MS) {
                since = segment.start_ms;
            }
            last = Some(segment.end_ms);
            longest = longest.max(segment.end_ms.saturating_sub(since));
        }
        longest
    }

    /// Length of all speech, in ms.
    pub(crate) fn speech_ms(&self) -> u64 {
        self.segments.iter().map(|s| s.len_ms()).sum()
    }
}
