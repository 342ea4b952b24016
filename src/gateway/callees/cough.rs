//! A cough, made by calculation: no recording of anybody.

use callcore::audio::frame::ms_to_samples;
use callcore::audio::level;

/// Each burst: how long, and how loud against the first.
const BURSTS: [(u64, f32); 2] = [(150, 1.0), (130, 0.7)];
/// Resonances of a throat, Hz, with their bandwidths.
const RESONANCES: [(f32, f32); 2] = [(600.0, 250.0), (1_500.0, 400.0)];
/// Loudness, dBFS RMS: that of speech.
const LEVEL_DBFS: f32 = -18.0;

/// Two bursts of air through a throat.
pub(super) fn cough() -> Vec<i16> {
    let mut seed = 9_u32;
    let mut samples = Vec::new();
    let mut past = [[0.0_f32; 2]; RESONANCES.len()];
    for (ms, loudness) in BURSTS {
        let length = ms_to_samples(ms);
        for n in 0..length {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let air = (seed >> 16) as f32 / 32_768.0 - 1.0;
            let mut sound = 0.0;
            // Two poles each: y = x + 2 r cos(w) y' - r² y''.
            for ((hz, width), [one, two]) in RESONANCES.into_iter().zip(&mut past) {
                let r = (-std::f32::consts::PI * width / 8_000.0).exp();
                let turn = 2.0 * r * (std::f32::consts::TAU * hz / 8_000.0).cos();
                let out = air + turn * *one - r * r * *two;
                (*one, *two) = (out, *one);
                sound += out;
            }
            let left = 1.0 - n as f32 / length as f32;
            samples.push((sound * loudness * left * left * 800.0) as i16);
        }
    }
    level::normalise(&mut samples, LEVEL_DBFS);
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cough_is_as_loud_as_speech_and_shorter_than_a_word() {
        let samples = cough();
        assert!((level::rms_dbfs(&samples) - LEVEL_DBFS).abs() < 1.0, "{}", level::rms_dbfs(&samples));
        assert!(samples.len() <= ms_to_samples(300));
    }
}
