//! `dering flow`: what an author does with flow files.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use callcore::flow::{Diagnostic, Severity};
use serde_json::json;

use crate::flows::{check_file, flow_files};

/// Work on flow files.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check flows and show everything that is wrong with them.
    Check(Check),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// Flow files, or folders of them.
    #[arg(default_value = "flows")]
    paths: Vec<PathBuf>,
    /// Print the findings as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command. Exit code 1 means that a flow has errors.
///
/// # Errors
/// A path cannot be read, or standard output is gone.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Check(check) => run_check(&check, &mut std::io::stdout().lock()),
    }
}

fn run_check(check: &Check, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut files = Vec::new();
    for path in &check.paths {
        files.extend(flows_at(path)?);
    }
    let mut findings: Vec<Diagnostic> = Vec::new();
    for file in &files {
        findings.extend(check_file(file)?.diagnostics);
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    if check.json {
        let report = json!({
            "files": files,
            "errors": errors,
            "warnings": warnings,
            "diagnostics": findings,
        });
        writeln!(out, "{report}")?;
    } else {
        for finding in &findings {
            writeln!(out, "{finding}\n")?;
        }
        let (flows, errors, warnings) =
            (counted(files.len(), "flow"), counted(errors, "error"), counted(warnings, "warning"));
        writeln!(out, "{flows} checked: {errors}, {warnings}")?;
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn flows_at(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = flow_files(path)?;
    if files.is_empty() {
        anyhow::bail!("there is no flow file (`.yaml`) in {}", path.display());
    }
    Ok(files)
}

fn counted(n: usize, what: &str) -> String {
    match n {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, json: bool) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("it.yaml");
        std::fs::write(&file, text).unwrap();
        let mut out = Vec::new();
        let code = run_check(&Check { paths: vec![folder.path().to_owned()], json }, &mut out).unwrap();
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
        assert!(run_check(&check, &mut Vec::new()).unwrap_err().to_string().contains("no/such/flow.yaml"));
    }
}
