//! How the detector is to run: what the command line shares between its subcommands.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use callcore::amd::{DecisionThresholds, Options, Profile, Timers, use_model};

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Manner {
    /// Parameters of the verdict, as `dering amd tune` writes them
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// How many machines called people cost as much as one person called a machine; 8 when nothing is said
    #[arg(long, value_name = "RATIO", conflicts_with = "params")]
    cost_ratio: Option<f32>,
    /// Another model than the one built in, as training writes it
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Language of the callees, such as `id` or `en-AU`, for words; without it every language is read
    #[arg(long, value_name = "LOCALE")]
    locale: Option<String>,
    /// Timers, ms
    #[arg(long, value_name = "MS")]
    no_speech: Option<u64>,
    #[arg(long, value_name = "MS")]
    decision: Option<u64>,
    #[arg(long, value_name = "MS")]
    tone: Option<u64>,
    #[arg(long, value_name = "MS")]
    greeting_completion: Option<u64>,
    /// Follow jambonz's own rules, which know transcripts alone
    #[arg(long)]
    jambonz_strict: bool,
}

impl Manner {
    /// The detector's options.
    pub(super) fn options(&self) -> anyhow::Result<Options> {
        if let Some(path) = &self.model {
            let text = read(path)?;
            if !use_model(&text) {
                bail!("{} is not a model that this program can use", path.display());
            }
        }
        let mut params = match &self.params {
            Some(path) => params_of(path)?,
            None => DecisionThresholds::default(),
        };
        if let Some(ratio) = self.cost_ratio {
            if !(0.01..=1000.0).contains(&ratio) {
                bail!("--cost-ratio must lie between 0.01 and 1000, not {ratio}");
            }
            params.costs.person_called_machine = ratio * params.costs.machine_called_person;
        }
        let usual = Timers::default();
        Ok(Options {
            profile: if self.jambonz_strict { Profile::JambonzStrict } else { Profile::Evidence },
            timers: Timers {
                no_speech_timeout_ms: self.no_speech.unwrap_or(usual.no_speech_timeout_ms),
                decision_timeout_ms: self.decision.unwrap_or(usual.decision_timeout_ms),
                tone_timeout_ms: self.tone.unwrap_or(usual.tone_timeout_ms),
                greeting_completion_timeout_ms: self
                    .greeting_completion
                    .unwrap_or(usual.greeting_completion_timeout_ms),
            },
            params,
            locale: self.locale.clone(),
            ..Options::default()
        })
    }

    /// Whether anything differs from what runs without being asked.
    pub(super) fn is_usual(&self) -> bool {
        let timers = [self.no_speech, self.decision, self.tone, self.greeting_completion];
        self.params.is_none()
            && self.cost_ratio.is_none()
            && timers.iter().all(Option::is_none)
            && !self.jambonz_strict
    }

    /// Whether another model judges: then today's cannot be run beside it.
    pub(super) const fn has_model(&self) -> bool {
        self.model.is_some()
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The parameters in a file of `dering amd tune` or `learn`.
pub(super) fn params_of(path: &Path) -> anyhow::Result<DecisionThresholds> {
    let place = || format!("{} does not hold the detector's parameters", path.display());
    let params: DecisionThresholds = serde_saphyr::from_str(&read(path)?).with_context(place)?;
    params.weights.check().map_err(anyhow::Error::msg).with_context(place)?;
    Ok(params)
}
