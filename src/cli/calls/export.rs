//! Calls as a file for spreadsheets or programs, page by page.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::Value;

use super::narrow::Narrow;
use super::shown::text;
use crate::cli::admin::Reach;
use crate::cli::out::{out, private_file, spare};
use crate::cli::server::encoded;
use crate::sheets::{Cell, Format, Row, file};
use crate::wallclock::iso;

/// Calls of a page.
const PAGE: u32 = 500;
const HEAD: &[&str] = &[
    "call",
    "created_utc",
    "direction",
    "number",
    "flow",
    "version",
    "trunk",
    "bot",
    "state",
    "disposition",
    "cause",
    "verdict",
    "kind",
    "verdict_ms",
    "outcome",
    "last_checkpoint",
    "message_left",
    "answered_utc",
    "ended_utc",
    "metadata",
];

/// What is written where.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    #[command(flatten)]
    narrow: Narrow,
    /// Write comma-separated values to a file; without --csv and --xlsx they go to standard output
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write a workbook
    #[arg(long, value_name = "FILE", conflicts_with = "csv")]
    xlsx: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
}

/// A page that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
struct Failed(anyhow::Error);

async fn page(
    reach: &Reach,
    narrow: &str,
    after: Option<String>,
) -> anyhow::Result<(Vec<Value>, Option<String>)> {
    let after = after.map_or_else(String::new, |after| format!("&after={}", encoded(&after)));
    let mut page = reach.ask(Method::GET, &format!("/v1/calls?limit={PAGE}{narrow}{after}"), None).await?;
    let next = page["next"].as_str().map(str::to_owned);
    let calls = page["calls"].as_array_mut().map(std::mem::take).unwrap_or_default();
    Ok((calls, next))
}

/// Writes the calls; what was done, in words, where it did not go to standard output.
///
/// # Errors
/// When the server refuses, or a file cannot be written.
pub(super) async fn run(reach: &Reach, export: &Export, as_json: bool) -> anyhow::Result<Option<String>> {
    let narrow = export.narrow.parameters();
    let target = export.xlsx.as_ref().or(export.csv.as_ref());
    if as_json && target.is_some() {
        bail!("--json goes to standard output: leave out --csv and --xlsx, or --json");
    }
    if let Some(path) = target {
        spare(path, export.force)?;
    }
    if as_json {
        let mut after = None;
        loop {
            let (calls, next) = page(reach, &narrow, after).await?;
            let lines: String = calls.iter().map(|call| format!("{call}\n")).collect();
            out().write_all(lines.as_bytes())?;
            after = next;
            if after.is_none() {
                return Ok(None);
            }
        }
    }
    let format = if export.xlsx.is_some() { Format::Xlsx } else { Format::Csv };
    let narrow = narrow.as_str();
    let rows = move |after: Option<String>| async move {
        let (calls, next) = page(reach, narrow, after).await.map_err(Failed)?;
        Ok::<_, Failed>((calls.iter().map(row).collect(), next.map(Some)))
    };
    let mut bytes = Box::pin(file(format, HEAD, None, rows));
    let Some(path) = target else {
        while let Some(part) = bytes.next().await {
            out().write_all(&part?)?;
        }
        return Ok(None);
    };
    let unwritable = || format!("cannot write {}", path.display());
    let part = PathBuf::from(format!("{}.part", path.display()));
    let written = async {
        let mut opened = private_file(&part)?;
        let mut size = 0;
        while let Some(more) = bytes.next().await {
            let more = more?;
            opened.write_all(&more)?;
            size += more.len();
        }
        opened.sync_all()?;
        std::fs::rename(&part, path)?;
        Ok::<usize, std::io::Error>(size)
    };
    match written.await {
        Ok(size) => Ok(Some(format!("{}: {size} bytes\n", path.display()))),
        Err(error) => {
            drop(std::fs::remove_file(&part));
            Err(error).with_context(unwritable)
        }
    }
}

fn row(call: &Value) -> Row {
    let own = |name: &str| Cell::from(text(call, name));
    let moment = |name: &str| Cell::from(call[name].as_i64().map(iso));
    let number = if text(call, "direction") == "inbound" { own("caller") } else { own("target") };
    let amd = |name: &str| Cell::from(text(&call["amd"], name));
    let metadata = call["metadata"].as_object().filter(|metadata| !metadata.is_empty());
    vec![
        own("callId"),
        moment("createdMs"),
        own("direction"),
        number,
        own("flow"),
        own("flowDigest"),
        own("trunk"),
        own("botId"),
        own("state"),
        own("disposition"),
        call["causeCode"].as_i64().into(),
        amd("event"),
        amd("subtype"),
        call["amd"]["atMs"].as_i64().into(),
        own("outcome"),
        own("lastCheckpoint"),
        call["messageLeft"].as_bool().map(|left| left.to_string()).into(),
        moment("answeredMs"),
        moment("endedMs"),
        metadata.map(|metadata| Value::Object(metadata.clone()).to_string()).into(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_has_a_cell_for_every_title() {
        let row =
            row(&json!({ "callId": "c1", "direction": "inbound", "caller": "+15550001", "metadata": {},
            "createdMs": 0, "messageLeft": true }));
        assert_eq!(row.len(), HEAD.len());
        assert_eq!((&row[3], &row[16]), (&Cell::from("+15550001"), &Cell::from("true")));
        assert_eq!((&row[1], &row[19]), (&Cell::from("1970-01-01T00:00:00.000Z"), &Cell::Empty));
    }
}
