//! Call-progress tones that beat: pairs of low frequencies, and one modulated by a slow one. In a short window
//! they are not a steady tone; over 100 ms they can be recognised.

use super::super::heard::Heard;
use super::super::peaks::Peaks;
use super::super::progress::{self, Hint};
use super::super::spectrum::Power;
use super::super::tone_kind::{Tone, ToneKind};
use super::super::track::Purity;
use super::fine::Fine;
use super::low::{Low, NARROW_HOPS, PAIR_HOPS, Pair};
use super::{FAINTEST, OVER_NOISE, Surroundings, ToneBank};

/// Bins 281 to 690 Hz hold the low pairs, nearly all of their energy; so many hops without it and the pair is over.
const LOW_BINS: std::ops::RangeInclusive<usize> = 9..=22;
const LOW_SHARE: f32 = 0.9;
const PAIR_MISSES: u32 = 3;
/// Bins 297 to 531 Hz hold a modulated tone, all of its energy, for twice as long.
const NARROW_BINS: std::ops::RangeInclusive<usize> = 10..=16;
const NARROW_SHARE: f32 = 0.96;
/// How far its carrier may seem to move, in Hz.
const CARRIER_OFF_HZ: f32 = 6.0;

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
