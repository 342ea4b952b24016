//! Answers that a recogniser has weighed against each other, in rehearsed calls.

use super::*;
use crate::flow::model::{Expected, Weighed};
use crate::flow::parse::parse;
use crate::flow::rehearse::Rehearsal;

const WHERE: &str = "ask: { say: Where to?, choices: { sales: sales, 'technical support': support }, retries: 0, no_match: no_match }";
const COUNT: &str = "ask: { say: How many?, number: { into: count, min: 1, max: 3 }, confirm: 'Is {{ count }} right?', goto: counted, retries: 0, no_match: no_match }";

fn call(question: &str) -> Rehearsal {
    let text = format!(
        "flow: f\nlanguage: en\nstart: a\nvariables: {{ count: {{ type: number, default: 0 }} }}\nscenes:\n  a:\n    - {question}\n    \
         - hangup: on\n  sales: [ {{ hangup: sales }} ]\n  support: [ {{ hangup: support }} ]\n  counted: [ {{ hangup: counted \
         }} ]\n  no_match: [ {{ hangup: no_match }} ]\n"
    );
    let parsed = parse("f.yaml", &text);
    let flow = parsed.flow.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
    Rehearsal::new(Run::new(Arc::new(flow), Map::new()).unwrap()).answer()
}

/// What a recogniser says that takes the answer at this place for the one that was given; none when it cannot tell.
fn said(text: &str, likely: Option<usize>) -> Input {
    let ids = Expected::default().with_answers((0..3).map(|n: u32| vec![n.to_string()])).answers;
    let likely = likely.map(|at| ids[at].id);
    Input::Utterance {
        text: Some(text.into()),
        weighed: Some(Weighed { likely, probability: 0.9, margin: 5.0 }),
    }
}

fn answered(question: &str, text: &str, likely: Option<usize>) -> String {
    call(question).after(3_000, Input::SpeechStarted).after(900, said(text, likely)).end(30_000)
}

#[test]
fn words_that_say_an_answer_are_taken_whatever_was_weighed() {
    for likely in [None, Some(0), Some(1)] {
        let log = answered(WHERE, "Technical support, please.", likely);
        assert!(log.ends_with("\"support\")"), "{likely:?}: {log}");
    }
}

#[test]
fn words_that_say_no_answer_are_what_they_were_weighed_to_be() {
    let log = answered(WHERE, "Sails.", Some(0));
    assert!(log.ends_with("\"sales\")"), "{log}");
    let log = answered(WHERE, "Who is this?", None);
    assert!(log.ends_with("\"no_match\")"), "{log}");
}

#[test]
fn of_two_answers_in_one_sentence_the_likelier_is_taken_and_neither_when_they_are_alike() {
    let both = "not sales but technical support";
    assert!(answered(WHERE, both, Some(0)).ends_with("\"sales\")"));
    assert!(answered(WHERE, both, Some(1)).ends_with("\"support\")"));
    assert!(answered(WHERE, both, None).ends_with("\"no_match\")"));
}

#[test]
fn numbers_of_a_small_range_are_weighed_and_so_is_whether_they_are_right() {
    let counted = |right: usize| {
        let counted = call(COUNT).after(3_000, Input::SpeechStarted).after(900, said("Too.", Some(1)));
        counted.after(5_000, Input::SpeechStarted).after(900, said("Yes sir yes", Some(right))).end(30_000)
    };
    let log = counted(0);
    assert!(log.contains("Is 2 right?") && log.ends_with("\"counted\")"), "{log}");
    let unsure = call(COUNT).after(3_000, Input::SpeechStarted).after(900, said("Too.", Some(1)));
    let denied = unsure.after(5_000, Input::SpeechStarted).after(900, said("Nah ah", Some(1))).end(30_000);
    assert!(denied.ends_with("\"no_match\")"), "{denied}");
}

#[test]
fn a_question_tells_which_answers_there_are_and_a_free_one_tells_none() {
    let answers = |question: &str| {
        let mut run = {
            let text = format!(
                "flow: f\nlanguage: id\nstart: a\nvariables: {{ kept: {{ default: none }}, day: {{ type: date, default: 2026-01-01 }}, n: {{ type: number, default: 0 }} }}\nscenes:\n  \
                 a:\n    - {question}\n    - hangup: on\n  b: [ {{ hangup: b }} ]\n"
            );
            let parsed = parse("f.yaml", &text);
            let flow = parsed.flow.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
            Run::new(Arc::new(flow), Map::new()).unwrap()
        };
        run.handle(Input::Answered, CallTime::ZERO);
        let mut answers = Vec::new();
        while let Some(command) = run.poll_command() {
            if let Command::Listen(how) = command {
                answers = how.expected.answers.iter().map(|answer| answer.phrases[0].clone()).collect();
            }
        }
        answers
    };
    assert_eq!(
        answers("ask: { say: A?, choices: { bayar: b, '2': { phrases: [nanti] } } }"),
        ["bayar", "nanti"]
    );
    assert_eq!(answers("ask: { say: A?, yes_no: { yes: b, no: b } }"), ["ya", "tidak"]);
    assert_eq!(
        answers("ask: { say: A?, number: { into: n, min: 9, max: 11 } }"),
        ["sembilan", "sepuluh", "sebelas"]
    );
    assert_eq!(answers("ask: { say: A?, number: { into: n, min: 0, max: 5000 } }"), [] as [&str; 0]);
    assert_eq!(answers("ask: { say: A?, digits: { into: kept, length: 1 } }").len(), 10);
    assert_eq!(answers("ask: { say: A?, date: { into: day } }")[..3], ["hari ini", "besok", "lusa"]);
    assert_eq!(answers("listen: kept"), [] as [&str; 0]);
}
