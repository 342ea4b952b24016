//! Cases that script services, recordings and interruptions.

use std::sync::Arc;

use super::read::parse_tests;
use crate::flow::parse::parse;

/// The failures of `cases` with a flow of `steps`, and the log of each call.
fn rehearse(steps: &str, cases: &str) -> (Vec<String>, String) {
    let steps: String = steps.trim_matches('\n').lines().map(|line| format!("    {line}\n")).collect();
    let flow = format!(
        "flow: f\nstart: main\nbackchannels: [ya]\nvariables:\n  id: {{ default: 'A 7/8' }}\n  \
         balance: {{ type: number, default: 0 }}\n  status: {{ type: number, default: 0 }}\n  \
         name: {{ default: nobody }}\nscenes:\n  main:\n{steps}    - hangup: done\n  other:\n    - say: Other.\n    \
         - hangup: other\n"
    );
    let parsed = parse("f.yaml", &flow);
    let found: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
    let flow = Arc::new(parsed.flow.unwrap_or_else(|| panic!("{}", found.join("\n"))));
    let cases: String = cases.trim_matches('\n').lines().map(|line| format!("  {line}\n")).collect();
    let parsed = parse_tests("f.test.yaml", &format!("test: f.yaml\ncases:\n{cases}"));
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    let results = parsed.tests.unwrap().run(&flow);
    let failures = results.iter().flat_map(|result| &result.failures).map(ToString::to_string).collect();
    (failures, results.iter().map(|result| format!("{}\n", result.log)).collect())
}

fn passes(steps: &str, cases: &str) -> String {
    let (failures, log) = rehearse(steps, cases);
    assert!(failures.is_empty(), "{}\n{log}", failures.join("\n"));
    log
}

const LOOK_UP: &str = "
- http:
    url: 'https://crm.example.com/customers/{{ id }}?full=1'
    json: { who: 'Mr \"{{ name }}\"', balance: '{{ balance }}', tags: [a, 0812, 1.5, null, true] }
    into: { balance: customer.balance, name: /customer/names/0 }
    status_into: status
    timeout: 2s
    filler: One moment, please.
    on_status: { '404': other }
    on_error: other
- say: You owe {{ balance }}.
";

#[test]
fn an_answer_fills_variables_and_values_cannot_break_the_url_or_the_json() {
    let request = "POST https://crm.example.com/customers/A%207%2F8?full=1 \
                   {\"balance\":0,\"tags\":[\"a\",\"0812\",1.5,null,true],\"who\":\"Mr \\\"nobody\\\"\"}";
    let cases = format!(
        "
answers:
  http: {{ json: {{ customer: {{ balance: 250000, names: [Ani] }} }} }}
  expect:
    outcome: done
    heard: [You owe 250000.]
    not_heard: One moment
    variables: {{ balance: 250000, name: Ani, status: 200 }}
    requests: ['{}']",
        request.replace('\'', "''")
    );
    passes(LOOK_UP, &cases);
}

#[test]
fn services_that_fail_have_a_branch_each_and_what_is_missing_changes_nothing() {
    passes(
        LOOK_UP,
        "
nobody there:
  http: { status: 404 }
  expect: { outcome: other, variables: { status: 404 } }
broken:
  http: { status: 503, json: { error: 1 } }
  expect: { outcome: other, variables: { status: 503 } }
unreachable:
  http: { fails: connection refused }
  expect: { outcome: other, variables: { status: 0 } }
too slow:
  http: { after: 10s }
  expect: { outcome: other, within: 6s }
no reply scripted:
  expect: { outcome: other }
wrong kind:
  http: { json: { customer: { balance: much, names: [Ani] } } }
  expect: { outcome: other, variables: { balance: 0, name: nobody } }
half an answer:
  http: { json: { customer: { balance: null } } }
  expect: { outcome: done, variables: { balance: 0, name: nobody } }",
    );
}

#[test]
fn a_filler_is_said_to_a_waiting_callee_and_heard_to_its_end() {
    let log = passes(
        LOOK_UP,
        "
slow:
  http: { after: 1s, json: { customer: { balance: 1, names: [A] } } }
  expect: { outcome: done, heard: [One moment, You owe 1.] }",
    );
    assert!(log.contains("   700 -> play 1 (Off): \"One moment, please.\""), "{log}");
    assert!(log.contains("  1000 <- answered 200") && log.contains("-> play 2"), "{log}");
    assert!(!log.contains("stop"), "{log}");
}

#[test]
fn music_goes_round_until_the_answer_cuts_it() {
    let steps = "
- http:
    url: https://crm.example.com/x
    timeout: 20s
    filler: { play: music.wav, delay: 500ms, loop: true }
- say: Done.";
    let log = passes(
        steps,
        "waits:\n  http: { after: 6s }\n  expect: { outcome: done, heard: [music.wav, Done.] }",
    );
    assert_eq!(log.matches("music.wav").count(), 3, "{log}");
    assert!(log.contains("  6000 -> stop 3"), "{log}");
}

