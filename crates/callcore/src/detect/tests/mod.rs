//! What the ear hears in audio made here.

use super::*;
use crate::audio::frame::ms_to_samples;
use crate::audio::tone::{dtmf_pair, sit, tone};
use crate::audio::{FRAME_SAMPLES, Frame};

mod zoo;

/// A line: silence with faint noise, to which sounds are added.
struct Line {
    samples: Vec<i16>,
    seed: u32,
}

impl Line {
    fn new() -> Self {
        Self { samples: Vec::new(), seed: 1 }
    }

    fn noise(&mut self) -> i16 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((self.seed >> 16) as i32 % 33 - 16) as i16
    }

    fn quiet(mut self, ms: u64) -> Self {
        for _ in 0..ms_to_samples(ms) {
            let sample = self.noise();
            self.samples.push(sample);
        }
        self
    }

    fn add(mut self, sound: &[i16]) -> Self {
        for sample in sound {
            let sample = sample.saturating_add(self.noise());
            self.samples.push(sample);
        }
        self
    }

    /// Something like a voice: harmonics of a moving pitch under two formants, four syllables a second.
    fn voice(self, ms: u64) -> Self {
        let mut phase = 0.0_f32;
        let sound: Vec<i16> = (0..ms_to_samples(ms))
            .map(|n| {
                let t = n as f32 / 8000.0;
                let pitch = 130.0 + 25.0 * (t * 2.1).sin() + 8.0 * (t * 31.0).sin();
                phase += pitch / 8000.0 * std::f32::consts::TAU;
                let formant = 500.0 + 250.0 * (t * 5.0).sin();
                let sum: f32 = (1..20)
                    .map(|h| {
                        let hz = pitch * h as f32;
                        let near = |f: f32| 1.0 / (1.0 + ((hz - f) / 120.0).powi(2));
                        (phase * h as f32).sin() * (near(formant) + 0.5 * near(1500.0) + 0.3 * near(2500.0))
                    })
                    .sum();
                let syllable = (0.6 + 0.4 * (t * 25.0).sin()).max(0.05);
                (sum * syllable * 4000.0) as i16
            })
            .collect();
        self.add(&sound)
    }

    fn hear(&self) -> Vec<Heard> {
        let mut front_end = FrontEnd::new();
        let mut heard = Vec::new();
        let frames: &[Frame] = self.samples.as_chunks::<FRAME_SAMPLES>().0;
        for frame in frames {
            front_end.push(frame);
            while let Some(h) = front_end.poll() {
                heard.push(h);
            }
        }
        heard
    }

    fn tones(&self) -> Vec<Tone> {
        let ended = |h: &Heard| match h {
            Heard::ToneEnded(tone) => Some(*tone),
            Heard::SpeechStarted { .. } | Heard::SpeechEnded { .. } | Heard::ToneStarted(_) => None,
        };
        self.hear().iter().filter_map(ended).collect()
    }
}

fn kinds(tones: &[Tone]) -> Vec<ToneKind> {
    tones.iter().map(|t| t.kind).collect()
}

#[test]
fn a_beep_after_a_greeting_is_heard_with_its_pitch_start_and_end() {
    for hz in [&[350.0][..], &[440.0], &[500.0], &[1000.0], &[1100.0], &[2100.0], &[3400.0], &[700.0, 1000.0]]
    {
        for ms in [80, 120, 400, 1500] {
            let line = Line::new().quiet(300).voice(2000).quiet(400).add(&tone(hz, ms, -25.0)).quiet(500);
            let tones = line.tones();
            assert_eq!(kinds(&tones), [ToneKind::Beep], "{hz:?} {ms} ms");
            let beep = tones[0];
            assert!((beep.hz[0] - hz[0]).abs() < 4.0, "{hz:?}: {beep:?}");
            assert!(beep.start_ms.abs_diff(2700) <= 20, "{hz:?}: {beep:?}");
            assert!(beep.end_ms.is_some_and(|end| end.abs_diff(2700 + ms) <= 30), "{hz:?} {ms}: {beep:?}");
        }
    }
}

#[test]
fn information_tones_are_one_sit_and_no_beep() {
    let line = Line::new().quiet(300).add(&sit(-20.0)).quiet(500);
    assert_eq!(kinds(&line.tones()), [ToneKind::Sit]);
}

