//! Broken flows and what is said about them. Every fixture has its messages beside it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;

use super::{Effort, Input, Recordings, Rehearsal, Run, Severity, parse, parse_tests};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/flows/broken");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_broken_flow_is_told_what_is_wrong_and_where() {
    let files = fixtures();
    assert!(files.len() >= 60, "{} fixtures", files.len());
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let parsed = parse(&format!("{name}.yaml"), &text);
        assert!(!parsed.diagnostics.is_empty(), "{name} has no findings");
        let errors = parsed.diagnostics.iter().any(|finding| finding.severity == Severity::Error);
        assert_eq!(parsed.flow.is_none(), errors, "{name}");
        for finding in &parsed.diagnostics {
            let lines = text.split('\n').count().max(1);
            assert!((1..=lines).contains(&(finding.line as usize)), "{name}: line {}", finding.line);
            assert!(finding.hint.is_some(), "{name}: no hint for {}", finding.message);
        }
        let shown: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
        insta::with_settings!({
            snapshot_path => "../../tests/data/flows/broken",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, shown.join("\n\n"));
        });
    }
}

/// The scenes and variables that the fragments of the manual refer to.
const AROUND_FRAGMENTS: &str = "
variables:
  name: text
  amount: text
  due: { default: soon }
  number: { default: none }
  agreed: { type: boolean, default: false }
  sum: { type: number, default: 250000 }
  tries: { type: number, default: 0 }
  day: { type: date, default: 2026-05-31 }
  at: { type: time, default: 14:30 }
";

/// The pages with examples for authors of flows.
const PAGES: [&str; 4] = ["flows.md", "turn-taking.md", "recordings.md", "inbound.md"];

fn page(name: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    std::fs::read_to_string(page).unwrap()
}

/// The YAML examples of a page: whole flows as they are, fragments as the steps of a scene.
fn examples(of: &str) -> Vec<String> {
    let text = page(of);
    let mut examples = Vec::new();
    for block in text.split("```yaml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        if !["flow:", "- ", "#"].iter().any(|begins| block.starts_with(begins)) {
            continue;
        }
        if block.starts_with("flow:") {
            examples.push(block.to_owned());
            continue;
        }
        let steps: String = block.lines().map(|line| format!("    {line}\n")).collect();
        let others: String =
            ["thanks", "sorry", "nobody", "no_beep", "call_back", "leave_message", "special_offer"]
                .iter()
                .map(|scene| format!("  {scene}:\n    - hangup\n"))
                .collect();
        examples.push(format!(
            "flow: fragment\nstart: main\n{AROUND_FRAGMENTS}scenes:\n  main:\n{steps}{others}"
        ));
    }
    examples
}

#[test]
fn every_example_of_the_manual_is_a_flow_without_errors() {
    let examples = PAGES.map(examples).concat();
    assert!(examples.len() >= 30, "{} examples", examples.len());
    for example in examples {
        let parsed = parse("docs", &example);
        let errors: Vec<_> = parsed
            .diagnostics
            .iter()
            .filter(|finding| finding.severity == Severity::Error || !example.starts_with("flow: fragment"))
            .map(ToString::to_string)
            .collect();
        assert!(errors.is_empty(), "{}\nin\n{example}", errors.join("\n"));
    }
}

#[test]
fn the_tests_in_the_manual_pass_with_the_flows_in_the_manual() {
    for (page, text) in ["flows.md", "turn-taking.md"].map(|name| (name, page(name))) {
        let blocks: Vec<_> = text.split("```yaml\n").filter(|block| block.starts_with("test:")).collect();
        assert!(!blocks.is_empty(), "{page} tests nothing");
        for (at, block) in blocks.into_iter().enumerate() {
            let tests = parse_tests(page, block.split("```").next().unwrap()).tests.unwrap();
            let name = format!("flow: {}\n", tests.flow_file().trim_end_matches(".yaml"));
            let flow = examples(page).into_iter().find(|flow| flow.starts_with(&name)).unwrap();
            let flow = Arc::new(parse(page, &flow).flow.unwrap());
            for result in tests.run(&flow) {
                assert!(result.failures.is_empty(), "{result:?}");
                let seconds = result.call_ms as f64 / 1_000.0;
                let shown = format!("  ok   {} ({seconds:.1} s of call)", result.name);
                let is_shown = at > 0 || page != "flows.md" || text.contains(&shown);
                assert!(is_shown, "the manual does not show: {shown}");
            }
        }
    }
}

