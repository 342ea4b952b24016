//! What a search or learning found on labelled calls, beside the parameters of today.

use callcore::amd::DecisionThresholds;
use serde::Serialize;

use super::line::Line;
use super::params_file::params_text;
use crate::accuracy::Share;

/// Fewer labelled people or machines than this make a shaky choice.
const FEW: usize = 100;

/// What was found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tuned {
    pub people: usize,
    pub machines: usize,
    /// Sets of parameters that were tried.
    pub tried: usize,
    pub cost_ratio: f64,
    /// The parameters that hold now.
    pub today: Line,
    /// Each call by parameters that were found without it and its number: the figures to believe.
    pub unseen: Line,
    /// The parameters that were found, over the calls they were found on.
    pub all: Line,
    pub params: DecisionThresholds,
    /// Recordings that could not be used, and why.
    pub left_out: Vec<(String, String)>,
    /// What fitting the weights came to, where they were fitted.
    pub learned: Option<Learned>,
}

/// What fitting the weights came to.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Learned {
    /// So many calls the weights of before counted as; `None` when they stayed as they are.
    pub trust: Option<f64>,
    /// What the costs of [`Tuned::unseen`] are below those of [`Tuned::today`].
    pub gain: f64,
    /// Its 95 % bounds: speakers are drawn again, with all of their calls.
    pub gain_low: f64,
    pub gain_high: f64,
}

impl Learned {
    /// Whether calls not seen show a gain beyond chance.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.gain_low > 0.0
    }
}

impl Tuned {
    /// How large the share of errors could be although none was seen, in percent, when the set is a small one.
    #[must_use]
    pub fn shaky(&self) -> Option<f64> {
        (self.people < FEW || self.machines < FEW)
            .then(|| Share::new(0, self.people.min(self.machines)).high * 100.0)
    }

    /// How many of each are enough.
    #[must_use]
    pub const fn enough() -> usize {
        FEW
    }

    /// The parameters as a file that says where it is from.
    #[must_use]
    pub fn file_text(&self) -> String {
        let Self { params, people, machines, cost_ratio, .. } = self;
        let (what, command) = match self.learned {
            Some(_) => ("Parameters and weights", "learn"),
            None => ("Parameters", "tune"),
        };
        params_text(
            params,
            &format!(
                "{what} of the verdict, by `dering amd {command}` from {people} people and {machines} machines, cost ratio {cost_ratio}."
            ),
        )
    }
}
