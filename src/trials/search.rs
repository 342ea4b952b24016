//! Parameters for a stated cost ratio, searched on labelled calls.

use callcore::amd::{Costs, DecisionThresholds, Weights};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

use super::cases::Case;
use super::hearing::{FOLDS, Hearing, Judged, folds_of};
use super::line::{Line, price};
use super::params_file::params_text;
use super::pool::Pool;
use super::verdict::Verdict;
use crate::accuracy::Share;

/// Fewer labelled people or machines than this make a shaky choice.
const FEW: usize = 100;
/// How many machines called people may cost as much as one person called a machine.
pub(crate) const RATIOS: std::ops::RangeInclusive<f64> = 0.01..=1000.0;

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wanted {
    /// How many machines called people cost as much as one person called a machine; within [`RATIOS`].
    pub(crate) cost_ratio: f64,
    /// How many sets of parameters to try; at least 1.
    pub(crate) draws: usize,
    /// The parameters that hold now.
    pub(crate) today: DecisionThresholds,
}

/// What a search found.
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
    /// Each call by parameters that were searched without it and its number: the figures to believe.
    pub unseen: Line,
    /// The parameters that were found, over the calls they were found on.
    pub all: Line,
    pub params: DecisionThresholds,
    /// Recordings that could not be used, and why.
    pub left_out: Vec<(String, String)>,
}

/// So few are labelled that nothing can be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{people} people and {machines} machines are labelled and can be heard; at least {FOLDS} of each are needed{}", and_unheard(*unheard))]
pub struct TooFew {
    pub people: usize,
    pub machines: usize,
    /// Labelled calls whose recording cannot be read.
    pub unheard: usize,
}

fn and_unheard(calls: usize) -> String {
    if calls == 0 { String::new() } else { format!("; the recordings of {calls} more cannot be read") }
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
}

/// The people and machines among `cases`.
///
/// # Errors
/// When they are too few.
pub(crate) fn enough(cases: &mut Vec<Case>) -> Result<(usize, usize), TooFew> {
    cases.retain(|case| matches!(case.label, Some(Verdict::Human | Verdict::Machine)));
    let count = |verdict| cases.iter().filter(|case| case.label == Some(verdict)).count();
    let (people, machines) = (count(Verdict::Human), count(Verdict::Machine));
    if people < FOLDS || machines < FOLDS {
        Err(TooFew { people, machines, unheard: 0 })
    } else {
        Ok((people, machines))
    }
}

/// Searches parameters; `None` when it was given up.
///
/// # Errors
/// When too few people or machines are labelled.
pub(crate) fn search(
    mut cases: Vec<Case>,
    wanted: &Wanted,
    pool: &Pool<'_>,
) -> Result<Option<Tuned>, TooFew> {
    enough(&mut cases)?;
    let numbered: Vec<(&Case, usize)> = cases.iter().zip(folds_of(&cases)).collect();
    let Some(heard) = pool.over(&numbered, |(case, fold)| Hearing::of(case, *fold)) else { return Ok(None) };
    let (mut hearings, mut left_out) = (Vec::with_capacity(heard.len()), Vec::new());
    for (case, heard) in cases.iter().zip(heard) {
        match heard {
            Ok(hearing) => hearings.push(hearing),
            Err(error) => left_out.push((case.id.clone(), format!("{error:#}"))),
        }
    }
    let count = |verdict| hearings.iter().filter(|hearing: &&Hearing| hearing.label == verdict).count();
    let (people, machines) = (count(Verdict::Human), count(Verdict::Machine));
    if people < FOLDS || machines < FOLDS {
        return Err(TooFew { people, machines, unheard: left_out.len() });
    }
    let tried = candidates(wanted, wanted.today.weights);
    let Some(results) = pool.over(&tried, |params| {
        hearings.iter().map(|hearing| hearing.judge(*params)).collect::<Vec<Judged>>()
    }) else {
        return Ok(None);
    };
    let cost = |draw: &Vec<Judged>, counts: &dyn Fn(&Hearing) -> bool| -> f64 {
        let judged = hearings.iter().zip(draw).filter(|(hearing, _)| counts(hearing));
        judged.map(|(hearing, result)| price(hearing.label, *result, wanted.cost_ratio)).sum()
    };
    let best = |counts: &dyn Fn(&Hearing) -> bool| {
        let costs = results.iter().map(|draw| cost(draw, counts)).enumerate();
        costs.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(draw, _)| draw)
    };
    // Each fold by what was best on the others.
    let unseen: Vec<Judged> = {
        let chosen: Vec<usize> = (0..FOLDS).map(|fold| best(&|hearing| hearing.fold != fold)).collect();
        hearings.iter().enumerate().map(|(n, hearing)| results[chosen[hearing.fold]][n]).collect()
    };
    let chosen = best(&|_| true);
    let line = |run: &[Judged]| Line::of(&hearings, run, wanted.cost_ratio);
    Ok(Some(Tuned {
        people,
        machines,
        tried: results.len(),
        cost_ratio: wanted.cost_ratio,
        today: line(&results[0]),
        unseen: line(&unseen),
        all: line(&results[chosen]),
        params: tried[chosen],
        left_out,
    }))
}

/// Today's parameters, and others around the usual ones, with these weights.
pub(super) fn candidates(wanted: &Wanted, weights: Weights) -> Vec<DecisionThresholds> {
    let mut rng = StdRng::seed_from_u64(4);
    let mut usual = DecisionThresholds { weights, ..DecisionThresholds::default() };
    let mut all = vec![wanted.today];
    if weights != wanted.today.weights {
        all.push(DecisionThresholds { weights, ..wanted.today });
    }
    usual.costs.person_called_machine = wanted.cost_ratio as f32 * usual.costs.machine_called_person;
    while all.len() < wanted.draws {
        let mut spread = |width: f32| rng.random_range(-width..=width);
        let (bias, wait, speech) = (spread(2.5), spread(0.5).exp(), spread(0.5).exp());
        let costs = Costs { waiting: usual.costs.waiting * spread(1.5).exp(), ..usual.costs };
        all.push(DecisionThresholds { costs, ..varied(usual, bias, wait, speech) });
    }
    all
}

/// The usual parameters with their odds shifted and their times stretched.
fn varied(usual: DecisionThresholds, bias: f32, wait: f32, speech: f32) -> DecisionThresholds {
    let stretch = |ms: u64, by: f32| ((ms as f32 * by / 20.0).round() as u64) * 20;
    let human_after_ms = stretch(usual.human_after_ms, wait);
    DecisionThresholds {
        bias,
        machine_after_ms: stretch(usual.machine_after_ms, speech),
        human_after_ms,
        // The bot begins as early as it does, but never later than the verdict.
        likely_after_ms: usual.likely_after_ms.min(human_after_ms),
        late_ms: stretch(usual.late_ms, wait),
        ..usual
    }
}

impl Tuned {
    /// The parameters as a file that says where it is from.
    #[must_use]
    pub fn file_text(&self) -> String {
        let Self { params, people, machines, cost_ratio, .. } = self;
        params_text(
            params,
            &format!(
                "Parameters of the verdict, by `dering amd tune` from {people} people and {machines} machines, cost ratio {cost_ratio}."
            ),
        )
    }
}
