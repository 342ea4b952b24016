//! The hiss of a line that is never quite silent.

use callcore::audio::frame::Frame;

/// White noise at a level, the same for the same seed.
#[derive(Clone, Debug)]
pub struct LineNoise {
    state: u64,
    /// Half width of the even distribution, in sample steps; 0 is a digitally silent line.
    width: f32,
}

impl LineNoise {
    /// Noise of `level_dbfs` RMS; `None` adds nothing.
    #[must_use]
    pub fn new(level_dbfs: Option<f32>, seed: u64) -> Self {
        // An even distribution over ±w has an RMS of w / sqrt(3).
        let width = level_dbfs.map_or(0.0, |level| 10_f32.powf(level / 20.0) * 32_768.0 * 3_f32.sqrt());
        Self { state: seed | 1, width }
    }

    /// Adds noise to every sample.
    pub fn add_to(&mut self, frame: &mut Frame) {
        if self.width <= 0.0 {
            return;
        }
        for sample in frame {
            *sample = sample.saturating_add(self.next());
        }
    }

    fn next(&mut self) -> i16 {
        // xorshift64 (Marsaglia 2003).
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let unit = (self.state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0;
        (unit * self.width).round() as i16
    }
}

#[cfg(test)]
mod tests {
    use callcore::audio::FRAME_SAMPLES;
    use callcore::audio::level::rms_dbfs;

    use super::*;

    #[test]
    fn noise_has_the_level_asked_for_and_off_is_silent() {
        for level in [-60.0, -40.0] {
            let mut noise = LineNoise::new(Some(level), 7);
            let mut heard = Vec::new();
            for _ in 0..50 {
                let mut frame = [0; FRAME_SAMPLES];
                noise.add_to(&mut frame);
                heard.extend_from_slice(&frame);
            }
            assert!((rms_dbfs(&heard) - level).abs() < 0.5, "{}", rms_dbfs(&heard));
        }
        let mut frame = [0; FRAME_SAMPLES];
        LineNoise::new(None, 7).add_to(&mut frame);
        assert_eq!(frame, [0; FRAME_SAMPLES]);
    }
}
