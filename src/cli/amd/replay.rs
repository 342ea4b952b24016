//! `dering amd replay`: other parameters over recorded calls, and which verdicts flip.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use callcore::amd::{Options, Trace};
use serde_json::json;

use super::manner::Manner;
use crate::trials::analyse::audio_of;
use crate::trials::cases::{self, Case};
use crate::trials::replay::{again, outcome_of};
use crate::trials::{Outcome, Score, Verdict};

/// Run today's or other parameters over recorded calls: which verdicts flip, and with labels how good they are.
///
/// Verdicts are compared with those of the time of the call where they are known (a database, or NAME.json
/// beside NAME.wav), else with what today's parameters say.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of WAV files (of two channels the left one, as in our recordings); NAME.json beside NAME.wav
    /// may hold the call's evidence or {"label": "human"}, NAME.trace.json what the call's detector was fed, so
    /// that it replays exactly
    #[arg(required_unless_present_any = ["labels", "database"])]
    folder: Option<PathBuf>,
    /// Labels file instead: JSON lines with `file` and what is known of it: id, label (human, machine, fax,
    /// no_speech), language, subtype, degradations, speakers, words
    #[arg(long, value_name = "LABELS.jsonl", conflicts_with = "folder")]
    labels: Option<PathBuf>,
    /// The server's database instead: its recorded calls with the verdicts they had
    #[arg(long, value_name = "FILE", conflicts_with_all = ["folder", "labels"])]
    database: Option<PathBuf>,
    /// Let the labels' words come as from a recogniser, a second after each utterance
    #[arg(long, requires = "labels")]
    with_words: bool,
    /// Threads; all cores unless said
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    manner: Manner,
}

/// A verdict that is not what it was.
struct Flip<'a> {
    case: &'a Case,
    before: Verdict,
    after: &'a Outcome,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let cases = match (&args.labels, &args.database, &args.folder) {
        (Some(labels), _, _) => cases::of_labels(labels, args.with_words)?,
        (_, Some(database), _) => cases::of_database(database)?,
        (_, _, Some(folder)) => cases::of_folder(folder)?,
        (None, None, None) => bail!("name a folder, --labels or --database"),
    };
    let options = args.manner.options()?;
    let today = (!args.manner.is_usual() && !args.manner.has_model())
        .then(|| Options { locale: options.locale.clone(), ..Options::default() });
    let results = super::pool::over(&cases, args.jobs, |case| judge(case, &options, today.as_ref()));
    let mut failed = 0;
    let mut outcomes = Vec::with_capacity(cases.len());
    let mut before = Vec::with_capacity(cases.len());
    for (case, result) in cases.iter().zip(results) {
        match result {
            Ok((outcome, usual)) => {
                before.push(case.before.or(usual));
                outcomes.push(Some(outcome));
            }
            Err(error) => {
                failed += 1;
                super::tell_error(&error);
                before.push(None);
                outcomes.push(None);
            }
        }
    }
    let flips: Vec<Flip<'_>> = cases
        .iter()
        .zip(&outcomes)
        .zip(&before)
        .filter_map(|((case, after), before)| {
            let (after, before) = (after.as_ref()?, (*before)?);
            (before != after.verdict).then_some(Flip { case, before, after })
        })
        .collect();
    let compared = before.iter().flatten().count();
    let score = Score::of(&cases, &outcomes);
    let mut out = super::super::out();
    let text = if args.json {
        to_json(&cases, &outcomes, &flips, score.as_ref()).to_string()
    } else {
        told(cases.len() - failed, compared, &flips, score.as_ref())
    };
    writeln!(out, "{text}").context("cannot write to standard output")?;
    if failed > 0 {
        bail!("{failed} of {} recordings could not be used", cases.len());
    }
    Ok(())
}