#[test]
fn a_message_is_kept_with_its_name_and_length_and_silence_is_none() {
    let steps = "
- say: Tell us after the beep.
- record: { max: 20s, end_silence: 2s, end_key: '#*', into: name, length_into: balance, on_empty: other }
- say: Thank you.";
    passes(
        steps,
        "
talks:
  callee: [hears: recording_beep, wait: 1s, talks: 4s]
  expect: { outcome: done, variables: { name: message-1.wav, balance: 7000 } }
ends with a key:
  callee: [hears: recording_beep, talks: 3s, press: '*']
  expect: { outcome: done, variables: { balance: 3000 } }
says nothing:
  callee: [hears: recording_beep]
  expect: { outcome: other, variables: { name: nobody } }
talks for ever:
  callee: [hears: recording_beep, talks: 60s]
  expect: { outcome: done, variables: { balance: 20000 } }",
    );
}

#[test]
fn notifications_carry_data_and_a_transfer_takes_the_branch_of_what_came_of_it() {
    let steps = "
- notify: { event: promised, data: { amount: '{{ balance }}', by: 'on {{ id }}' } }
- notify: thanked
- transfer: { to: '+62 812-3456', on_unsupported: other, on_failed: main2 }
- say: Connected.";
    let (failures, _) = rehearse(
        &steps.replace("main2", "other").replace(" 812-3456", "8123456"),
        "
cannot:
  expect: { outcome: other, notified: ['promised {\"amount\":0,\"by\":\"on A 7/8\"}', thanked] }
can:
  transfer: done
  expect: { outcome: done, heard: Connected. }
fails:
  transfer: failed
  expect: { outcome: other, notified: [thanked, promised] }",
    );
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(failures[0].contains("`promised` is not notified here"), "{failures:?}");
}

const CAREFUL: &str = "
- say:
    text: [This is a sentence of some length to talk over., { checkpoint: said }]
    barge_in: { by: both, min_speech: 1s, min_words: 2, resume: true }
    on_speech: other";

#[test]
fn a_cough_or_a_sign_of_listening_only_pauses_and_words_or_length_interrupt() {
    let log = passes(
        CAREFUL,
        "
coughs:
  callee: [wait: 1s, talks: 500ms]
  expect: { outcome: done, last_checkpoint: said }
listens:
  callee: [wait: 1s, says: ya]
  expect: { outcome: done, last_checkpoint: said }
two words:
  callee: [wait: 1s, says: not now]
  expect: { outcome: other, last_checkpoint: none }
talks on:
  callee: [wait: 1s, talks: 5s]
  expect: { outcome: other }
presses:
  callee: [wait: 1s, press: '1']
  expect: { outcome: done, last_checkpoint: none }",
    );
    assert!(log.contains("  1000 -> pause") && log.contains("  1300 -> go on"), "{log}");
    assert!(log.contains("prompt 1 cut after 1000 ms"), "what is held back is not heard: {log}");
}

#[test]
fn a_protected_stretch_is_heard_and_what_came_in_it_counts_after_it() {
    let steps = "
- say:
    text: [Hello there., { say: This call is recorded., protected: true }, { checkpoint: told }, And much more.]
    on_speech: other
- ask:
    say: Press one.
    choices: { '1': other }
    no_input: main";
    let log = passes(
        steps,
        "
talks in it:
  callee: [wait: 1s, talks: 500ms]
  expect: { outcome: other, heard: [recorded, told], not_heard: And much }
presses in it:
  callee: [wait: 1s, press: '1']
  expect: { outcome: other, heard: [recorded, told], not_heard: [And much, Press one] }
talks before it:
  callee: [wait: 300ms, talks: 500ms]
  expect: { outcome: other, not_heard: recorded }",
    );
    assert_eq!(log.matches("prompt 1 cut after 2210 ms").count(), 2, "{log}");
}

#[test]
fn a_prompt_speaks_with_the_voice_of_its_language() {
    let text = "
flow: f
language: id-ID
voices: { id: damayanti, en: anna, en-GB: kate }
start: main
scenes:
  main:
    - say: Halo.
    - say: { text: [Hello., { say: Bonjour., language: fr }], language: en-US }
    - say: { text: Hello., language: en-GB, voices: { en-GB: tom } }
    - say: { text: Halo., voice: budi }
";
    let flow = parse("f.yaml", text).flow.unwrap();
    let run = super::super::Run::new(Arc::new(flow), serde_json::Map::new()).unwrap();
    let voices: Vec<String> = run
        .known_prompts()
        .iter()
        .filter_map(|part| {
            let super::super::Part::Say { language, voice, .. } = part else { return None };
            Some(format!("{language} {}", voice.as_deref().unwrap_or("-")))
        })
        .collect();
    assert_eq!(voices, ["id-ID damayanti", "en-US anna", "fr -", "en-GB tom", "id-ID budi"]);
}

#[test]
fn a_flow_that_notifies_without_end_is_stopped() {
    let steps = "\n- notify: again\n- wait: 1s\n- goto: main";
    let (failures, log) = rehearse(steps, "round:\n  expect: { outcome: error }");
    assert!(failures.is_empty(), "{failures:?}");
    assert!(log.contains("more than 300 requests"), "{log}");
}
