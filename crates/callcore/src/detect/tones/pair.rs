//! Call-progress tones that beat: pairs of low frequencies, and one modulated by a slow one. To a short window
//! they are no steady tone; over 100 ms they are told.

use std::f32::consts::TAU;

use super::super::peaks::Peaks;
use super::super::progress::{self, Hint};
use super::super::spectrum::Power;
use super::super::track::Purity;
use super::super::{Heard, Tone, ToneKind};
use super::{FAINTEST, OVER_NOISE, Surroundings, ToneBank};
use crate::audio::SAMPLE_RATE;

/// Bins 281 to 690 Hz hold the low pairs, nearly all of their energy; hops of that before a closer look,
/// and without it before the pair is over.
const LOW_BINS: std::ops::RangeInclusive<usize> = 9..=22;
const LOW_SHARE: f32 = 0.9;
const PAIR_HOPS: u32 = 11;
const PAIR_MISSES: u32 = 3;
/// Bins 297 to 531 Hz hold a modulated tone, all of its energy, for twice as long.
const NARROW_BINS: std::ops::RangeInclusive<usize> = 10..=16;
const NARROW_SHARE: f32 = 0.96;
const NARROW_HOPS: u32 = 2 * PAIR_HOPS;
/// Its carrier, and how far that may seem to move, in Hz.
const CARRIER_HZ: (f32, f32) = (390.0, 460.0);
const CARRIER_OFF_HZ: f32 = 6.0;
/// Half the width of what surrounds the carrier, in steps, and the share of the energy there.
const BESIDE: usize = 9;
const BESIDE_SHARE: f32 = 0.93;
/// Low pairs 40 Hz apart need 100 ms to be told from one tone.
pub(crate) const FINE_SAMPLES: usize = 800;
pub(super) const FINE_HZ: (f32, f32) = (330.0, 660.0);
const STEP_HZ: f32 = 5.0;
const STEPS: usize = 67;

/// A call-progress tone known by 100 ms of it. Dial tone has no kind to tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    tone: Option<Tone>,
    end_ms: u64,
    missed: u32,
}

/// How long the energy has lain where such a tone has it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Low {
    hops: u32,
    narrow_hops: u32,
    /// Hops since the last that was so narrow: the modulation leaves some of them empty.
    missed: u32,
    /// The carrier as it seemed first.
    carrier_hz: Option<f32>,
}

impl Low {
    /// Whether what has just begun may be such a tone, which takes longest to be told from a voice.
    pub(super) fn is_open(&self) -> bool {
        let looked = self.narrow_hops < PAIR_HOPS || self.carrier_hz.is_some();
        (1..PAIR_HOPS).contains(&self.hops) || (1..NARROW_HOPS).contains(&self.narrow_hops) && looked
    }
}

impl ToneBank {
    /// Low pairs beat at 25 to 90 Hz, which is no steady tone to a short window. Whether one sounds.
    pub(super) fn follow_pair(
        &mut self,
        peaks: &Peaks,
        power: &Power,
        around: &Surroundings<'_>,
        tell: &mut impl FnMut(Heard),
    ) -> bool {
        let loud = peaks.total > FAINTEST.max(around.noise * OVER_NOISE);
        let holds = |bins: std::ops::RangeInclusive<usize>, share: f32| {
            loud && power[bins].iter().sum::<f32>() >= share * peaks.total
        };
        let low = holds(LOW_BINS, LOW_SHARE);
        self.low.hops = if low { self.low.hops + 1 } else { 0 };
        self.low.missed = if holds(NARROW_BINS, NARROW_SHARE) { 0 } else { self.low.missed + 1 };
        if self.low.missed >= PAIR_MISSES {
            (self.low.narrow_hops, self.low.carrier_hz) = (0, None);
        } else if self.low.missed == 0 || self.low.narrow_hops > 0 {
            self.low.narrow_hops += 1;
        }
        if let Some(pair) = &mut self.pair {
            if low {
                (pair.end_ms, pair.missed) = (around.centre_ms, 0);
                return true;
            }
            pair.missed += 1;
            if pair.missed < PAIR_MISSES {
                return true;
            }
            if let Some(tone) = pair.tone {
                tell(Heard::ToneEnded(Tone { end_ms: Some(pair.end_ms), ..tone }));
            }
            self.pair = None;
            return false;
        }
        if self.announced.is_some() {
            return false;
        }
        let Some((hint, hz, hops)) = self.look_closely(around) else { return false };
        let kind = match hint {
            Hint::Is(kind) => Some(kind),
            Hint::Ignore => None,
            Hint::MaybeSit | Hint::MaybeCalling | Hint::MaybeAnswer | Hint::MaybeProgress | Hint::None => {
                return false;
            }
        };
        let start_ms = around.centre_ms.saturating_sub(10 * u64::from(hops - 1));
        let tone = kind.map(|kind| Tone { kind, start_ms, end_ms: None, hz });
        if let Some(tone) = tone {
            tell(Heard::ToneStarted(tone));
        }
        (self.track, self.fine, self.low) = (None, None, Low::default());
        self.pair = Some(Pair { tone, end_ms: around.centre_ms, missed: 0 });
        true
    }

