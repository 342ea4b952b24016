//! All signal analysis of one call, done once per frame.

use std::collections::VecDeque;

use super::floor::NoiseFloor;
use super::heard::{BANDS, Heard, Observation};
use super::music::MusicMeter;
use super::peaks::Peaks;
use super::spectrum::{BINS, HOP, Power, WINDOW, analyse};
use super::tones::{FINE_SAMPLES, Surroundings, ToneBank};
use super::vad::VoiceModel;
use crate::audio::level::SILENCE_DBFS;
use crate::audio::{FRAME_MS, FRAME_SAMPLES, Frame};

/// Half a window in ms: a hop that ends at t is about what sounded at t - 16 ms.
const HALF_WINDOW_MS: u64 = 16;
/// A frame is a voice only this much over the noise floor, in dB.
const OVER_FLOOR_DB: f32 = 6.0;
/// … and not further than this below the loudest recent speech: the rest is echo and hang-over.
const BELOW_PEAK_DB: f32 = 28.0;
/// Fainter than this is no voice on a telephone, in dBFS.
const FAINTEST_DBFS: f32 = -58.0;
/// Voiced frames of the last six that begin speech: a click has fewer.
const START_FRAMES: u32 = 4;
const START_WINDOW: u32 = 6;
/// Frames that are looked back on when a voice was taken for the beginning of ringback at first.
const HELD_WINDOW: u32 = 13;
/// Silence that ends a stretch of speech.
const END_SILENCE_MS: u64 = 200;
/// So many empty frames in a row may be lost packets.
const LOST_FRAMES: u32 = 2;
/// Log-odds of music above which a note of it is no beep.
const MUSIC: f32 = 0.5;
/// Speech that makes a following tone a beep rather than call progress.
const SPOKEN_MS: u64 = 400;
/// Speech after which a lone tone at a frequency of information tones is a beep.
const GREETED_MS: u64 = 1_000;

/// First bin of each band and one past the last: mel-spaced edges from 100 to 3800 Hz in bins of 31.25 Hz.
const BAND_EDGES: [usize; BANDS + 1] = [3, 6, 9, 12, 15, 19, 23, 28, 33, 39, 46, 54, 63, 74, 87, 103, 122];
/// Level below which a band is empty.
const EMPTY_BAND: f32 = 1e-10;

#[derive(Debug, Default)]
struct Speech {
    active: bool,
    /// One bit per frame, newest lowest.
    recent: u32,
    last_ms: u64,
    total_ms: u64,
    peak_dbfs: f32,
    /// As `recent`: frames that may be a voice or the beginning of ringback, until that is known.
    held: u32,
}

/// The signal analysis of one call. Push 20 ms frames, drain [`FrontEnd::poll`] after each. Allocates nothing per frame.
#[derive(Debug)]
pub struct FrontEnd {
    voice: VoiceModel,
    tones: ToneBank,
    music: MusicMeter,
    floor: NoiseFloor,
    speech: Speech,
    /// The last samples, DC removed, full scale = 1.0.
    history: [f32; HISTORY],
    dc: (f32, f32),
    bands: [f32; BANDS],
    blanks: u32,
    now_ms: u64,
    heard: VecDeque<Heard>,
}

const HISTORY: usize = FINE_SAMPLES;

impl Default for FrontEnd {
    fn default() -> Self {
        Self::new()
    }
}

impl FrontEnd {
    /// One that has heard nothing; media time 0.
    #[must_use]
    pub fn new() -> Self {
        Self {
            voice: VoiceModel::new(),
            tones: ToneBank::default(),
            music: MusicMeter::new(),
            floor: NoiseFloor::new(),
            speech: Speech { peak_dbfs: SILENCE_DBFS, ..Speech::default() },
            history: [0.0; HISTORY],
            dc: (0.0, 0.0),
            bands: [0.0; BANDS],
            blanks: 0,
            now_ms: 0,
            heard: VecDeque::with_capacity(16),
        }
    }

    /// Takes one 20 ms frame of a call in which nothing of ours can come back.
    pub fn push(&mut self, frame: &Frame) -> Observation {
        self.push_beside(frame, |_| false)
    }

    /// Takes one 20 ms frame. `is_echo` is asked about each, by its levels, and takes our own voice out of
    /// the speech.
    pub fn push_beside(&mut self, frame: &Frame, is_echo: impl FnOnce(&Observation) -> bool) -> Observation {
        let start_ms = self.now_ms;
        self.now_ms += FRAME_MS;
        let blank = frame.iter().all(|s| *s == frame[0]);
        let level_dbfs = self.take_in(frame);
        let voice = self.voice.is_voice(frame);
        // A tone is no noise, however long it sounds: a call may begin in the middle of one.
        if !blank && !self.tones.is_sounding() {
            self.floor.push(level_dbfs);
        }
        let noise_dbfs = self.floor.dbfs();
        self.bands = [0.0; BANDS];
        self.blanks = if blank { self.blanks + 1 } else { 0 };
        // A lost packet says nothing about a tone; longer emptiness does.
        if self.blanks == 0 || self.blanks > LOST_FRAMES {
            let noise_power = 10_f32.powf(noise_dbfs / 10.0);
            for hop in 1..=2 {
                self.hop(start_ms + 10 * hop, noise_power);
            }
        }
        let tone = self.tones.is_sounding();
        let speech = voice
            && !tone
            && !blank
            && level_dbfs > noise_dbfs + OVER_FLOOR_DB
            && level_dbfs > FAINTEST_DBFS
            && level_dbfs > self.speech.peak_dbfs - BELOW_PEAK_DB;
        let music = self.music.log_odds();
        let bands_dbfs = self.bands.map(|power| 10.0 * (power / 2.0).max(EMPTY_BAND).log10());
        let mut observation = Observation {
            end_ms: self.now_ms,
            speech,
            level_dbfs,
            noise_dbfs,
            tone,
            music,
            blank,
            bands_dbfs,
        };
        observation.speech &= !is_echo(&observation);
        let held = observation.speech && !self.speech.active && self.tones.may_be_ringback();
        observation.speech &= !held;
        self.follow_speech(&observation, held);
        observation
    }

