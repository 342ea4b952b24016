//! `dering flow check`: everything that is wrong with flow files, at once.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use callcore::flow::{Diagnostic, Ears, Flow, Outcome, Severity};
use serde_json::json;

use super::{counted, files_at};
use crate::flows::{Names, bundle_of_file, draft_of_file, flow_files};
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
    let mut voices: BTreeSet<(String, Option<String>)> = BTreeSet::new();
    let mut unheard = Vec::new();
    let settings = crate::cli::configuration(None).map(|config| config.speech_to_text);
    let ears = settings.map_or(Ears::Deaf, |settings| crate::app::ears(&settings));
    let mut names = Names::default();
    for file in &files {
        let (usable, found) = bundle_of_file(file)?;
        findings.extend(found);
        let read = match usable {
            Some(usable) => Some((usable.flow, usable.text)),
            None => draft_of_file(file)?.map(|(flow, text)| (Arc::new(flow), text)),
        };
        let Some((flow, text)) = read else { continue };
        findings.extend(names.claim_for(&flow, file, &text));
        unheard.extend(needs_ears(&flow, ears));
        let spoken = flow.voices();
        voices.extend(
            spoken.into_iter().map(|(language, voice)| (language.to_owned(), voice.map(str::to_owned))),
        );
    }
    let unspoken = unspoken(voices)?;
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    if check.json {
        let report = json!({
            "files": files,
            "errors": errors,
            "warnings": warnings,
            "diagnostics": findings,
            "voices": unspoken,
            "unheard": unheard,
        });
        writeln!(out, "{report}")?;
    } else {
        for finding in &findings {
            if colours {
                writeln!(out, "{}\n", finding.coloured())?;
            } else {
                writeln!(out, "{finding}\n")?;
            }
        }
        for problem in unheard.iter().chain(&unspoken) {
            writeln!(out, "note: {problem}\n")?;
        }
        let (flows, errors, warnings) =
            (counted(files.len(), "flow"), counted(errors, "error"), counted(warnings, "warning"));
        writeln!(out, "{flows} checked: {errors}, {warnings}")?;
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What of a flow comes to nothing where no more is heard of words than `ears` hear.
fn needs_ears(flow: &Flow, ears: Ears) -> Option<String> {
    let (scenes, verdicts) = (flow.scenes_unheard(ears), flow.verdicts_unheard(ears));
    let (what, lacks) = match ears {
        Ears::Answers => ("any words", "the one here hears only answers that a question knows"),
        Ears::Deaf | Ears::Words => ("words only", "there is none here"),
    };
    let mut needs = Vec::new();
    if !scenes.is_empty() {
        needs.push(format!("the questions of {} take {what}", scenes.join(", ")));
    }
    if !verdicts.is_empty() {
        let verdicts: Vec<&str> = verdicts.into_iter().map(Outcome::as_str).collect();
        needs.push(format!("{} are told from a mailbox by their words", verdicts.join(", ")));
    }
    let (name, needs) = (flow.name(), needs.join(", and "));
    (!needs.is_empty()).then(|| {
        format!("`{name}` needs a recogniser, and {lacks}: {needs}; `dering models fetch base` brings one")
    })
}

/// What the voices that are everywhere cannot speak; another engine may.
fn unspoken(voices: BTreeSet<(String, Option<String>)>) -> anyhow::Result<Vec<String>> {
    if voices.is_empty() {
        return Ok(Vec::new());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tts = Tts::new(tts::Options::default());
    let mut problems = Vec::new();
    for (language, voice) in voices {
        match runtime.block_on(tts.check(&language, voice.as_deref())) {
            Ok(()) => {}
            Err(error @ TtsError::Missing { .. }) => {
                problems.push(format!("texts cannot be spoken with the usual voices: {error}"));
                break;
            }
            Err(error) => {
                let voice = voice.map(|voice| format!(" in the voice `{voice}`")).unwrap_or_default();
                problems.push(format!(
                    "texts in `{language}`{voice} cannot be spoken with the usual voices: {error}"
                ));
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
    fn two_files_with_one_name_are_an_error_and_a_voice_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let flow =
            "flow: a\nstart: s\nscenes: { s: [ { say: [ { say: Hi, voice: nobody-has-it } ] }, hangup ] }\n";
        for name in ["one.yaml", "two.yaml"] {
            std::fs::write(folder.path().join(name), flow).unwrap();
        }
        let mut out = Vec::new();
        let code = run(&Check { paths: vec![folder.path().to_owned()], json: false }, &mut out).unwrap();
        let shown = String::from_utf8(out).unwrap();
        assert!(
            code == ExitCode::FAILURE && shown.contains("two.yaml:1:7: error: the flow `a` is already in"),
            "{shown}"
        );
        assert!(
            shown.contains("in the voice `nobody-has-it` cannot be spoken") || shown.contains("usual voices"),
            "{shown}"
        );
    }

    #[test]
    fn a_flow_says_what_of_it_needs_ears() {
        let with = |text: &str, ears| needs_ears(&callcore::flow::parse("f.yaml", text).flow.unwrap(), ears);
        let needs = |text: &str| with(text, Ears::Deaf);
        let by_words = "flow: a\nstart: s\nscenes: { s: [ { ask: { say: A?, choices: { sales: t } } } ], t: [ hangup ] }\n";
        assert!(needs(by_words).is_some_and(|need| need.contains("the questions of s take words only")));
        assert_eq!(with(by_words, Ears::Answers), None, "a choice is an answer that the question knows");
        let any = "flow: a\nstart: s\nscenes: { s: [ { listen: { into: x, goto: t } } ], t: [ hangup ] }\nvariables: { x: text }\n";
        let need = with(any, Ears::Answers).expect("words that no question knows");
        assert!(need.contains("take any words") && need.contains("hears only answers"), "{need}");
        assert_eq!(with(any, Ears::Words), None);
        let by_keys = by_words.replace("sales", "'1'");
        assert_eq!(needs(&by_keys), None);
        let told = "flow: a\namd: { on: { human: t, machine: t, screening: s } }\nscenes: { s: [ hangup ], t: [ hangup ] }\nstart: t\n";
        assert!(
            needs(told).is_some_and(|need| need.contains("screening are told") || need.contains("screening"))
        );
        assert!(with(told, Ears::Answers).is_some() && with(told, Ears::Words).is_none());
        assert_eq!(needs(&told.replace(", screening: s", "").replace("s: [ hangup ], ", "")), None);
    }

    #[test]
    fn one_mistake_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let flow = "flow: a\nlanguage: en\nstart: s\nscenes:\n  s:\n    - play: missing.wav\n    - say: { text: x, voice: \
                    nobody-has-it }\n    - say: 'Hi {{ nmae }}'\n    - sya: x\n    - hangup\n";
        for name in ["one.yaml", "two.yaml"] {
            std::fs::write(folder.path().join(name), flow).unwrap();
        }
        let mut out = Vec::new();
        run(&Check { paths: vec![folder.path().to_owned()], json: false }, &mut out).unwrap();
        let shown = String::from_utf8(out).unwrap();
        for told in ["no audio file `missing.wav`", "`nmae`", "`sya`", "the flow `a` is already in"] {
            assert!(shown.contains(told), "{told}: {shown}");
        }
        assert!(shown.contains("`nobody-has-it`") || shown.contains("usual voices"), "{shown}");
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
