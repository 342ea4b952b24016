//! `dering flow diff`: what differs between two versions of a flow.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use callcore::flow::{ChangeKind, diff};
use reqwest::Method;
use serde_json::json;

use super::counted;
use crate::cli::out::one_line;
use crate::cli::server::Server;

/// What to compare.
#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    /// The older one: a file, or a version of a server as `name@label` or `name@digest`.
    before: String,
    /// The newer one, written alike.
    after: String,
    /// Print the changes as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Compares and prints. Exit code 1 means that something differs.
///
/// # Errors
/// One of the two cannot be had or is no YAML.
pub(super) fn run(what: &Diff, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let (before, after) = (text(what, &what.before)?, text(what, &what.after)?);
    let changes = match diff((&what.before, &before), (&what.after, &after)) {
        Ok(changes) => changes,
        Err(findings) => {
            let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
            bail!("{}", shown.join("\n"));
        }
    };
    if what.json {
        writeln!(out, "{}", json!({ "before": what.before, "after": what.after, "changes": changes }))?;
    } else {
        for change in &changes {
            writeln!(out, "{}", one_line(&change.to_string()))?;
        }
        let count = |kind| changes.iter().filter(|change| change.kind == kind).count();
        let (added, removed) = (count(ChangeKind::Added), count(ChangeKind::Removed));
        let changed = count(ChangeKind::Changed);
        writeln!(
            out,
            "{}: {added} added, {removed} removed, {changed} changed",
            counted(changes.len(), "difference")
        )?;
    }
    Ok(if changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The text of a file, or of a version on the server.
fn text(what: &Diff, side: &str) -> anyhow::Result<String> {
    if Path::new(side).is_file() {
        return std::fs::read_to_string(side).with_context(|| format!("cannot read {side}"));
    }
    let Some((name, version)) = side.split_once('@') else {
        bail!("there is no file {side}; a version of a server is written name@label or name@digest");
    };
    let bytes = what.server.ask(Method::GET, &format!("/v1/flows/{name}/versions/{version}"), None)?;
    String::from_utf8(bytes).with_context(|| format!("{side} is not a text"))
}
