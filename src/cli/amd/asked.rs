//! What `tune` and `learn` have in common: what they are asked, and how they say what they found.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use callcore::amd::DecisionThresholds;

use super::manner::params_of;
use crate::trials::cases::Case;
use crate::trials::search::{RATIOS, Wanted};
use crate::trials::{Pool, Tuned};

/// Looks for parameters in labelled cases; nothing when it was given up.
type Search<E> = fn(Vec<Case>, &Wanted, &Pool<'_>) -> Result<Option<Tuned>, E>;

/// Labelled calls, what errors on them cost, and where the parameters go.
#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// Labelled calls, JSON lines as for replay; `speakers` keeps calls of one speaker together
    #[arg(long, value_name = "LABELS.jsonl", required_unless_present = "database")]
    pub(super) labels: Option<PathBuf>,
    /// The calls that were labelled on the pages instead: the server's database
    #[arg(long, value_name = "FILE", conflicts_with = "labels")]
    pub(super) database: Option<PathBuf>,
    /// Let the labels' words come as from a recogniser, a second after each utterance
    #[arg(long, requires = "labels")]
    pub(super) with_words: bool,
    /// How many machines called people cost as much as one person called a machine
    #[arg(long, value_name = "RATIO", default_value_t = 8.0)]
    pub(super) cost_ratio: f64,
    /// The parameters of today, to begin with and to do better than; the built-in ones unless said
    #[arg(long, value_name = "FILE")]
    pub(super) params: Option<PathBuf>,
    /// Write the parameters here
    #[arg(long, short, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Threads; all cores unless said
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Asked {
    #[cfg(test)]
    pub(super) fn of(labels: PathBuf) -> Self {
        Self {
            labels: Some(labels),
            database: None,
            with_words: false,
            cost_ratio: 8.0,
            params: None,
            out: None,
            jobs: None,
            json: false,
        }
    }

    /// Finds parameters by `find`, says what `report` says of them, and writes them. `use_it` tells what to do with the file at `{0}`.
    pub(super) fn find<E: std::error::Error + Send + Sync + 'static>(
        &self,
        draws: u16,
        find: Search<E>,
        report: fn(&Tuned) -> String,
        use_it: &str,
    ) -> anyhow::Result<()> {
        if !RATIOS.contains(&self.cost_ratio) {
            bail!("--cost-ratio must lie between 0.01 and 1000");
        }
        let today =
            self.params.as_deref().map(params_of).transpose()?.unwrap_or_else(DecisionThresholds::default);
        let cases = super::labelled(self.labels.as_deref(), self.database.as_deref(), self.with_words)?;
        let of = cases.len();
        let wanted = Wanted { cost_ratio: self.cost_ratio, draws: usize::from(draws), today };
        let tuned = super::pool::with_bar(self.jobs, |pool| find(cases, &wanted, pool))?;
        let tuned = tuned.context("it was given up")?;
        let file = tuned.file_text();
        if let Some(path) = &self.out {
            std::fs::write(path, &file).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let said = match &self.out {
            _ if self.json => serde_json::to_string(&tuned)?,
            Some(path) => {
                let path = path.display().to_string();
                format!("{}\n\nwritten to {path}; {}", report(&tuned), use_it.replace("{0}", &path))
            }
            None => format!("{}\n\n{file}", report(&tuned)),
        };
        writeln!(super::super::out(), "{said}").context("cannot write to standard output")?;
        for (id, why) in &tuned.left_out {
            super::super::note(&format!("dering amd: {id}: {why}"));
        }
        if tuned.left_out.is_empty() {
            return Ok(());
        }
        bail!("{} of {of} recordings could not be used", tuned.left_out.len())
    }
}

/// The figures of today's parameters and of those that were found, which are called `found`.
pub(super) fn figures<'t>(tuned: &'t Tuned, found: &str) -> impl Iterator<Item = String> + use<'t> {
    let names = ["today".to_owned(), format!("{found}, calls not seen"), format!("{found}, all calls")];
    [&tuned.today, &tuned.unseen, &tuned.all].into_iter().zip(names).map(|(line, name)| line.told(&name))
}
