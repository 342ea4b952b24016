//! Loudness.

/// The level reported for digital silence, in dBFS.
pub const SILENCE_DBFS: f32 = -100.0;

/// Root mean square of `samples` in dBFS: 0 is a full-scale square wave, [`SILENCE_DBFS`] digital silence.
#[must_use]
pub fn rms_dbfs(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return SILENCE_DBFS;
    }
    let energy: f64 = samples.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    let rms = (energy / samples.len() as f64).sqrt() / 32_768.0;
    if rms <= 0.0 { SILENCE_DBFS } else { (20.0 * rms.log10() as f32).max(SILENCE_DBFS) }
}

/// Scales `samples` so that their RMS is `target_dbfs`, never past full scale: peaks are bent over
/// softly above -1.5 dBFS instead of clipped. Silence is left as it is.
pub fn normalise(samples: &mut [i16], target_dbfs: f32) {
    let now = rms_dbfs(samples);
    if now <= SILENCE_DBFS {
        return;
    }
    let gain = 10_f32.powf((target_dbfs - now) / 20.0);
    for sample in samples {
        *sample = soft_clip(f32::from(*sample) / 32_768.0 * gain);
    }
}

const KNEE: f32 = 0.84;
/// Just below full scale, so that no meter counts an over.
const HIGHEST: f32 = 32_750.0;

fn soft_clip(x: f32) -> i16 {
    let a = x.abs();
    let y = if a <= KNEE { a } else { KNEE + (1.0 - KNEE) * ((a - KNEE) / (1.0 - KNEE)).tanh() };
    (y.copysign(x) * HIGHEST) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_square_wave_is_zero_dbfs() {
        assert!(rms_dbfs(&[32_767, -32_768, 32_767, -32_768]).abs() < 0.01);
        assert_eq!(rms_dbfs(&[0; 160]), SILENCE_DBFS);
    }

    #[test]
    fn normalising_hits_the_target_and_keeps_peaks_below_full_scale() {
        let mut samples: Vec<i16> = (0..8000).map(|n| ((n as f32 * 0.3).sin() * 500.0) as i16).collect();
        normalise(&mut samples, -20.0);
        assert!((rms_dbfs(&samples) + 20.0).abs() < 0.1);
        normalise(&mut samples, -1.0);
        assert!(samples.iter().all(|s| s.unsigned_abs() < 32_768));
    }
}
