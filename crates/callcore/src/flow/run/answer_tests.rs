//! Keys that belong together, answers before their question, and answers that come late, in rehearsed calls.

use super::*;
use crate::flow::parse::parse;
use crate::flow::rehearse::Rehearsal;

fn call_of(language: &str, steps: &str) -> Rehearsal {
    let steps: String = steps.trim().lines().map(|line| format!("    {line}\n")).collect();
    let text = format!(
        "flow: f\nlanguage: {language}\nstart: a\nvariables: {{ kept: {{ default: none }} }}\nscenes:\n  a:\n{steps}  \
         pay: [ {{ hangup: pay }} ]\n  later: [ {{ hangup: later }} ]\n  bye: [ {{ hangup: bye }} ]\n"
    );
    let parsed = parse("f.yaml", &text);
    let flow = parsed.flow.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
    Rehearsal::new(Run::new(Arc::new(flow), Map::new()).unwrap()).answer()
}

const MENU: &str = "
- ask:
    say: 'Press 1 to pay now, 2 to wait.'
    choices: { '1': pay, '2': later }
    no_input: bye
    no_match: bye";

/// Presses keys, each so many ms behind the one before it.
fn pressed(mut call: Rehearsal, keys: &str, gap_ms: u64) -> String {
    for key in keys.chars() {
        call = call.after(gap_ms, Input::Digit(key));
    }
    call.end(60_000)
}

#[test]
fn keys_pressed_together_are_one_entry() {
    for gap_ms in [60, 150, 300, 450] {
        for keys in ["31", "13", "12", "311", "1*", "#1", "0012"] {
            let log = pressed(call_of("en", MENU).after(800, Input::SpeechStarted), keys, gap_ms);
            let log_of_entry = log.split("no_match").next().unwrap_or_default();
            assert!(log.contains("no_match") && !log_of_entry.contains("choice"), "{keys} {gap_ms}: {log}");
            assert!(log.ends_with("\"bye\")"), "{keys} {gap_ms}: {log}");
        }
        assert!(pressed(call_of("en", MENU), "1", 700).ends_with("\"pay\")"));
    }
}

#[test]
fn a_key_that_comes_before_the_question_was_heard_again_is_dropped_and_one_behind_it_counts() {
    let wrong = || call_of("en", MENU).after(1_000, Input::Digit('3'));
    // The re-ask begins half a second behind the wrong key.
    let early = wrong().after(900, Input::Digit('1')).end(60_000);
    assert!(early.contains("dropped") && early.ends_with("\"bye\")"), "{early}");
    let heard = wrong().after(1_100, Input::Digit('1')).end(60_000);
    assert!(heard.ends_with("\"pay\")"), "{heard}");
}

#[test]
fn keys_over_the_prompt_before_a_question_are_one_entry_too() {
    let steps = format!("- say: Good morning to you.\n{}", MENU.trim());
    let right = pressed(call_of("en", &steps), "1", 400);
    assert!(right.ends_with("\"pay\")"), "{right}");
    for keys in ["13", "31"] {
        let log = pressed(call_of("en", &steps), keys, 250);
        assert!(!log.contains("note choice"), "{keys}: {log}");
    }
}

#[test]
fn digits_are_judged_whole_and_a_surplus_one_answers_nothing_else() {
    let steps = "
- ask:
    say: Your number please.
    digits: { into: kept, length: 4 }
    no_match: bye
- ask: { say: 'Press 5 to delete it.', choices: { '5': pay }, no_input: { retries: 0, goto: later } }";
    let log = pressed(call_of("en", steps), "1234", 300);
    assert!(log.contains("\"value\":\"1234\"") && log.ends_with("\"later\")"), "{log}");
    let log = pressed(call_of("en", steps), "12345", 300);
    assert!(!log.contains("note set") && log.contains("no_match"), "{log}");
    let ended = steps.replace("length: 4", "length: 4, end: '#'");
    let log = pressed(call_of("en", &ended), "1234##", 300);
    assert!(log.contains("\"value\":\"1234\"") && log.ends_with("\"later\")"), "{log}");
}

