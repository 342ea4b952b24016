//! The twelve conformance sequences, each played to both profiles on virtual time.
//!
//! A sequence is one call as an ear and a recogniser hear it. Under `Evidence` the audio decides (here a scripted
//! verdict stands for the model); under `JambonzStrict` the transcripts do.

use super::tests::Script;
use super::{EventKind, Options, Profile, Reason, Strict};
use crate::detect::ToneKind::{Beep, Sit};

const EVIDENCE: Profile = Profile::Evidence;
const STRICT: Profile = Profile::JambonzStrict;

fn call(profile: Profile) -> Script {
    Script::new(Options { profile, ..Options::default() })
}

/// A greeting of `ms` that the recogniser follows with a growing interim every 500 ms.
fn greet(mut run: Script, ms: u64) -> Script {
    let words =
        ["you", "have", "reached", "the", "voicemail", "of", "john", "please", "leave", "a", "message"];
    for part in 1..=ms / 500 {
        run = run.say(500);
        if part == 4 {
            run = run.machine();
        }
        let heard = words.iter().cycle().take(part as usize * 2).copied().collect::<Vec<_>>().join(" ");
        run = run.text(&heard, false);
    }
    run
}

#[test]
fn sequence_1_a_person_answers_shortly() {
    for profile in [EVIDENCE, STRICT] {
        let run = call(profile).hush(500).say(600).human().hush(500).text("hello", true).hush(3000);
        assert_eq!(run.kinds(), ["human_detected", "stopped"], "{profile:?}");
    }
}

#[test]
fn sequence_2_nobody_speaks() {
    for profile in [EVIDENCE, STRICT] {
        let run = call(profile).hush(30_000);
        assert_eq!(run.kinds(), ["no_speech_detected", "stopped"], "{profile:?}");
        assert_eq!(run.at(EventKind::NoSpeechDetected), 5000, "{profile:?}");
    }
}

#[test]
fn sequence_3_nothing_decides_before_the_decision_timeout() {
    for profile in [EVIDENCE, STRICT] {
        let run = call(profile).say(2000).text("", false).say(18_000);
        assert_eq!(run.kinds(), ["decision_timeout", "stopped"], "{profile:?}");
        assert_eq!(run.at(EventKind::DecisionTimeout), 15_000, "{profile:?}");
    }
}

#[test]
fn sequence_4_a_greeting_without_a_beep() {
    let run = greet(call(EVIDENCE), 6000).hush(23_000);
    assert_eq!(run.kinds(), ["machine_detected", "machine_stopped_speaking", "stopped"]);
    assert_eq!(run.at(EventKind::Stopped), 26_000, "the tone watch goes on for 20 s after the greeting");
    let run = greet(call(STRICT), 6000).hush(23_000);
    assert_eq!(run.kinds(), ["machine_detected", "machine_stopped_speaking", "stopped"]);
    assert_eq!(run.at(EventKind::Stopped), run.at(EventKind::MachineStoppedSpeaking));
}

#[test]
fn sequence_5_a_greeting_with_a_beep() {
    for profile in [EVIDENCE, STRICT] {
        let run = greet(call(profile), 6000).hush(400).tone(Beep, 400).text("message", true).hush(5000);
        let expected = ["machine_detected", "tone_detected", "machine_stopped_speaking", "stopped"];
        assert_eq!(run.kinds(), expected, "{profile:?}");
    }
}

#[test]
fn sequence_6_a_beep_and_nothing_else() {
    let run = call(EVIDENCE).hush(1500).tone(Beep, 400).hush(20_000);
    assert_eq!(run.kinds(), ["tone_detected", "machine_detected", "machine_stopped_speaking", "stopped"]);
    let run = call(STRICT).hush(1500).tone(Beep, 400).hush(20_000);
    assert_eq!(run.kinds(), ["tone_detected", "no_speech_detected", "stopped"], "the tone decides nothing");
}

#[test]
fn sequence_7_a_beep_before_the_decision() {
    let run = call(EVIDENCE).say(900).hush(300).tone(Beep, 300).hush(3000);
    assert_eq!(run.kinds(), ["tone_detected", "machine_detected", "machine_stopped_speaking", "stopped"]);
    let run = call(STRICT).say(900).hush(300).tone(Beep, 300).text("leave a message", true).hush(3000);
    assert_eq!(run.kinds(), ["tone_detected", "human_detected", "stopped"]);
}

#[test]
fn sequence_8_a_greeting_longer_than_the_tone_timer() {
    let run = greet(call(EVIDENCE), 25_000).hush(500).tone(Beep, 400).hush(5000);
    let expected = ["machine_detected", "tone_detected", "machine_stopped_speaking", "stopped"];
    assert_eq!(run.kinds(), expected, "the tone timer runs from the greeting's end");
    let run = greet(call(STRICT), 25_000).hush(500).tone(Beep, 400).hush(5000);
    assert_eq!(run.kinds(), ["machine_detected", "stopped"], "20 s from answer, silently");
    assert_eq!(run.at(EventKind::Stopped), 20_000);
}

