//! Results against labels: what was right, how the errors fall, how long it took.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cases::Case;
use super::verdict::Verdict;
use crate::accuracy::{Percentile, Share};

/// What a run said about one case.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) at_ms: Option<u64>,
    /// From the end of the callee's first utterance (people), or from the first speech (machines), ms.
    pub(crate) latency_ms: Option<i64>,
    /// The bot's first word, counted from there, where it may greet before the verdict.
    pub(crate) first_word_ms: Option<i64>,
    /// How long the bot would have spoken in vain before it fell silent, when it would have.
    pub(crate) false_start_ms: Option<u64>,
}

#[cfg(test)]
impl Outcome {
    pub(crate) const fn new(verdict: Verdict) -> Self {
        Self { verdict, at_ms: None, latency_ms: None, first_word_ms: None, false_start_ms: None }
    }
}

/// Everything counted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Score {
    pub(crate) accuracy: Share,
    pub(crate) human_called_machine: Share,
    pub(crate) machine_called_human: Share,
    pub(crate) undecided: Share,
    /// Rows: label; columns: verdict.
    pub(crate) confusion: BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
    pub(crate) human_latency_ms: Latency,
    pub(crate) machine_latency_ms: Latency,
    /// The bot's first word to a person, where it greets before the verdict.
    pub(crate) first_word_ms: Latency,
    /// People and machines that would be greeted too early, and for how long.
    pub(crate) false_start_on_human: Share,
    pub(crate) false_start_on_machine: Share,
    pub(crate) false_start_ms: Latency,
    /// Right of all, by language, subtype and degradation.
    pub(crate) by: BTreeMap<&'static str, BTreeMap<String, Share>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: Option<Percentile>,
    pub(crate) p90: Option<Percentile>,
    pub(crate) p95: Option<Percentile>,
}

impl Latency {
    fn of(mut values: Vec<i64>) -> Self {
        values.sort_unstable();
        let [p50, p90, p95] = [0.5, 0.9, 0.95].map(|p| Percentile::of(&values, p));
        Self { p50, p90, p95 }
    }

    fn told(&self) -> String {
        let told = |p: &Option<Percentile>| p.as_ref().map_or("-".to_owned(), Percentile::told);
        format!("p50 {}, p90 {}, p95 {} ms", told(&self.p50), told(&self.p90), told(&self.p95))
    }
}

impl Score {
    /// Counts the labelled ones among `cases`; `None` when there are none.
    pub(crate) fn of(cases: &[Case], outcomes: &[Option<Outcome>]) -> Option<Self> {
        let known: Vec<(&Case, Verdict, &Outcome)> = cases
            .iter()
            .zip(outcomes)
            .filter_map(|(case, outcome)| Some((case, case.label?, outcome.as_ref()?)))
            .collect();
        if known.is_empty() {
            return None;
        }
        let share = |label: Option<Verdict>, said: &dyn Fn(Verdict, Verdict) -> bool| {
            let of: Vec<_> =
                known.iter().filter(|(_, is, _)| label.is_none_or(|label| label == *is)).collect();
            Share::new(of.iter().filter(|(_, is, outcome)| said(*is, outcome.verdict)).count(), of.len())
        };
        let mut confusion: BTreeMap<_, BTreeMap<_, usize>> = BTreeMap::new();
        let mut by: BTreeMap<&'static str, BTreeMap<String, (usize, usize)>> = BTreeMap::new();
        for (case, label, outcome) in &known {
            *confusion.entry(label.as_str()).or_default().entry(outcome.verdict.as_str()).or_default() += 1;
            let right = usize::from(*label == outcome.verdict);
            let mut count = |what, name: &str| {
                let slot = by.entry(what).or_default().entry(name.to_owned()).or_default();
                *slot = (slot.0 + right, slot.1 + 1);
            };
            case.language.iter().for_each(|language| count("language", language));
            case.subtype.iter().for_each(|subtype| count("subtype", subtype));
            for degradation in &case.degradations {
                count("degradation", degradation.split(':').next().unwrap_or(degradation));
            }
        }
        let latency = |verdict: Verdict| {
            let right = known.iter().filter(|(_, is, outcome)| *is == verdict && outcome.verdict == verdict);
            Latency::of(right.filter_map(|(_, _, outcome)| outcome.latency_ms).collect())
        };
        let right_people = known
            .iter()
            .filter(|(_, is, outcome)| *is == Verdict::Human && outcome.verdict == Verdict::Human);
        let too_early = |label: Verdict| {
            let of: Vec<_> = known.iter().filter(|(_, is, _)| *is == label).collect();
            Share::new(of.iter().filter(|(_, _, outcome)| outcome.false_start_ms.is_some()).count(), of.len())
        };
        let in_vain = known.iter().filter(|(_, is, _)| *is == Verdict::Machine);
        Some(Self {
            first_word_ms: Latency::of(right_people.filter_map(|(_, _, o)| o.first_word_ms).collect()),
            false_start_on_human: too_early(Verdict::Human),
            false_start_on_machine: too_early(Verdict::Machine),
            false_start_ms: Latency::of(
                in_vain
                    .filter_map(|(_, _, o)| o.false_start_ms)
                    .filter_map(|ms| i64::try_from(ms).ok())
                    .collect(),
            ),
            accuracy: share(None, &|is, said| is == said),
            human_called_machine: share(Some(Verdict::Human), &|_, said| said == Verdict::Machine),
            machine_called_human: share(Some(Verdict::Machine), &|_, said| said == Verdict::Human),
            undecided: share(None, &|_, said| said == Verdict::Undecided),
            confusion,
            human_latency_ms: latency(Verdict::Human),
            machine_latency_ms: latency(Verdict::Machine),
            by: by
                .into_iter()
                .map(|(what, counts)| {
                    let shares = counts.into_iter().map(|(name, (right, of))| (name, Share::new(right, of)));
                    (what, shares.collect())
                })
                .collect(),
        })
    }

    /// For people.
    pub(crate) fn told(&self) -> String {
        let mut lines = vec![
            format!("right                  {}", self.accuracy.told()),
            format!("PERSON CALLED MACHINE  {}", self.human_called_machine.told()),
            format!("machine called person  {}", self.machine_called_human.told()),
            format!("undecided              {}", self.undecided.told()),
            format!("person after the first utterance   {}", self.human_latency_ms.told()),
            format!("machine after speech began         {}", self.machine_latency_ms.told()),
            format!("first word to a person             {}", self.first_word_ms.told()),
            format!(
                "begun too early: machines {}, people {}",
                self.false_start_on_machine.told(),
                self.false_start_on_human.told()
            ),
            format!("spoken to a machine before silence {}", self.false_start_ms.told()),
            "(bounds: 95 %, Clopper-Pearson)\n".to_owned(),
            format!("{:<12}{}", "label", Verdict::ALL.map(|v| format!("{v:>11}")).concat()),
        ];
        for (label, row) in &self.confusion {
            let counts = Verdict::ALL.map(|v| format!("{:>11}", row.get(v.as_str()).unwrap_or(&0)));
            lines.push(format!("{label:<12}{}", counts.concat()));
        }
        for (what, shares) in &self.by {
            lines.push(format!("\nright by {what}"));
            lines.extend(shares.iter().map(|(name, share)| format!("  {name:<28} {}", share.told())));
        }
        lines.join("\n")
    }
}
