//! The filters that make mel bands of a spectrum: triangles on Slaney's scale, each of the same area, as Whisper was
//! trained with (sampling rate 16 kHz, 400 samples at a time).

const RATE: f64 = 16_000.0;
const WINDOW: usize = 400;
/// From there on the scale is logarithmic; below it each band spans as many Hz.
const LINEAR_UP_TO_HZ: f64 = 1_000.0;
const HZ_PER_MEL: f64 = 200.0 / 3.0;
/// So many mels make the frequency 6.4 times as high.
const MELS_PER_STEP: f64 = 27.0;
const STEP: f64 = 6.4;

/// A row of weights for each band.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filters {
    pub(super) bands: usize,
    pub(super) columns: usize,
    pub(super) weights: Vec<f32>,
}

/// `bands` filters from 0 Hz to half the sampling rate.
pub(super) fn filters(bands: usize) -> Filters {
    let columns = WINDOW / 2 + 1;
    let top = mel(RATE / 2.0);
    // The last one is half the sampling rate, and not the sum of so many steps.
    let edge = |n: usize| hz(if n > bands { top } else { n as f64 * (top / (bands + 1) as f64) });
    let mut weights = Vec::with_capacity(bands * columns);
    for band in 0..bands {
        let (low, middle, high) = (edge(band), edge(band + 1), edge(band + 2));
        let area = 2.0 / (high - low);
        for column in 0..columns {
            let frequency = column as f64 * RATE / WINDOW as f64;
            let (rising, falling) =
                ((frequency - low) / (middle - low), (high - frequency) / (high - middle));
            let triangle = rising.min(falling).max(0.0) as f32;
            weights.push((f64::from(triangle) * area) as f32);
        }
    }
    Filters { bands, columns, weights }
}

fn mel(hz: f64) -> f64 {
    if hz < LINEAR_UP_TO_HZ {
        return hz / HZ_PER_MEL;
    }
    LINEAR_UP_TO_HZ / HZ_PER_MEL + (hz / LINEAR_UP_TO_HZ).ln() / (STEP.ln() / MELS_PER_STEP)
}

fn hz(mel: f64) -> f64 {
    let bend = LINEAR_UP_TO_HZ / HZ_PER_MEL;
    if mel < bend {
        return mel * HZ_PER_MEL;
    }
    LINEAR_UP_TO_HZ * ((mel - bend) * (STEP.ln() / MELS_PER_STEP)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_band_is_a_triangle_above_the_one_before() {
        for bands in [80, 128] {
            let filters = filters(bands);
            assert_eq!(filters.weights.len(), bands * 201);
            let mut last = 0;
            for row in filters.weights.chunks(filters.columns) {
                let peak = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).expect("columns");
                assert!(peak >= last && row[peak] > 0.0, "{peak} {last}");
                last = peak;
            }
        }
    }
}
