//! `dering flow check`: everything that is wrong with flow files, at once.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use callcore::flow::{Diagnostic, Severity};
use serde_json::json;

use super::{counted, files_at};
use crate::flows::{check_file, flow_files};
use crate::speech::tts::{self, Tts, TtsError};

/// What to check and how to show it.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Flow files, or folders of them.
    #[arg(default_value = "flows")]
    pub(super) paths: Vec<PathBuf>,
    /// Print the findings as one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

/// Checks the flows and prints what is wrong with them. Exit code 1 means that there are errors.
///
/// # Errors
/// A path cannot be read, or `out` is gone.
pub(super) fn run(check: &Check, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut files = Vec::new();
    for path in &check.paths {
        files.extend(files_at(path, flow_files, "flow")?);
    }
    let mut findings: Vec<Diagnostic> = Vec::new();
    let mut languages = BTreeSet::new();
    for file in &files {
        let checked = check_file(file)?;
        findings.extend(checked.diagnostics);
        let spoken = checked.stored.iter().flat_map(|stored| stored.flow.voices());
        languages.extend(spoken.map(|(language, _)| language.to_owned()));
    }
    let unspoken = unspoken(languages)?;
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    if check.json {
        let report = json!({
            "files": files,
            "errors": errors,
            "warnings": warnings,
            "diagnostics": findings,
            "voices": unspoken,
        });
        writeln!(out, "{report}")?;
    } else {
        for finding in &findings {
            writeln!(out, "{finding}\n")?;
        }
        for problem in &unspoken {
            writeln!(out, "note: {problem}\n")?;
        }
        let (flows, errors, warnings) =
            (counted(files.len(), "flow"), counted(errors, "error"), counted(warnings, "warning"));
        writeln!(out, "{flows} checked: {errors}, {warnings}")?;
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the voices that are everywhere cannot speak; another engine may.
fn unspoken(languages: BTreeSet<String>) -> anyhow::Result<Vec<String>> {
    if languages.is_empty() {
        return Ok(Vec::new());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tts = Tts::new(tts::Options::default());
    let mut problems = Vec::new();
    for language in languages {
        match runtime.block_on(tts.check(&language, None)) {
            Ok(()) => {}
            Err(error @ TtsError::Missing { .. }) => {
                problems.push(format!("texts cannot be spoken with the usual voices: {error}"));
                break;
            }
            Err(error) => {
                problems
                    .push(format!("texts in `{language}` cannot be spoken with the usual voices: {error}"));
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, json: bool) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("it.yaml");
        std::fs::write(&file, text).unwrap();
        let mut out = Vec::new();
        let code = run(&Check { paths: vec![folder.path().to_owned()], json }, &mut out).unwrap();
        (code == ExitCode::SUCCESS, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_good_flow_passes_and_a_bad_one_fails_with_its_place() {
        let (passed, shown) = check("flow: a\nstart: s\nscenes: { s: [ hangup ] }\n", false);
        assert_eq!((passed, shown.as_str()), (true, "1 flow checked: no errors, no warnings\n"));
        let (passed, shown) = check("flow: a\nstart: t\nscenes: { s: [ hangup ] }\n", false);
        assert!(!passed);
        assert!(shown.contains("it.yaml:2:8: error: there is no scene `t`"), "{shown}");
    }

    #[test]
    fn json_holds_every_finding_and_nothing_else_is_printed() {
        let (passed, shown) = check("flow: A\nscenes: 1\n", true);
        assert!(!passed);
        let report: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(report["errors"], report["diagnostics"].as_array().unwrap().len());
        assert_eq!(report["diagnostics"][0]["line"], 1);
    }

    #[test]
    fn a_path_that_does_not_exist_is_an_error() {
        let check = Check { paths: vec![PathBuf::from("no/such/flow.yaml")], json: false };
        assert!(run(&check, &mut Vec::new()).unwrap_err().to_string().contains("no/such/flow.yaml"));
    }
}
