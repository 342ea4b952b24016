//! Whether what sounds is music: notes that hold their pitch, no syllables, no pauses.
//!
//! Every hop the spectrum's peaks are followed from one window to the next; every 100 ms a small network weighs
//! how long they last and how level and timbre move over the last second. Its weights are text, `music.txt`, made
//! by `training/music.py`; `docs/amd-inside.md` says from what.

use std::sync::OnceLock;

use super::spectrum::{BIN_HZ, Power};

/// Hops of one reading, from the first reading on, and from one to the next.
const WINDOW: usize = 100;
const FIRST: usize = 60;
const STEP: usize = 10;
/// Bins in which peaks are followed: 156 to 3469 Hz.
const PEAKS: std::ops::Range<usize> = 5..112;
/// Bins of the whole band.
const WHOLE: std::ops::Range<usize> = 4..125;
/// A peak fainter than this share of the strongest (-25 dB) is none.
const PEAK_SHARE: f32 = 0.003;
/// Peaks that one hop can have.
const MOST_PEAKS: usize = 54;
/// A hop fainter than this has none, dBFS.
const SILENT_DBFS: f32 = -50.0;
/// A peak goes on when the next window has one so close, in Hz; its pitch follows by this share.
const SAME_HZ: f32 = 7.0;
const FOLLOW: f32 = 0.25;
/// Hops after which a peak is held, well held, and a note.
const HELD: [u8; 3] = [8, 14, 24];
/// First bin of each band and one past the last.
const BANDS: usize = 16;
const EDGES: [usize; BANDS + 1] = [4, 6, 9, 12, 15, 19, 23, 28, 33, 39, 46, 54, 63, 74, 87, 103, 122];
/// The first so many bands are low, those from here on high.
const LOW_BANDS: usize = 3;
const HIGH_BAND: usize = 9;
/// Hops this far below the loudest, in dB, are pauses; and those that are nearly as loud.
const PAUSE_DB: f32 = 20.0;
const LOUD_DB: f32 = 10.0;
/// A second whose loudest hop is fainter holds nothing, dBFS; and what a hop counts as that is no sound.
const FAINTEST_DBFS: f32 = -50.0;
const NOTHING_DBFS: f32 = -120.0;
/// Readings count for no more than this, and how fast the running one follows: 800 ms.
const MOST: f32 = 4.0;
const RUNNING: f32 = 1.0 / 8.0;

const INPUTS: usize = 14;
const UNITS: usize = 16;

static MODEL: OnceLock<Option<Model>> = OnceLock::new();

#[derive(Debug)]
struct Model {
    input: Vec<[f32; INPUTS]>,
    bias: [f32; UNITS],
    out: [f32; UNITS],
    out_bias: f32,
}

impl Model {
    fn parse(text: &str) -> Option<Self> {
        let numbers = |name: &str| -> Option<Vec<f32>> {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
            line.split_ascii_whitespace().map(|word| word.parse().ok()).collect()
        };
        let input = numbers("input")?.as_chunks::<INPUTS>().0.to_vec();
        (input.len() == UNITS).then_some(Self {
            input,
            bias: numbers("bias")?.try_into().ok()?,
            out: numbers("out")?.try_into().ok()?,
            out_bias: *numbers("out_bias")?.first()?,
        })
    }

    fn log_odds(&self, values: &[f32; INPUTS]) -> f32 {
        let units = self.input.iter().zip(&self.bias).map(|(row, bias)| {
            let sum: f32 = row.iter().zip(values).map(|(weight, value)| weight * value).sum();
            (sum + bias).tanh()
        });
        units.zip(&self.out).map(|(unit, weight)| unit * weight).sum::<f32>() + self.out_bias
    }
}

fn model() -> Option<&'static Model> {
    MODEL.get_or_init(|| Model::parse(include_str!("music.txt"))).as_ref()
}

/// One peak that is followed.
#[derive(Clone, Copy, Debug, Default)]
struct Peak {
    bin: u8,
    hops: u8,
    hz: f32,
}

/// The peaks of one hop by rising bin: no two are neighbours.
#[derive(Clone, Copy, Debug)]
struct Followed {
    peaks: [Peak; MOST_PEAKS],
    count: usize,
}

