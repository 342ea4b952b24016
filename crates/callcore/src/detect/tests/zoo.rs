//! A zoo of tones at many pitches, lengths and levels, through both kinds of G.711.

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};

use super::*;

#[derive(Clone, Copy)]
enum Law {
    Mu,
    A,
}

/// Frequencies over the whole band, off any round number so that no window fits them.
const PITCHES: [f32; 17] = [
    351.0, 467.0, 509.0, 571.0, 623.0, 701.0, 797.0, 887.0, 1013.0, 1193.0, 1451.0, 1723.0, 1979.0, 2251.0,
    2699.0, 3011.0, 3389.0,
];
const PAIRS: [[f32; 2]; 6] =
    [[697.0, 1050.0], [500.0, 1200.0], [620.0, 1433.0], [1100.0, 1790.0], [1440.0, 2900.0], [1656.0, 2300.0]];

/// When each tone was told, after the frame that brought it, besides the tone itself.
fn told(line: &Line) -> Vec<(u64, Heard)> {
    let mut front_end = FrontEnd::new();
    let mut all = Vec::new();
    for frame in line.samples.as_chunks::<FRAME_SAMPLES>().0 {
        let now = front_end.push(frame).end_ms;
        while let Some(heard) = front_end.poll() {
            all.push((now, heard));
        }
    }
    all
}

fn coded(mut line: Line, law: Law) -> Line {
    for sample in &mut line.samples {
        *sample = match law {
            Law::Mu => decode_ulaw(encode_ulaw(*sample)),
            Law::A => decode_alaw(encode_alaw(*sample)),
        };
    }
    line
}

#[test]
fn beeps_of_any_pitch_length_and_level_are_heard_in_time_and_end_in_time() {
    let pitches = PITCHES.iter().map(|hz| vec![*hz]).chain(PAIRS.iter().map(|p| p.to_vec()));
    let (mut lines, mut missed, mut slow, mut long) = (0, Vec::new(), Vec::new(), Vec::new());
    for (n, hz) in pitches.enumerate() {
        for (k, ms) in [80, 120, 250, 700, 2000].into_iter().enumerate() {
            let level = [-12.0, -22.0, -30.0, -38.0][(n + k) % 4];
            let law = if (n + k) % 2 == 0 { Law::Mu } else { Law::A };
            let line = Line::new().quiet(300).voice(1200).quiet(500).add(&tone(&hz, ms, level)).quiet(500);
            let heard = told(&coded(line, law));
            lines += 1;
            let beep = |h: &Heard| matches!(h, Heard::ToneStarted(t) if t.kind == ToneKind::Beep);
            match heard.iter().find(|(_, h)| beep(h)) {
                None => missed.push((hz.clone(), ms, level)),
                // Below 450 Hz it takes longer to tell one from a vowel.
                Some((at, _)) if *at > 2000 + if hz[0] < 450.0 { 210 } else { 150 } => {
                    slow.push((hz.clone(), ms, level, *at - 2000))
                }
                Some(_) => {}
            }
            let end = heard.iter().find_map(|(_, h)| match h {
                Heard::ToneEnded(t) => t.end_ms,
                Heard::SpeechStarted { .. } | Heard::SpeechEnded { .. } | Heard::ToneStarted(_) => None,
            });
            if end.is_some_and(|end| end.abs_diff(2000 + ms) > 60) {
                long.push((hz.clone(), ms, end));
            }
        }
    }
    assert!(missed.len() * 100 <= lines, "missed {missed:?} of {lines}");
    assert!(slow.len() * 20 <= lines, "slow {slow:?} of {lines}");
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn ringback_and_busy_of_every_country_keep_their_type_from_the_first_pulse_to_the_last() {
    let cadences: [(&[f32], [u64; 4], ToneKind); 9] = [
        (&[440.0, 480.0], [2000, 4000, 2000, 2000], ToneKind::Ringback),
        (&[400.0, 450.0], [400, 200, 400, 2000], ToneKind::Ringback),
        (&[413.0, 438.0], [400, 200, 400, 2000], ToneKind::Ringback),
        (&[425.0], [1000, 4000, 1000, 2000], ToneKind::Ringback),
        (&[440.0], [1500, 3500, 1500, 2000], ToneKind::Ringback),
        (&[450.0], [1000, 4000, 1000, 2000], ToneKind::Ringback),
        (&[480.0, 620.0], [500, 500, 500, 500], ToneKind::Busy),
        (&[425.0], [480, 480, 480, 480], ToneKind::Busy),
        (&[425.0], [200, 200, 200, 200], ToneKind::Busy),
    ];
    for (hz, [on, off, again, rest], kind) in cadences {
        let mut line = Line::new().quiet(400);
        for _ in 0..2 {
            line = line.add(&tone(hz, on, -20.0)).quiet(off).add(&tone(hz, again, -20.0)).quiet(rest);
        }
        let tones = coded(line, Law::A).tones();
        assert!(!tones.is_empty() && tones.iter().all(|t| t.kind == kind), "{hz:?} {on}: {tones:?}");
    }
}

#[test]
fn information_tones_of_every_type_are_told_within_their_second_segment() {
    for [a, b, c] in
        [[950.0, 1400.0, 1800.0], [913.8, 1370.6, 1776.7], [985.2, 1370.6, 1776.7], [913.8, 1428.5, 1776.7]]
    {
        for ms in [276, 330, 380] {
            let mut line = Line::new().quiet(600);
            for hz in [a, b, c] {
                line = line.add(&tone(&[hz], ms, -18.0));
            }
            let heard = told(&coded(line.quiet(400), Law::Mu));
            let started: Vec<_> = heard.iter().filter(|(_, h)| matches!(h, Heard::ToneStarted(_))).collect();
            let [(at, Heard::ToneStarted(sit))] = started[..] else { panic!("{a} {ms}: {started:?}") };
            assert_eq!(sit.kind, ToneKind::Sit);
            assert!(*at <= 600 + 2 * ms, "{a} {ms}: told at {at}");
        }
    }
}
