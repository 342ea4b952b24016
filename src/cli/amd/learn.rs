//! `dering amd learn`: weights of the verdict, fitted to the user's own labelled calls.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use callcore::amd::DecisionThresholds;
use serde_json::json;

use super::manner::params_of;
use crate::trials::learn::{Learned, learn};
use crate::trials::search::{RATIOS, Wanted};

/// Learn from your own labelled calls what each measure of a call should weigh in the verdict.
///
/// Where `tune` moves four numbers, this fits all weights: speech, silence, pauses, sound and words. It takes 50 people and 50
/// machines of 20 voices each at least. Every call is also judged by weights that were fitted without it and without its
/// speaker; when those do no better than today's, nothing is written. Let what is written run in shadow beside new calls
/// (`amd: { shadow: NAME }`) before you use it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Labelled calls, JSON lines as for replay; `speakers` keeps calls of one speaker together
    #[arg(long, value_name = "LABELS.jsonl", required_unless_present = "database")]
    labels: Option<PathBuf>,
    /// The calls that were labelled on the pages instead: the server's database
    #[arg(long, value_name = "FILE", conflicts_with = "labels")]
    database: Option<PathBuf>,
    /// Let the labels' words come as from a recogniser, a second after each utterance
    #[arg(long, requires = "labels")]
    with_words: bool,
    /// How many machines called people cost as much as one person called a machine
    #[arg(long, value_name = "RATIO", default_value_t = 8.0)]
    cost_ratio: f64,
    /// The parameters of today, to begin with and to do better than; the built-in ones unless said
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Write the parameters here
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many sets of times and costs to try with the weights
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..))]
    draws: u16,
    /// Threads; all cores unless said
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if !RATIOS.contains(&args.cost_ratio) {
        bail!("--cost-ratio must lie between 0.01 and 1000");
    }
    let today =
        args.params.as_deref().map(params_of).transpose()?.unwrap_or_else(DecisionThresholds::default);
    let cases = super::labelled(args.labels.as_deref(), args.database.as_deref(), args.with_words)?;
    let of = cases.len();
    let wanted = Wanted { cost_ratio: args.cost_ratio, draws: usize::from(args.draws), today };
    let learned = super::pool::with_bar(args.jobs, |pool| learn(cases, &wanted, pool))?;
    let learned = learned.context("learning was given up")?;
    let file = learned.file_text();
    if let Some(path) = &args.out {
        std::fs::write(path, &file).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let mut out = super::super::out();
    let text = if args.json { to_json(&learned).to_string() } else { report(&learned) };
    writeln!(out, "{text}").context("cannot write to standard output")?;
    match &args.out {
        _ if args.json => {}
        Some(path) => writeln!(
            out,
            "\nwritten to {0}; let it run beside new calls with `amd: {{ sets: {{ learned: {0} }}, shadow: learned }}` in dering.yaml",
            path.display()
        )
        .context("cannot write to standard output")?,
        None => writeln!(out, "\n{file}").context("cannot write to standard output")?,
    }
    let left_out = &learned.tuned.left_out;
    for (id, why) in left_out {
        super::super::note(&format!("dering amd: {id}: {why}"));
    }
    if left_out.is_empty() {
        return Ok(());
    }
    bail!("{} of {of} recordings could not be used", left_out.len())
}

fn report(learned: &Learned) -> String {
    let tuned = &learned.tuned;
    let trust = match learned.trust {
        Some(calls) => format!("the weights of today counted as {calls} calls"),
        None => "the weights stay as they are, only times and costs change".to_owned(),
    };
    let mut lines = vec![format!(
        "{} people, {} machines, one person called machine = {} machines called people; {trust}\n",
        tuned.people, tuned.machines, tuned.cost_ratio
    )];
    lines.extend(
        [
            ("today", &tuned.today),
            ("learned, calls not seen", &tuned.unseen),
            ("learned, all calls", &tuned.all),
        ]
        .map(|(name, line)| line.told(name)),
    );
    let [low, gain, high] = learned.gain;
    lines.push(format!("\ncalls not seen cost {gain:.1} less ({low:.1} to {high:.1})"));
    if !learned.is_proven() {
        lines.push(
            "NOT PROVEN: that may be chance. Let it run in shadow, or gather more labelled calls, before you use it."
                .to_owned(),
        );
    }
    lines.join("\n")
}

fn to_json(learned: &Learned) -> serde_json::Value {
    let [low, gain, high] = learned.gain;
    let mut object = serde_json::to_value(&learned.tuned).unwrap_or_default();
    object["trust"] = json!(learned.trust);
    object["gain"] = json!({ "value": gain, "low": low, "high": high });
    object["proven"] = json!(learned.is_proven());
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(labels: PathBuf) -> Args {
        Args {
            labels: Some(labels),
            database: None,
            with_words: false,
            cost_ratio: 8.0,
            params: None,
            out: None,
            draws: 3,
            jobs: None,
            json: false,
        }
    }

    /// Calls of so many people and machines, one voice each: what is said, and for how long.
    fn calls(folder: &std::path::Path, each: usize, said_ms: [u64; 2]) -> PathBuf {
        let silence = |ms: usize| vec![0_i16; ms * 8];
        let mut lines = String::new();
        for n in 0..each {
            for (label, said_ms) in ["human", "machine"].into_iter().zip(said_ms) {
                let name = format!("{label}{n}.wav");
                let said = callcore::testing::voice(said_ms + 20 * n as u64, 110.0 + n as f32);
                let audio = [silence(600), said, silence(3_000)].concat();
                let wav = callcore::audio::wav::write_8k(&[&audio]);
                std::fs::write(folder.join(&name), wav).unwrap();
                lines +=
                    &format!("{{\"file\":\"{name}\",\"label\":\"{label}\",\"speakers\":[\"{label}{n}\"]}}\n");
            }
        }
        let labels = folder.join("labels.jsonl");
        std::fs::write(&labels, lines).unwrap();
        labels
    }

    #[test]
    fn too_few_calls_are_refused_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let told = run(&args(calls(folder.path(), 6, [500, 900]))).unwrap_err().to_string();
        assert!(
            told.starts_with("6 people with 6 voices and 6 machines with 6 voices can be heard")
                && told.contains("takes 50 of each with 20 voices"),
            "{told}"
        );
    }

    #[test]
    fn what_calls_do_not_show_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("learned.yaml");
        // People and machines say the same.
        let labels = calls(folder.path(), 50, [500, 500]);
        let told = run(&Args { out: Some(out.clone()), ..args(labels) }).unwrap_err().to_string();
        assert!(told.contains("does not help on calls not seen") && !out.exists(), "{told}");
    }

    #[test]
    fn short_greetings_of_ones_own_machines_are_learned() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("learned.yaml");
        // Machines that say little more than a second, which is a person by the usual weights.
        let labels = calls(folder.path(), 50, [300, 1_700]);
        run(&Args { out: Some(out.clone()), cost_ratio: 1.0, draws: 12, ..args(labels) }).unwrap();
        let params = params_of(&out).unwrap();
        assert!(!params.weights.is_usual() && params.weights.check().is_ok(), "{params:?}");
    }
}
