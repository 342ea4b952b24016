//! Calls that use typed answers, free answers, called flows, handlers and limits.

use std::path::Path;

use super::io::{Command, PlaybackEnd};
use super::*;
use crate::flow::model::Listening;
use crate::flow::parse::{parse, parse_with};
use crate::flow::read::Severity;
use crate::flow::rehearse::Rehearsal;
use crate::language::LocalTime;

fn flow_of(parsed: super::super::Parsed) -> Arc<Flow> {
    let errors: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
    Arc::new(parsed.flow.unwrap_or_else(|| panic!("{}", errors.join("\n"))))
}

fn answered(flow: Arc<Flow>) -> Rehearsal {
    let mut run = Run::new(flow, Map::new()).unwrap();
    run.begin_at(LocalTime::parse("2026-11-21 09:30").unwrap());
    Rehearsal::new(run).answer()
}

/// A call of a flow whose scene `main` has these steps; it hangs up with what `value` says.
fn call(language: &str, steps: &str, more: &str) -> Rehearsal {
    let steps: String = steps.trim().lines().map(|line| format!("    {line}\n")).collect();
    let text = format!(
        "flow: f\nlanguage: {language}\nstart: main\nvariables:\n  n: {{ type: number, default: 0 }}\n  t: {{ default: '' }}\n  \
         u: {{ default: '' }}\n  d: {{ type: date, default: 2026-01-01 }}\n  at: {{ type: time, default: 00:00 }}\n  \
         b: {{ type: boolean, default: false }}\n{more}scenes:\n  main:\n{steps}  nobody:\n    - hangup: nobody\n  \
         other:\n    - hangup: other\n"
    );
    answered(flow_of(parse("f.yaml", &text)))
}

const SHOW: &str = "\n- say: '{{ n }}|{{ t }}|{{ u }}|{{ d }}|{{ at }}|{{ b }}'\n- hangup: taken";

/// What the flow says once the callee has said `words`.
fn heard(language: &str, ask: &str, words: &str) -> String {
    let log = call(language, &format!("{ask}{SHOW}"), "").talks(3_000, 900, Some(words)).end(20_000);
    shown(&log)
}

/// What the flow says once the callee has pressed `keys`.
fn pressed(ask: &str, keys: &str) -> String {
    let mut call =
        call("en", &format!("{ask}{SHOW}"), "").after(3_000, Input::Digit(keys.chars().next().unwrap()));
    for key in keys.chars().skip(1) {
        call = call.after(300, Input::Digit(key));
    }
    shown(&call.end(20_000))
}

fn shown(log: &str) -> String {
    let said = log.lines().filter_map(|line| line.split('"').nth(1)).find(|text| text.contains('|'));
    said.map_or_else(|| log.lines().last().unwrap_or_default().to_owned(), str::to_owned)
}

fn ask(slot: &str) -> String {
    format!("- ask: {{ say: 'Well?', retries: 0, timeout: 8s, no_input: nobody, no_match: other, {slot} }}")
}

#[test]
fn numbers_are_taken_from_words_and_keys_within_their_bounds() {
    let number = ask("number: { into: n, min: 10, max: 1000000 }");
    assert_eq!(heard("en", &number, "I can pay two hundred fifty."), "250|||2026-01-01|00:00|false");
    assert_eq!(heard("id", &number, "dua ratus lima puluh ribu"), "250000|||2026-01-01|00:00|false");
    assert_eq!(heard("fr", &number, "250"), "250|||2026-01-01|00:00|false");
    assert_eq!(pressed(&number, "250#"), "250|||2026-01-01|00:00|false");
    assert_eq!(pressed(&number, "25"), "25|||2026-01-01|00:00|false");
    assert_eq!(pressed(&number, "5#"), "outcome: Some(\"other\")");
    assert_eq!(heard("en", &number, "five"), "outcome: Some(\"other\")");
}

#[test]
fn dates_are_counted_from_the_day_of_the_call_within_their_bounds() {
    let date = ask("date: { into: d, earliest: today + 1, latest: today + 30 }");
    assert_eq!(heard("id", &date, "besok saja"), "0|||2026-11-22|00:00|false");
    assert_eq!(heard("en", &date, "next Friday"), "0|||2026-11-27|00:00|false");
    assert_eq!(pressed(&date, "01122026"), "0|||2026-12-01|00:00|false");
    assert_eq!(heard("en", &date, "today"), "outcome: Some(\"other\")");
    assert_eq!(heard("en", &date, "May fifth"), "outcome: Some(\"other\")");
}

