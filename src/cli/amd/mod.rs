//! `dering amd`: runs the detector over recordings and prints what it says.

mod analyse;
mod explain;
mod labels;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use callcore::amd::Event;
use comfy_table::{Table, presets};

use analyse::Analysis;

/// Tell from recordings who answered: the events of answering-machine detection with their audio times.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// WAV files that begin at the moment of answer (any rate, any number of channels).
    #[arg(required_unless_present = "labels", conflicts_with = "labels")]
    files: Vec<PathBuf>,
    /// Run over every case of a labels file (JSON lines with `id` and `file`, paths relative to it) and
    /// write one prediction per line to standard output.
    #[arg(long, value_name = "LABELS.jsonl")]
    labels: Option<PathBuf>,
    /// Print JSON, one object per file.
    #[arg(long, conflicts_with = "labels")]
    json: bool,
    /// Print the evidence behind the verdict.
    #[arg(long, conflicts_with = "labels")]
    explain: bool,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or is not a WAV file with audio in it; the rest is still done.
pub fn run(args: Args) -> anyhow::Result<()> {
    if let Some(path) = &args.labels {
        return labels::run(path);
    }
    let mut out = std::io::stdout().lock();
    let mut failed = 0;
    for file in &args.files {
        match Analysis::of_file(file) {
            Ok(analysis) => print(&mut out, file, &analysis, &args)?,
            Err(error) => {
                failed += 1;
                tell_error(&error);
            }
        }
    }
    if failed > 0 {
        bail!("{failed} of {} files could not be analysed", args.files.len());
    }
    Ok(())
}

fn print(out: &mut impl Write, file: &Path, analysis: &Analysis, args: &Args) -> anyhow::Result<()> {
    if args.json {
        let mut object = serde_json::json!({ "file": file, "events": analysis.events });
        if args.explain {
            object["evidence"] = serde_json::to_value(&analysis.evidence)?;
        }
        return writeln!(out, "{object}").context("cannot write to standard output");
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header(["ms", "event", "reason", "who", "sure", "measured"]);
    for event in &analysis.events {
        table.add_row(row(event));
    }
    let seconds = analysis.evidence.heard_ms as f64 / 1000.0;
    writeln!(out, "{} ({seconds:.1} s)\n{table}", file.display())?;
    if args.explain {
        explain::write(out, &analysis.evidence)?;
    }
    Ok(())
}

fn row(event: &Event) -> [String; 6] {
    let word = |value: Option<serde_json::Value>| {
        value.and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let measured = match (&event.tone, event.speech_end_ms, event.speech_onset_ms) {
        (Some(tone), _, _) => explain::tone_in_words(tone),
        (None, Some(end), _) => format!("last word ended at {end}"),
        (None, None, Some(onset)) if event.kind.is_decision() => format!("speech began at {onset}"),
        (None, None, _) => String::new(),
    };
    [
        event.at_ms.to_string(),
        event.kind.as_str().to_owned(),
        word(event.reason.and_then(|r| serde_json::to_value(r).ok())),
        word(event.subtype.and_then(|s| serde_json::to_value(s).ok())),
        event.confidence.map(|c| format!("{:.0} %", c * 100.0)).unwrap_or_default(),
        measured,
    ]
}

/// Says what went wrong with one file without stopping the others.
fn tell_error(error: &anyhow::Error) {
    let mut err = std::io::stderr().lock();
    // Standard error may be closed; there is nobody left to tell then.
    drop(writeln!(err, "dering amd: {}", super::sentence(error)));
}

/// Whether progress may be drawn.
fn shows_progress() -> bool {
    std::io::stderr().is_terminal()
}
