//! What every voice goes through: silence at the ends is cut, and all are made equally loud.

use callcore::audio::{SAMPLE_RATE, level};
use ebur128::{EbuR128, Mode};

use super::engine::TtsError;

/// Samples quieter than this at either end are cut off (about -54 dBFS).
const EDGE_LEVEL: u16 = 64;
/// What stays of the silence at either end, in samples (20 ms).
const EDGE_SAMPLES: usize = 160;

/// How loud speech is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loudness {
    /// dBFS of the root mean square over everything.
    Rms(f32),
    /// LUFS by EBU R 128: weighted as ears are, pauses left out.
    Lufs(f32),
}

impl Loudness {
    /// Part of the cache key.
    pub(super) fn name(self) -> String {
        match self {
            Self::Rms(level) => format!("rms {level}"),
            Self::Lufs(level) => format!("lufs {level}"),
        }
    }
}

/// Cuts and levels 8 kHz mono speech; peaks that would clip are bent over softly.
pub(super) fn finish(samples: &[i16], loudness: Loudness) -> Result<Vec<i16>, TtsError> {
    let loud = |s: &i16| s.unsigned_abs() > EDGE_LEVEL;
    let (Some(first), Some(last)) = (samples.iter().position(loud), samples.iter().rposition(loud)) else {
        return Err(TtsError::Empty);
    };
    let end = (last + EDGE_SAMPLES).min(samples.len());
    let mut kept = samples[first.saturating_sub(EDGE_SAMPLES)..end].to_vec();
    let rms = match loudness {
        Loudness::Rms(level) => level,
        // The gain that brings one measure to its target moves the other by as much.
        Loudness::Lufs(target) => match lufs(&kept) {
            Some(now) => level::rms_dbfs(&kept) + (target - now),
            None => target,
        },
    };
    level::normalise(&mut kept, rms);
    Ok(kept)
}

/// Loudness in LUFS; `None` for less than the 400 ms that the measure needs, and for what it takes for silence.
fn lufs(samples: &[i16]) -> Option<f32> {
    let mut meter = EbuR128::new(1, SAMPLE_RATE, Mode::I).ok()?;
    meter.add_frames_i16(samples).ok()?;
    meter.loudness_global().ok().filter(|found| found.is_finite()).map(|found| found as f32)
}

#[cfg(test)]
mod tests {
    use callcore::audio::tone::tone;

    use super::*;

    #[test]
    fn quiet_and_loud_speech_come_out_equally_loud_whatever_their_pauses() {
        let mut sparse = tone(&[300.0, 900.0], 800, -40.0);
        sparse.resize(sparse.len() + 16_000, 0);
        sparse.extend(tone(&[300.0, 900.0], 800, -40.0));
        let dense = tone(&[300.0, 900.0], 3_000, -12.0);
        for samples in [sparse, dense] {
            let done = finish(&samples, Loudness::Lufs(-16.0)).expect("speech");
            let found = lufs(&done).expect("long enough");
            assert!((found + 16.0).abs() < 0.7, "{found}");
        }
    }

    #[test]
    fn a_word_too_short_to_measure_is_levelled_all_the_same() {
        let done = finish(&tone(&[300.0], 200, -50.0), Loudness::Lufs(-16.0)).expect("speech");
        assert!((level::rms_dbfs(&done) + 16.0).abs() < 1.5);
    }

    #[test]
    fn silence_around_speech_goes_and_silence_alone_is_nothing() {
        let mut samples = vec![0; 4_000];
        samples.extend(tone(&[500.0], 300, -20.0));
        samples.resize(samples.len() + 4_000, 0);
        let done = finish(&samples, Loudness::Rms(-20.0)).expect("speech");
        assert!((2_400..=2_720).contains(&done.len()), "{}", done.len());
        assert!(matches!(finish(&[0; 8_000], Loudness::Rms(-20.0)), Err(TtsError::Empty)));
    }

    #[test]
    fn peaks_are_bent_and_stay_below_full_scale_in_their_order() {
        // Mostly quiet with high peaks, as some voices are.
        let mut samples = tone(&[300.0], 2_000, -34.0);
        for (n, at) in (0..samples.len()).step_by(400).enumerate() {
            samples[at] = 4_000 + 600 * n as i16;
        }
        let before: Vec<i16> = samples.iter().copied().step_by(400).collect();
        let done = finish(&samples, Loudness::Lufs(-16.0)).expect("speech");
        let highest = done.iter().map(|s| s.unsigned_abs()).max().expect("samples");
        assert!((28_000..32_767).contains(&highest), "{highest}");
        let after: Vec<i16> = done.iter().copied().filter(|s| *s > 20_000).collect();
        assert!(after.len() > before.len() / 2 && after.is_sorted(), "{after:?}");
    }
}
