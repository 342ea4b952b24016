//! Broken flows and what is said about them. Every fixture has its messages beside it.

use std::path::{Path, PathBuf};

use super::{Severity, parse};

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
