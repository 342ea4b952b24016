//! Predictions for a labelled corpus, one JSON line per case.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use callcore::amd::{Event, EventKind, Subtype};
use callcore::detect::Tone;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::{Deserialize, Serialize};

use super::analyse::Analysis;

/// The part of a label that is needed here.
#[derive(Deserialize)]
struct Case {
    id: String,
    file: std::path::PathBuf,
}

#[derive(Serialize)]
struct Prediction<'a> {
    id: &'a str,
    events: Vec<Predicted<'a>>,
}

/// One event with the audio time at which it came, and what a scorer reads besides.
#[derive(Serialize)]
struct Predicted<'a> {
    event: &'a str,
    t_ms: u64,
    /// Of a beep: when it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    end_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speech_end_ms: Option<u64>,
}

/// Writes the predictions for every case of the labels file to standard output.
pub(super) fn run(labels: &Path) -> anyhow::Result<()> {
    let file = std::fs::File::open(labels).with_context(|| format!("cannot open {}", labels.display()))?;
    let folder = labels.parent().unwrap_or(Path::new("."));
    let cases = read_cases(BufReader::new(file), labels)?;
    let bar = ProgressBar::new(cases.len() as u64);
    if !super::shows_progress() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    let (began, mut heard_ms, mut failed) = (Instant::now(), 0, 0);
    for case in &cases {
        match Analysis::of_file(&folder.join(&case.file)) {
            Ok(analysis) => {
                heard_ms += analysis.evidence.heard_ms;
                serde_json::to_writer(&mut out, &prediction(case, &analysis))?;
                out.write_all(b"\n").context("cannot write to standard output")?;
            }
            Err(error) => {
                failed += 1;
                super::tell_error(&error);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    out.flush().context("cannot write to standard output")?;
    if super::shows_progress() {
        let (audio, took) = (heard_ms as f64 / 1000.0, began.elapsed().as_secs_f64());
        drop(writeln!(
            std::io::stderr(),
            "{} cases, {audio:.0} s of audio in {took:.1} s: {:.0} times real time",
            cases.len(),
            audio / took.max(1e-6)
        ));
    }
    if failed > 0 {
        bail!("{failed} of {} cases could not be analysed; they have no prediction", cases.len());
    }
    Ok(())
}

fn read_cases(reader: impl BufRead, labels: &Path) -> anyhow::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (number, line) in reader.lines().enumerate() {
        let line = line.with_context(|| format!("cannot read {}", labels.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        let case = serde_json::from_str(&line)
            .with_context(|| format!("{}, line {}: not a label", labels.display(), number + 1))?;
        cases.push(case);
    }
    if cases.is_empty() {
        bail!("{} holds no labels", labels.display());
    }
    Ok(cases)
}

fn prediction<'a>(case: &'a Case, analysis: &'a Analysis) -> Prediction<'a> {
    let events = analysis.events.iter().map(|event| predicted(event, &analysis.tones)).collect();
    Prediction { id: &case.id, events }
}

fn predicted<'a>(event: &'a Event, tones: &[Tone]) -> Predicted<'a> {
    let is_fax = event.kind == EventKind::MachineDetected && event.subtype == Some(Subtype::Fax);
    let end_ms =
        event.tone.and_then(|tone| tones.iter().find(|t| t.start_ms == tone.start_ms).and_then(|t| t.end_ms));
    Predicted {
        event: if is_fax { "amd_fax_detected" } else { event.kind.as_str() },
        t_ms: event.at_ms,
        end_ms,
        reason: event.reason.and_then(|r| serde_json::to_value(r).ok()),
        confidence: event.confidence,
        speech_end_ms: event.speech_end_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_label_is_named_by_its_line() {
        let text = "{\"id\":\"a\",\"file\":\"a.wav\"}\n\nnonsense\n";
        let error = read_cases(text.as_bytes(), Path::new("labels.jsonl")).err().expect("line 3 is bad");
        assert!(format!("{error:#}").contains("labels.jsonl, line 3"), "{error:#}");
    }
}