fn keys(schema: &serde_json::Value, pointer: &str) -> BTreeSet<String> {
    schema.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_json_schema_has_the_keys_the_parser_has() {
    let schema: serde_json::Value = serde_json::from_str(super::JSON_SCHEMA).unwrap();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(keys(&schema, "/properties"), names(&super::read::TOP));
    assert_eq!(keys(&schema, "/$defs/step/then/properties"), names(&super::read::STEPS));
    let mut outcomes = names(&super::model::OUTCOME_NAMES);
    outcomes.extend(["machine".to_owned(), "beep".to_owned()]);
    assert_eq!(keys(&schema, "/properties/amd/properties/on/properties"), outcomes);
    let barge_in = keys(&schema, "/$defs/barge_in/then/properties");
    assert_eq!(barge_in, names(&super::read::BARGE_IN_KEYS));
    let http = keys(&schema, "/$defs/step/then/properties/http/properties");
    assert_eq!(http, names(&super::read::HTTP_KEYS));
    let record = keys(&schema, "/$defs/step/then/properties/record/then/properties");
    assert_eq!(record, names(&super::read::RECORD_KEYS));
    let asked = keys(&schema, "/$defs/step/then/properties/ask/properties");
    assert_eq!(asked, names(&super::read::ASK_KEYS));
    let heard = keys(&schema, "/$defs/step/then/properties/listen/then/properties");
    assert_eq!(heard, names(&super::read::LISTEN_KEYS));
}

#[test]
fn the_json_schema_of_tests_has_the_keys_the_parser_has() {
    let schema: serde_json::Value = serde_json::from_str(super::TEST_JSON_SCHEMA).unwrap();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(keys(&schema, "/$defs/case/properties"), names(&super::rehearse::CASE));
    assert_eq!(keys(&schema, "/$defs/act/then/properties"), names(&super::rehearse::ACTS));
    let expected = keys(&schema, "/$defs/case/properties/expect/properties");
    assert_eq!(expected, names(&super::rehearse::EXPECTATIONS));
}

#[test]
fn the_schema_of_one_flow_completes_its_scenes() {
    let schema = super::schema_with_scenes(
        "flow: a\nstart: one\nscenes:\n  one: [ { goto: tw } ]\n  two: [ hangup ]\n",
    );
    assert_eq!(schema["$defs"]["scene_name"]["enum"], serde_json::json!(["one", "two"]));
    assert!(super::schema_with_scenes("nothing")["$defs"]["scene_name"]["pattern"].is_string());
}

#[test]
fn the_picture_of_a_flow_has_every_way_through_it() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows/payment-reminder.yaml");
    let flow = parse("f.yaml", &std::fs::read_to_string(file).unwrap()).flow.unwrap();
    insta::assert_snapshot!(super::mermaid(&flow));
}

#[test]
fn the_manual_names_every_step_and_every_key() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/flows.md");
    let text = std::fs::read_to_string(manual).unwrap();
    let words = super::read::STEPS.iter().chain(&super::read::TOP).chain(&super::read::FILTERS);
    let words = words.chain(&super::model::OUTCOME_NAMES);
    let words = words.chain(&super::read::ASK_KEYS).chain(&super::read::LISTEN_KEYS);
    let words = words.chain(&super::read::HTTP_KEYS).chain(&super::read::RECORD_KEYS);
    let words = words.chain(&super::read::BARGE_IN_KEYS).chain(&super::rehearse::CASE);
    for word in words.chain(&super::rehearse::ACTS).chain(&super::rehearse::EXPECTATIONS) {
        assert!(text.contains(word), "the manual does not mention `{word}`");
    }
}

#[test]
fn the_manual_names_everything_that_an_expression_can_ask_of_the_call() {
    let text = page("flows.md");
    for name in super::model::Fact::names_in_texts() {
        assert!(text.contains(&format!("| `{name}`")) || text.contains(&format!(", `{name}` |")), "{name}");
    }
}

#[test]
fn what_a_file_says_is_quoted_without_control_characters_and_not_at_any_length() {
    let text = format!("\"\\x1b[2Jred\": 1\n{}: 2\n", "x".repeat(1_000));
    let shown: String = parse("f.yaml", &text).diagnostics.iter().map(ToString::to_string).collect();
    assert!(!shown.contains('\x1b') && shown.len() < 4_000, "{shown:?}");
}

/// What the fuzz target of flows does with a text: what is good runs, within what it may cost.
fn read_and_run(text: &str) -> bool {
    let parsed = parse("f.yaml", text);
    let errors = parsed.diagnostics.iter().any(|finding| finding.severity == Severity::Error);
    assert_eq!(parsed.flow.is_none(), errors, "{text}");
    let effort = Arc::new(Effort::steps(3_000));
    let flow = parsed.flow.map(Arc::new);
    if let Some(flow) = &flow
        && let Ok(run) = Run::new(Arc::clone(flow), serde_json::Map::new())
    {
        let mut call = Rehearsal::within(run, Arc::clone(&effort));
        call.put(Input::Answered);
        call.pass(3_000);
        call.put(Input::Digit('1'));
        call.put(Input::SpeechStarted);
        call.put(Input::Utterance { text: Some("yes please".to_owned()), weighed: None });
        call.pass(3_600_000);
    }
    if let (Some(tests), Some(flow)) = (parse_tests("f.test.yaml", text).tests, &flow) {
        for nth in 0..tests.names().count() {
            let _result = tests.run_nth_within(nth, flow, &Recordings::new(), &effort);
        }
    }
    flow.is_some()
}

#[test]
fn the_corpus_of_the_fuzz_target_is_read_and_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/flow");
    let texts = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let good = texts.filter(|bytes| std::str::from_utf8(bytes).is_ok_and(read_and_run)).count();
    assert!(good >= 2, "only {good} of the seeds are flows");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_damaged_flow_is_read_or_refused_with_a_reason(
        cut in 0usize..3_000,
        length in 0usize..60,
        put in "[-a-z0-9:{}\\[\\]\"'|>&*!#% \n\t]{0,12}",
    ) {
        let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows/payment-reminder.yaml");
        let mut text: Vec<char> = std::fs::read_to_string(manual).unwrap().chars().collect();
        let cut = cut.min(text.len());
        let end = (cut + length).min(text.len());
        text.splice(cut..end, put.chars());
        let text: String = text.into_iter().collect();
        let parsed = parse("f.yaml", &text);
        let errors = parsed.diagnostics.iter().any(|finding| finding.severity == Severity::Error);
        prop_assert_eq!(parsed.flow.is_none(), errors);
        for finding in &parsed.diagnostics {
            prop_assert!(finding.line as usize <= text.split('\n').count());
        }
        read_and_run(&text);
    }
}
