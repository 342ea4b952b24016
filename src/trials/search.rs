//! Parameters for a stated cost ratio, searched on labelled calls.

use callcore::amd::{Costs, DecisionThresholds, Weights};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::cases::Case;
use super::found::Tuned;
use super::hearing::{FOLDS, Hearing, Judged, hear};
use super::line::{Line, price};
use super::pool::Pool;
use super::verdict::Verdict;

/// How many machines called people may cost as much as one person called a machine.
pub(crate) const RATIOS: std::ops::RangeInclusive<f64> = 0.01..=1000.0;

/// What a search may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// Times and costs, as `dering amd tune` does.
    #[default]
    Times,
    /// What each measure of a call weighs as well, as `dering amd learn` does.
    Weights,
}

impl Fit {
    pub const ALL: [Self; 2] = [Self::Times, Self::Weights];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Times => "times",
            Self::Weights => "weights",
        }
    }
}

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
    let Some((hearings, left_out)) = hear(&cases, pool) else { return Ok(None) };
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
        learned: None,
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
