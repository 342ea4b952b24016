//! `dering amd tune`: parameters for a stated cost ratio, searched on the user's own labelled calls.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use callcore::amd::DecisionThresholds;

use crate::trials::Tuned;
use crate::trials::search::{RATIOS, Wanted, search};

/// Search parameters on your own labelled calls, for what the two errors cost you.
///
/// Four numbers are searched: how far the odds are shifted, what waiting costs, how long a person must be silent, and how
/// long a machine must have spoken. Every call is also judged by parameters that were searched without it
/// and without its speaker; those figures are the ones to believe.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Labelled calls, JSON lines as for replay; `speakers` keeps calls of one speaker together
    #[arg(long, value_name = "LABELS.jsonl", required_unless_present = "database")]
    labels: Option<PathBuf>,
    /// The calls that were labelled on the pages instead: the server's database
    #[arg(long, value_name = "FILE", conflicts_with = "labels")]
    database: Option<PathBuf>,
    /// How many machines called people cost as much as one person called a machine
    #[arg(long, value_name = "RATIO", default_value_t = 8.0)]
    cost_ratio: f64,
    /// Write the parameters here
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many sets of parameters to try
    #[arg(long, default_value_t = 200)]
    draws: usize,
    /// Threads; all cores unless said
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if !RATIOS.contains(&args.cost_ratio) || args.draws == 0 {
        bail!("--cost-ratio must lie between 0.01 and 1000, and --draws be at least 1");
    }
    let cases = super::labelled(args.labels.as_deref(), args.database.as_deref(), false)?;
    let of = cases.len();
    let wanted =
        Wanted { cost_ratio: args.cost_ratio, draws: args.draws, today: DecisionThresholds::default() };
    let tuned = super::pool::with_bar(args.jobs, |pool| search(cases, &wanted, pool))?;
    let tuned = tuned.context("the search was given up")?;
    let mut out = super::super::out();
    writeln!(out, "{}", report(&tuned)).context("cannot write to standard output")?;
    let file = tuned.file_text();
    match &args.out {
        Some(path) => {
            std::fs::write(path, file).with_context(|| format!("cannot write {}", path.display()))?;
            writeln!(
                out,
                "\nwritten to {}; use it with `amd: {{ params: {} }}` in dering.yaml",
                path.display(),
                path.display()
            )
        }
        None => writeln!(out, "\n{file}"),
    }
    .context("cannot write to standard output")?;
    for (id, why) in &tuned.left_out {
        super::super::note(&format!("dering amd: {id}: {why}"));
    }
    if tuned.left_out.is_empty() {
        return Ok(());
    }
    bail!("{} of {of} recordings could not be used", tuned.left_out.len())
}

fn report(tuned: &Tuned) -> String {
    let Tuned { people, machines, tried, cost_ratio, .. } = tuned;
    let mut lines = vec![format!(
        "{people} people, {machines} machines, {tried} sets of parameters, one person called machine = {cost_ratio} machines called people\n"
    )];
    if let Some(worst) = tuned.shaky() {
        lines.push(format!(
            "WARNING: this is a small set. Even without any error the true share could be {worst:.1} %; gather {} \
             or more of each before you rely on it.\n",
            Tuned::enough()
        ));
    }
    for (name, line) in
        [("today", &tuned.today), ("tuned, calls not seen", &tuned.unseen), ("tuned, all calls", &tuned.all)]
    {
        lines.push(line.told(name));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_labels_are_refused_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let labels = folder.path().join("labels.jsonl");
        std::fs::write(&labels, "{\"file\":\"a.wav\",\"label\":\"human\"}\n").unwrap();
        let args =
            Args { labels: Some(labels), database: None, cost_ratio: 10.0, out: None, draws: 5, jobs: None };
        let error = run(&args).unwrap_err();
        let told = "1 people and 0 machines are labelled and can be heard; at least 5 of each are needed";
        assert_eq!(error.to_string(), told);
    }
}
