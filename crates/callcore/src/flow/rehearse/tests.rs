//! Flow tests that pass, fail and cannot be read.

use std::path::Path;
use std::sync::Arc;

use insta::assert_snapshot;

use super::*;
use crate::flow::parse::{parse, parse_with};

const FLOW: &str = "
flow: yes-or-no
start: main
variables:
  answer: { default: none }
scenes:
  main:
    - ask:
        say: [Is that right?, { checkpoint: asked }]
        retries: 0
        choices:
          '1': { phrases: [yes], set: { answer: 'yes' }, goto: bye }
          '2': bye
        no_input: bye
    - hangup: unclear
  bye:
    - say: Goodbye.
    - hangup: done
";

fn results(cases: &str) -> Vec<CaseResult> {
    let flow = Arc::new(parse("f.yaml", FLOW).flow.unwrap());
    let parsed = parse_tests("f.test.yaml", &format!("test: f.yaml\ncases:\n{cases}"));
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    parsed.tests.unwrap().run(&flow)
}

fn failures(cases: &str) -> String {
    let results = results(cases);
    let shown = results.iter().flat_map(|result| &result.failures).map(ToString::to_string);
    shown.collect::<Vec<_>>().join("\n\n")
}

#[test]
fn the_tests_of_every_shipped_flow_pass() {
    let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows");
    let mut cases = 0;
    for entry in std::fs::read_dir(&flows).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with(".test.yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let parsed = parse_tests(&path.to_string_lossy(), &text);
        let found: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
        let tests = parsed.tests.unwrap_or_else(|| panic!("{}", found.join("\n")));
        let text = std::fs::read_to_string(flows.join(tests.flow_file())).unwrap();
        let called = |name: &str| std::fs::read_to_string(flows.join(format!("{name}.yaml"))).ok();
        let flow = Arc::new(parse_with(tests.flow_file(), &text, &called).flow.unwrap());
        for result in tests.run(&flow) {
            let failures: Vec<String> = result.failures.iter().map(ToString::to_string).collect();
            assert!(failures.is_empty(), "{}\n{}\n{}", result.name, failures.join("\n"), result.log);
            cases += 1;
        }
    }
    assert!(cases >= 20, "{cases} cases");
}

#[test]
fn what_comes_true_passes() {
    let passed = "
  by key: { callee: [ { hears: asked }, { press: '1' } ], expect: { outcome: done, variables: { answer: 'yes' } } }
  by word: { callee: [ { hears: Is that right? }, { says: Yes! } ], expect: { heard: [asked, Goodbye], within: 3s } }
  by noise: { callee: [ { hears: asked }, { talks: 1s } ], expect: { outcome: unclear, not_heard: Goodbye } }
  in silence: { expect: { outcome: done, last_checkpoint: asked } }
";
    assert_eq!(failures(passed), "");
}

#[test]
fn what_does_not_come_true_is_shown_at_the_expectation() {
    assert_snapshot!(failures(
        "
  wrong:
    callee:
      - hears: asked
      - press: '2'
    expect:
      outcome: unclear
      last_checkpoint: said
      heard: [Goodbye, asked]
      not_heard: [Sorry, Goodbye]
      variables: { answer: 'yes' }
      within: 1s
"
    ));
}

#[test]
fn a_callee_who_acts_after_the_end_or_waits_for_ever_is_told_so() {
    assert_snapshot!(failures(
        "
  late: { callee: [ { hears: asked }, { press: '1' }, { hears: Goodbye }, { wait: 1s }, { press: '2' } ], expect: { outcome: done } }
  deaf: { callee: [ { hears: Good morning } ], expect: { outcome: done } }
  twice: { callee: [ { hears: asked }, { hears: Is that right? } ], expect: { outcome: done } }
"
    ));
}

#[test]
fn mistakes_in_a_file_of_tests_have_their_place() {
    let text = "test: f.yaml\ncases:\n  a:\n    calee: []\n  b:\n    callee:\n      - pres: '1'\n      - verdict: humn\n      - press: x\n      - wait\n    expect: { outcom: done }\n";
    let found = parse_tests("f.test.yaml", text).diagnostics;
    assert_snapshot!(found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn a_missing_variable_fails_the_case() {
    let flow = "flow: f\nstart: m\nvariables: { name: text }\nscenes: { m: [ { say: 'Hi {{ name }}' } ] }";
    let flow = Arc::new(parse("f.yaml", flow).flow.unwrap());
    let tests =
        parse_tests("t", "test: f.yaml\ncases: { a: { expect: { outcome: completed } } }").tests.unwrap();
    let result = &tests.run(&flow)[0];
    assert!(result.failures[0].message.contains("needs the variable `name`"), "{result:?}");
}

/// Says something in a cycle until its steps are used up.
const ENDLESS: &str =
    "flow: f\nstart: m\nlimits: { steps: 100000 }\nscenes: { m: [ { say: On and on }, { goto: m } ] }";

#[test]
fn cases_share_what_they_may_cost_and_the_rest_fails_at_once() {
    let flow = Arc::new(parse("f.yaml", ENDLESS).flow.unwrap());
    let case =
        |n: usize| format!("  c{n}: {{ callee: [ {{ hears: never }} ], expect: {{ outcome: done }} }}\n");
    let text = format!("test: f.yaml\ncases:\n{}", (0..50).map(case).collect::<String>());
    let tests = parse_tests("t", &text).tests.unwrap();
    let effort = Arc::new(Effort::steps(30_000));
    let recordings = Recordings::new();
    let results: Vec<CaseResult> =
        (0..50).filter_map(|nth| tests.run_nth_within(nth, &flow, &recordings, &effort)).collect();
    assert!(results.iter().map(|result| result.call_ms).sum::<u64>() < 8 * 3_600_000);
    let message = &results[49].failures[0].message;
    assert_eq!(message, "the tests take more than 30000 steps together");
    assert!(results[49].log.is_empty() && results[49].call_ms == 0);
}

#[test]
fn a_case_ends_when_its_run_is_given_up() {
    let flow = Arc::new(parse("f.yaml", ENDLESS).flow.unwrap());
    let tests = parse_tests("t", "test: f.yaml\ncases: { a: { expect: { outcome: done } } }").tests.unwrap();
    let effort = Arc::new(Effort::unbounded());
    effort.stop();
    let result = tests.run_nth_within(0, &flow, &Recordings::new(), &effort).unwrap();
    assert_eq!(result.failures[0].message, "the tests were given up");
}