#[test]
fn times_digits_yes_and_no_and_patterns_are_taken() {
    let time = ask("time: { into: at, earliest: 09:00, latest: 17:00 }");
    assert_eq!(heard("id", &time, "jam dua siang"), "0|||2026-01-01|14:00|false");
    assert_eq!(pressed(&time, "1030"), "0|||2026-01-01|10:30|false");
    assert_eq!(heard("en", &time, "at eight in the evening"), "outcome: Some(\"other\")");
    let digits = ask("digits: { into: t, min: 4, max: 6, end: '#' }");
    assert_eq!(pressed(&digits, "0812#"), "0|0812||2026-01-01|00:00|false");
    assert_eq!(pressed(&digits, "081234"), "0|081234||2026-01-01|00:00|false");
    assert_eq!(pressed(&digits, "08#"), "outcome: Some(\"other\")");
    assert_eq!(heard("en", &digits, "oh eight one two"), "0|0812||2026-01-01|00:00|false");
    let yes_no = ask("yes_no: { into: b, no: nobody }");
    assert_eq!(heard("id", &yes_no, "Iya, betul."), "0|||2026-01-01|00:00|true");
    assert_eq!(pressed(&yes_no, "1"), "0|||2026-01-01|00:00|true");
    assert_eq!(pressed(&yes_no, "2"), "outcome: Some(\"nobody\")");
    let pattern = ask("matches: { pattern: 'order (?P<t>[a-z]{2}) ?(?P<n>[0-9]{4})', into: u }");
    assert_eq!(
        heard("en", &pattern, "My order AB 1234."),
        "1234|AB|My order AB 1234.|2026-01-01|00:00|false"
    );
    assert_eq!(heard("en", &pattern, "my order"), "outcome: Some(\"other\")");
}

#[test]
fn a_choice_beside_a_typed_answer_is_taken_when_nothing_longer_follows() {
    let both = ask("number: { into: n, max: 50 }, choices: { '0': nobody, 'a person': nobody }");
    assert_eq!(pressed(&both, "0"), "outcome: Some(\"nobody\")");
    assert_eq!(pressed(&both, "05"), "5|||2026-01-01|00:00|false");
    assert_eq!(heard("en", &both, "a person, one"), "outcome: Some(\"nobody\")");
    let value =
        ask("into: t, choices: { '1': { value: monday, phrases: [monday] }, '2': { phrases: [tuesday] } }");
    assert_eq!(heard("en", &value, "Monday"), "0|monday||2026-01-01|00:00|false");
    assert_eq!(pressed(&value, "2"), "0|2||2026-01-01|00:00|false");
}

#[test]
fn a_typed_answer_is_asked_back_and_put_again_when_it_is_wrong() {
    let steps = "- ask: { say: 'How many?', number: n, confirm: 'Is {{ n }} right?', goto: other, no_match: { retries: 1, goto: nobody } }";
    let right =
        call("en", steps, "").talks(2_000, 500, Some("five")).talks(3_000, 500, Some("yes")).end(9_000);
    assert!(right.contains("Is 5 right?") && right.ends_with("\"other\")"), "{right}");
    let wrong = call("en", steps, "").talks(2_000, 500, Some("five")).talks(3_000, 500, Some("no"));
    let again = wrong.talks(3_000, 500, Some("six")).after(3_000, Input::Digit('1')).end(9_000);
    assert!(again.contains("Is 6 right?") && again.ends_with("\"other\")"), "{again}");
    let never = call("en", steps, "").talks(2_000, 500, Some("five")).talks(3_000, 500, Some("no"));
    let never = never.talks(3_000, 500, Some("six")).talks(3_000, 500, Some("no")).end(60_000);
    assert!(never.ends_with("\"nobody\")"), "{never}");
}

