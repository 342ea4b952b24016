//! `dering amd tune`: parameters for a stated cost ratio, searched on the user's own labelled calls.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use callcore::amd::{Amd, Costs, DecisionThresholds, Options};
use callcore::detect::{FrontEnd, Heard, Observation};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::analyse::{audio_of, frames};
use super::cases::{self, Case};
use super::verdict::Verdict;
use crate::accuracy::Share;

/// Audio that a search looks at: after this the decision timeout has fired, in ms.
const HEARD_MS: u64 = 16_000;
/// Groups that are each judged by parameters searched on the others.
const FOLDS: usize = 5;
/// Fewer labelled people or machines than this make a shaky choice.
const FEW: usize = 100;
/// What a second of waiting costs, in machines called people: it settles draws, and hardly more.
const COST_PER_SECOND: f64 = 0.05;

/// Search parameters on your own labelled calls, for what the two errors cost you.
///
/// Four numbers are searched: how far the odds are shifted, what waiting costs, how long a person must be silent, and how
/// long a machine must have spoken. Every call is also judged by parameters that were searched without it
/// and without its speaker; those figures are the ones to believe.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Labelled calls, JSON lines as for replay; `speakers` keeps calls of one speaker together
    #[arg(long, value_name = "LABELS.jsonl")]
    labels: PathBuf,
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

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if !(0.01..=1000.0).contains(&args.cost_ratio) || args.draws == 0 {
        bail!("--cost-ratio must lie between 0.01 and 1000, and --draws be at least 1");
    }
    let mut cases = cases::of_labels(&args.labels, false)?;
    cases.retain(|case| matches!(case.label, Some(Verdict::Human | Verdict::Machine)));
    let count = |verdict| cases.iter().filter(|case| case.label == Some(verdict)).count();
    let (people, machines) = (count(Verdict::Human), count(Verdict::Machine));
    if people < FOLDS || machines < FOLDS {
        bail!("{people} people and {machines} machines are labelled; at least {FOLDS} of each are needed");
    }
    let folds = folds_of(&cases);
    let numbered: Vec<(&Case, usize)> = cases.iter().zip(folds).collect();
    let hearings = super::pool::over(&numbered, args.jobs, |(case, fold)| hear(case, *fold));
    let hearings = hearings.into_iter().collect::<anyhow::Result<Vec<Hearing>>>()?;
    let tried = candidates(args.draws, args.cost_ratio);
    let results = super::pool::over(&tried, args.jobs, |params| {
        hearings.iter().map(|hearing| judge(hearing, *params)).collect::<Vec<Judged>>()
    });
    let cost = |draw: &Vec<Judged>, counts: &dyn Fn(&Hearing) -> bool| -> f64 {
        let judged = hearings.iter().zip(draw).filter(|(hearing, _)| counts(hearing));
        judged.map(|(hearing, result)| price(hearing.label, *result, args.cost_ratio)).sum()
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
    let mut out = super::super::out();
    let text = report(args, (people, machines), &hearings, &results, &unseen, chosen);
    writeln!(out, "{text}").context("cannot write to standard output")?;
    let file = file_text(&tried[chosen], args, (people, machines));
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
    .context("cannot write to standard output")
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
    for frame in frames(&audio).take((HEARD_MS / 20) as usize) {
        let observation = front_end.push(&frame);
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
fn candidates(draws: usize, cost_ratio: f64) -> Vec<DecisionThresholds> {
    let mut rng = StdRng::seed_from_u64(4);
    let mut usual = DecisionThresholds::default();
    let mut all = vec![usual];
    usual.costs.person_called_machine = cost_ratio as f32 * usual.costs.machine_called_person;
    while all.len() < draws {
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

fn report(
    args: &Args,
    (people, machines): (usize, usize),
    hearings: &[Hearing],
    results: &[Vec<Judged>],
    unseen: &[Judged],
    chosen: usize,
) -> String {
    let mut lines = vec![format!(
        "{people} people, {machines} machines, {} sets of parameters, one person called machine = {} machines called people\n",
        results.len(),
        args.cost_ratio
    )];
    if people < FEW || machines < FEW {
        let best = Share::new(0, people.min(machines)).high * 100.0;
        lines.push(format!(
            "WARNING: this is a small set. Even without any error the true share could be {best:.1} %; gather {FEW} \
             or more of each before you rely on it.\n"
        ));
    }
    for (name, run) in [
        ("today", &results[0][..]),
        ("tuned, calls not seen", unseen),
        ("tuned, all calls", &results[chosen][..]),
    ] {
        let judged = || hearings.iter().zip(run);
        let share = |label, said: &[Verdict]| {
            let of: Vec<_> = judged().filter(|(hearing, _)| hearing.label == label).collect();
            Share::new(of.iter().filter(|(_, result)| said.contains(&result.verdict)).count(), of.len())
        };
        let cost: f64 =
            judged().map(|(hearing, result)| price(hearing.label, *result, args.cost_ratio)).sum();
        let seconds: f64 = run.iter().map(|result| result.late_s).sum::<f64>() / run.len().max(1) as f64;
        lines.push(format!(
            "{name}\n  person called machine  {}\n  machine called person  {}\n  cost {cost:.1}, decided {seconds:.2} s after speech on average",
            share(Verdict::Human, &[Verdict::Machine, Verdict::Fax]).told(),
            share(Verdict::Machine, &[Verdict::Human]).told(),
        ));
    }
    lines.join("\n")
}

/// The parameters as a file that says where it is from.
fn file_text(params: &DecisionThresholds, args: &Args, (people, machines): (usize, usize)) -> String {
    let Costs { person_called_machine, machine_called_person, false_start, waiting } = params.costs;
    format!(
        "# Parameters of the verdict, by `dering amd tune` from {people} people and {machines} machines, cost ratio {}.\n\
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
        args.cost_ratio,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> Args {
        Args { labels: "labels.jsonl".into(), cost_ratio: 10.0, out: None, draws: 5, jobs: None }
    }

    #[test]
    fn the_written_file_is_what_the_server_reads() {
        let params = varied(-1.25, 1.2, 0.8);
        let text = file_text(&params, &args(), (120, 130));
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

    #[test]
    fn too_few_labels_are_refused_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let labels = folder.path().join("labels.jsonl");
        std::fs::write(&labels, "{\"file\":\"a.wav\",\"label\":\"human\"}\n").unwrap();
        let error = run(&Args { labels, ..args() }).unwrap_err();
        assert_eq!(error.to_string(), "1 people and 0 machines are labelled; at least 5 of each are needed");
    }
}
