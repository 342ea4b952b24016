//! Fourier transforms and resampling for telephone audio.
//!
//! A crate of its own for one reason: `rustfft` is generic, and whoever names it for `f32` compiles all
//! of it, five thousand functions. Here that happens once; `callcore` sees trait objects and plain
//! functions, and compiles in seconds.

use std::sync::Arc;

use realfft::RealFftPlanner;
pub use realfft::RealToComplex;
pub use realfft::num_complex::Complex;

pub mod resample;
pub mod resample_stream;

/// Samples per second of telephone audio.
const TELEPHONE_HZ: u32 = 8_000;

/// The transform of `len` real samples into `len / 2 + 1` complex bins.
#[must_use]
pub fn real_fft(len: usize) -> Arc<dyn RealToComplex<f32>> {
    RealFftPlanner::<f32>::new().plan_fft_forward(len)
}

/// Root mean square in dBFS, for tests.
#[cfg(test)]
fn rms_dbfs(samples: &[i16]) -> f32 {
    let energy: f64 = samples.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    20.0 * ((energy / samples.len() as f64).sqrt() / 32_768.0).log10() as f32
}
