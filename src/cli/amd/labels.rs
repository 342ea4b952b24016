//! Predictions for a labelled corpus, one JSON line per case.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use callcore::amd::{Event, EventKind, Evidence, Options, Subtype};
use callcore::detect::Tone;
use serde::Serialize;

use crate::trials::analyse::{Analysis, audio_of, listen};
use crate::trials::cases::{self, Case};

#[derive(Serialize)]
struct Prediction<'a> {
    id: &'a str,
    events: Vec<Predicted<'a>>,
    /// When the bot might have begun to speak before the verdict, and when it would have stopped again.
    #[serde(skip_serializing_if = "Option::is_none")]
    likely_human_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doubted_ms: Option<u64>,
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
    subtype: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speech_end_ms: Option<u64>,
}

/// Writes the predictions for every case of the labels file to standard output.
pub(super) fn run(labels: &Path, options: &Options, with_words: bool) -> anyhow::Result<()> {
    let cases = cases::of_labels(labels, with_words)?;
    let began = Instant::now();
    let results = super::pool::over(&cases, None, |case| -> anyhow::Result<Analysis> {
        let audio = audio_of(&case.file, case.left)?;
        let locale = options.locale.clone().or_else(|| case.language.clone());
        Ok(listen(&audio, Options { locale, ..options.clone() }, &case.words))
    });
    let took = began.elapsed().as_secs_f64();
    let mut out = BufWriter::new(super::super::out());
    let (mut heard_ms, mut failed) = (0, 0);
    for (case, result) in cases.iter().zip(&results) {
        match result {
            Ok(analysis) => {
                heard_ms += analysis.evidence.heard_ms;
                serde_json::to_writer(&mut out, &prediction(case, analysis))?;
                out.write_all(b"\n").context("cannot write to standard output")?;
            }
            Err(error) => {
                failed += 1;
                super::tell_error(error);
            }
        }
    }
    out.flush().context("cannot write to standard output")?;
    if super::shows_progress() {
        let audio = heard_ms as f64 / 1000.0;
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

fn prediction<'a>(case: &'a Case, analysis: &'a Analysis) -> Prediction<'a> {
    let events = analysis.events.iter().map(|event| predicted(event, &analysis.tones)).collect();
    let Evidence { likely_human_ms, doubted_ms, .. } = analysis.evidence;
    Prediction { id: &case.id, events, likely_human_ms, doubted_ms }
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
        subtype: event.subtype.map(Subtype::as_str),
        speech_end_ms: event.speech_end_ms,
    }
}
