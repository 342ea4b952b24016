//! Short-time power spectrum: 32 ms Hann windows, one every 10 ms.

use std::f32::consts::TAU;
use std::sync::{Arc, LazyLock};

use spectral::{Complex, RealToComplex, real_fft};

use crate::audio::SAMPLE_RATE;

/// Samples in one window.
pub(crate) const WINDOW: usize = 256;
/// Samples from one window to the next: 10 ms.
pub(crate) const HOP: usize = 80;
/// Bins of one spectrum, 31.25 Hz apart.
pub(crate) const BINS: usize = WINDOW / 2 + 1;
/// Width of one bin in Hz.
pub(crate) const BIN_HZ: f32 = SAMPLE_RATE as f32 / WINDOW as f32;

/// Power per bin. A sine of amplitude 1 (full scale) sums to 0.5 over its bins.
pub(crate) type Power = [f32; BINS];

/// The transform and the window, which all calls share: what a call keeps for itself must come from memory again every 20 ms.
struct Plan {
    fft: Arc<dyn RealToComplex<f32>>,
    window: [f32; WINDOW],
}

static PLAN: LazyLock<Plan> = LazyLock::new(|| Plan {
    fft: real_fft(WINDOW),
    window: std::array::from_fn(|n| 0.5 - 0.5 * (TAU * n as f32 / WINDOW as f32).cos()),
});

/// Room for the transform to work in, in complex numbers; it says itself how much it needs.
const SCRATCH: usize = WINDOW;

/// The power spectrum of `samples` (full scale = 1.0). Works on the stack.
pub(crate) fn analyse(samples: &[f32; WINDOW], power: &mut Power) {
    let Plan { fft, window } = &*PLAN;
    let mut input: [f32; WINDOW] = std::array::from_fn(|n| samples[n] * window[n]);
    let mut output = [Complex::default(); BINS];
    let mut scratch = [Complex::default(); SCRATCH];
    let done = scratch
        .get_mut(..fft.get_scratch_len())
        .is_some_and(|scratch| fft.process_with_scratch(&mut input, &mut output, scratch).is_ok());
    if !done {
        power.fill(0.0);
        return;
    }
    // One-sided power with the Hann window's energy (3/8) taken out.
    let scale = 2.0 / (WINDOW as f32 * WINDOW as f32 * 0.375);
    for (p, bin) in power.iter_mut().zip(&output) {
        *p = bin.norm_sqr() * scale;
    }
}

/// Frequency in Hz of the peak at `bin`, refined by the ratio of its larger neighbour, which is exact for
/// a sine under a Hann window (Jain, Collins and Davis, 1979).
pub(crate) fn refine(power: &Power, bin: usize) -> f32 {
    if bin == 0 || bin + 1 >= BINS {
        return bin as f32 * BIN_HZ;
    }
    let (left, mid, right) = (power[bin - 1].sqrt(), power[bin].sqrt(), power[bin + 1].sqrt());
    let offset = if right >= left {
        let a = right / mid.max(f32::MIN_POSITIVE);
        (2.0 * a - 1.0) / (a + 1.0)
    } else {
        let a = left / mid.max(f32::MIN_POSITIVE);
        -(2.0 * a - 1.0) / (a + 1.0)
    };
    (bin as f32 + offset.clamp(-0.6, 0.6)) * BIN_HZ
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_is_found_within_two_hertz_and_has_its_power() {
        let mut power = [0.0; BINS];
        for hz in [350.0, 440.0, 997.0, 1400.0, 2100.0, 3333.0] {
            let samples = std::array::from_fn(|n| (TAU * hz * n as f32 / 8000.0).sin());
            analyse(&samples, &mut power);
            let bin = (1..BINS).max_by(|a, b| power[*a].total_cmp(&power[*b])).expect("bins");
            assert!((refine(&power, bin) - hz).abs() < 2.0, "{hz}: {}", refine(&power, bin));
            let sum: f32 = power[bin - 2..=bin + 2].iter().sum();
            assert!((sum - 0.5).abs() < 0.02, "{hz}: {sum}");
        }
    }
}
