//! `dering amd learn`: weights of the verdict, fitted to the user's own labelled calls.

use super::asked::{Asked, figures};
use crate::trials::learn::learn;
use crate::trials::{Learned, Tuned};

/// Learn from your own labelled calls what each measure of a call should weigh in the verdict.
///
/// Where `tune` moves four numbers, this fits all weights: speech, silence, pauses, sound and words. It takes 50 people and 50
/// machines of 20 voices each at least. Every call is also judged by weights that were fitted without it and without its
/// speaker; when those do no better than today's, nothing is written. Let what is written run in shadow beside new calls
/// (`amd: { shadow: NAME }`) before you use it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    asked: Asked,
    /// How many sets of times and costs to try with the weights
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..))]
    draws: u16,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let use_it =
        "let it run beside new calls with `amd: { sets: { learned: {0} }, shadow: learned }` in dering.yaml";
    args.asked.find(args.draws, learn, report, use_it)
}

fn report(tuned: &Tuned) -> String {
    let Tuned { people, machines, cost_ratio, learned, .. } = tuned;
    let trust = match learned.and_then(|learned| learned.trust) {
        Some(calls) => format!("the weights of today counted as {calls} calls"),
        None => "the weights stay as they are, only times and costs change".to_owned(),
    };
    let mut lines = vec![format!(
        "{people} people, {machines} machines, one person called machine = {cost_ratio} machines called people; {trust}\n"
    )];
    lines.extend(figures(tuned, "learned"));
    if let Some(learned) = learned {
        let Learned { gain, gain_low, gain_high, .. } = learned;
        lines.push(format!("\ncalls not seen cost {gain:.1} less ({gain_low:.1} to {gain_high:.1})"));
        if !learned.is_proven() {
            lines.push(
                "NOT PROVEN: that may be chance. Let it run in shadow, or gather more labelled calls, before you use it."
                    .to_owned(),
            );
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::manner::params_of;
    use super::*;

    fn args(labels: PathBuf) -> Args {
        Args { asked: Asked::of(labels), draws: 3 }
    }

    fn writing(out: &Path, cost_ratio: f64, args: Args) -> Args {
        Args { asked: Asked { out: Some(out.to_owned()), cost_ratio, ..args.asked }, ..args }
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
        let told = run(&writing(&out, 8.0, args(labels))).unwrap_err().to_string();
        assert!(told.contains("does not help on calls not seen") && !out.exists(), "{told}");
    }

    #[test]
    fn short_greetings_of_ones_own_machines_are_learned() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("learned.yaml");
        // Machines that say little more than a second, which is a person by the usual weights.
        let labels = calls(folder.path(), 50, [300, 1_700]);
        run(&writing(&out, 1.0, Args { draws: 12, ..args(labels) })).unwrap();
        let params = params_of(&out).unwrap();
        assert!(!params.weights.is_usual() && params.weights.check().is_ok(), "{params:?}");
    }
}