const QUESTION: &str = "
- say: { text: 'We have a bill of ten dollars for you to settle.', barge_in: BARGE_IN }
- ask:
    say: Would you like to pay it now?
    yes_no: { yes: pay, no: later }
    no_input: bye
    no_match: bye";

#[test]
fn what_is_said_right_before_a_question_and_fits_it_is_its_answer() {
    for barge_in in ["off", "both", "{ by: speech, resume: false }"] {
        let steps = QUESTION.replace("BARGE_IN", barge_in);
        let log = call_of("en", &steps).talks(1_500, 600, Some("No, not now.")).end(30_000);
        assert!(log.ends_with("\"later\")") && !log.contains("Would you like"), "{barge_in}: {log}");
        let off = format!("{steps}\n    answer_ahead: false");
        let log = call_of("en", &off).talks(1_500, 600, Some("No, not now.")).end(30_000);
        assert!(log.contains("Would you like") && log.ends_with("\"bye\")"), "{barge_in}: {log}");
    }
}

#[test]
fn the_words_may_come_when_the_question_has_begun() {
    let steps = QUESTION.replace("BARGE_IN", "off");
    let call = call_of("en", &steps).after(2_900, Input::SpeechStarted);
    let log =
        call.after(1_500, Input::Utterance { text: Some("Yes, please.".into()), weighed: None }).end(30_000);
    assert!(log.contains("stop 2") && log.ends_with("\"pay\")"), "{log}");
    let call = call_of("en", &steps).after(2_900, Input::SpeechStarted);
    let log =
        call.after(1_500, Input::Utterance { text: Some("Who is this?".into()), weighed: None }).end(4_000);
    assert!(!log.contains("stop 2") && !log.contains("no_match"), "{log}");
}

#[test]
fn what_does_not_fit_and_what_was_said_for_another_reason_answers_nothing() {
    let steps = QUESTION.replace("BARGE_IN", "off");
    for (language, after, words) in [
        ("en", 1_500, "Who is this?"),
        ("en", 1_500, "Uh-huh, okay."),
        ("id", 1_500, "Iya."),
        // How somebody picks up.
        ("en", 100, "Yes?"),
    ] {
        let log = call_of(language, &steps).talks(after, 600, Some(words)).end(30_000);
        assert!(log.contains("Would you like") && log.ends_with("\"bye\")"), "{words}: {log}");
    }
    let apart = steps.replace("- ask:", "- wait: 1s\n- ask:");
    let log = call_of("en", &apart).talks(1_500, 600, Some("No, not now.")).end(30_000);
    assert!(log.contains("Would you like"), "{log}");
}

#[test]
fn late_words_answer_the_question_that_is_still_open() {
    let asked = || call_of("en", MENU.replace("'1': pay", "pay it: pay").trim());
    let missed = || asked().talks(3_000, 900, None);
    let late = |words: &str| Input::LateWords { text: words.into(), weighed: None };
    // The question is being asked again.
    let log = missed().after(800, late("I will pay it")).end(30_000);
    assert!(log.contains("stop 2") && log.ends_with("\"pay\")"), "{log}");
    let log = missed().after(800, late("what was that")).end(2_000);
    assert!(!log.contains("stop 2"), "{log}");
}

#[test]
fn a_sound_without_words_answers_nothing() {
    let log = call_of("en", MENU).talks(3_000, 180, None).end(3_000);
    assert!(!log.contains("no_match") && log.contains("noise"), "{log}");
    let over = call_of("en", MENU).talks(700, 180, None).end(1_500);
    assert!(over.contains("pause") && over.contains("go on") && !over.contains("cut"), "{over}");
    let talk = call_of("en", MENU).talks(3_000, 900, None).end(100);
    assert!(talk.contains("no_match"), "{talk}");
}
