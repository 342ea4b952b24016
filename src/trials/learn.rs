//! Weights and parameters learned from labelled calls, with nested folds: every call is also judged by what was learned without it and
//! without its speaker, and how much learning holds to the weights there are is settled on the other calls alone.

use std::collections::BTreeMap;

use callcore::amd::Weights;
use callcore::amd::learn::{Lesson, fit, surprise};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::cases::Case;
use super::hearing::{FOLDS, Hearing, Judged, folds_of, group};
use super::line::{Line, price};
use super::params_file::params_text;
use super::pool::Pool;
use super::search::{TooFew, Tuned, Wanted, candidates, enough};
use super::verdict::Verdict;

/// Fewer people or machines than this, or fewer speakers of either, cannot bear eighteen weights.
const LEAST_CALLS: usize = 50;
const LEAST_SPEAKERS: usize = 20;
/// So many calls the weights there are may count as; one more choice is to keep them as they are.
const TRUST: [f64; 4] = [1_000.0, 300.0, 100.0, 30.0];
/// Times that the calls are drawn again for the bounds.
const RESAMPLES: usize = 2_000;

/// What was learned.
#[derive(Clone, Debug)]
pub(crate) struct Learned {
    /// With the parameters; `tried` counts those of one fold.
    pub(crate) tuned: Tuned,
    /// So many calls the built-in weights counted as; `None` when they stayed as they are.
    pub(crate) trust: Option<f64>,
    /// What the costs fall by on calls not seen, with 95 % bounds: the lower, the figure itself, the upper.
    pub(crate) gain: [f64; 3],
}

impl Learned {
    /// Whether calls not seen show a gain beyond chance.
    pub(crate) fn is_proven(&self) -> bool {
        self.gain[0] > 0.0
    }

    /// The parameters as a file that says where it is from.
    pub(crate) fn file_text(&self) -> String {
        let Tuned { params, people, machines, cost_ratio, .. } = &self.tuned;
        params_text(
            params,
            &format!(
                "Parameters and weights of the verdict, by `dering amd learn` from {people} people and {machines} machines, \
                 cost ratio {cost_ratio}."
            ),
        )
    }
}

/// Why nothing was learned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unlearned {
    #[error(
        "{people} people with {people_speakers} voices and {machines} machines with {machine_speakers} voices can be heard and \
         say something; to learn from them takes {LEAST_CALLS} of each with {LEAST_SPEAKERS} voices. `dering amd tune` needs fewer"
    )]
    TooFew { people: usize, people_speakers: usize, machines: usize, machine_speakers: usize },
    #[error(transparent)]
    Few(#[from] TooFew),
    #[error(
        "what these calls teach does not help on calls not seen: errors and waiting cost {today:.1} today and {unseen:.1} with it, so \
         nothing is written; gather more labelled calls"
    )]
    NoBetter { today: f64, unseen: f64 },
}

/// A call with what it teaches.
struct Taught {
    hearing: Hearing,
    lesson: Lesson,
    speaker: String,
}

