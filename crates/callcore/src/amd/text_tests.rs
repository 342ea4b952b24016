//! Words as evidence: early, late, wrong, empty and missing.

use super::tests::Script;
use super::{EventKind, Options, Reason, Revision, RevisionKind, Subtype};
use crate::detect::ToneKind;

fn english() -> Script {
    Script::new(Options { locale: Some("en-US".into()), ..Options::default() })
}

fn findings(run: &mut Script) -> Vec<Revision> {
    std::iter::from_fn(|| run.amd.poll_revision()).collect()
}

#[test]
fn a_greetings_words_name_the_machine_at_once() {
    let run = english().hush(500).say(1500).text("please leave a message after the tone", false);
    assert_eq!(run.kinds(), ["machine_detected"]);
    let event = &run.events[0];
    assert_eq!((event.reason, event.subtype), (Some(Reason::Hint), Some(Subtype::Voicemail)));
    assert!(event.confidence.is_some_and(|sure| sure >= 0.9));
}

#[test]
fn the_decision_tells_its_words_phrase_and_language() {
    let run = english().say(1500).text("You have reached the voicemail of John, leave a message", true);
    let event = &run.events[0];
    assert_eq!(event.greeting.as_deref(), Some("You have reached the voicemail of John, leave a message"));
    assert_eq!(event.hint.as_deref(), Some("leave a message"));
    assert_eq!(event.language.as_deref(), Some("en-US"));
}

#[test]
fn every_kind_of_announcement_has_its_subtype() {
    let cases = [
        ("the mailbox is full and cannot accept any messages", Reason::Unavailable, Subtype::Unavailable),
        ("the number you have dialed is not in service", Reason::Unavailable, Subtype::Network),
        ("for sales press 1 for support press 2", Reason::Ivr, Subtype::Ivr),
        ("your call is important to us please stay on the line", Reason::Ivr, Subtype::Ivr),
        ("state your name and the reason for your call", Reason::Screening, Subtype::Screening),
        ("wait for the fax tone and start your fax", Reason::Fax, Subtype::Fax),
    ];
    for (text, reason, subtype) in cases {
        let run = english().hush(300).say(2000).text(text, true);
        assert_eq!(run.kinds(), ["machine_detected"], "{text}");
        assert_eq!((run.events[0].reason, run.events[0].subtype), (Some(reason), Some(subtype)), "{text}");
    }
}

#[test]
fn a_number_read_out_is_a_machine() {
    let run = english().say(2500).text("five oh eight, three four one seven. leave a message", true);
    assert_eq!(run.kinds(), ["machine_detected"]);
}

#[test]
fn words_after_the_verdict_refine_its_kind_and_change_no_event() {
    let mut run = english().say(2000).machine().say(3000).text("for sales press one, main menu", true);
    assert_eq!(run.kinds(), ["machine_detected"]);
    assert_eq!(run.events[0].subtype, Some(Subtype::Voicemail), "by sound alone it was taken for a mailbox");
    let found = findings(&mut run);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].kind, found[0].subtype), (RevisionKind::Refined, Some(Subtype::Ivr)));
    let run = run.hush(3000);
    let stopped = run.events.iter().find(|e| e.kind == EventKind::MachineStoppedSpeaking);
    assert_eq!(stopped.and_then(|e| e.subtype), Some(Subtype::Ivr), "later events carry what is known then");
    assert_eq!(run.amd.evidence().subtype, Some(Subtype::Ivr));
}

#[test]
fn what_a_beep_said_words_do_not_unsay() {
    let mut run = english().hush(500).tone(ToneKind::FaxAnswer, 3000).text("leave a message", true);
    assert_eq!(run.kinds(), ["machine_detected", "stopped"]);
    assert!(findings(&mut run).is_empty(), "a fax stays a fax");
}

#[test]
fn a_person_whose_words_are_a_machines_is_revised_once() {
    let mut run = english().hush(300).say(600).human().hush(2000);
    assert_eq!(run.kinds(), ["human_detected", "stopped"]);
    run = run.text("leave a message after the tone", true).hush(1000).tone(ToneKind::Beep, 400);
    let found = findings(&mut run);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].kind, found[0].decision), (RevisionKind::Revised, EventKind::MachineDetected));
    assert!(run.amd.is_revised());
    assert_eq!(run.kinds(), ["human_detected", "stopped"], "events stay as they were");
}

#[test]
fn a_machine_that_asks_who_is_there_is_revised() {
    let mut run = english().say(2500).machine().say(200).text("hello? who is this? can you hear me?", true);
    let found = findings(&mut run);
    assert_eq!(found.first().map(|f| f.decision), Some(EventKind::HumanDetected));
}

#[test]
fn odd_text_changes_nothing() {
    for text in ["", "   ", "...", "🙂", "\u{0}\u{FFFF}", "você ligou", "a a a a a a a a a a a a a a a a"]
    {
        for is_final in [true, false] {
            let plain = english().hush(500).say(800).human().hush(600);
            let odd =
                english().hush(500).text(text, is_final).say(800).text(text, is_final).human().hush(600);
            assert_eq!(plain.kinds(), odd.kinds(), "{text:?}");
            assert_eq!(plain.at(EventKind::HumanDetected), odd.at(EventKind::HumanDetected), "{text:?}");
        }
    }
}

#[test]
fn an_empty_text_is_no_speech() {
    let run = english().hush(2000).text("", true).hush(2000).text(" ", false).hush(2000);
    assert_eq!(run.kinds(), ["no_speech_detected", "stopped"]);
    assert_eq!(run.at(EventKind::NoSpeechDetected), 5000);
}

#[test]
fn a_recogniser_that_never_answers_or_floods_changes_no_time() {
    let quiet = english().hush(400).say(700).human().hush(900);
    let mut flooded = english().hush(400).say(700);
    for _ in 0..300 {
        flooded.amd.transcript("one two three four five six seven eight", false, 0);
        flooded.amd.transcript("and more and more and more", true, 0);
    }
    let flooded = flooded.human().hush(900);
    assert_eq!(quiet.kinds(), flooded.kinds());
    assert!(flooded.amd.evidence().words.len() <= 64 && flooded.amd.evidence().transcript.len() <= 4_100);
}

#[test]
fn text_long_after_the_call_was_judged_is_dropped() {
    let mut run =
        english().hush(300).say(600).human().hush(25_000).text("leave a message after the tone", true);
    assert!(findings(&mut run).is_empty() && run.amd.evidence().words.is_empty());
}

#[test]
fn the_word_threshold_counts_one_breath_and_not_a_conversation() {
    let with = || Script::new(Options { threshold_word_count: Some(6), ..Options::default() });
    let run =
        with().say(900).hush(300).text("we are closed", true).say(900).text("until monday morning", true);
    assert_eq!(run.kinds(), ["machine_detected"]);
    assert_eq!(run.events[0].reason, Some(Reason::LongGreeting));
    let run = with().say(900).text("yes the office", true).hush(2500).say(900).text("on the right", true);
    assert!(run.events.is_empty(), "a pause in which an answer was waited for begins a new count");
    let run = with().say(2500).text("yes speaking I hear you well go on", true);
    assert!(run.events.is_empty(), "somebody who wants to talk is no machine by count");
}
