//! Hold music, synthesised: no composer's piece, and no recording.

use std::f32::consts::TAU;

use callcore::audio::frame::ms_to_samples;
use callcore::audio::level;

/// Chords of four notes, Hz, one a bar.
const CHORDS: [[f32; 4]; 4] = [
    [261.63, 329.63, 392.0, 523.25],
    [220.0, 261.63, 329.63, 440.0],
    [349.23, 440.0, 523.25, 698.46],
    [392.0, 493.88, 587.33, 783.99],
];
/// The order in which a chord's notes are plucked, eight a bar.
const FIGURE: [usize; 8] = [0, 2, 1, 3, 2, 1, 3, 2];
const NOTE_MS: u64 = 240;
/// Harmonics of a note, and how loud each is.
const HARMONICS: [f32; 4] = [1.0, 0.4, 0.2, 0.1];
/// A plucked note dies away in this time, s; the chord below it stays.
const DECAY_S: f32 = 0.5;
const CHORD_SHARE: f32 = 0.3;
/// Loudness, dBFS RMS.
const LEVEL_DBFS: f32 = -20.0;

/// `ms` of a plucked figure over sustained chords.
pub(super) fn music(ms: u64) -> Vec<i16> {
    let note_length = ms_to_samples(NOTE_MS);
    let mut samples: Vec<i16> = (0..ms_to_samples(ms))
        .map(|n| {
            let (at, note) = (n as f32 / 8_000.0, n / note_length);
            let chord = CHORDS[note / FIGURE.len() % CHORDS.len()];
            let since = (n % note_length) as f32 / 8_000.0;
            let pluck = (-since / DECAY_S).exp() * (since * 200.0).min(1.0);
            let plucked = voice(2.0 * chord[FIGURE[note % FIGURE.len()]], at) * pluck;
            let held: f32 = chord.iter().map(|hz| voice(*hz, at)).sum::<f32>() * CHORD_SHARE;
            ((plucked + held) * 4_000.0) as i16
        })
        .collect();
    level::normalise(&mut samples, LEVEL_DBFS);
    samples
}

fn voice(hz: f32, at: f32) -> f32 {
    (1_u8..).zip(HARMONICS).map(|(nth, loud)| (TAU * hz * f32::from(nth) * at).sin() * loud).sum()
}

#[cfg(test)]
mod tests {
    use callcore::amd::listen::listen;
    use callcore::amd::{EventKind, Options};

    use super::*;

    #[test]
    fn it_is_as_long_and_as_loud_as_asked_and_nobody_for_the_detector() {
        let mut samples = music(8_000);
        assert_eq!(samples.len(), ms_to_samples(8_000));
        assert!((level::rms_dbfs(&samples) - LEVEL_DBFS).abs() < 1.0);
        samples.resize(ms_to_samples(9_000), 0);
        let heard = listen(&samples, Options::default(), &[]);
        let decision = heard.events.iter().find(|event| event.kind.is_decision());
        assert_eq!(decision.map(|event| event.kind), Some(EventKind::NoSpeechDetected), "{:?}", heard.events);
    }
}