#[test]
fn silence_and_wrong_answers_are_counted_apart_and_asked_again_in_other_words() {
    let steps = "
- ask:
    say: Question?
    timeout: 2s
    choices: { '1': other }
    no_input: { reprompts: [Silent once., Silent twice.], goto: nobody }
    no_match: { reprompts: [Wrong once., Wrong twice.], retries: 1, goto: other }";
    let log = call("en", steps, "").after(1_000, Input::Digit('7')).end(60_000);
    let order = ["Question?", "Wrong once.", "Silent once.", "Silent twice.", "hang up: nobody"];
    let places: Vec<usize> =
        order.iter().map(|words| log.find(words).unwrap_or_else(|| panic!("{words}: {log}"))).collect();
    assert!(places.is_sorted(), "{log}");
    let wrong =
        call("en", steps, "").after(1_000, Input::Digit('7')).after(2_000, Input::Digit('8')).end(9_000);
    assert!(wrong.ends_with("\"other\")"), "{wrong}");
}

#[test]
fn a_free_answer_is_kept_and_silence_leads_away() {
    let steps = "- listen: { say: 'Tell us.', into: t, timeout: 4s, no_input: nobody }\n- say: '{{ t }}|'\n- hangup: taken";
    let said = call("en", steps, "").talks(2_000, 15_000, Some("The parcel is late.")).end(9_000);
    assert_eq!(shown(&said), "The parcel is late.|");
    let silent = call("en", steps, "").end(60_000);
    assert!(silent.ends_with("\"nobody\")"), "{silent}");
    let wordless = call("en", steps, "").talks(2_000, 900, None).end(60_000);
    assert!(wordless.ends_with("\"nobody\")"), "{wordless}");
}

#[test]
fn a_question_tells_the_call_how_to_listen_and_what_to_expect() {
    let text = "flow: f\nstart: m\nhandlers: [ { says: stop calling, do: do_not_call } ]\nscenes:\n  m:\n    - ask: { say: Well?, choices: { 'a person': n }, yes_no: { yes: n }, end_silence: 700ms, retries: 0 }\n  n: [ { say: Bye } ]";
    let mut run = Run::new(flow_of(parse("f.yaml", text)), Map::new()).unwrap();
    run.handle(Input::Answered, CallTime::ZERO);
    let mut listenings: Vec<Listening> = Vec::new();
    for ms in [0, 10, 20, 30_000] {
        while let Some(command) = run.poll_command() {
            if let Command::Listen(how) = command {
                listenings.push(how);
            } else if let Command::Play { id, .. } = command {
                let end = PlaybackEnd { heard_ms: 9, completed: true, ..PlaybackEnd::unheard(id, None) };
                run.handle(Input::PlaybackEnded(end), CallTime::from_ms(ms));
            }
        }
        if ms == 10 {
            run.handle(Input::Utterance { text: Some("yes".into()), weighed: None }, CallTime::from_ms(ms));
        }
    }
    let [asked, after] = listenings.as_slice() else { panic!("{listenings:?}") };
    assert_eq!(asked.end_silence_ms, Some(700));
    assert!(asked.expected.phrases.starts_with(&["a person".to_owned(), "yes".to_owned()]), "{asked:?}");
    assert_eq!(asked.expected.phrases.last().map(String::as_str), Some("stop calling"));
    assert_eq!(*after, Listening::default());
}

#[test]
fn a_called_scene_comes_back_with_a_word() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/flows.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let text = manual.split("```yaml\n").find(|block| block.starts_with("flow: two-parts")).unwrap();
    let flow = flow_of(parse("f.yaml", text.split("```").next().unwrap()));
    let start = || {
        let variables = serde_json::json!({"name": "Ani"}).as_object().cloned().unwrap();
        Rehearsal::new(Run::new(Arc::clone(&flow), variables).unwrap()).answer()
    };
    let free = start().talks(3_000, 500, Some("yes")).end(9_000);
    assert!(free.contains("Then let us begin.") && free.ends_with("\"done\")"), "{free}");
    let busy = start().talks(3_000, 500, Some("no")).end(9_000);
    assert!(busy.ends_with("\"busy\")"), "{busy}");
    let silent = start().end(60_000);
    assert!(silent.ends_with("\"busy\")"), "{silent}");
}