fn judge(
    case: &Case,
    options: &Options,
    today: Option<&Options>,
) -> anyhow::Result<(Outcome, Option<Verdict>)> {
    let audio = audio_of(&case.file, case.left)?;
    // Today's parameters over a call with a trace are those of the call.
    let usual = |usual: &Options, trace: Option<&Trace>| {
        trace.map_or_else(|| usual.clone(), |trace| trace.options.clone())
    };
    let before = match today {
        Some(today) if case.before.is_none() => {
            let said = again(case, &audio, &|trace| usual(today, trace));
            Some(Verdict::of_events(&said.events).0)
        }
        Some(_) | None => None,
    };
    let said = again(case, &audio, &|trace| match trace {
        Some(trace) if today.is_some() => trace_options(options, trace),
        trace => usual(options, trace),
    });
    Ok((outcome_of(case, &said), before))
}

/// `options` for a call whose language and word count are known.
fn trace_options(options: &Options, trace: &Trace) -> Options {
    Options {
        locale: options.locale.clone().or_else(|| trace.options.locale.clone()),
        threshold_word_count: trace.options.threshold_word_count,
        ..options.clone()
    }
}

fn told(judged: usize, compared: usize, flips: &[Flip<'_>], score: Option<&Score>) -> String {
    let mut lines = Vec::new();
    match (compared, flips.len()) {
        (0, _) => lines.push(format!("{judged} recordings; no verdict of before to compare with")),
        (_, 0) => lines.push(format!("{judged} recordings; none of {compared} verdicts flips")),
        (_, some) => lines.push(format!("{judged} recordings; {some} of {compared} verdicts flip:")),
    }
    for flip in flips {
        let judgement = match flip.case.label {
            Some(label) if label == flip.after.verdict => "  now right",
            Some(label) if label == flip.before => "  NOW WRONG",
            Some(_) => "  wrong before and now",
            None => "",
        };
        let at = flip.after.at_ms.map(|at| format!(" at {at} ms")).unwrap_or_default();
        lines
            .push(format!("  {:<36} {} -> {}{at}{judgement}", flip.case.id, flip.before, flip.after.verdict));
    }
    if let Some(score) = score {
        lines.push(format!("\n{}", score.told()));
    }
    lines.join("\n")
}

fn to_json(
    cases: &[Case],
    outcomes: &[Option<Outcome>],
    flips: &[Flip<'_>],
    score: Option<&Score>,
) -> serde_json::Value {
    let results = cases.iter().zip(outcomes).map(|(case, outcome)| {
        json!({
            "id": case.id,
            "label": case.label,
            "verdict": outcome.as_ref().map(|o| o.verdict),
            "atMs": outcome.as_ref().and_then(|o| o.at_ms),
            "latencyMs": outcome.as_ref().and_then(|o| o.latency_ms),
            "firstWordMs": outcome.as_ref().and_then(|o| o.first_word_ms),
            "falseStartMs": outcome.as_ref().and_then(|o| o.false_start_ms),
        })
    });
    let flips = flips.iter().map(|flip| {
        json!({
            "id": flip.case.id, "label": flip.case.label, "before": flip.before,
            "after": flip.after.verdict, "atMs": flip.after.at_ms,
        })
    });
    json!({ "results": results.collect::<Vec<_>>(), "flips": flips.collect::<Vec<_>>(), "score": score })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flip_says_whether_it_is_for_the_better() {
        let case = |label| Case { id: "c1".into(), label: Some(label), ..Case::default() };
        let (right, wrong) = (case(Verdict::Human), case(Verdict::Machine));
        let after = Outcome { at_ms: Some(1500), latency_ms: Some(400), ..Outcome::new(Verdict::Human) };
        let flip = |case| Flip { case, before: Verdict::Machine, after: &after };
        let text = told(2, 2, &[flip(&right), flip(&wrong)], None);
        assert!(text.contains("2 of 2 verdicts flip"), "{text}");
        assert!(
            text.contains("machine -> human at 1500 ms  now right") && text.contains("NOW WRONG"),
            "{text}"
        );
    }
}
