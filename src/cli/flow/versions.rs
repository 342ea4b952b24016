//! `dering flow history`, `label` and `rollback`: which versions a server has, and which one runs.

use std::io::Write;
use std::process::ExitCode;

use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::out::one_line;
use crate::cli::server::{Server, short};

/// What to list.
#[derive(Debug, clap::Args)]
pub(super) struct History {
    /// The flow's name; without it, every flow.
    name: Option<String>,
    /// Print the server's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// What to label.
#[derive(Debug, clap::Args)]
pub(super) struct Label {
    /// The flow's name.
    name: String,
    /// The label, such as `production`, which a plain name runs.
    label: String,
    /// The version: another label, or the beginning of a digest.
    #[arg(required_unless_present = "remove", value_name = "VERSION")]
    wanted: Option<String>,
    /// Take the label away.
    #[arg(long, conflicts_with = "wanted")]
    remove: bool,
    #[command(flatten)]
    server: Server,
}

/// What to go back to.
#[derive(Debug, clap::Args)]
pub(super) struct Rollback {
    /// The flow's name.
    name: String,
    /// The version: a label, or the beginning of a digest. Without it, the one that ran before.
    #[arg(value_name = "VERSION")]
    wanted: Option<String>,
    #[command(flatten)]
    server: Server,
}

/// Lists versions, newest first; `*` marks the one that runs.
///
/// # Errors
/// The server cannot be reached or refuses.
pub(super) fn history(history: &History, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let path = match &history.name {
        Some(name) => format!("/v1/flows/{name}/versions"),
        None => "/v1/flows".to_owned(),
    };
    let answer = history.server.ask_json(Method::GET, &path, None)?;
    if history.json {
        writeln!(out, "{answer}")?;
    } else if history.name.is_some() {
        out.write_all(versions(&answer).as_bytes())?;
    } else {
        out.write_all(flows(&answer).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Points a label at a version, or takes it away.
///
/// # Errors
/// The server cannot be reached or refuses.
pub(super) fn label(label: &Label, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let path = format!("/v1/flows/{}/labels/{}", label.name, label.label);
    let answer = match &label.wanted {
        Some(version) => label.server.ask_json(Method::PUT, &path, Some(&json!({ "version": version })))?,
        None => label.server.ask_json(Method::DELETE, &path, None)?,
    };
    writeln!(out, "{}", running(&answer))?;
    Ok(ExitCode::SUCCESS)
}

/// Goes back.
///
/// # Errors
/// The server cannot be reached or refuses.
pub(super) fn roll_back(rollback: &Rollback, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let path = format!("/v1/flows/{}/rollback", rollback.name);
    let body = rollback.wanted.as_ref().map(|version| json!({ "version": version }));
    let answer = rollback.server.ask_json(Method::POST, &path, body.as_ref())?;
    writeln!(out, "{}; calls under way keep the version they began with", running(&answer))?;
    Ok(ExitCode::SUCCESS)
}

/// What a plain name runs, in a sentence.
pub(super) fn running(answer: &Value) -> String {
    let text = |value: &Value| one_line(value.as_str().unwrap_or_default());
    let (flow, runs) = (text(&answer["flow"]), &answer["runs"]);
    format!("`{flow}` runs {} ({})", short(&text(&runs["digest"])), text(&runs["label"]))
}

fn versions(answer: &Value) -> String {
    let mut shown = String::new();
    for version in answer["versions"].as_array().into_iter().flatten() {
        let text = |field: &str| one_line(version[field].as_str().unwrap_or_default());
        let mark = if version["runs"].as_bool().unwrap_or_default() { '*' } else { ' ' };
        let labels: Vec<String> = version["labels"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(one_line)
            .collect();
        let labels = if labels.is_empty() { String::new() } else { format!("  [{}]", labels.join(", ")) };
        let created = text("created").get(..16).unwrap_or_default().replace('T', " ");
        let line = format!(
            "{mark} {}  {created}  {:<12} {}{labels}",
            short(&text("digest")),
            text("author"),
            text("message")
        );
        shown.push_str(line.trim_end());
        shown.push('\n');
    }
    shown
}

fn flows(answer: &Value) -> String {
    let mut shown = String::new();
    for flow in answer["flows"].as_array().into_iter().flatten() {
        let count = flow["versions"].as_u64().unwrap_or_default();
        let versions = super::counted(usize::try_from(count).unwrap_or_default(), "version");
        shown.push_str(&format!("{}, {versions}\n", running(flow)));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_and_moves_nothing() {
        let version = json!({ "digest": "abcdef0123456789", "author": "ann", "created": "2026-11-21T03:04:05.678Z",
            "message": "fix\r\n* 0123456789ab  forged\u{1b}[2J", "labels": [], "runs": false });
        let shown = versions(&json!({ "versions": [version] }));
        assert_eq!(shown.lines().count(), 1, "{shown}");
        assert!(shown.contains(r"fix\r\n* 0123456789ab  forged\u{1b}[2J"), "{shown}");
    }

    #[test]
    fn a_history_marks_what_runs_and_names_labels_and_authors() {
        let answer = json!({ "flow": "a", "runs": { "digest": "abcdef0123456789", "label": "latest" }, "versions": [
            { "digest": "abcdef0123456789", "author": "ann", "message": "shorter greeting", "created": "2026-11-21T03:04:05.678Z",
              "labels": ["latest"], "runs": true },
            { "digest": "0123456789abcdef", "author": "folder", "message": "", "created": "2026-11-20T03:04:05.678Z",
              "labels": [], "runs": false },
        ] });
        insta::assert_snapshot!(versions(&answer));
        assert_eq!(running(&answer), "`a` runs abcdef012345 (latest)");
    }
}
