//! Parameters for a stated cost ratio, searched on labelled calls.

use callcore::amd::listen::{frames, frames_again};
use callcore::amd::{Amd, Costs, DecisionThresholds, Options};
use callcore::detect::{FrontEnd, Heard, Observation};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

use super::analyse::audio_of;
use super::cases::Case;
use super::pool::Pool;
use super::verdict::Verdict;
use crate::accuracy::{Percentile, Share};

/// Audio that a search looks at: after this the decision timeout has fired, in ms.
const HEARD_MS: u64 = 16_000;
/// Groups that are each judged by parameters searched on the others.
pub(crate) const FOLDS: usize = 5;
/// Fewer labelled people or machines than this make a shaky choice.
const FEW: usize = 100;
/// What a second of waiting costs, in machines called people: it settles draws, and hardly more.
const COST_PER_SECOND: f64 = 0.05;
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

/// How one set of parameters fares.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub person_called_machine: Share,
    pub machine_called_person: Share,
    /// Neither was named.
    pub undecided: Share,
    pub cost: f64,
    /// From speech to verdict on average, s.
    pub seconds: f64,
    /// The same in ms.
    pub p50: Option<Percentile>,
    pub p95: Option<Percentile>,
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

/// What an ear heard of one case, for many runs of the detector.
struct Hearing {
    label: Verdict,
    fold: usize,
    first_utterance_end_ms: Option<u64>,
    frames: Vec<(Observation, Vec<Heard>)>,
}

