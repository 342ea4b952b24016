//! How tonal one spectrum is: its one or two strongest peaks and the share of the energy they hold.

use super::spectrum::{Power, refine};

/// Bins of the telephone band that count as energy: 187 to 3875 Hz. Below lie hum and DC.
const BAND: std::ops::RangeInclusive<usize> = 6..=124;
/// Bins in which a tone's peak may lie: 330 to 3530 Hz.
const PEAKS: std::ops::RangeInclusive<usize> = 11..=112;
/// Bins either side of a peak that belong to it under a Hann window.
const SKIRT: usize = 2;

/// The tonal content of one spectrum. Powers are relative to full scale (a full-scale sine is 0.5).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peaks {
    /// The strongest peak and the next, in Hz.
    pub(crate) hz: [f32; 2],
    /// Their powers.
    pub(crate) power: [f32; 2],
    /// Power of the whole band, less the running noise estimate.
    pub(crate) total: f32,
}

impl Peaks {
    /// Finds the peaks of `power`; `noise` is the power the band has when nothing sounds.
    pub(crate) fn find(power: &Power, noise: f32) -> Self {
        let first = strongest(power, None);
        let second = strongest(power, Some(first));
        let near = |at: usize| power[at - SKIRT..=at + SKIRT].iter().sum::<f32>();
        let one = near(first);
        let low = second.saturating_sub(SKIRT).max(if second > first { first + SKIRT + 1 } else { 0 });
        let high = (second + SKIRT).min(if second < first { first - SKIRT - 1 } else { usize::MAX });
        let two: f32 = power[low..=high].iter().sum();
        let all: f32 = power[BAND].iter().sum();
        Self {
            hz: [refine(power, first), refine(power, second)],
            power: [one, two],
            total: (all - noise).max(one).max(f32::MIN_POSITIVE),
        }
    }

    /// Share of the energy in the strongest peak, 0..=1.
    pub(crate) fn single(&self) -> f32 {
        self.power[0] / self.total
    }

    /// Share of the energy in the two strongest peaks, 0..=1.
    pub(crate) fn dual(&self) -> f32 {
        ((self.power[0] + self.power[1]) / self.total).min(1.0)
    }
}

fn strongest(power: &Power, except: Option<usize>) -> usize {
    let mut best = *PEAKS.start();
    let mut top = 0.0;
    for bin in PEAKS {
        if except.is_some_and(|e| e.abs_diff(bin) <= SKIRT) {
            continue;
        }
        if power[bin] > top && power[bin] >= power[bin - 1] && power[bin] >= power[bin + 1] {
            (best, top) = (bin, power[bin]);
        }
    }
    best
}

/// Power around `hz` in `power`.
pub(crate) fn power_at(power: &Power, hz: f32) -> f32 {
    let bin = ((hz / super::spectrum::BIN_HZ).round() as usize).clamp(*PEAKS.start(), *PEAKS.end());
    power[bin - SKIRT..=bin + SKIRT].iter().sum()
}
