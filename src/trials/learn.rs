//! Weights and parameters learned from labelled calls, with nested folds: every call is also judged by what was learned without it and
//! without its speaker, and how much learning holds to the weights there are is settled on the other calls alone.

use std::collections::{BTreeMap, BTreeSet};

use callcore::amd::learn::{Lesson, fit, surprise};
use callcore::amd::{DecisionThresholds, Weights};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::cases::Case;
use super::found::{Learned, Tuned};
use super::hearing::{FOLDS, Hearing, Judged, hear};
use super::line::{Line, price};
use super::pool::Pool;
use super::search::{TooFew, Wanted, candidates, enough};
use super::verdict::Verdict;

/// Fewer people or machines than this, or fewer speakers of either, cannot bear eighteen weights.
const LEAST_CALLS: usize = 50;
const LEAST_SPEAKERS: usize = 20;
/// So many calls the weights there are may count as; one more choice is to keep them as they are.
const TRUST: [f64; 4] = [1_000.0, 300.0, 100.0, 30.0];
/// Times that the calls are drawn again for the bounds.
const RESAMPLES: usize = 2_000;

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
         nothing is kept; gather more labelled calls"
    )]
    NoBetter { today: f64, unseen: f64 },
}

/// Learns from `cases`; `None` when it was given up.
///
/// # Errors
/// When they are too few, or teach nothing that holds for calls not seen.
pub(crate) fn learn(
    mut cases: Vec<Case>,
    wanted: &Wanted,
    pool: &Pool<'_>,
) -> Result<Option<Tuned>, Unlearned> {
    enough(&mut cases)?;
    let Some((hearings, left_out)) = hear(&cases, pool) else { return Ok(None) };
    let Some(lessons) = pool.over(&hearings, Hearing::lesson) else { return Ok(None) };
    bears(&hearings, &lessons)?;
    let Some(weights) = fitted(&hearings, &lessons, wanted.today.weights, pool) else { return Ok(None) };
    let Some(verdicts) = judged(&hearings, &weights, wanted, pool) else { return Ok(None) };
    let count = |verdict| hearings.iter().filter(|hearing: &&Hearing| hearing.label == verdict).count();
    let line = |run: &[Judged]| Line::of(&hearings, run, wanted.cost_ratio);
    let (today, unseen) = (line(&verdicts.today), line(&verdicts.unseen));
    let saved: Vec<f64> = (hearings.iter().zip(&verdicts.today).zip(&verdicts.unseen))
        .map(|((hearing, today), unseen)| {
            let price = |judged: &Judged| price(hearing.label, *judged, wanted.cost_ratio);
            price(today) - price(unseen)
        })
        .collect();
    let speakers: Vec<&str> = hearings.iter().map(|hearing| hearing.speaker.as_str()).collect();
    let [gain_low, gain, gain_high] = bounds(&speakers, &saved);
    if gain <= 0.0 {
        return Err(Unlearned::NoBetter { today: today.cost, unseen: unseen.cost });
    }
    let trust = weights.last().and_then(|(_, trust)| *trust);
    Ok(Some(Tuned {
        people: count(Verdict::Human),
        machines: count(Verdict::Machine),
        tried: verdicts.tried,
        cost_ratio: wanted.cost_ratio,
        today,
        unseen,
        all: line(&verdicts.all),
        params: verdicts.params,
        left_out,
        learned: Some(Learned { trust, gain, gain_low, gain_high }),
    }))
}

/// Whether there is enough to learn from.
fn bears(hearings: &[Hearing], lessons: &[Lesson]) -> Result<(), Unlearned> {
    let of = |machine: bool| {
        let calls = hearings.iter().zip(lessons);
        let told = calls.filter(|(_, lesson)| lesson.is_machine() == machine && !lesson.is_empty());
        let speakers: Vec<&str> = told.map(|(hearing, _)| hearing.speaker.as_str()).collect();
        (speakers.len(), speakers.iter().collect::<BTreeSet<_>>().len())
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

fn fitted(hearings: &[Hearing], lessons: &[Lesson], usual: Weights, pool: &Pool<'_>) -> Option<Fitted> {
    let lessons = |counts: &dyn Fn(usize) -> bool| -> Vec<&Lesson> {
        let calls = hearings.iter().zip(lessons);
        calls.filter(|(hearing, _)| counts(hearing.fold)).map(|(_, lesson)| lesson).collect()
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
    params: DecisionThresholds,
    /// Sets of parameters among which those were chosen.
    tried: usize,
}

fn judged(hearings: &[Hearing], weights: &Fitted, wanted: &Wanted, pool: &Pool<'_>) -> Option<Verdicts> {
    let sets: Vec<Vec<DecisionThresholds>> =
        weights.iter().map(|(weights, _)| candidates(wanted, *weights)).collect();
    // The first of every set are the parameters of today: one run of them will do.
    let first = |set: usize, draw: usize| if draw == 0 { (0, 0) } else { (set, draw) };
    let jobs: Vec<(usize, usize)> = (0..sets.len())
        .flat_map(|set| (0..sets[set].len()).map(move |draw| (set, draw)))
        .filter(|(set, draw)| first(*set, *draw) == (*set, *draw))
        .collect();
    let results = pool.over(&jobs, |(set, draw)| {
        hearings.iter().map(|hearing| hearing.judge(sets[*set][*draw])).collect::<Vec<Judged>>()
    })?;
    let by_job: BTreeMap<(usize, usize), Vec<Judged>> = jobs.into_iter().zip(results).collect();
    let run = |set: usize, draw: usize| &by_job[&first(set, draw)];
    let best = |set: usize| {
        let cost = |draw: usize| -> f64 {
            let calls = hearings.iter().zip(run(set, draw)).filter(|(hearing, _)| hearing.fold != set);
            calls.map(|(hearing, result)| price(hearing.label, *result, wanted.cost_ratio)).sum()
        };
        (0..sets[set].len()).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(0)
    };
    let chosen: Vec<usize> = (0..sets.len()).map(best).collect();
    let unseen = hearings.iter().enumerate();
    Some(Verdicts {
        today: run(0, 0).clone(),
        unseen: unseen.map(|(n, hearing)| run(hearing.fold, chosen[hearing.fold])[n]).collect(),
        all: run(FOLDS, chosen[FOLDS]).clone(),
        params: sets[FOLDS][chosen[FOLDS]],
        tried: sets[FOLDS].len(),
    })
}

/// The sum of `saved` with 95 % bounds: speakers are drawn again, with all of their calls.
fn bounds(speakers: &[&str], saved: &[f64]) -> [f64; 3] {
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
        let names: Vec<String> = (0..60).map(|n| format!("speaker {}", n % 30)).collect();
        let speakers: Vec<&str> = names.iter().map(String::as_str).collect();
        let one: Vec<f64> = (0..60).map(|n| if n % 30 == 0 { 4.0 } else { 0.0 }).collect();
        let [low, gain, high] = bounds(&speakers, &one);
        assert!(low <= 0.0 && gain == 8.0 && high > 8.0, "{low} {gain} {high}");
        let [low, gain, _] = bounds(&speakers, &[0.5; 60]);
        assert_eq!((low, gain), (30.0, 30.0));
        assert_eq!(bounds(&[], &[]), [0.0; 3]);
    }
}