impl Default for Followed {
    fn default() -> Self {
        Self { peaks: [Peak::default(); MOST_PEAKS], count: 0 }
    }
}

impl Followed {
    const fn clear(&mut self) {
        self.count = 0;
    }

    fn push(&mut self, peak: Peak) {
        if let Some(slot) = self.peaks.get_mut(self.count) {
            *slot = peak;
            self.count += 1;
        }
    }
}

/// 10 log10, within 0.01: the exponent, and a parabola through the mantissa.
fn decibels(power: f32) -> f32 {
    let bits = power.max(f32::MIN_POSITIVE).to_bits();
    let exponent = (bits >> 23) as f32 - 127.0;
    let mantissa = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000);
    // A fit of log2 from 1 to 2.
    let fit = [-2.505_615, 4.049_617, -2.099_402, 0.635_511, -0.080_011];
    let log2 = exponent + fit.iter().rev().fold(0.0, |sum, weight| sum * mantissa + weight);
    3.010_3 * log2
}

/// The pitch of a peak at `bin`, refined by its larger neighbour as in [`super::spectrum::refine`].
fn pitch(bin: f32, left: f32, here: f32, right: f32) -> f32 {
    let ratio = (left.max(right) / here.max(f32::MIN_POSITIVE)).sqrt();
    let offset = ((2.0 * ratio - 1.0) / (ratio + 1.0)).clamp(-0.6, 0.6);
    (bin + if right >= left { offset } else { -offset }) * BIN_HZ
}

/// What one hop held.
#[derive(Clone, Copy, Debug, Default)]
struct Hop {
    /// Shares of the energy in peaks that lasted as long as [`HELD`] says, and how many lasted the first two.
    held: [f32; 3],
    count: [f32; 2],
    level_dbfs: f32,
    /// How far the bands moved in 20 ms, in dB.
    flux: f32,
    low_db: f32,
    high_db: f32,
    peaks: f32,
}

/// Listens for music. Allocates nothing per hop.
#[derive(Debug)]
pub(super) struct MusicMeter {
    followed: Followed,
    /// Levels of the bands one and two hops ago.
    bands_db: [[f32; BANDS]; 2],
    hops: [Hop; WINDOW],
    at: usize,
    heard: usize,
    log_odds: f32,
}

impl MusicMeter {
    pub(super) fn new() -> Self {
        Self {
            followed: Followed::default(),
            bands_db: [[0.0; BANDS]; 2],
            hops: [Hop::default(); WINDOW],
            at: 0,
            heard: 0,
            log_odds: 0.0,
        }
    }

    /// Log-odds of music by the last seconds; 0.0 before anything was heard.
    pub(super) const fn log_odds(&self) -> f32 {
        self.log_odds
    }

    /// Takes one hop; `tone` when it holds a tone of the network, which is neither music nor speech.
    pub(super) fn push(&mut self, power: &Power, tone: bool) {
        let mut hop = self.measure(power);
        if tone {
            hop.level_dbfs = NOTHING_DBFS;
        }
        self.hops[self.at] = hop;
        self.at = (self.at + 1) % WINDOW;
        self.heard += 1;
        if self.heard >= FIRST
            && self.heard.is_multiple_of(STEP)
            && let Some(values) = self.values()
            && let Some(model) = model()
        {
            let reading = model.log_odds(&values).clamp(-MOST, MOST);
            self.log_odds += (reading - self.log_odds) * RUNNING;
        }
    }

