//! Whether apparent speech is music: a song on hold, a loop, a ringback tone with a tune.
//!
//! The front end says how likely music is from the sound. Apparent speech in music hardly stands out from the sound between it,
//! while a person is much louder than the line. Both together hold a verdict back.

use super::timeline::Segment;
use crate::audio::FRAME_MS;
use crate::audio::level::SILENCE_DBFS;
use crate::detect::Observation;

/// Frames looked back on: 1.5 s.
const FRAMES: usize = 75;
/// Frames that each side must have to be compared, and how often that is done.
const VOICED: usize = 3;
const BETWEEN: usize = 5;
const EVERY_MS: u64 = 100;
/// Log-odds of music that suffice where speech stands out by less than so many dB; further out it is no music.
const NEEDED: [(f32, f32); 3] = [(3.0, -0.5), (7.0, 0.3), (9.0, 1.0)];
/// The same where nothing lies between.
const NEEDED_ALONE: f32 = 2.5;
/// What was music stays music as long as the log-odds are so much less, and it stands out no further than this.
const STAYS: f32 = 1.5;
const STAYS_DB: f32 = 9.0;
/// Music is over when the line is so much fainter for so long.
const QUIET_DB: f32 = 12.0;
const QUIET_MS: u64 = 240;
/// Speech heard over music counts as a person for this long, whatever is in the background.
const SPOKEN_OVER_MS: u64 = 3_000;
/// What is taken back this soon was none.
const MISTAKE_MS: u64 = 1_000;
/// How fast the loudest of it is forgotten, dB per frame.
const FADE_DB: f32 = 0.1;
/// Stretches of music kept for the record.
const KEPT: usize = 16;

/// What has just become of the music.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    None,
    /// It is over.
    Over,
    /// Somebody speaks over it.
    SpokenOver,
}

/// Follows one call's background.
#[derive(Debug)]
pub(crate) struct Background {
    power: [f32; FRAMES],
    speaking: [bool; FRAMES],
    at: usize,
    filled: usize,
    music: bool,
    /// When it was told to be music.
    told_ms: u64,
    /// Somebody was heard over it until then at least.
    spoken_over_until_ms: u64,
    loudest_dbfs: f32,
    quiet_ms: u64,
    stretches: Vec<Segment>,
}

impl Background {
    pub(crate) fn new() -> Self {
        Self {
            power: [0.0; FRAMES],
            speaking: [false; FRAMES],
            at: 0,
            filled: 0,
            music: false,
            told_ms: 0,
            spoken_over_until_ms: 0,
            loudest_dbfs: SILENCE_DBFS,
            quiet_ms: 0,
            stretches: Vec::with_capacity(KEPT),
        }
    }

    /// Takes one frame; `since_ms` is where what seems speech began, when it does.
    pub(crate) fn observe(
        &mut self,
        observation: &Observation,
        speaking: bool,
        since_ms: Option<u64>,
    ) -> Turn {
        self.power[self.at] = 10_f32.powf(observation.level_dbfs / 10.0);
        self.speaking[self.at] = speaking || observation.speech;
        self.at = (self.at + 1) % FRAMES;
        self.filled = (self.filled + 1).min(FRAMES);
        if observation.end_ms.is_multiple_of(EVERY_MS) {
            let turn = self.look(observation, since_ms);
            if turn != Turn::None {
                return turn;
            }
        }
        if !self.music {
            return Turn::None;
        }
        self.loudest_dbfs = (self.loudest_dbfs - FADE_DB).max(observation.level_dbfs);
        let quiet = observation.level_dbfs < self.loudest_dbfs - QUIET_DB;
        self.quiet_ms = if quiet { self.quiet_ms + FRAME_MS } else { 0 };
        if self.quiet_ms >= QUIET_MS {
            self.music = false;
            return Turn::Over;
        }
        if !quiet && let Some(last) = self.stretches.last_mut() {
            last.end_ms = observation.end_ms;
        }
        Turn::None
    }

    /// Whether what seems speech is music.
    pub(crate) const fn is_music(&self) -> bool {
        self.music
    }

    /// Stretches of music so far.
    pub(crate) fn stretches(&self) -> &[Segment] {
        &self.stretches
    }

    fn look(&mut self, observation: &Observation, since_ms: Option<u64>) -> Turn {
        let stands_out_db = self.stands_out_db();
        if self.music {
            let far = stands_out_db.is_some_and(|db| db >= STAYS_DB);
            let needed = stands_out_db.map_or(NEEDED_ALONE, needed) - STAYS;
            self.music = !far && observation.music > needed.min(0.0);
            if far {
                self.spoken_over_until_ms = observation.end_ms + SPOKEN_OVER_MS;
            }
            return match (self.music, far) {
                (true, _) => Turn::None,
                (false, true) => Turn::SpokenOver,
                (false, false) if observation.end_ms < self.told_ms + MISTAKE_MS => Turn::None,
                (false, false) => Turn::Over,
            };
        }
        let needed = stands_out_db.map_or(NEEDED_ALONE, needed);
        if let Some(start_ms) = since_ms
            && observation.music > needed
            && observation.end_ms >= self.spoken_over_until_ms
        {
            (self.music, self.told_ms) = (true, observation.end_ms);
            (self.loudest_dbfs, self.quiet_ms) = (observation.level_dbfs, 0);
            if self.stretches.len() < KEPT {
                self.stretches.push(Segment { start_ms, end_ms: observation.end_ms });
            }
        }
        Turn::None
    }

    /// How far what seems speech stands out of what lies between, in dB.
    fn stands_out_db(&self) -> Option<f32> {
        let mut sums = [(0.0_f32, 0_usize); 2];
        for (power, speaking) in self.power.iter().zip(&self.speaking).take(self.filled) {
            let (sum, count) = &mut sums[usize::from(*speaking)];
            *sum += power;
            *count += 1;
        }
        let [(between, quiet), (voice, voiced)] = sums;
        (voiced >= VOICED && quiet >= BETWEEN).then(|| {
            let between = (between / quiet as f32).max(1e-9);
            10.0 * (voice / voiced as f32 / between).max(1e-9).log10()
        })
    }
}

/// Log-odds that music needs where speech stands out so far.
fn needed(stands_out_db: f32) -> f32 {
    NEEDED.iter().find(|(less, _)| stands_out_db < *less).map_or(f32::INFINITY, |(_, needed)| *needed)
}