    /// The next frame does not follow the last one: audio between them is lost, or comes late. Whether that matters,
    /// because a tone sounds.
    pub fn gap(&mut self) -> bool {
        self.tones.gap(self.now_ms)
    }

    /// The next thing heard, oldest first.
    pub fn poll(&mut self) -> Option<Heard> {
        self.heard.pop_front()
    }

    /// Media time heard so far, in ms.
    #[must_use]
    pub const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Removes DC (one-pole high pass at 40 Hz), stores the frame, returns its level in dBFS.
    fn take_in(&mut self, frame: &Frame) -> f32 {
        self.history.copy_within(FRAME_SAMPLES.., 0);
        let (mut last_in, mut last_out) = self.dc;
        let mut energy = 0.0_f32;
        for (slot, sample) in self.history[HISTORY - FRAME_SAMPLES..].iter_mut().zip(frame) {
            let x = f32::from(*sample) / 32_768.0;
            let y = x - last_in + 0.97 * last_out;
            (last_in, last_out) = (x, y);
            energy += y * y;
            *slot = y;
        }
        self.dc = (last_in, last_out);
        let power = energy / FRAME_SAMPLES as f32;
        if power <= 0.0 { SILENCE_DBFS } else { (10.0 * power.log10()).max(SILENCE_DBFS) }
    }

    fn hop(&mut self, end_ms: u64, noise_power: f32) {
        let behind = (self.now_ms - end_ms) as usize / 10 * HOP;
        let end = HISTORY - behind;
        let mut window = [0.0; WINDOW];
        window.copy_from_slice(&self.history[end - WINDOW..end]);
        let mut power: Power = [0.0; BINS];
        analyse(&window, &mut power);
        band_powers(&power, &mut self.bands);
        let peaks = Peaks::find(&power, noise_power * 0.7);
        let around = Surroundings {
            centre_ms: end_ms.saturating_sub(HALF_WINDOW_MS),
            has_spoken: self.speech.total_ms >= SPOKEN_MS,
            has_greeted: self.speech.total_ms >= GREETED_MS,
            noise: noise_power,
            music: self.music.log_odds() > MUSIC,
            recent: &self.history,
        };
        let heard = &mut self.heard;
        self.tones.push(&peaks, &power, &around, &mut |h| heard.push_back(h));
        self.music.push(&power, self.tones.is_sounding());
    }

    /// Takes what the frame was; `held` when it waits to be told from ringback.
    fn follow_speech(&mut self, observation: &Observation, held: bool) {
        let Observation { speech, tone, level_dbfs, .. } = *observation;
        let state = &mut self.speech;
        let mut released = false;
        state.recent = state.recent << 1 | u32::from(speech);
        state.held = if tone { 0 } else { state.held << 1 | u32::from(held) };
        if speech {
            // A voice after all.
            let held = std::mem::take(&mut state.held);
            state.recent |= held;
            released = held != 0;
            state.last_ms = self.now_ms;
            state.total_ms += FRAME_MS;
            state.peak_dbfs = state.peak_dbfs.max(level_dbfs);
        } else {
            // 2 dB a second: a quieter speaker later is still heard.
            state.peak_dbfs = (state.peak_dbfs - 0.04).max(SILENCE_DBFS);
        }
        let window = state.recent & ((1 << START_WINDOW) - 1);
        if !state.active && window.count_ones() >= START_FRAMES {
            state.active = true;
            let whole = if released { state.recent & ((1 << HELD_WINDOW) - 1) } else { window };
            let frames = u64::from(32 - whole.leading_zeros());
            let at_ms = self.now_ms.saturating_sub(frames * FRAME_MS);
            self.heard.push_back(Heard::SpeechStarted { at_ms });
        } else if state.active && self.now_ms >= state.last_ms + END_SILENCE_MS {
            state.active = false;
            self.heard.push_back(Heard::SpeechEnded { at_ms: state.last_ms });
        }
    }
}

/// Adds the power of each band to `bands`.
pub(super) fn band_powers(power: &Power, bands: &mut [f32; BANDS]) {
    for (band, edges) in bands.iter_mut().zip(BAND_EDGES.windows(2)) {
        *band += power[edges[0]..edges[1]].iter().sum::<f32>();
    }
}
