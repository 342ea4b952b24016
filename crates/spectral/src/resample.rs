//! Any sample rate to 8 kHz, whole recordings at a time.

use std::ops::RangeInclusive;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use crate::TELEPHONE_HZ;

/// Samples that go through the filter at once where the whole recording is there.
pub(super) const WHOLE_CHUNK: usize = 1024;

/// Sampling rates that are read, in Hz. A rate far outside makes a transform of millions of points.
pub const RATES: RangeInclusive<u32> = 4_000..=384_000;

/// Why a recording could not be brought to 8 kHz.
#[derive(Debug, thiserror::Error)]
#[error("cannot resample from {from_hz} Hz: {reason}")]
pub struct ResampleError {
    from_hz: u32,
    reason: String,
}

impl ResampleError {
    pub(super) fn new(from_hz: u32, reason: impl ToString) -> Self {
        Self { from_hz, reason: reason.to_string() }
    }

    pub(super) fn check(from_hz: u32) -> Result<(), Self> {
        if RATES.contains(&from_hz) {
            return Ok(());
        }
        Err(Self::new(from_hz, format!("the rate is outside {} to {} Hz", RATES.start(), RATES.end())))
    }
}

/// Resamples mono 16-bit audio to 8 kHz with a band-limited FFT resampler.
///
/// # Errors
/// When `from_hz` is outside [`RATES`], or the resampler refuses the ratio.
pub fn to_8k(samples: &[i16], from_hz: u32) -> Result<Vec<i16>, ResampleError> {
    convert(samples, from_hz, TELEPHONE_HZ)
}

/// Resamples mono 16-bit audio between any two rates.
///
/// # Errors
/// As [`to_8k`].
pub fn convert(samples: &[i16], from_hz: u32, to_hz: u32) -> Result<Vec<i16>, ResampleError> {
    let fail = |reason: String| ResampleError { from_hz, reason };
    ResampleError::check(from_hz)?;
    ResampleError::check(to_hz)?;
    if from_hz == to_hz || samples.is_empty() {
        return Ok(samples.to_vec());
    }
    let input: Vec<f32> = samples.iter().map(|s| f32::from(*s) / 32_768.0).collect();
    let mut resampler = Fft::<f32>::new(from_hz as usize, to_hz as usize, WHOLE_CHUNK, 1, FixedSync::Both)
        .map_err(|e| fail(e.to_string()))?;
    let frames = input.len();
    let needed = resampler.process_all_needed_output_len(frames);
    let mut output = vec![0.0_f32; needed];
    let source = InterleavedSlice::new(&input, 1, frames).map_err(|e| fail(e.to_string()))?;
    let mut sink = InterleavedSlice::new_mut(&mut output, 1, needed).map_err(|e| fail(e.to_string()))?;
    let (_, written) = resampler
        .process_all_into_buffer(&source, &mut sink, frames, None)
        .map_err(|e| fail(e.to_string()))?;
    output.truncate(written);
    Ok(output.iter().map(|x| (x * 32_768.0).clamp(-32_768.0, 32_767.0) as i16).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample_stream::ResampleStream;
    use crate::rms_dbfs;

    fn sine(hz: f32, rate: u32, seconds: f32) -> Vec<i16> {
        let n = (rate as f32 * seconds) as usize;
        (0..n)
            .map(|i| ((i as f32 * hz * std::f32::consts::TAU / rate as f32).sin() * 16_000.0) as i16)
            .collect()
    }

    #[test]
    fn length_and_level_survive_and_aliases_are_removed() {
        for rate in [11_025, 16_000, 22_050, 44_100, 48_000] {
            let kept = to_8k(&sine(1000.0, rate, 1.0), rate).expect("a usual rate");
            assert!((kept.len() as i64 - 8000).abs() <= 8, "{rate}: {}", kept.len());
            assert!((rms_dbfs(&kept) + 9.2).abs() < 0.3, "{rate}: {}", rms_dbfs(&kept));
        }
        let gone = to_8k(&sine(6000.0, 48_000, 1.0), 48_000).expect("a usual rate");
        assert!(rms_dbfs(&gone) < -50.0, "{}", rms_dbfs(&gone));
    }

    #[test]
    fn the_telephone_band_passes_evenly_and_nothing_above_it_folds_back() {
        for rate in [11_025, 16_000, 22_050, 24_000, 44_100, 48_000] {
            let through = |hz: f32| {
                let out = to_8k(&sine(hz, rate, 0.5), rate).expect("a usual rate");
                // Without the ends, where a tone begins and stops.
                rms_dbfs(out.get(400..out.len() - 400).expect("half a second")) + 9.2
            };
            for step in 0..=31 {
                let hz = 300.0 + 100.0 * step as f32;
                assert!(through(hz).abs() < 0.6, "{rate}: {hz} Hz at {:.1} dB", through(hz));
            }
            let mut hz = 4_300.0;
            while hz < rate as f32 / 2.0 - 50.0 {
                assert!(through(hz) < -50.0, "{rate}: {hz} Hz folds back at {:.1} dB", through(hz));
                hz += 230.0;
            }
        }
    }

    #[test]
    fn rates_that_no_recording_has_are_refused_at_once() {
        for hz in [0, 1, 50, 3_999, 384_001, u32::MAX] {
            let error = to_8k(&[1, 2, 3], hz).expect_err("an impossible rate").to_string();
            assert!(error.contains("outside 4000 to 384000 Hz"), "{error}");
            assert!(convert(&[1, 2, 3], 8_000, hz).is_err() && ResampleStream::new(hz).is_err());
        }
        // Primes, for which the transforms are largest.
        for hz in [4_001, 383_983] {
            assert!(to_8k(&[100; 4_000], hz).is_ok(), "{hz}");
        }
    }
}
