//! The watch after a decision, resumed greetings, leftovers of the network, and bad audio.

use super::tests::Script;
use super::{Amd, Basis, DecisionThresholds, Event, EventKind, Options, Revision, RevisionKind, Subtype};
use crate::audio::{FRAME_SAMPLES, Frame};
use crate::detect::{FrontEnd, ToneKind};

fn call() -> Script {
    Script::new(Options::default())
}

fn findings(run: &mut Script) -> Vec<Revision> {
    std::iter::from_fn(|| run.amd.poll_revision()).collect()
}

#[test]
fn a_greeting_that_goes_on_is_told_to_the_call_and_not_to_the_world() {
    let mut run = call().say(2000).machine().say(3000).hush(3000).say(2000).hush(3000);
    let stops = run.kinds().iter().filter(|k| **k == "machine_stopped_speaking").count();
    assert_eq!(stops, 1);
    let kinds: Vec<RevisionKind> = findings(&mut run).iter().map(|f| f.kind).collect();
    assert_eq!(kinds, [RevisionKind::Resumed, RevisionKind::EndedAgain]);
}

#[test]
fn a_click_after_the_greeting_does_not_resume_it() {
    let mut run = call().say(2000).machine().say(3000).hush(3000).say(300).hush(3000);
    assert!(findings(&mut run).is_empty());
}

#[test]
fn the_beep_watch_runs_from_the_end_of_a_resumed_greeting() {
    let run =
        call().say(2000).machine().say(3000).hush(3000).say(4000).hush(16_000).tone(ToneKind::Beep, 400);
    assert_eq!(run.kinds(), ["machine_detected", "machine_stopped_speaking", "tone_detected", "stopped"]);
}

#[test]
fn a_beep_after_a_person_revises_within_the_watch_and_not_later() {
    for (wait, revised) in [(3_000, true), (15_000, true), (22_000, false)] {
        let mut run = call().say(600).human().hush(wait).tone(ToneKind::Beep, 400);
        let found = findings(&mut run);
        assert_eq!(found.len(), usize::from(revised), "{wait} ms");
        if let Some(finding) = found.first() {
            assert_eq!((finding.basis, finding.subtype), (Basis::Beep, Some(Subtype::Voicemail)));
        }
    }
}

#[test]
fn a_greeting_that_begins_after_no_speech_is_found() {
    let mut run = call().hush(6_000);
    assert_eq!(run.kinds(), ["no_speech_detected", "stopped"]);
    run = run.say(2_000).machine().say(500);
    let found = findings(&mut run);
    assert_eq!(
        found.first().map(|f| (f.kind, f.decision)),
        Some((RevisionKind::Revised, EventKind::MachineDetected))
    );
    let mut run = call().hush(7_400).say(600).human().hush(500);
    assert_eq!(findings(&mut run).first().map(|f| f.decision), Some(EventKind::HumanDetected));
}

#[test]
fn the_watch_can_be_switched_off() {
    let params = DecisionThresholds { shadow_ms: 0, ..DecisionThresholds::default() };
    let mut run =
        Script::new(Options { params, ..Options::default() }).hush(6_000).say(2_000).machine().say(500);
    assert!(findings(&mut run).is_empty());
}

#[test]
fn ringback_left_over_is_no_silence_but_never_outlasts_the_decision() {
    let run = call().tone(ToneKind::Ringback, 4_000).hush(3_000).say(500).human().hush(1_000);
    assert_eq!(run.kinds(), ["human_detected", "stopped"], "5 s of nobody begin when the ringing ends");
    let mut run = call();
    for _ in 0..6 {
        run = run.tone(ToneKind::Ringback, 4_000);
    }
    assert_eq!(run.kinds(), ["no_speech_detected", "stopped"]);
    assert_eq!(run.at(EventKind::NoSpeechDetected), 15_000);
}

fn heard(audio: &[i16]) -> Vec<Event> {
    let (mut front_end, mut amd, mut events) = (FrontEnd::new(), Amd::new(Options::default()), Vec::new());
    for frame in audio.as_chunks::<FRAME_SAMPLES>().0 {
        let frame: &Frame = frame;
        amd.observe(&front_end.push(frame));
        while let Some(heard) = front_end.poll() {
            amd.feed(&heard);
        }
        events.extend(std::iter::from_fn(|| amd.poll_event()));
    }
    assert!(!amd.is_running(), "70 s end every run");
    events
}

fn decisions(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|e| e.kind).filter(|kind| kind.is_decision()).collect()
}

#[test]
fn silence_for_ever_in_any_form_is_nobody() {
    const SECONDS: usize = 70 * 8_000;
    let zero = vec![0; SECONDS];
    let stuck = vec![-8; SECONDS];
    let rail = vec![i16::MAX; SECONDS];
    let dither: Vec<i16> = (0..SECONDS).map(|n| if n * 2_654_435_761 % 7 < 3 { 1 } else { -1 }).collect();
    for audio in [zero, stuck, rail, dither] {
        let events = heard(&audio);
        assert_eq!(decisions(&events), [EventKind::NoSpeechDetected]);
        assert_eq!(events[0].at_ms, 5_000);
    }
}

#[test]
fn clipped_noise_for_a_minute_still_ends_in_a_decision() {
    let mut state = 1_u32;
    let noise: Vec<i16> = (0..70 * 8_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if state >> 31 == 0 { i16::MAX } else { i16::MIN }
        })
        .collect();
    assert_eq!(decisions(&heard(&noise)).len(), 1);
}

#[test]
fn audio_that_stops_in_mid_word_ends_by_the_wall_clock() {
    let mut run = call().hush(500).say(700);
    for ms in (1_200..30_000).step_by(250) {
        run.amd.advance(ms);
    }
    let run = run.hush(20);
    assert_eq!(run.kinds(), ["decision_timeout", "stopped"]);
}