const CALLER: &str = "flow: caller\nstart: main\non_error: broken\nvariables:\n  who: { default: Ani }\n  ok: { type: boolean, default: false }\nhandlers: [ { press: '9', goto: nine } ]\nscenes:\n  main:\n    - call: { flow: verify, with: { name: 'Ms. {{ who }}', tries: 1 + 1 }, into: { ok: verified } }\n    - branch: [ { when: ok and returned == 'fine', goto: yes_scene } ]\n    - hangup: refused\n  yes_scene: [ { hangup: verified } ]\n  nine: [ { say: '{{ who }}' }, { hangup: nine } ]\n  broken: [ { hangup: broken } ]\n";
const VERIFY: &str = "flow: verify\nlanguage: id\nstart: begin\nvariables:\n  name: text\n  tries: number\n  verified: { type: boolean, default: false }\nscenes:\n  begin:\n    - ask: { say: 'Apakah ini {{ name }}?', retries: 0, yes_no: { into: verified, yes: fine }, no_input: fails }\n    - return\n  fine: [ { return: fine } ]\n  fails: [ { set: { tries: tries / 0 } } ]\n";

fn caller(verify: &str) -> super::super::Parsed {
    parse_with("caller.yaml", CALLER, &|name| match name {
        "verify" => Some(verify.to_owned()),
        "caller" => Some(CALLER.to_owned()),
        _ => None,
    })
}

#[test]
fn a_called_flow_has_its_own_variables_and_gives_results_back() {
    let start = || answered(flow_of(caller(VERIFY)));
    let yes = start().talks(3_000, 500, Some("iya")).end(9_000);
    assert!(yes.contains("\"Apakah ini Ms. Ani?\"") && yes.ends_with("\"verified\")"), "{yes}");
    let no = start().talks(3_000, 500, Some("bukan")).end(9_000);
    assert!(no.ends_with("\"refused\")"), "{no}");
    let handled = start().after(2_000, Input::Digit('9')).end(9_000);
    assert!(handled.contains("\"Ani\"") && handled.ends_with("\"nine\")"), "{handled}");
    let broken = start().end(60_000);
    assert!(broken.contains("divided by zero") && broken.ends_with("\"broken\")"), "{broken}");
}

