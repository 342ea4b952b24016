//! `dering flow test`: the cases beside flows, run in virtual time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use callcore::flow::{CaseResult, Coverage, Diagnostic, Flow, Walked};
use serde_json::json;

use super::trace::Trace;
use super::{counted, files_at};
use crate::flows::{FileTests, flow_files, is_test_file, rehearse, test_files, tests_of_file};

/// What to test and how to show it.
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// Files of flow tests (`*.test.yaml`), or folders of them.
    #[arg(default_value = "flows")]
    pub(super) paths: Vec<PathBuf>,
    /// Run only the cases whose name holds these words.
    #[arg(long, value_name = "WORDS")]
    pub(super) filter: Option<String>,
    /// Run every case this many times and tell how fast that went.
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) repeat: u32,
    /// Show the log of every call, not only of those that fail.
    #[arg(long)]
    pub(super) log: bool,
    /// Also write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Print the results as one JSON object.
    #[arg(long, conflicts_with = "log")]
    pub(super) json: bool,
}

/// What became of one file of tests.
struct FileResult {
    file: PathBuf,
    /// Why its cases could not be run.
    findings: Vec<Diagnostic>,
    cases: Vec<CaseResult>,
    /// The flow that they are about, and its file.
    flow: Option<(Arc<Flow>, PathBuf)>,
}

/// A flow with what its tests have been through.
struct Covered {
    flow: Arc<Flow>,
    file: PathBuf,
    coverage: Coverage,
}

