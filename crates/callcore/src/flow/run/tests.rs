use std::path::Path;

use insta::assert_snapshot;

use super::super::parse;
use super::super::rehearsal::Rehearsal;
use super::*;

fn flow(text: &str) -> Arc<Flow> {
    let parsed = parse("test.yaml", text);
    let errors: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
    Arc::new(parsed.flow.unwrap_or_else(|| panic!("{}", errors.join("\n"))))
}

fn variables(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn shipped(name: &str) -> Arc<Flow> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows").join(name);
    flow(&std::fs::read_to_string(path).unwrap())
}

fn reminder() -> Rehearsal {
    let metadata = serde_json::json!({"name": "Ani", "amount": "two hundred thousand rupiah", "ignored": 1});
    Rehearsal::new(Run::new(shipped("payment-reminder.yaml"), variables(metadata)).unwrap())
}

#[test]
fn a_person_who_listens_and_presses_1_confirms() {
    let call = reminder().answer().after(900, Input::Outcome(Outcome::Human));
    assert_snapshot!(call.after(9_500, Input::Digit('1')).end(20_000));
}

#[test]
fn a_key_during_the_offer_answers_the_question_that_follows() {
    let call = reminder().answer().after(900, Input::Outcome(Outcome::Human));
    assert_snapshot!(call.after(2_000, Input::Digit('2')).end(20_000));
}

#[test]
fn a_person_who_talks_over_the_offer_hears_sorry_and_is_asked_for_a_key() {
    let call = reminder().answer().after(900, Input::Outcome(Outcome::Human));
    assert_snapshot!(call.talks(4_000, 1_500, None).after(6_000, Input::Digit('1')).end(20_000));
}

#[test]
fn silence_is_asked_once_more_and_then_ends_with_no_input() {
    assert_snapshot!(reminder().answer().after(900, Input::Outcome(Outcome::Human)).end(60_000));
}

#[test]
fn a_message_is_left_after_the_beep() {
    let call = reminder().answer().after(3_000, Input::Outcome(Outcome::Voicemail));
    assert_snapshot!(call.after(9_000, Input::GreetingEnded).after(1_200, Input::BeepEnded).end(30_000));
}

#[test]
fn a_mailbox_that_never_beeps_gets_no_message() {
    let call = reminder().answer().after(3_000, Input::Outcome(Outcome::Voicemail));
    assert_snapshot!(call.after(9_000, Input::GreetingEnded).end(30_000));
}

#[test]
fn a_fax_and_silence_end_at_once_with_their_names() {
    let fax = reminder().answer().after(1_000, Input::Outcome(Outcome::Fax)).end(1_000);
    assert!(fax.ends_with("outcome: Some(\"fax\")"), "{fax}");
    let silence = reminder().answer().after(5_000, Input::Outcome(Outcome::NoSpeech)).end(1_000);
    assert!(silence.ends_with("outcome: Some(\"no_speech\")"), "{silence}");
}

#[test]
fn a_verdict_that_never_comes_counts_as_a_timeout() {
    let log = reminder().answer().end(17_000);
    assert!(log.contains(" 15500 -> note scene {\"scene\":\"greet\"}"), "{log}");
}

#[test]
fn a_prompt_that_cannot_be_made_leads_to_the_error_scene() {
    let call = reminder().with_broken_speech("espeak-ng is not installed").answer();
    assert_snapshot!(call.after(900, Input::Outcome(Outcome::Human)).end(1_000));
}

#[test]
fn the_indonesian_reminder_takes_a_spoken_yes() {
    let metadata = serde_json::json!({"nama": "Budi", "jumlah": "dua ratus ribu rupiah"});
    let run = Run::new(shipped("pengingat-pembayaran.yaml"), variables(metadata)).unwrap();
    let call = Rehearsal::new(run).answer().after(900, Input::Outcome(Outcome::Human));
    assert_snapshot!(call.talks(11_000, 700, Some("Ya, tentu.")).end(20_000));
}