#[test]
fn fax_tones_are_told_from_beeps_by_frequency_and_length() {
    let calling = tone(&[1100.0], 500, -20.0);
    let line = Line::new().quiet(800).add(&calling).quiet(3000).add(&calling).quiet(500);
    assert_eq!(kinds(&line.tones()), [ToneKind::FaxCalling, ToneKind::FaxCalling]);
    let line = Line::new().quiet(800).add(&tone(&[2100.0], 2600, -20.0)).quiet(500);
    assert_eq!(kinds(&line.tones()), [ToneKind::FaxAnswer]);
}

#[test]
fn every_key_is_heard_as_that_key() {
    for key in "123A456B789C*0#D".chars() {
        let pair = dtmf_pair(key).expect("a key");
        let line = Line::new().quiet(300).add(&tone(&pair, 80, -18.0)).quiet(300);
        assert_eq!(kinds(&line.tones()), [ToneKind::Dtmf(key)]);
    }
}

#[test]
fn ringback_and_busy_are_no_beeps() {
    for (pair, kind) in [
        (&[440.0, 480.0][..], ToneKind::Ringback),
        (&[400.0, 450.0], ToneKind::Ringback),
        (&[480.0, 620.0], ToneKind::Busy),
    ] {
        let line = Line::new().quiet(300).add(&tone(pair, 1000, -20.0)).quiet(500);
        assert_eq!(kinds(&line.tones()), [kind], "{pair:?}");
    }
    let ring = tone(&[425.0], 1000, -20.0);
    assert_eq!(kinds(&Line::new().quiet(300).add(&ring).quiet(500).tones()), [ToneKind::Ringback]);
    let pulse = tone(&[425.0], 500, -20.0);
    let busy = Line::new().quiet(300).add(&pulse).quiet(500).add(&pulse).quiet(500);
    assert!(busy.tones().iter().all(|t| t.kind == ToneKind::Busy), "{:?}", busy.tones());
}

#[test]
fn speech_is_timed_without_hang_over_and_raises_no_tone() {
    let line = Line::new().quiet(500).voice(1500).quiet(1000);
    let mut spans = Vec::new();
    for heard in line.hear() {
        match heard {
            Heard::SpeechStarted { at_ms } | Heard::SpeechEnded { at_ms } => spans.push(at_ms),
            Heard::ToneStarted(tone) | Heard::ToneEnded(tone) => panic!("a voice is no tone: {tone:?}"),
        }
    }
    assert_eq!(spans.len(), 2, "{spans:?}");
    assert!(spans[0].abs_diff(500) <= 40 && spans[1].abs_diff(2000) <= 60, "{spans:?}");
}

#[test]
fn tones_and_steady_noise_are_no_speech() {
    let mut seed = 7_u32;
    let hiss: Vec<i16> = (0..ms_to_samples(6000))
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((seed >> 16) as i32 % 1001 - 500) as i16
        })
        .collect();
    for line in [
        Line::new().add(&hiss),
        Line::new().quiet(400).add(&tone(&[1000.0], 1500, -15.0)).quiet(400),
        Line::new().quiet(400).add(&tone(&[440.0, 480.0], 2000, -15.0)).quiet(400),
    ] {
        let mut since = None;
        for heard in line.hear() {
            match heard {
                Heard::SpeechStarted { at_ms } => since = Some(at_ms),
                // A pair of low tones needs 100 ms to be told from a voice.
                Heard::SpeechEnded { at_ms } => assert!(at_ms - since.take().unwrap_or(0) <= 100, "{at_ms}"),
                Heard::ToneStarted(_) | Heard::ToneEnded(_) => {}
            }
        }
        assert_eq!(since, None, "{:?}", line.hear());
    }
}

#[test]
fn digital_silence_is_heard_as_nothing() {
    let line = Line { samples: vec![0; 80_000], seed: 1 };
    assert!(line.hear().is_empty());
}

#[test]
fn media_time_counts_frames() {
    let mut front_end = FrontEnd::new();
    for n in 1..=10 {
        assert_eq!(front_end.push(&[0; FRAME_SAMPLES]).end_ms, n * 20);
    }
    assert_eq!(front_end.now_ms(), 200);
}