/// Runs the tests and prints how they went. Exit code 1 means that one failed or could not be run.
///
/// # Errors
/// A path cannot be read or written, or `out` is gone.
pub(super) fn run(test: &Test, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let began = std::time::Instant::now();
    let (results, calls) = run_all(test)?;
    let untested = untested(test, &results)?;
    let covered = if test.filter.is_none() { covered(&results) } else { Vec::new() };
    let took = began.elapsed();
    if let Some(path) = &test.junit {
        std::fs::write(path, junit(&results)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if test.json {
        writeln!(out, "{}", report(&results, &covered, &untested))?;
    } else {
        for result in &results {
            show(result, test.log, out)?;
        }
        for one in &covered {
            show_coverage(one, out)?;
        }
        for file in &untested {
            writeln!(out, "no tests: {}", file.display())?;
        }
        let (passed, failed) = (passed(&results), failed(&results));
        let passed = if passed == 0 { "none passed".to_owned() } else { format!("{passed} passed") };
        writeln!(out, "{}: {passed}, {failed} failed", counted(cases(&results).count(), "test"))?;
        if test.repeat > 1 {
            let speed = calls as f64 / took.as_secs_f64().max(1e-9);
            writeln!(out, "{calls} calls in {:.2} s: {speed:.0} calls per second", took.as_secs_f64())?;
        }
    }
    let broken = results.iter().any(|result| !result.findings.is_empty());
    if cases(&results).count() == 0 && !broken {
        anyhow::bail!("no case's name holds \"{}\"", test.filter.as_deref().unwrap_or_default());
    }
    Ok(if failed(&results) == 0 && !broken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads every file, then runs all their cases on every core. Also hands out how many calls that were.
fn run_all(test: &Test) -> anyhow::Result<(Vec<FileResult>, usize)> {
    let mut results = Vec::new();
    let mut ready: Vec<(usize, (FileTests, Arc<Flow>))> = Vec::new();
    for path in &test.paths {
        for file in files_at(&beside(path), test_files, "flow test (`*.test.yaml`)")? {
            let read = tests_of_file(&file).with_context(|| format!("{} cannot be run", file.display()))?;
            let mut result = FileResult { file, findings: Vec::new(), cases: Vec::new(), flow: None };
            match read {
                Ok(tests) => {
                    let folder = result.file.parent().unwrap_or(Path::new(""));
                    result.flow = Some((Arc::clone(&tests.1), folder.join(tests.0.flow_file())));
                    ready.push((results.len(), tests));
                }
                Err(findings) => result.findings = findings,
            }
            results.push(result);
        }
    }
    let wanted = |name: &str| {
        test.filter.as_ref().is_none_or(|words| name.to_lowercase().contains(&words.to_lowercase()))
    };
    let files: Vec<_> = ready.iter().map(|(_, tests)| tests).collect();
    let pairs: Vec<(usize, usize)> = files
        .iter()
        .enumerate()
        .flat_map(|(file, (tests, _))| {
            let named = tests.names().enumerate().filter(|(_, name)| wanted(name));
            named.map(move |(nth, _)| (file, nth)).collect::<Vec<_>>()
        })
        .collect();
    let mut calls = 0;
    for _ in 1..test.repeat {
        calls += rehearse(&files, &pairs).len();
    }
    let done = rehearse(&files, &pairs);
    calls += done.len();
    for ((file, _), case) in pairs.iter().zip(done) {
        results[ready[*file].0].cases.push(case);
    }
    if test.filter.is_some() {
        results.retain(|result| !result.cases.is_empty() || !result.findings.is_empty());
    }
    Ok((results, calls))
}

/// What the tests of each flow have been through, by its file.
fn covered(results: &[FileResult]) -> Vec<Covered> {
    let mut flows: BTreeMap<&Path, (&Arc<Flow>, Vec<&Walked>)> = BTreeMap::new();
    for result in results {
        let Some((flow, file)) = &result.flow else { continue };
        let walked = &mut flows.entry(file).or_insert_with(|| (flow, Vec::new())).1;
        walked.extend(result.cases.iter().map(|case| &case.walked));
    }
    let covered = flows.into_iter().map(|(file, (flow, walked))| Covered {
        flow: Arc::clone(flow),
        file: file.to_owned(),
        coverage: Coverage::of(flow, walked),
    });
    covered.collect()
}

/// The flows of the folders that no file of tests is about.
fn untested(test: &Test, results: &[FileResult]) -> anyhow::Result<Vec<PathBuf>> {
    let mut untested = Vec::new();
    for folder in test.paths.iter().filter(|path| path.is_dir()) {
        let is_tested = |file: &PathBuf| {
            let beside = file.with_extension("test.yaml");
            results.iter().any(|result| {
                result.file == beside || result.flow.as_ref().is_some_and(|(_, tested)| tested == file)
            })
        };
        untested.extend(flow_files(folder)?.into_iter().filter(|file| !is_tested(file)));
    }
    Ok(untested)
}

/// Most names in one line about what tests have missed.
const MOST_NAMED: usize = 8;

fn show_coverage(covered: &Covered, out: &mut impl Write) -> std::io::Result<()> {
    let Coverage { scenes, scenes_missed, answers, answers_missed } = &covered.coverage;
    let reached = |all: usize, missed: &[String]| format!("{} of {all}", all - missed.len());
    let (name, met) = (covered.flow.name(), reached(*scenes, scenes_missed));
    writeln!(out, "{name}: tests reach {met} scenes, {} answers", reached(*answers, answers_missed))?;
    for (what, missed) in [("scenes", scenes_missed), ("answers", answers_missed)] {
        if missed.is_empty() {
            continue;
        }
        let named: Vec<&str> = missed.iter().map(String::as_str).take(MOST_NAMED).collect();
        let more = missed.len() - named.len();
        let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
        writeln!(out, "  {what} without a test: {}{rest}", named.join(", "))?;
    }
    Ok(())
}

/// The tests beside a flow file; any other path is itself.
fn beside(path: &Path) -> PathBuf {
    let tests = path.with_extension("test.yaml");
    let is_flow = path.is_file() && !is_test_file(path);
    if is_flow && tests.is_file() { tests } else { path.to_owned() }
}

fn cases(results: &[FileResult]) -> impl Iterator<Item = &CaseResult> {
    results.iter().flat_map(|result| &result.cases)
}

fn passed(results: &[FileResult]) -> usize {
    cases(results).filter(|case| case.failures.is_empty()).count()
}

fn failed(results: &[FileResult]) -> usize {
    cases(results).filter(|case| !case.failures.is_empty()).count()
}

fn show(result: &FileResult, log: bool, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "{}", result.file.display())?;
    for finding in &result.findings {
        writeln!(out, "{finding}\n")?;
    }
    for case in &result.cases {
        let passed = case.failures.is_empty();
        let mark = if passed { "  ok  " } else { "  FAIL" };
        writeln!(out, "{mark} {} ({:.1} s of call)", case.name, case.call_ms as f64 / 1_000.0)?;
        for failure in &case.failures {
            writeln!(out, "{failure}")?;
        }
        if log || !passed {
            writeln!(out, "{}", in_words(case))?;
        }
    }
    Ok(())
}

/// The call of a case as its author would tell it.
fn in_words(case: &CaseResult) -> String {
    let mut told = Vec::new();
    // Writing to memory does not fail.
    let _ = Trace::new(&mut told, "callee", false, false).follow(&case.log);
    String::from_utf8_lossy(&told).into_owned()
}

fn report(results: &[FileResult], covered: &[Covered], untested: &[PathBuf]) -> serde_json::Value {
    let files: Vec<_> = results
        .iter()
        .map(|result| {
            let cases: Vec<_> = result
                .cases
                .iter()
                .map(|case| {
                    json!({
                        "name": case.name,
                        "line": case.line,
                        "passed": case.failures.is_empty(),
                        "callMs": case.call_ms,
                        "failures": case.failures,
                    })
                })
                .collect();
            json!({ "file": result.file, "diagnostics": result.findings, "cases": cases })
        })
        .collect();
    let coverage: Vec<_> = covered
        .iter()
        .map(|one| json!({ "flow": one.flow.name(), "file": one.file, "coverage": one.coverage }))
        .collect();
    json!({
        "passed": passed(results),
        "failed": failed(results),
        "files": files,
        "coverage": coverage,
        "untested": untested,
    })
}

/// The results in the XML that build servers read.
fn junit(results: &[FileResult]) -> String {
    let broken = results.iter().filter(|result| !result.findings.is_empty()).count();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{}\" failures=\"{}\" errors=\"{broken}\">\n",
        cases(results).count(),
        failed(results)
    );
    for result in results {
        let file = escaped(&result.file.display().to_string());
        let _ = writeln!(xml, "  <testsuite name=\"{file}\" tests=\"{}\">", result.cases.len());
        if !result.findings.is_empty() {
            let _ = writeln!(xml, "    <system-err>{}</system-err>", escaped(&joined(&result.findings)));
        }
        for case in &result.cases {
            let name = escaped(&case.name);
            let seconds = case.call_ms as f64 / 1_000.0;
            let _ = write!(xml, "    <testcase classname=\"{file}\" name=\"{name}\" time=\"{seconds:.3}\"");
            if case.failures.is_empty() {
                xml.push_str("/>\n");
            } else {
                let message = case.failures.first().map_or("", |failure| failure.message.as_str());
                let _ = writeln!(
                    xml,
                    "><failure message=\"{}\">{}\n{}</failure></testcase>",
                    escaped(message),
                    escaped(&joined(&case.failures)),
                    escaped(&in_words(case))
                );
            }
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn joined(findings: &[Diagnostic]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn escaped(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: &str = "flow: a\nstart: s\nscenes: { s: [ { say: Hello }, { hangup: done } ] }\n";

    fn test(cases: &str, json: bool) -> (bool, String, String) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.yaml"), FLOW).unwrap();
        std::fs::write(folder.path().join("a.test.yaml"), cases).unwrap();
        let junit = folder.path().join("out.xml");
        let mut out = Vec::new();
        let test = Test {
            paths: vec![folder.path().to_owned()],
            filter: None,
            repeat: 1,
            log: false,
            junit: Some(junit.clone()),
            json,
        };
        let code = run(&test, &mut out).unwrap();
        let xml = std::fs::read_to_string(junit).unwrap();
        (code == ExitCode::SUCCESS, String::from_utf8(out).unwrap(), xml)
    }

    #[test]
    fn passing_cases_pass_and_a_failing_one_shows_its_place_and_its_call() {
        let good = "test: a.yaml\ncases: { greets: { expect: { outcome: done } } }\n";
        let (passed, shown, xml) = test(good, false);
        assert!(passed && shown.ends_with("1 test: 1 passed, 0 failed\n"), "{shown}");
        assert!(xml.contains("<testcase") && !xml.contains("<failure"), "{xml}");
        let bad = "test: a.yaml\ncases: { \"<x>\": { expect: { outcome: gone } } }\n";
        let (passed, shown, xml) = test(bad, false);
        assert!(!passed && shown.contains("a.test.yaml:2:38: error: the outcome is `done`"), "{shown}");
        assert!(shown.contains("bot    hangs up: done"), "{shown}");
        assert!(xml.contains("name=\"&lt;x&gt;\"") && xml.contains("<failure"), "{xml}");
    }

    #[test]
    fn flows_without_tests_and_what_tests_never_reach_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let asks = "flow: a\nstart: s\nscenes:\n  s:\n    - say: Hello\n    - ask: { say: Well?, choices: { \"1\": one, \"2\": two }, no_input: two, no_match: two }\n  one: [ { hangup: one } ]\n  two: [ { hangup: two } ]\n";
        std::fs::write(folder.path().join("a.yaml"), asks).unwrap();
        std::fs::write(folder.path().join("b.yaml"), FLOW).unwrap();
        let cases = "test: a.yaml\ncases: { one: { callee: [ { hears: Well }, { press: \"1\" } ], expect: { outcome: one } } }\n";
        std::fs::write(folder.path().join("a.test.yaml"), cases).unwrap();
        let shown = |json: bool| {
            let paths = vec![folder.path().to_owned()];
            let test = Test { paths, filter: None, repeat: 1, log: false, junit: None, json };
            let mut out = Vec::new();
            run(&test, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let text = shown(false);
        assert!(text.contains("a: tests reach 2 of 3 scenes, 1 of 2 answers"), "{text}");
        assert!(text.contains("scenes without a test: two\n"), "{text}");
        assert!(text.contains("answers without a test: s: 2\n"), "{text}");
        assert!(text.contains("no tests: ") && text.contains("b.yaml"), "{text}");
        let report: serde_json::Value = serde_json::from_str(&shown(true)).unwrap();
        assert_eq!(report["coverage"][0]["coverage"]["scenesMissed"][0], "two");
        assert!(report["untested"][0].as_str().is_some_and(|file| file.ends_with("b.yaml")));
    }

    #[test]
    fn a_file_of_tests_that_cannot_be_read_fails_with_its_findings() {
        let (passed, shown, xml) = test("test: a.yaml\ncase: {}\n", false);
        assert!(!passed && shown.contains("did you mean `cases`?"), "{shown}");
        assert!(xml.contains("errors=\"1\""), "{xml}");
    }

    #[test]
    fn a_flow_file_stands_for_the_tests_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (flow, tests) = (folder.path().join("a.yaml"), folder.path().join("a.test.yaml"));
        std::fs::write(&flow, FLOW).unwrap();
        assert_eq!(beside(&flow), flow, "there are none yet");
        std::fs::write(&tests, "").unwrap();
        assert_eq!((beside(&flow), beside(&tests)), (tests.clone(), tests));
    }

    #[test]
    fn json_holds_every_case() {
        let (_, shown, _) = test("test: a.yaml\ncases: { a: { expect: { outcome: gone } } }\n", true);
        let report: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!((report["passed"].as_u64(), report["failed"].as_u64()), (Some(0), Some(1)));
        assert_eq!(report["files"][0]["cases"][0]["line"], 2);
    }
}