/// Learns from `cases`; `None` when it was given up.
///
/// # Errors
/// When they are too few, or teach nothing that holds for calls not seen.
pub(crate) fn learn(
    mut cases: Vec<Case>,
    wanted: &Wanted,
    pool: &Pool<'_>,
) -> Result<Option<Learned>, Unlearned> {
    enough(&mut cases)?;
    let numbered: Vec<(&Case, usize)> = cases.iter().zip(folds_of(&cases)).collect();
    let heard = pool.over(&numbered, |(case, fold)| {
        Hearing::of(case, *fold).map(|hearing| Taught {
            lesson: hearing.lesson(),
            hearing,
            speaker: group(case).to_owned(),
        })
    });
    let Some(heard) = heard else { return Ok(None) };
    let (mut taught, mut left_out) = (Vec::with_capacity(heard.len()), Vec::new());
    for (case, heard) in cases.iter().zip(heard) {
        match heard {
            Ok(one) => taught.push(one),
            Err(error) => left_out.push((case.id.clone(), format!("{error:#}"))),
        }
    }
    bears(&taught)?;
    let Some(weights) = fitted(&taught, wanted.today.weights, pool) else { return Ok(None) };
    let Some(verdicts) = judged(&taught, &weights, wanted, pool) else { return Ok(None) };
    let (hearings, speakers): (Vec<Hearing>, Vec<String>) =
        taught.into_iter().map(|one| (one.hearing, one.speaker)).unzip();
    let count = |verdict| hearings.iter().filter(|hearing: &&Hearing| hearing.label == verdict).count();
    let line = |run: &[Judged]| Line::of(&hearings, run, wanted.cost_ratio);
    let tuned = Tuned {
        people: count(Verdict::Human),
        machines: count(Verdict::Machine),
        tried: wanted.draws,
        cost_ratio: wanted.cost_ratio,
        today: line(&verdicts.today),
        unseen: line(&verdicts.unseen),
        all: line(&verdicts.all),
        params: verdicts.params,
        left_out,
    };
    let saved =
        hearings.iter().zip(&verdicts.today).zip(&verdicts.unseen).map(|((hearing, today), unseen)| {
            let price = |judged: &Judged| price(hearing.label, *judged, wanted.cost_ratio);
            price(today) - price(unseen)
        });
    let gain = bounds(&speakers, &saved.collect::<Vec<_>>());
    if gain[1] <= 0.0 {
        return Err(Unlearned::NoBetter { today: tuned.today.cost, unseen: tuned.unseen.cost });
    }
    Ok(Some(Learned { tuned, trust: weights[FOLDS].1, gain }))
}

/// Whether there is enough to learn from.
fn bears(taught: &[Taught]) -> Result<(), Unlearned> {
    let of = |machine: bool| {
        let told: Vec<&Taught> = taught
            .iter()
            .filter(|one| one.lesson.is_machine() == machine && !one.lesson.is_empty())
            .collect();
        let speakers: std::collections::BTreeSet<&str> =
            told.iter().map(|one| one.speaker.as_str()).collect();
        (told.len(), speakers.len())
    };
    let ((people, people_speakers), (machines, machine_speakers)) = (of(false), of(true));
    let suffices =
        people.min(machines) >= LEAST_CALLS && people_speakers.min(machine_speakers) >= LEAST_SPEAKERS;
    if suffices {
        Ok(())
    } else {
        Err(Unlearned::TooFew { people, people_speakers, machines, machine_speakers })
    }
}

/// Weights fitted without each fold, and at last with all, with the trust that did best on what was left out of the fit.
type Fitted = Vec<(Weights, Option<f64>)>;

fn fitted(taught: &[Taught], usual: Weights, pool: &Pool<'_>) -> Option<Fitted> {
    let lessons = |counts: &dyn Fn(usize) -> bool| -> Vec<&Lesson> {
        taught.iter().filter(|one| counts(one.hearing.fold)).map(|one| &one.lesson).collect()
    };
    let outer = || (0..=FOLDS).map(|without| (without < FOLDS).then_some(without));
    let inner = |without: Option<usize>| (0..FOLDS).filter(move |fold| Some(*fold) != without);
    let mut trials = Vec::new();
    for without in outer() {
        for asked in inner(without) {
            trials.push((without, asked, None));
            trials.extend(TRUST.map(|trust| (without, asked, Some(trust))));
        }
    }
    let surprises = pool.over(&trials, |(without, asked, trust)| {
        let weights = trust.map_or(usual, |trust| {
            fit(&lessons(&|fold| fold != *asked && Some(fold) != *without), &usual, trust)
        });
        surprise(&lessons(&|fold| fold == *asked), &weights)
    })?;
    let chosen = outer().map(|without| {
        let sum = |trust: Option<f64>| -> f64 {
            let of = trials.iter().zip(&surprises);
            of.filter(|((outer, _, tried), _)| *outer == without && *tried == trust)
                .map(|(_, loss)| loss)
                .sum()
        };
        // Of equals the one that changes least.
        let all = std::iter::once(None).chain(TRUST.map(Some));
        let trust = all.min_by(|a, b| sum(*a).total_cmp(&sum(*b))).flatten();
        let weights =
            trust.map_or(usual, |trust| fit(&lessons(&|fold| Some(fold) != without), &usual, trust));
        (weights, trust)
    });
    Some(chosen.collect())
}

