//! Sound for audio that did not come: what was heard before goes on for a moment and fades, as in ITU-T G.711
//! appendix I; and the noise of a line where the peer describes it (RFC 3389).

use std::f32::consts::FRAC_1_SQRT_2;

/// Samples remembered of what was played.
const HISTORY: usize = 320;
/// Pitch of voices, in samples: 200 Hz down to 66 Hz, as in appendix I.
const SHORTEST_PITCH: usize = 40;
const LONGEST_PITCH: usize = 120;
/// How much is compared to find it.
const COMPARED: usize = 160;
/// Full for 10 ms, silent at 60 ms.
const FULL: usize = 80;
const SILENT: usize = 480;
/// Over how many samples real audio takes over again.
const BACK: usize = 40;

#[derive(Debug)]
pub(super) struct Concealer {
    /// The last samples played, the newest at the end.
    history: [i16; HISTORY],
    /// Samples made up since audio stopped; 0 while it comes.
    made: usize,
    pitch: usize,
    /// What is left of the way back.
    back: usize,
}

impl Concealer {
    pub(super) const fn new() -> Self {
        Self { history: [0; HISTORY], made: SILENT, pitch: LONGEST_PITCH, back: 0 }
    }

    /// Whether what is made up has faded away, or nothing was heard yet.
    pub(super) const fn is_silent(&self) -> bool {
        self.made >= SILENT
    }

    /// The next sample of a gap.
    pub(super) fn make_up(&mut self) -> i16 {
        if self.made == 0 {
            self.pitch = pitch(&self.history);
        }
        let sample = self.peek();
        self.made += 1;
        self.back = BACK;
        sample
    }

    fn peek(&self) -> i16 {
        if self.made >= SILENT {
            return 0;
        }
        let cycle = self.history[HISTORY - self.pitch + self.made % self.pitch];
        let left = SILENT - self.made.max(FULL);
        (i32::from(cycle) * left as i32 / (SILENT - FULL) as i32) as i16
    }

    /// Real audio, blended in after a gap.
    pub(super) fn pass(&mut self, sample: i16) -> i16 {
        if self.back == 0 {
            self.made = 0;
            return sample;
        }
        let made_up = i32::from(self.peek());
        self.made += 1;
        self.back -= 1;
        let (left, whole) = (self.back as i32, BACK as i32);
        ((i32::from(sample) * (whole - left) + made_up * left) / whole) as i16
    }

    /// Remembers a frame that was played. Nothing of a gap is remembered: it would be repeated from itself.
    pub(super) fn remember(&mut self, frame: &[i16]) {
        if self.made == 0 {
            self.history.copy_within(frame.len().., 0);
            self.history[HISTORY - frame.len()..].copy_from_slice(frame);
        }
    }
}

/// The lag at which what was played last is most like what was played before it.
fn pitch(history: &[i16; HISTORY]) -> usize {
    let recent = &history[HISTORY - COMPARED..];
    let likeness = |lag: usize| {
        let before = &history[HISTORY - COMPARED - lag..HISTORY - lag];
        let products = recent.iter().zip(before).map(|(a, b)| i64::from(*a) * i64::from(*b)).sum::<i64>();
        let energy = before.iter().map(|b| i64::from(*b) * i64::from(*b)).sum::<i64>();
        if products <= 0 { 0.0 } else { products as f64 / (energy.max(1) as f64).sqrt() }
    };
    let (mut best, mut most) = (LONGEST_PITCH, 0.0);
    for lag in SHORTEST_PITCH..=LONGEST_PITCH {
        let likeness = likeness(lag);
        if likeness > most {
            (best, most) = (lag, likeness);
        }
    }
    best
}

/// Even noise.
#[derive(Debug)]
pub(super) struct Noise {
    state: u32,
}

impl Noise {
    pub(super) const fn new() -> Self {
        Self { state: 0x9e37_79b9 }
    }

    /// A sample of noise that is `level` dB below the overload point (RFC 3389, section 3.1: 0 to 127).
    pub(super) fn sample(&mut self, level: u8) -> i16 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        let even = self.state as i32 as f32 / i32::MAX as f32;
        // Even noise of amplitude 1 has an effective value of 1/√3; the overload point is a full square wave.
        (even * amplitude(level)) as i16
    }
}

/// The amplitude of even noise at a level, clipped where it would overload.
fn amplitude(level: u8) -> f32 {
    let effective = 32_767.0 * 10_f32.powf(-f32::from(level & 0x7f) / 20.0);
    (effective * 3_f32.sqrt()).min(32_767.0 * FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(samples: std::ops::Range<usize>) -> Vec<i16> {
        samples.map(|n| (8_000.0 * (n as f64 * std::f64::consts::TAU / 80.0).sin()) as i16).collect()
    }

    fn play(concealer: &mut Concealer, samples: &[i16]) {
        for frame in samples.chunks(160) {
            let frame: Vec<i16> = frame.iter().map(|sample| concealer.pass(*sample)).collect();
            concealer.remember(&frame);
        }
    }

    #[test]
    fn a_short_gap_in_a_voice_goes_on_at_its_pitch() {
        let mut concealer = Concealer::new();
        play(&mut concealer, &tone(0..320));
        let made: Vec<i16> = (0..80).map(|_| concealer.make_up()).collect();
        for (made, sent) in made.iter().zip(tone(320..400)) {
            assert!((made - sent).abs() < 300, "{made} for {sent}");
        }
    }

    #[test]
    fn a_long_gap_fades_to_silence_and_real_audio_comes_back_without_a_step() {
        let mut concealer = Concealer::new();
        play(&mut concealer, &[4_000; 320]);
        let made: Vec<i16> = (0..600).map(|_| concealer.make_up()).collect();
        assert_eq!((made[0], made[280], made[480]), (4_000, 2_000, 0));
        assert!(made.windows(2).all(|pair| pair[1] <= pair[0]));
        let back: Vec<i16> = (0..60).map(|_| concealer.pass(4_000)).collect();
        assert!(back.windows(2).all(|pair| (0..=100).contains(&(pair[1] - pair[0]))), "{back:?}");
        assert_eq!(back[45], 4_000);
    }

    #[test]
    fn noise_is_as_loud_as_it_was_described() {
        let mut noise = Noise::new();
        let energy: f64 = (0..8_000).map(|_| f64::from(noise.sample(40)).powi(2)).sum::<f64>() / 8_000.0;
        let level = 20.0 * (energy.sqrt() / 32_767.0).log10();
        assert!((level + 40.0).abs() < 1.0, "{level}");
    }
}