    fn measure(&mut self, power: &Power) -> Hop {
        let all = power[WHOLE].iter().sum::<f32>() + 1e-9;
        let mut hop = Hop { level_dbfs: decibels(all), ..Hop::default() };
        if hop.level_dbfs < SILENT_DBFS {
            self.followed.clear();
            return hop;
        }
        let faintest = power[PEAKS].iter().copied().fold(0.0, f32::max) * PEAK_SHARE;
        let before = std::mem::take(&mut self.followed);
        let mut near = 0;
        for (offset, around) in power[PEAKS.start - 1..=PEAKS.end].windows(3).enumerate() {
            let (left, here, right) = (around[0], around[1], around[2]);
            if here < left || here <= right || here <= faintest {
                continue;
            }
            let bin = (PEAKS.start + offset) as u8;
            let hz = pitch(f32::from(bin), left, here, right);
            while near < before.count && before.peaks[near].bin + 1 < bin {
                near += 1;
            }
            let known = before.peaks[near..before.count].iter().take(3).filter(|peak| peak.bin <= bin + 1);
            let off = |peak: &&Peak| (peak.hz - hz).abs();
            let known = known.min_by(|a, b| off(a).total_cmp(&off(b))).filter(|peak| off(peak) < SAME_HZ);
            let peak = known.map_or(Peak { bin, hops: 1, hz }, |peak| Peak {
                bin,
                hops: peak.hops.saturating_add(1),
                hz: peak.hz + (hz - peak.hz) * FOLLOW,
            });
            self.followed.push(peak);
            hop.peaks += 1.0;
            let share = (left + here + right) / all;
            for (n, _) in HELD.iter().enumerate().filter(|(_, least)| peak.hops >= **least) {
                hop.held[n] += share;
                if let Some(count) = hop.count.get_mut(n) {
                    *count += 1.0;
                }
            }
        }
        let mut bands = [0.0_f32; BANDS];
        for (band, edges) in bands.iter_mut().zip(EDGES.windows(2)) {
            *band = power[edges[0]..edges[1]].iter().sum();
        }
        hop.low_db = decibels(bands[..LOW_BANDS].iter().sum::<f32>() / all + 1e-4);
        hop.high_db = decibels(bands[HIGH_BAND..].iter().sum::<f32>() / all + 1e-4);
        let bands_db = bands.map(|band| decibels(band + 1e-9));
        let moved = bands_db.iter().zip(&self.bands_db[1]).map(|(now, before)| (now - before).abs());
        hop.flux = if self.heard < 2 { 0.0 } else { moved.sum::<f32>() / BANDS as f32 };
        self.bands_db = [bands_db, self.bands_db[0]];
        hop
    }

    /// The last second in numbers; `None` when nothing sounded in it.
    fn values(&self) -> Option<[f32; INPUTS]> {
        let hops = &self.hops[..self.heard.min(WINDOW)];
        let loudest = hops.iter().map(|hop| hop.level_dbfs).fold(NOTHING_DBFS, f32::max);
        if loudest < FAINTEST_DBFS {
            return None;
        }
        let sounding = || hops.iter().filter(|hop| hop.level_dbfs > loudest - PAUSE_DB);
        let count = sounding().count().max(1) as f32;
        let mean = |of: fn(&Hop) -> f32| sounding().map(of).sum::<f32>() / count;
        let spread = |of: fn(&Hop) -> f32| {
            let middle = mean(of);
            (sounding().map(|hop| (of(hop) - middle).powi(2)).sum::<f32>() / count).sqrt()
        };
        let loud = hops.iter().filter(|hop| hop.level_dbfs > loudest - LOUD_DB).count() as f32;
        let of_all = hops.len().max(1) as f32;
        Some([
            mean(|hop| hop.held[0]),
            mean(|hop| hop.held[1]),
            mean(|hop| hop.held[2]),
            mean(|hop| hop.count[0]) / 4.0,
            mean(|hop| hop.count[1]) / 4.0,
            count / of_all,
            loud / of_all,
            spread(|hop| hop.level_dbfs) / 5.0,
            mean(|hop| hop.flux) / 5.0,
            mean(|hop| hop.low_db) / 10.0,
            spread(|hop| hop.low_db) / 5.0,
            mean(|hop| hop.high_db) / 10.0,
            spread(|hop| hop.high_db) / 5.0,
            mean(|hop| hop.peaks) / 20.0,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_weights_are_whole() {
        assert!(model().is_some());
    }

    #[test]
    fn the_quick_logarithm_is_close_to_the_true_one() {
        for n in 1..2_000 {
            let x = (n as f32 / 40.0 - 40.0).exp();
            assert!((decibels(x) - 10.0 * x.log10()).abs() < 0.02, "{x}: {}", decibels(x));
        }
    }

    #[test]
    fn silence_says_nothing() {
        let mut meter = MusicMeter::new();
        for _ in 0..500 {
            meter.push(&[0.0; super::super::spectrum::BINS], false);
        }
        assert_eq!(meter.log_odds(), 0.0);
    }
}
