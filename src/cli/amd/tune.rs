//! `dering amd tune`: parameters for a stated cost ratio, searched on the user's own labelled calls.

use super::asked::{Asked, figures};
use crate::trials::Tuned;
use crate::trials::search::search;

/// Search parameters on your own labelled calls, for what the two errors cost you.
///
/// Four numbers are searched: how far the odds are shifted, what waiting costs, how long a person must be silent, and how
/// long a machine must have spoken. Every call is also judged by parameters that were searched without it
/// and without its speaker; those figures are the ones to believe.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    asked: Asked,
    /// How many sets of parameters to try
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..))]
    draws: u16,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    args.asked.find(args.draws, search, report, "use it with `amd: { params: {0} }` in dering.yaml")
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
    lines.extend(figures(tuned, "tuned"));
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
        let error = run(&Args { asked: Asked::of(labels), draws: 5 }).unwrap_err();
        let told = "1 people and 0 machines are labelled and can be heard; at least 5 of each are needed";
        assert_eq!(error.to_string(), told);
    }
}