fn refusal(verify: &str) -> String {
    let errors = caller(verify).diagnostics;
    let errors = errors.iter().filter(|found| found.severity == Severity::Error);
    errors
        .map(|found| format!("{}:{} {}", found.line, found.column, found.message))
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn a_flow_that_cannot_be_called_is_refused_where_it_is_called() {
    let cycle = VERIFY.replace("    - return\n", "    - call: { flow: caller }\n");
    assert_eq!(
        refusal(&cycle),
        "10:21 the flows go round in a circle: `caller` calls `verify` calls `caller`"
    );
    assert_eq!(refusal("flow: verify\nscenes: 1"), "10:21 the flow `verify` has errors");
    assert_eq!(refusal(&VERIFY.replace("  tries: number\n", "")), "10:21 the flow `verify` has errors");
    assert_eq!(
        refusal(&VERIFY.replace("  name: text\n", "  name: text\n  who: text\n  '': text\n")),
        "10:21 the flow `verify` has errors"
    );
    let more = VERIFY.replace("  name: text\n", "  name: text\n  city: text\n");
    assert_eq!(refusal(&more), "10:15 the flow `verify` also needs `city`");
    let other = VERIFY.replace("verified: { type: boolean, default: false }", "verified: { default: '' }");
    assert!(refusal(&other).contains("the flow `verify` has errors"), "{}", refusal(&other));
}

#[test]
fn who_wants_no_more_calls_is_noted_answered_and_hung_up_on() {
    let handlers = "handlers:\n  - says: [stop calling, jangan telepon lagi]\n    do: do_not_call\n  - { says: help, press: '0', goto: other }\n";
    let steps = "- say: { text: This is a long message that goes on and on., barge_in: off }\n- wait: 5s\n- hangup: end";
    let log = call("en", steps, handlers).talks(500, 900, Some("Please STOP calling!")).end(20_000);
    assert!(
        log.contains("note do_not_call {\"by\":\"speech\"") && log.contains("we will not call you again"),
        "{log}"
    );
    assert!(log.ends_with("\"do_not_call\")"), "{log}");
    let id = call("id", steps, handlers).talks(4_000, 900, Some("jangan telepon lagi ya")).end(20_000);
    assert!(id.contains("tidak akan menelepon Anda lagi"), "{id}");
    let key = call("en", steps, handlers).after(500, Input::Digit('0')).end(20_000);
    assert!(key.contains("stop 1") && key.ends_with("\"other\")"), "{key}");
}

#[test]
fn a_question_keeps_the_keys_and_phrases_it_can_make_something_of() {
    let handlers = "handlers:\n  - { says: help, press: '0', goto: nobody }\n";
    let steps = "- ask: { say: Well?, digits: { into: t, length: 3 }, choices: { 'help me now': other }, goto: other }";
    let keys = call("en", steps, handlers).after(500, Input::Digit('1')).after(900, Input::Digit('0'));
    let keys = keys.after(200, Input::Digit('0')).end(9_000);
    assert!(
        keys.contains("\"variable\":\"t\",\"value\":\"100\"") || keys.contains("\"value\":\"100\""),
        "{keys}"
    );
    let phrase = call("en", steps, handlers).talks(2_000, 900, Some("help me now")).end(9_000);
    assert!(phrase.ends_with("\"other\")"), "{phrase}");
    let handler = call("en", steps, handlers).talks(2_000, 900, Some("help")).end(9_000);
    assert!(handler.ends_with("\"nobody\")"), "{handler}");
}

#[test]
fn what_is_left_to_do_is_done_when_the_callee_hangs_up() {
    let text = "flow: f\nstart: m\non_hangup: gone\nvariables: { n: { type: number, default: 0 } }\nscenes:\n  m:\n    - say: [ Hello there., { checkpoint: greeted } ]\n    - wait: 9s\n  gone:\n    - set: { n: n + 1 }\n    - branch: [ { when: not reached('greeted'), goto: early } ]\n    - hangup: late\n  early: [ { hangup: early } ]\n";
    let start = || answered(flow_of(parse("f.yaml", text)));
    let early = start().after(300, Input::HungUp).end(9_000);
    assert!(early.ends_with("\"early\")") && !early.contains("hang up"), "{early}");
    let late = start().after(3_000, Input::HungUp).end(9_000);
    assert!(
        late.contains("note set {\"value\":1,\"variable\":\"n\"}") && late.ends_with("\"late\")"),
        "{late}"
    );
}

#[test]
fn a_scene_that_repeats_too_often_is_an_error() {
    let more = "limits: { repeats: 3 }\non_error: other\n";
    let log = call("en", "- say: Again\n- goto: main", more).end(60_000);
    assert_eq!(log.matches("\"Again\"").count(), 3, "{log}");
    assert!(log.contains("entered more than 3 times") && log.ends_with("\"other\")"), "{log}");
}

#[test]
fn calls_within_calls_end() {
    let text = "flow: f\nstart: a\nscenes:\n  a: [ { say: Hello }, { call: b } ]\n  b: [ { call: c } ]\n  c: [ { return: x } ]\n";
    let log = answered(flow_of(parse("f.yaml", text))).end(9_000);
    assert!(log.ends_with("\"completed\")"), "{log}");
}

#[test]
fn a_beep_before_the_verdict_leads_to_its_own_branch() {
    let text = "flow: f\nstart: m\namd: { on: { voicemail: m, beep: left } }\nscenes:\n  m: [ { hangup: verdict } ]\n  left: [ { say: Message }, { hangup: left } ]\n";
    let start = || answered(flow_of(parse("f.yaml", text)));
    let beep = start().after(900, Input::BeepEnded).after(10, Input::Outcome(Outcome::Voicemail)).end(9_000);
    assert!(beep.ends_with("\"left\")"), "{beep}");
    let verdict = start().after(900, Input::Outcome(Outcome::Voicemail)).end(9_000);
    assert!(verdict.ends_with("\"verdict\")"), "{verdict}");
}

#[test]
fn a_column_of_the_contact_fills_a_variable_of_another_name() {
    let text = "flow: f\nstart: m\nvariables:\n  account: { from: Account No }\n  due: { type: date, from: due_date }\nscenes: { m: [ { say: '{{ account }} {{ due }}' } ] }";
    let brought = serde_json::json!({"Account No": 4711, "due_date": "2026-05-31T00:00:00Z", "account": "x"});
    let run = Run::new(flow_of(parse("f.yaml", text)), brought.as_object().cloned().unwrap()).unwrap();
    assert_eq!(run.variables()["account"], "4711");
    assert_eq!(run.variables()["due"], "2026-05-31");
    let bad = serde_json::json!({"Account No": "1", "due_date": "31.5.2026"});
    let refused = Run::new(flow_of(parse("f.yaml", text)), bad.as_object().cloned().unwrap()).unwrap_err();
    assert!(refused.to_string().contains("must be a date"), "{refused}");
}
