//! Tones of the network, which may already sound when the call is answered: they are neither a person nor a
//! mailbox, and information tones are the network's.

use std::f32::consts::TAU;

use audio_codec_algorithms::{decode_alaw, encode_alaw};

use super::{Amd, Event, EventKind, Options, Subtype};
use crate::audio::frame::ms_to_samples;
use crate::audio::{FRAME_SAMPLES, Frame};
use crate::detect::{FrontEnd, Heard, Tone, ToneKind};

/// One national tone: its frequencies, by what it is modulated (Hz, 0.0 for nothing), and how long it sounds and
/// rests, over and over.
struct National(&'static str, &'static [f32], f32, &'static [u64], ToneKind);

/// ITU-T E.180 supplement 2.
const TONES: [National; 20] = [
    National("US ringback", &[440.0, 480.0], 0.0, &[2000, 4000], ToneKind::Ringback),
    National("UK ringback", &[400.0, 450.0], 0.0, &[400, 200, 400, 2000], ToneKind::Ringback),
    National("AU ringback", &[413.0, 438.0], 0.0, &[400, 200, 400, 2000], ToneKind::Ringback),
    National("EU and ID ringback", &[425.0], 0.0, &[1000, 4000], ToneKind::Ringback),
    National("FR ringback", &[440.0], 0.0, &[1500, 3500], ToneKind::Ringback),
    National("ES ringback", &[425.0], 0.0, &[1500, 3000], ToneKind::Ringback),
    National("CN ringback", &[450.0], 0.0, &[1000, 4000], ToneKind::Ringback),
    National("IN ringback", &[400.0], 25.0, &[400, 200, 400, 2000], ToneKind::Ringback),
    National("JP ringback", &[400.0], 16.0, &[1000, 2000], ToneKind::Ringback),
    National("US busy", &[480.0, 620.0], 0.0, &[500, 500], ToneKind::Busy),
    National("US reorder", &[480.0, 620.0], 0.0, &[250, 250], ToneKind::Busy),
    National("UK busy", &[400.0], 0.0, &[375, 375], ToneKind::Busy),
    National("UK congestion", &[400.0], 0.0, &[400, 350, 225, 525], ToneKind::Busy),
    National("EU busy", &[425.0], 0.0, &[500, 500], ToneKind::Busy),
    National("EU congestion", &[425.0], 0.0, &[250, 250], ToneKind::Busy),
    National("CN busy", &[450.0], 0.0, &[350, 350], ToneKind::Busy),
    National("CN congestion", &[450.0], 0.0, &[700, 700], ToneKind::Busy),
    National("IN busy", &[400.0], 0.0, &[750, 750], ToneKind::Busy),
    National("US dial tone", &[350.0, 440.0], 0.0, &[60_000], ToneKind::Busy),
    National("UK dial tone", &[350.0, 450.0], 0.0, &[60_000], ToneKind::Busy),
];
const LENGTH_MS: u64 = 9_000;

/// Samples of a line, with faint noise.
struct Sound {
    samples: Vec<i16>,
    seed: u32,
}

impl Sound {
    fn new() -> Self {
        Self { samples: Vec::new(), seed: 3 }
    }

    fn noise(&mut self) -> f32 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((self.seed >> 16) as f32 / 32_768.0 - 1.0) * 12.0
    }

    fn add(&mut self, hz: &[f32], modulated_hz: f32, ms: u64, level_dbfs: f32) {
        let amplitude = 10_f32.powf(level_dbfs / 20.0) * (2.0 / hz.len().max(1) as f32).sqrt() * 32_767.0;
        for n in 0..ms_to_samples(ms) {
            let t = n as f32 / 8000.0;
            let sum: f32 = hz.iter().map(|f| (TAU * f * t + f).sin()).sum();
            let beat = if modulated_hz > 0.0 { 0.8 + 0.8 * (TAU * modulated_hz * t).sin() } else { 1.0 };
            let sample = sum * beat * amplitude + self.noise();
            self.samples.push(decode_alaw(encode_alaw(sample.clamp(-32_767.0, 32_767.0) as i16)));
        }
    }

    /// Everything from `cut_ms` on.
    fn heard_from(&self, cut_ms: u64) -> (Vec<Heard>, Vec<Event>) {
        let (mut front_end, mut amd) = (FrontEnd::new(), Amd::new(Options::default()));
        let (mut all, mut events) = (Vec::new(), Vec::new());
        let frames: &[Frame] = self.samples[ms_to_samples(cut_ms)..].as_chunks::<FRAME_SAMPLES>().0;
        for frame in frames {
            amd.observe(&front_end.push(frame));
            while let Some(heard) = front_end.poll() {
                amd.feed(&heard);
                all.push(heard);
            }
            events.extend(std::iter::from_fn(|| amd.poll_event()));
        }
        (all, events)
    }
}

fn tones(heard: &[Heard]) -> Vec<Tone> {
    let started = heard.iter().filter_map(|heard| match heard {
        Heard::ToneStarted(tone) => Some(*tone),
        Heard::ToneEnded(_) | Heard::SpeechStarted { .. } | Heard::SpeechEnded { .. } => None,
    });
    started.collect()
}

