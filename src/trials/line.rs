//! How one set of parameters fares over labelled calls, and what that costs.

use serde::Serialize;

use super::hearing::{Hearing, Judged};
use super::verdict::Verdict;
use crate::accuracy::{Percentile, Share};

/// What a second of waiting costs, in machines called people: it settles draws, and hardly more.
const COST_PER_SECOND: f64 = 0.05;

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

impl Line {
    /// `run` has what each of `hearings` was taken for; `cost_ratio` machines called people cost as much as one person
    /// called a machine.
    pub(super) fn of(hearings: &[Hearing], run: &[Judged], cost_ratio: f64) -> Self {
        let judged = || hearings.iter().zip(run);
        let share = |label: Option<Verdict>, said: &[Verdict]| {
            let of: Vec<_> =
                judged().filter(|(hearing, _)| label.is_none_or(|label| hearing.label == label)).collect();
            Share::new(of.iter().filter(|(_, result)| said.contains(&result.verdict)).count(), of.len())
        };
        let mut late_ms: Vec<i64> =
            run.iter().map(|result| (result.late_s * 1000.0).round() as i64).collect();
        late_ms.sort_unstable();
        Self {
            person_called_machine: share(Some(Verdict::Human), &[Verdict::Machine, Verdict::Fax]),
            machine_called_person: share(Some(Verdict::Machine), &[Verdict::Human]),
            undecided: share(None, &[Verdict::Undecided, Verdict::NoSpeech]),
            cost: judged().map(|(hearing, result)| price(hearing.label, *result, cost_ratio)).sum(),
            seconds: run.iter().map(|result| result.late_s).sum::<f64>() / run.len().max(1) as f64,
            p50: Percentile::of(&late_ms, 0.5),
            p95: Percentile::of(&late_ms, 0.95),
        }
    }

    /// For people, below its name.
    pub(crate) fn told(&self, name: &str) -> String {
        format!(
            "{name}\n  person called machine  {}\n  machine called person  {}\n  cost {:.1}, decided {:.2} s after speech on average",
            self.person_called_machine.told(),
            self.machine_called_person.told(),
            self.cost,
            self.seconds,
        )
    }
}

/// What one verdict costs, in machines called people.
pub(super) fn price(label: Verdict, result: Judged, ratio: f64) -> f64 {
    let error = match (label, result.verdict) {
        (Verdict::Human, Verdict::Machine | Verdict::Fax) => ratio,
        (label, verdict) if label == verdict => 0.0,
        _ => 1.0,
    };
    error + COST_PER_SECOND * result.late_s.min(10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_called_machine_costs_what_was_stated() {
        let called = |verdict| Judged { verdict, late_s: 0.0 };
        assert_eq!(price(Verdict::Human, called(Verdict::Machine), 10.0), 10.0);
        assert_eq!(price(Verdict::Machine, called(Verdict::Human), 10.0), 1.0);
        assert_eq!(price(Verdict::Human, called(Verdict::Human), 10.0), 0.0);
        assert_eq!(price(Verdict::Human, called(Verdict::Undecided), 10.0), 1.0);
    }
}
