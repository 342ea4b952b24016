//! Makes tones: beeps, information tones, fax, ringback, keys.

use std::f32::consts::TAU;

use super::frame::{SAMPLE_RATE, ms_to_samples};

/// A sum of sines at `hz`, `ms` long, its RMS at `level_dbfs`, with 5 ms ramps at both ends.
#[must_use]
pub fn tone(hz: &[f32], ms: u64, level_dbfs: f32) -> Vec<i16> {
    let len = ms_to_samples(ms);
    let amplitude = 10_f32.powf(level_dbfs / 20.0) * (2.0 / hz.len().max(1) as f32).sqrt() * 32_767.0;
    let ramp = ms_to_samples(5).min(len / 2).max(1) as f32;
    (0..len)
        .map(|n| {
            let t = n as f32 / SAMPLE_RATE as f32;
            let sum: f32 = hz.iter().map(|f| (TAU * f * t).sin()).sum();
            let edge = (n as f32 / ramp).min((len - n) as f32 / ramp).min(1.0);
            (sum * amplitude * edge).clamp(-32_767.0, 32_767.0) as i16
        })
        .collect()
}

/// The pair of frequencies of a key (ITU-T Q.23), or `None` for anything else.
#[must_use]
pub fn dtmf_pair(key: char) -> Option<[f32; 2]> {
    const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
    const COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
    const KEYS: [&str; 4] = ["123A", "456B", "789C", "*0#D"];
    KEYS.iter().enumerate().find_map(|(row, keys)| {
        let column = keys.find(key.to_ascii_uppercase())?;
        Some([ROWS[row], COLUMNS[column]])
    })
}

/// Special information tone: three rising tones of 330 ms each (ITU-T E.180: 950, 1400, 1800 Hz).
#[must_use]
pub fn sit(level_dbfs: f32) -> Vec<i16> {
    [950.0, 1400.0, 1800.0].iter().flat_map(|hz| tone(&[*hz], 330, level_dbfs)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::level::rms_dbfs;

    #[test]
    fn a_tone_has_the_level_and_length_asked_for() {
        for hz in [&[1000.0][..], &[700.0, 1200.0]] {
            let samples = tone(hz, 500, -20.0);
            assert_eq!(samples.len(), 4000);
            assert!((rms_dbfs(&samples) + 20.0).abs() < 0.4, "{}", rms_dbfs(&samples));
        }
        assert!(tone(&[440.0], 0, -20.0).is_empty());
    }

    #[test]
    fn only_keys_have_pairs() {
        assert_eq!(dtmf_pair('1'), Some([697.0, 1209.0]));
        assert_eq!(dtmf_pair('d'), Some([941.0, 1633.0]));
        assert_eq!(dtmf_pair('x'), None);
    }
}