#[test]
fn a_tone_of_the_network_that_already_sounds_is_that_tone_and_no_speech_wherever_it_is_cut() {
    for National(name, hz, modulated, cadence, kind) in TONES {
        for level in [-14.0, -24.0, -33.0] {
            let mut sound = Sound::new();
            while sound.samples.len() < ms_to_samples(LENGTH_MS + 3_000) {
                for (n, ms) in cadence.iter().enumerate() {
                    sound.add(if n % 2 == 0 { hz } else { &[] }, modulated, *ms, level);
                }
            }
            sound.samples.truncate(ms_to_samples(LENGTH_MS + 3_000));
            let pulse = cadence[0].min(3_000);
            for cut in [0, 30, 90, pulse * 2 / 5, pulse * 7 / 10, pulse - 130] {
                let (heard, events) = sound.heard_from(cut);
                let place = format!("{name} at {level} dBFS from {cut} ms: {heard:?}");
                assert!(!heard.iter().any(|h| matches!(h, Heard::SpeechStarted { .. })), "{place}");
                let tones = tones(&heard);
                let is_dial = cadence.len() == 1;
                assert!(tones.iter().all(|tone| tone.kind == kind) && tones.is_empty() == is_dial, "{place}");
                let kinds: Vec<EventKind> = events.iter().map(|event| event.kind).collect();
                let told = kinds.iter().find(|kind| **kind != EventKind::Stopped);
                assert!(told.is_none_or(|kind| *kind == EventKind::NoSpeechDetected), "{place} {kinds:?}");
            }
        }
    }
}

#[test]
fn ringback_at_the_first_sample_ends_where_it_ends() {
    let mut sound = Sound::new();
    sound.add(&[440.0, 480.0], 0.0, 2_000, -20.0);
    sound.add(&[], 0.0, 4_000, -20.0);
    for cut in [0, 300, 1_500] {
        let (heard, _) = sound.heard_from(cut);
        let ends: Vec<u64> = heard
            .iter()
            .filter_map(|heard| match heard {
                Heard::ToneEnded(tone) => tone.end_ms,
                Heard::ToneStarted(_) | Heard::SpeechStarted { .. } | Heard::SpeechEnded { .. } => None,
            })
            .collect();
        assert!(ends.len() == 1 && ends[0].abs_diff(2_000 - cut) <= 40, "from {cut}: {ends:?}");
    }
}

#[test]
fn information_tones_at_the_first_sample_are_the_networks_wherever_they_are_cut() {
    let segments = [
        [(950.0, 330), (1400.0, 330), (1800.0, 330)],
        [(913.8, 274), (1370.6, 274), (1776.7, 380)],
        [(985.2, 380), (1428.5, 380), (1776.7, 380)],
        [(913.8, 380), (1370.6, 274), (1776.7, 380)],
        [(985.2, 274), (1370.6, 380), (1776.7, 380)],
    ];
    for of in segments {
        for level in [-12.0, -24.0, -33.0] {
            let mut sound = Sound::new();
            for (hz, ms) in of {
                sound.add(&[hz], 0.0, ms, level);
            }
            sound.add(&[], 0.0, 1_500, level);
            // Down to the rest of the second segment.
            for cut in [0, 10, 120, 240, of[0].1, of[0].1 + 100] {
                let (_, events) = sound.heard_from(cut);
                let decision = events.iter().find(|event| event.kind.is_decision());
                let subtype = decision.and_then(|event| event.subtype);
                assert_eq!(subtype, Some(Subtype::Network), "{of:?} at {level} from {cut}: {events:?}");
                assert!(
                    events.iter().all(|event| event.kind != EventKind::ToneDetected),
                    "no beep: {events:?}"
                );
            }
        }
    }
}

#[test]
fn a_fax_that_already_calls_is_a_fax_and_never_a_mailbox() {
    for cut in [0, 60, 200, 350, 450] {
        let mut sound = Sound::new();
        for _ in 0..3 {
            sound.add(&[1_118.0], 0.0, 500, -18.0);
            sound.add(&[], 0.0, 3_000, -18.0);
        }
        let (_, events) = sound.heard_from(cut);
        let decision = events.iter().find(|event| event.kind.is_decision());
        assert_eq!(decision.and_then(|event| event.subtype), Some(Subtype::Fax), "from {cut}: {events:?}");
    }
}

#[test]
fn a_beep_that_already_sounds_is_a_beep_once_quiet_follows() {
    for hz in [700.0, 1_000.0, 1_250.0] {
        let mut sound = Sound::new();
        sound.add(&[hz], 0.0, 500, -20.0);
        sound.add(&[], 0.0, 1_000, -20.0);
        let (heard, events) = sound.heard_from(20);
        assert_eq!(tones(&heard).first().map(|tone| tone.kind), Some(ToneKind::Beep), "{hz}");
        assert!(events.iter().any(|event| event.kind == EventKind::ToneDetected), "{hz}: {events:?}");
    }
}
