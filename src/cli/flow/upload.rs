//! `dering flow upload`: flows with their audio and their tests, sent to a server in one piece each.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use callcore::flow::parse_tests;
use reqwest::Method;
use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::files_at;
use super::versions::running;
use crate::cli::server::{Server, encoded, short};
use crate::flows::{Bundle, Check, Names, Usable, bundle_of_file, flow_files};

/// What to send and where.
#[derive(Debug, clap::Args)]
pub(super) struct Upload {
    /// Flow files, folders of them, or a zip that holds one flow with its audio.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Why this version was made; shown in the history.
    #[arg(long, short, default_value = "")]
    message: String,
    /// Point this label at the version, `production` for example.
    #[arg(long)]
    label: Option<String>,
    /// Take the version although its tests fail.
    #[arg(long)]
    no_tests: bool,
    #[command(flatten)]
    server: Server,
}

/// Checks everything first, then uploads it. Exit code 1 means that a flow has errors; nothing was sent then.
///
/// # Errors
/// A path cannot be read, or the server cannot be reached or refuses.
pub(super) fn run(upload: &Upload, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut ready: Vec<(String, Vec<u8>)> = Vec::new();
    let mut broken = false;
    let mut names = Names::default();
    for path in &upload.paths {
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip")) {
            let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let check = Check::default();
            let name = Bundle::read(&bytes, &check)
                .and_then(|bundle| bundle.check(&check))
                .map(|usable| usable.flow.name().to_owned());
            match name {
                Ok(name) => ready.push((name, bytes)),
                Err(crate::flows::Refused::Flow(findings)) => {
                    broken = true;
                    for finding in findings {
                        writeln!(out, "{finding}\n")?;
                    }
                }
                Err(refused) => bail!("{}: {refused}", path.display()),
            }
            continue;
        }
        for file in files_at(path, flow_files, "flow")? {
            let (usable, findings) = bundle_of_file(&file)?;
            let taken = usable.as_ref().and_then(|usable| names.claim(usable));
            broken |= taken.is_some();
            for finding in findings.iter().chain(&taken) {
                writeln!(out, "{finding}\n")?;
            }
            match usable {
                Some(usable) => ready.push((usable.flow.name().to_owned(), packed(&file, &usable)?)),
                None => broken = true,
            }
        }
    }
    if broken {
        writeln!(out, "nothing was uploaded: mend the errors first")?;
        return Ok(ExitCode::FAILURE);
    }
    for (name, bytes) in ready {
        writeln!(out, "{}", send(upload, &name, bytes)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn send(upload: &Upload, name: &str, bytes: Vec<u8>) -> anyhow::Result<String> {
    let mut path = format!("/v1/flows/{name}/versions?message={}", encoded(&upload.message));
    if let Some(label) = &upload.label {
        path.push_str(&format!("&label={}", encoded(label)));
    }
    if upload.no_tests {
        path.push_str("&tests=false");
    }
    let answer = upload.server.ask(Method::POST, &path, Some(("application/zip", bytes)))?;
    let answer: Value = serde_json::from_slice(&answer).context("the server did not answer in JSON")?;
    let digest = short(answer["digest"].as_str().unwrap_or_default());
    let new = if answer["new"].as_bool().unwrap_or_default() { "is new" } else { "was there already" };
    let tests = answer["testsPassed"].as_u64().unwrap_or_default();
    let tests = if tests == 0 { String::new() } else { format!(", {tests} tests passed") };
    Ok(format!("{digest} {new}{tests}; {}", running(&answer)))
}

/// The flow with the audio it plays, the flows it calls, its tests and their recordings, as a zip.
fn packed(file: &Path, usable: &Usable) -> anyhow::Result<Vec<u8>> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut paths = vec![name];
    paths.extend(usable.files().map(str::to_owned));
    let tests = format!("{stem}.test.yaml");
    if let Ok(text) = std::fs::read_to_string(folder.join(&tests)) {
        let parsed = parse_tests(&tests, &text);
        paths.push(tests);
        paths.extend(parsed.tests.iter().flat_map(|tests| tests.recordings().into_keys().map(str::to_owned)));
    }
    paths.sort_unstable();
    paths.dedup();
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for path in paths {
        let bytes = std::fs::read(folder.join(&path)).with_context(|| format!("cannot read {path}"))?;
        zip.start_file(path, SimpleFileOptions::default())?;
        zip.write_all(&bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}