#[test]
fn sequence_9_no_recogniser() {
    let run = call(EVIDENCE).hush(500).say(2500).machine().say(3000).hush(400).tone(Beep, 400).hush(3000);
    let expected = ["machine_detected", "tone_detected", "machine_stopped_speaking", "stopped"];
    assert_eq!(run.kinds(), expected, "the audio decides");
    let run = call(STRICT).hush(500).say(2500).machine().say(3000).hush(3000);
    assert_eq!(run.kinds(), ["no_speech_detected", "stopped"], "no transcript is no speech");
}

#[test]
fn sequence_10_the_call_ends_in_mid_greeting() {
    for profile in [EVIDENCE, STRICT] {
        let run = greet(call(profile), 6000).stop().hush(10_000);
        assert_eq!(run.kinds(), ["machine_detected", "stopped"], "{profile:?}");
    }
}

#[test]
fn sequence_11_the_beep_comes_late() {
    for late in [3000, 5000, 8000] {
        let run = greet(call(EVIDENCE), 6000).hush(late).tone(Beep, 400).hush(3000);
        let expected = ["machine_detected", "machine_stopped_speaking", "tone_detected", "stopped"];
        assert_eq!(run.kinds(), expected, "{late} ms");
        let run = greet(call(STRICT), 6000).hush(late).tone(Beep, 400).hush(3000);
        assert_eq!(run.kinds(), ["machine_detected", "machine_stopped_speaking", "stopped"], "{late} ms");
    }
}

#[test]
fn sequence_12_the_greeting_resumes_after_it_seemed_over() {
    for profile in [EVIDENCE, STRICT] {
        let run = greet(greet(call(profile), 6000).hush(3000), 3000).hush(25_000);
        let kinds = run.kinds();
        assert_eq!(kinds, ["machine_detected", "machine_stopped_speaking", "stopped"], "{profile:?}");
    }
}

#[test]
fn information_tones_decide_only_where_the_profile_has_them() {
    let run = call(EVIDENCE).tone(Sit, 1000).say(3000).hush(3000).stop();
    assert_eq!(run.kinds(), ["machine_detected", "machine_stopped_speaking", "stopped"]);
    let run = call(STRICT).tone(Sit, 1000).say(3000).hush(3000);
    assert_eq!(run.kinds(), ["no_speech_detected", "stopped"]);
}

#[test]
fn the_strict_profile_keeps_the_known_faults() {
    let run = call(STRICT).hush(500).text("", true);
    assert_eq!(run.kinds(), ["human_detected", "stopped"], "an empty final counts as one word");
    let run = call(STRICT).say(4000).text("please leave your name", true).say(2000).text("and number", true);
    assert_eq!(run.kinds(), ["human_detected", "stopped"], "finals are not added up");
    let mut run = call(STRICT).hush(500);
    run.amd.fail("no recogniser");
    assert_eq!(run.hush(20).kinds(), ["stopped"], "the error is not told");
}

fn strict(hints: &[&str], digit_count: u32) -> Script {
    let hints = hints.iter().map(|hint| (*hint).to_owned()).collect();
    let strict = Strict { hints, digit_count };
    Script::new(Options { profile: STRICT, strict, ..Options::default() })
}

#[test]
fn the_strict_profile_finds_hints_anywhere_in_any_case_and_before_all_other_rules() {
    let run =
        strict(&["call has been forwarded"], 0).say(1500).text("Your CALL has been Forwarded to", false);
    assert_eq!(run.kinds(), ["machine_detected"]);
    assert_eq!(run.events[0].reason, Some(Reason::Hint));
    assert_eq!(run.events[0].hint.as_deref(), Some("call has been forwarded"));
    let run = strict(&["not available"], 0).say(900).text("he is not available", true);
    assert_eq!(run.kinds(), ["machine_detected"], "the known fault: a live person who says so is a machine");
    let run = strict(&["mailbox", ""], 5).say(900).text("mailbox 55555", true);
    assert_eq!(run.events[0].reason, Some(Reason::Hint), "hints go before digits");
}

#[test]
fn the_strict_profile_counts_digits_only_side_by_side() {
    let run = strict(&[], 4).say(1500).text("you have reached 5083", false);
    assert_eq!(run.kinds(), ["machine_detected"]);
    assert_eq!(run.events[0].reason, Some(Reason::DigitCount));
    let run = strict(&[], 4).say(1500).text("5 0 8 3", true);
    assert_eq!(run.kinds(), ["human_detected", "stopped"], "the known fault: recognisers write spaces");
    let run = strict(&[], 0).say(1500).text("5083 1234", true);
    assert_eq!(run.kinds(), ["human_detected", "stopped"], "0 leaves the rule out");
}