/// What every call is taken for.
struct Verdicts {
    today: Vec<Judged>,
    /// By what was learned without it.
    unseen: Vec<Judged>,
    /// By what was learned from all.
    all: Vec<Judged>,
    params: callcore::amd::DecisionThresholds,
}

fn judged(taught: &[Taught], weights: &Fitted, wanted: &Wanted, pool: &Pool<'_>) -> Option<Verdicts> {
    let tried: Vec<_> = weights.iter().map(|(weights, _)| candidates(wanted, *weights)).collect();
    let jobs: Vec<(usize, usize)> =
        (0..tried.len()).flat_map(|set| (0..tried[set].len()).map(move |draw| (set, draw))).collect();
    let results = pool.over(&jobs, |(set, draw)| {
        taught.iter().map(|one| one.hearing.judge(tried[*set][*draw])).collect::<Vec<Judged>>()
    })?;
    let mut by_job: BTreeMap<(usize, usize), Vec<Judged>> = jobs.into_iter().zip(results).collect();
    let best = |set: usize| {
        let cost = |draw: usize| -> f64 {
            let calls = taught.iter().zip(&by_job[&(set, draw)]);
            calls
                .filter(|(one, _)| one.hearing.fold != set)
                .map(|(one, result)| price(one.hearing.label, *result, wanted.cost_ratio))
                .sum()
        };
        (0..tried[set].len()).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(0)
    };
    let chosen: Vec<usize> = (0..tried.len()).map(best).collect();
    let unseen = taught.iter().enumerate().map(|(n, one)| {
        let fold = one.hearing.fold;
        by_job[&(fold, chosen[fold])][n]
    });
    let unseen = unseen.collect();
    let params = tried[FOLDS][chosen[FOLDS]];
    Some(Verdicts {
        unseen,
        params,
        all: by_job.remove(&(FOLDS, chosen[FOLDS])).unwrap_or_default(),
        today: taught.iter().map(|one| one.hearing.judge(wanted.today)).collect(),
    })
}

/// The sum of `saved` with 95 % bounds: speakers are drawn again, with all of their calls.
fn bounds(speakers: &[String], saved: &[f64]) -> [f64; 3] {
    let mut by_speaker: BTreeMap<&str, f64> = BTreeMap::new();
    for (speaker, saved) in speakers.iter().zip(saved) {
        *by_speaker.entry(speaker).or_default() += saved;
    }
    let sums: Vec<f64> = by_speaker.into_values().collect();
    let mut rng = StdRng::seed_from_u64(8);
    let mut drawn: Vec<f64> = (0..RESAMPLES)
        .map(|_| (0..sums.len()).map(|_| sums[rng.random_range(0..sums.len())]).sum())
        .collect();
    drawn.sort_by(f64::total_cmp);
    let at =
        |share: f64| drawn.get((share * (RESAMPLES - 1) as f64).round() as usize).copied().unwrap_or(0.0);
    [at(0.025), sums.iter().sum(), at(0.975)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_from_one_speaker_is_no_proof() {
        let speakers: Vec<String> = (0..60).map(|n| format!("speaker {}", n % 30)).collect();
        let one: Vec<f64> = (0..60).map(|n| if n % 30 == 0 { 4.0 } else { 0.0 }).collect();
        let [low, gain, high] = bounds(&speakers, &one);
        assert!(low <= 0.0 && gain == 8.0 && high > 8.0, "{low} {gain} {high}");
        let [low, gain, _] = bounds(&speakers, &[0.5; 60]);
        assert_eq!((low, gain), (30.0, 30.0));
        assert_eq!(bounds(&[], &[]), [0.0; 3]);
    }
}
