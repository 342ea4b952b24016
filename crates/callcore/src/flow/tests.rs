//! Broken flows and what is said about them. Every fixture has its messages beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Severity, parse, parse_tests};

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
  agreed: { type: boolean, default: false }
";

/// The YAML examples of the manual: whole flows as they are, fragments as the steps of a scene.
fn examples() -> Vec<String> {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/flows.md");
    let text = std::fs::read_to_string(manual).unwrap();
    let mut examples = Vec::new();
    for block in text.split("```yaml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        if block.starts_with("test:") {
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
    let examples = examples();
    assert!(examples.len() >= 15, "{} examples", examples.len());
    for example in examples {
        let parsed = parse("docs/flows.md", &example);
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
fn the_test_in_the_manual_passes_with_the_flow_in_the_manual() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/flows.md");
    let text = std::fs::read_to_string(manual).unwrap();
    let block = text.split("```yaml\n").find(|block| block.starts_with("test:")).unwrap();
    let tests = parse_tests("docs/flows.md", block.split("```").next().unwrap()).tests.unwrap();
    let flow = examples().into_iter().find(|flow| flow.contains("flow: two-questions")).unwrap();
    let flow = Arc::new(parse("docs/flows.md", &flow).flow.unwrap());
    for result in tests.run(&flow) {
        assert!(result.failures.is_empty(), "{result:?}");
        let shown = format!("  ok   {} ({:.1} s of call)", result.name, result.call_ms as f64 / 1_000.0);
        assert!(text.contains(&shown), "the manual does not show: {shown}");
    }
}

#[test]
fn the_manual_names_every_step_and_every_key() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/flows.md");
    let text = std::fs::read_to_string(manual).unwrap();
    let words = super::steps::STEPS.iter().chain(&super::parse::TOP).chain(&super::template::FILTERS);
    let words = words.chain(&super::amd::OUTCOME_NAMES);
    for word in words.chain(&super::rehearse::ACTS).chain(&super::rehearse::EXPECTATIONS) {
        assert!(text.contains(word), "the manual does not mention `{word}`");
    }
}
