//! Messages that a mailbox was not listening to yet, in rehearsed calls.

use super::*;
use crate::flow::parse::parse;
use crate::flow::rehearse::Rehearsal;

const STEPS: &str = "
- wait_for_beep: { timeout: 6s, on_timeout: unasked }
- say: { text: This is the clinic., barge_in: off }
- notify: said
- say: { text: Please call us back on Monday., barge_in: off }
- hangup: left";

fn mailbox(steps: &str) -> Rehearsal {
    let steps: String = steps.trim().lines().map(|line| format!("    {line}\n")).collect();
    let text = format!(
        "flow: f\namd: {{ on: {{ human: person, machine: main, fax: person, no_speech: person, timeout: person }} }}\nscenes:\n  main:\n{steps}  \
         unasked:\n    - say: {{ text: No beep heard., barge_in: off }}\n    - hangup: unasked\n  person:\n    - hangup: person\n"
    );
    let parsed = parse("f.yaml", &text);
    let flow = parsed.flow.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
    let run = Run::new(Arc::new(flow), Map::new()).unwrap();
    Rehearsal::new(run).answer().after(2_000, Input::Outcome(Outcome::Voicemail))
}

fn ended(mut call: Rehearsal) -> (String, bool) {
    call.pass(120_000);
    (call.log().to_owned(), call.run().message_left())
}

#[test]
fn all_that_was_said_is_said_again_behind_a_beep_and_done_once() {
    let call = mailbox(STEPS).after(1_000, Input::BeepEnded);
    // Into the second sentence.
    let (log, left) = ended(call.after(2_000, Input::BeepStarted).after(400, Input::BeepEnded));
    assert!(
        log.contains("  5400 -> play 3 (Off): \"This is the clinic.\" \"Please call us back on Monday.\""),
        "{log}"
    );
    assert_eq!(log.matches("notify said").count(), 1, "{log}");
    assert!(left && log.contains("hang up: left"), "{log}");
}

#[test]
fn a_greeting_that_goes_on_is_waited_for_and_its_beep_counts() {
    let call = mailbox(STEPS).after(1_000, Input::BeepEnded);
    let mut call = call.after(500, Input::SpeechStarted).after(500, Input::TalksOn);
    assert!(call.log().contains("4000 -> withdraw 1"), "{}", call.log());
    call.pass(20_000);
    let call = call.after(0, Input::Utterance { text: None, weighed: None });
    let (log, left) = ended(call.after(3_000, Input::BeepStarted).after(400, Input::BeepEnded));
    assert!(left && log.contains(" 27400 -> play 2 (Off): \"This is the clinic.\""), "{log}");
}

#[test]
fn behind_a_greeting_without_another_beep_the_author_decides() {
    let call = mailbox(STEPS).after(1_000, Input::BeepEnded).after(500, Input::SpeechStarted);
    let call = call.after(500, Input::TalksOn).after(3_000, Input::Utterance { text: None, weighed: None });
    let (log, _) = ended(call);
    assert!(log.contains(" 13000 -> note no_signal") && log.ends_with("hang up: unasked\n"), "{log}");
    assert_eq!(log.matches("This is the clinic").count(), 1, "{log}");
}

#[test]
fn behind_a_greeting_without_another_beep_the_message_is_said_all_the_same() {
    let steps = STEPS.replace(", on_timeout: unasked", "");
    let call = mailbox(&steps).after(1_000, Input::BeepEnded).after(500, Input::SpeechStarted);
    let call = call.after(500, Input::TalksOn).after(3_000, Input::Utterance { text: None, weighed: None });
    let (log, left) = ended(call);
    assert!(left && log.contains(" 13000 -> play 2 (Off): \"This is the clinic.\""), "{log}");
}

#[test]
fn a_cough_between_two_prompts_of_a_message_changes_nothing() {
    let call = mailbox(STEPS).after(1_000, Input::BeepEnded).after(1_200, Input::SpeechStarted);
    let (log, left) = ended(call.after(200, Input::Noise));
    assert!(left && !log.contains("message_again"), "{log}");
}

#[test]
fn a_slow_recogniser_makes_no_greeting_longer() {
    let call = mailbox(STEPS).after(1_000, Input::SpeechStarted).after(2_000, Input::SpeechEnded);
    let call = call.after(2_000, Input::GreetingEnded);
    let (log, _) =
        ended(call.after(3_000, Input::Utterance { text: Some("leave a message".into()), weighed: None }));
    assert!(log.contains("13000 -> note no_signal"), "six seconds behind the greeting: {log}");
}

#[test]
fn a_beep_that_was_talked_over_at_once_counts_when_no_other_comes() {
    let call = mailbox(STEPS).after(1_000, Input::BeepStarted).after(300, Input::SpeechStarted);
    let call = call.after(500, Input::TalksOn).after(3_000, Input::Utterance { text: None, weighed: None });
    let (log, left) = ended(call);
    assert!(left && log.ends_with("hang up: left\n") && !log.contains("No beep"), "{log}");
}

#[test]
fn a_message_is_not_left_before_all_of_it_was_heard() {
    let (_, unasked) = ended(mailbox(STEPS));
    assert!(unasked, "the flow has decided to speak without a beep");
    let mut gone = mailbox(STEPS).after(1_000, Input::BeepEnded);
    gone.pass(2_000);
    gone.hang_up();
    assert!(!gone.run().message_left(), "only its first sentence was heard");
    let person = mailbox("- say: Hello.\n- hangup: told");
    assert!(!ended(person).1, "nobody has waited for anything");
}

#[test]
fn a_beep_behind_the_message_has_it_said_again_before_the_flow_hangs_up() {
    let steps = STEPS.replace("- hangup: left", "- wait: 3s\n- hangup: left");
    // The message is over 3,250 ms behind its beep.
    let call = mailbox(&steps).after(1_000, Input::BeepEnded).after(5_000, Input::BeepStarted);
    let (log, left) = ended(call.after(300, Input::BeepEnded));
    assert!(left && log.contains("message_again") && log.ends_with("hang up: left\n"), "{log}");
}

#[test]
fn a_line_that_never_falls_silent_does_not_hold_the_call_up() {
    let mut call = mailbox(STEPS).after(1_000, Input::BeepEnded);
    for _ in 0..40 {
        call = call.after(700, Input::BeepStarted).after(300, Input::BeepEnded);
    }
    let (log, _) = ended(call);
    assert!(log.contains("hang up: left"), "{log}");
    assert_eq!(log.matches("-> play").count(), 9, "{log}");
}