/// One case under one set of parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Judged {
    verdict: Verdict,
    late_s: f64,
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
    let Some(heard) = pool.over(&numbered, |(case, fold)| hear(case, *fold)) else { return Ok(None) };
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
    let tried = candidates(wanted);
    let Some(results) = pool.over(&tried, |params| {
        hearings.iter().map(|hearing| judge(hearing, *params)).collect::<Vec<Judged>>()
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
    let line = |run: &[Judged]| summed(&hearings, run, wanted.cost_ratio);
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

fn summed(hearings: &[Hearing], run: &[Judged], cost_ratio: f64) -> Line {
    let judged = || hearings.iter().zip(run);
    let share = |label: Option<Verdict>, said: &[Verdict]| {
        let of: Vec<_> =
            judged().filter(|(hearing, _)| label.is_none_or(|label| hearing.label == label)).collect();
        Share::new(of.iter().filter(|(_, result)| said.contains(&result.verdict)).count(), of.len())
    };
    let mut late_ms: Vec<i64> = run.iter().map(|result| (result.late_s * 1000.0).round() as i64).collect();
    late_ms.sort_unstable();
    Line {
        person_called_machine: share(Some(Verdict::Human), &[Verdict::Machine, Verdict::Fax]),
        machine_called_person: share(Some(Verdict::Machine), &[Verdict::Human]),
        undecided: share(None, &[Verdict::Undecided, Verdict::NoSpeech]),
        cost: judged().map(|(hearing, result)| price(hearing.label, *result, cost_ratio)).sum(),
        seconds: run.iter().map(|result| result.late_s).sum::<f64>() / run.len().max(1) as f64,
        p50: Percentile::of(&late_ms, 0.5),
        p95: Percentile::of(&late_ms, 0.95),
    }
}

/// Folds of whole groups, so that no speaker is on both sides.
fn folds_of(cases: &[Case]) -> Vec<usize> {
    let mut sizes = [0_usize; FOLDS];
    let mut known = std::collections::BTreeMap::new();
    let name = |case: &Case| case.group.clone().unwrap_or_else(|| case.id.clone());
    let mut members: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    cases.iter().for_each(|case| *members.entry(name(case)).or_default() += 1);
    let mut groups: Vec<_> = members.into_iter().collect();
    groups.sort_by_key(|(name, size)| (usize::MAX - size, name.clone()));
    for (group, size) in groups {
        let fold = (0..FOLDS).min_by_key(|fold| sizes[*fold]).unwrap_or(0);
        sizes[fold] += size;
        known.insert(group, fold);
    }
    cases.iter().map(|case| known.get(&name(case)).copied().unwrap_or(0)).collect()
}

fn hear(case: &Case, fold: usize) -> anyhow::Result<Hearing> {
    let audio = audio_of(&case.file, case.left)?;
    let (mut front_end, mut heard) = (FrontEnd::new(), Vec::new());
    let fed: Box<dyn Iterator<Item = _>> = match &case.trace {
        Some(trace) => Box::new(frames_again(&audio, trace)),
        None => Box::new(frames(&audio).map(|frame| (frame, false))),
    };
    for (frame, echo) in fed.take((HEARD_MS / 20) as usize) {
        let observation = front_end.push_beside(&frame, |_| echo);
        heard.push((observation, std::iter::from_fn(|| front_end.poll()).collect()));
    }
    let first_utterance_end_ms = case.first_utterance_end_ms;
    Ok(Hearing {
        label: case.label.unwrap_or(Verdict::Undecided),
        fold,
        first_utterance_end_ms,
        frames: heard,
    })
}

/// The detector over what was heard, until it has decided.
fn judge(hearing: &Hearing, params: DecisionThresholds) -> Judged {
    let mut amd = Amd::new(Options { params, ..Options::default() });
    let mut onset = None;
    for (observation, heard) in &hearing.frames {
        amd.observe(observation);
        for heard in heard {
            amd.feed(heard);
            if let Heard::SpeechStarted { at_ms } = heard {
                onset.get_or_insert(*at_ms);
            }
        }
        if let Some(judged) = decided(&mut amd, hearing, onset) {
            return judged;
        }
    }
    // A recording may end before the silence that proves anything.
    amd.stop();
    let undecided = Judged { verdict: Verdict::Undecided, late_s: HEARD_MS as f64 / 1000.0 };
    decided(&mut amd, hearing, onset).unwrap_or(undecided)
}

fn decided(amd: &mut Amd, hearing: &Hearing, onset: Option<u64>) -> Option<Judged> {
    let events: Vec<_> = std::iter::from_fn(|| amd.poll_event()).collect();
    let (verdict, Some(at_ms)) = Verdict::of_events(&events) else { return None };
    let from = if verdict == Verdict::Human { hearing.first_utterance_end_ms.or(onset) } else { onset };
    Some(Judged { verdict, late_s: at_ms.saturating_sub(from.unwrap_or(0)) as f64 / 1000.0 })
}

fn price(label: Verdict, result: Judged, ratio: f64) -> f64 {
    let error = match (label, result.verdict) {
        (Verdict::Human, Verdict::Machine | Verdict::Fax) => ratio,
        (label, verdict) if label == verdict => 0.0,
        _ => 1.0,
    };
    error + COST_PER_SECOND * result.late_s.min(10.0)
}

/// Today's parameters, and others around them.
fn candidates(wanted: &Wanted) -> Vec<DecisionThresholds> {
    let mut rng = StdRng::seed_from_u64(4);
    let mut usual = DecisionThresholds::default();
    let mut all = vec![wanted.today];
    usual.costs.person_called_machine = wanted.cost_ratio as f32 * usual.costs.machine_called_person;
    while all.len() < wanted.draws {
        let mut spread = |width: f32| rng.random_range(-width..=width);
        let (bias, wait, speech) = (spread(2.5), spread(0.5).exp(), spread(0.5).exp());
        let costs = Costs { waiting: usual.costs.waiting * spread(1.5).exp(), ..usual.costs };
        all.push(DecisionThresholds { costs, ..varied(bias, wait, speech) });
    }
    all
}

/// The default parameters with their odds shifted and their times stretched.
fn varied(bias: f32, wait: f32, speech: f32) -> DecisionThresholds {
    let usual = DecisionThresholds::default();
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
        let Costs { person_called_machine, machine_called_person, false_start, waiting } = params.costs;
        format!(
            "# Parameters of the verdict, by `dering amd tune` from {people} people and {machines} machines, cost ratio {cost_ratio}.\n\
         # What errors and 100 ms of waiting cost, each against the others.\n\
         costs: {{ personCalledMachine: {person_called_machine}, machineCalledPerson: {machine_called_person}, \
         falseStart: {false_start}, waiting: {waiting} }}\n\
         # Speech before sound alone, and before words that lean to one, name a machine, ms.\n\
         machineAfterMs: {}\nmachineWithWordsAfterMs: {}\n\
         # Silence before a person is certain, and before one may be spoken to, ms.\n\
         humanAfterMs: {}\nlikelyAfterMs: {}\n\
         # How long words are waited for, ms.\nwordsWaitMs: {}\n\
         # After this silence one side is named.\nlateMs: {}\n\
         # Log-odds added for a machine.\nbias: {:.3}\n\
         # How long a decision is watched, ms.\nshadowMs: {}\n",
            params.machine_after_ms,
            params.machine_with_words_after_ms,
            params.human_after_ms,
            params.likely_after_ms,
            params.words_wait_ms,
            params.late_ms,
            params.bias,
            params.shadow_ms,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_file_is_what_the_server_reads() {
        let params = varied(-1.25, 1.2, 0.8);
        let line = summed(&[], &[], 10.0);
        let tuned = Tuned {
            people: 120,
            machines: 130,
            tried: 1,
            cost_ratio: 10.0,
            today: line.clone(),
            unseen: line.clone(),
            all: line,
            params,
            left_out: Vec::new(),
        };
        let text = tuned.file_text();
        let read: DecisionThresholds = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, params);
    }

    #[test]
    fn a_speaker_is_in_one_fold_only() {
        let case = |id: usize, speaker: &str| Case {
            id: id.to_string(),
            group: Some(speaker.to_owned()),
            ..Case::default()
        };
        let cases: Vec<Case> = (0..60).map(|n| case(n, &format!("speaker {}", n % 7))).collect();
        let folds = folds_of(&cases);
        for n in 0..60 {
            assert_eq!(folds[n], folds[n % 7], "calls of one speaker stay together");
        }
        assert_eq!((0..FOLDS).filter(|fold| folds.contains(fold)).count(), FOLDS);
    }

    #[test]
    fn a_person_called_machine_costs_what_was_stated() {
        let called = |verdict| Judged { verdict, late_s: 0.0 };
        assert_eq!(price(Verdict::Human, called(Verdict::Machine), 10.0), 10.0);
        assert_eq!(price(Verdict::Machine, called(Verdict::Human), 10.0), 1.0);
        assert_eq!(price(Verdict::Human, called(Verdict::Human), 10.0), 0.0);
        assert_eq!(price(Verdict::Human, called(Verdict::Undecided), 10.0), 1.0);
    }
}
