//! 100 ms of audio, looked at closely enough to tell two low frequencies or a modulated one.

use std::f32::consts::TAU;

use crate::audio::SAMPLE_RATE;

/// The carrier of a modulated tone, in Hz.
const CARRIER_HZ: (f32, f32) = (390.0, 460.0);
/// Half the width of what surrounds the carrier, in steps, and the share of the energy there.
const BESIDE: usize = 9;
const BESIDE_SHARE: f32 = 0.93;
/// Low pairs 40 Hz apart need 100 ms to be told from one tone.
pub(crate) const FINE_SAMPLES: usize = 800;
pub(super) const FINE_HZ: (f32, f32) = (330.0, 660.0);
const STEP_HZ: f32 = 5.0;
const STEPS: usize = 67;

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
    pub(super) fn carrier(&self) -> Option<f32> {
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