    /// What the last 100 ms hold, once there are so many of what may be a tone: its meaning, its pitch, and the
    /// hops it has lasted.
    fn look_closely(&mut self, around: &Surroundings<'_>) -> Option<(Hint, [f32; 2], u32)> {
        if self.low.hops == PAIR_HOPS {
            let fine = Fine::of(around.recent);
            let [low, high] = fine.hz();
            if high > 0.0
                && let meant @ (Hint::Is(_) | Hint::Ignore) = progress::pair(low, high)
            {
                return Some((meant, [low, high], PAIR_HOPS));
            }
        }
        let steady = self.track.as_ref().is_some_and(|track| track.purity() == Purity::High);
        match (self.low.narrow_hops, self.low.carrier_hz) {
            (PAIR_HOPS, None) if !steady => {
                self.low.carrier_hz = Fine::of(around.recent).carrier();
                None
            }
            (NARROW_HOPS, Some(before)) if !steady => {
                let carrier = Fine::of(around.recent).carrier()?;
                let same = (carrier - before).abs() <= CARRIER_OFF_HZ;
                same.then_some((Hint::Is(ToneKind::Ringback), [carrier, 0.0], NARROW_HOPS))
            }
            _ => None,
        }
    }
}

/// Power from 330 to 660 Hz in 100 ms of audio, resolved to about 25 Hz by a windowed transform at every 5 Hz.
pub(super) struct Fine([f32; STEPS]);

impl Fine {
    pub(super) fn of(samples: &[f32; FINE_SAMPLES]) -> Self {
        let mut power = [0.0_f32; STEPS];
        for (step, slot) in power.iter_mut().enumerate() {
            let turn = TAU * hz_at(step) / SAMPLE_RATE as f32;
            let (sin, cos) = turn.sin_cos();
            let (mut re, mut im) = (0.0_f32, 0.0_f32);
            let (mut c, mut s) = (1.0_f32, 0.0_f32);
            for (n, sample) in samples.iter().enumerate() {
                let window = {
                    let x = n as f32 / FINE_SAMPLES as f32;
                    4.0 * x * (1.0 - x)
                };
                re += sample * window * c;
                im += sample * window * s;
                (c, s) = (c * cos - s * sin, s * cos + c * sin);
            }
            *slot = re * re + im * im;
        }
        Self(power)
    }

    /// One or two frequencies; the second is 0.0 when there is one.
    pub(super) fn hz(&self) -> [f32; 2] {
        let Self(power) = self;
        let Some(top) = self.top(|_| true) else { return [0.0, 0.0] };
        match self.top(|n| n.abs_diff(top) >= 4) {
            Some(next) if power[next] > power[top] * 0.1 => [hz_at(top.min(next)), hz_at(top.max(next))],
            _ => [hz_at(top), 0.0],
        }
    }

    /// The middle of the energy when nearly all of it lies around one frequency of a modulated tone.
    fn carrier(&self) -> Option<f32> {
        let Self(power) = self;
        let all: f32 = power.iter().sum();
        let middle =
            power.iter().enumerate().map(|(n, p)| n as f32 * p).sum::<f32>() / all.max(f32::MIN_POSITIVE);
        let centre = (middle.round() as usize).min(STEPS - 1);
        let beside = &power[centre.saturating_sub(BESIDE)..(centre + BESIDE + 1).min(STEPS)];
        let hz = FINE_HZ.0 + STEP_HZ * middle;
        let is_carrier =
            (CARRIER_HZ.0..=CARRIER_HZ.1).contains(&hz) && beside.iter().sum::<f32>() >= BESIDE_SHARE * all;
        is_carrier.then_some(hz)
    }

    fn top(&self, among: impl Fn(usize) -> bool) -> Option<usize> {
        let Self(power) = self;
        let peak = |n: &usize| power[*n] >= power[n - 1] && power[*n] > power[n + 1] && among(*n);
        (1..STEPS - 1).filter(peak).max_by(|a, b| power[*a].total_cmp(&power[*b]))
    }
}

fn hz_at(step: usize) -> f32 {
    FINE_HZ.0 + STEP_HZ * step as f32
}
