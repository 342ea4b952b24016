//! When a person may be spoken to before the verdict, and when that was too early.

use super::judge::Verdict;
use super::tests::Script;
use super::{EventKind, Options, Prospect};
use crate::detect::ToneKind;

fn call() -> Script {
    Script::new(Options::default())
}

fn told(run: &mut Script) -> Vec<Prospect> {
    std::iter::from_fn(|| run.amd.poll_prospect()).collect()
}

#[test]
fn a_person_is_likely_first_and_certain_later_and_the_events_know_only_the_second() {
    let mut run = call().hush(600).say(400).likely().hush(540).human().hush(500);
    assert_eq!(run.kinds(), ["human_detected", "stopped"]);
    let prospects = told(&mut run);
    let [Prospect::LikelyHuman { at_ms }] = prospects[..] else { panic!("{prospects:?}") };
    assert!((1_020..=1_060).contains(&at_ms) && run.at(EventKind::HumanDetected) >= at_ms + 500, "{at_ms}");
    let evidence = run.amd.evidence();
    assert_eq!((evidence.likely_human_ms, evidence.doubted_ms), (Some(at_ms), None));
}

#[test]
fn half_a_second_more_of_speech_is_a_doubt_and_a_second_hello_is_none() {
    let mut run = call().say(600).likely().hush(400).say(220).hush(1_000);
    assert_eq!(told(&mut run).len(), 1, "a second hello");
    let mut run = run.say(320);
    let [Prospect::Doubtful { at_ms }] = told(&mut run)[..] else { panic!("no doubt") };
    assert_eq!(run.amd.evidence().doubted_ms, Some(at_ms));
    let mut run = run.hush(1_000);
    assert!(told(&mut run).is_empty(), "it is told once, and a person is not likely again");
}

#[test]
fn words_that_lean_to_a_machine_are_a_doubt_at_once() {
    let mut run = call().say(600).hush(340).likely().hush(100);
    told(&mut run);
    let mut run = run.text("you have reached", false);
    assert!(matches!(told(&mut run)[..], [Prospect::Doubtful { .. }]), "{:?}", run.amd.evidence().words);
}

#[test]
fn a_beep_needs_no_doubt_it_is_the_verdict() {
    let mut run = call().say(600).hush(340).likely().hush(100).tone(ToneKind::Beep, 400);
    assert_eq!(run.kinds()[..2], ["tone_detected", "machine_detected"]);
    assert!(matches!(told(&mut run)[..], [Prospect::LikelyHuman { .. }]));
}

#[test]
fn audio_that_ends_is_judged_by_what_was_heard() {
    let run = call().hush(300).say(500).hush(300).human().stop();
    assert_eq!(run.kinds(), ["human_detected", "stopped"]);
    let run = call().hush(300).say(500).hush(300).judged(Verdict::LikelyHuman(0.9)).stop();
    assert_eq!(run.kinds(), ["stopped"], "what the judge does not say is not guessed");
}
