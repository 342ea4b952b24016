//! What the detector would have said of labelled calls with other settings, beside what it says with their own.

use callcore::amd::{DecisionThresholds, EventKind, Options, Subtype};
use serde::Serialize;

use super::analyse::{audio_of, why_not};
use super::cases::Case;
use super::change::Change;
use super::pool::Pool;
use super::replay::again;
use super::verdict::Verdict;
use crate::accuracy::{Accuracy, Judged, Percentile, Truth};

/// Changed calls that are kept.
const MOST_CHANGED: usize = 500;

/// Both, and which calls differ.
#[derive(Clone, Debug)]
pub struct WhatIf {
    /// Calls that were replayed.
    pub calls: usize,
    pub before: Figures,
    pub after: Figures,
    /// Calls whose verdict a replay with their own settings does not reach: another version of the detector ran, or what it was
    /// fed is not known in full.
    pub otherwise: usize,
    /// The first of those that differ: wrong ones first.
    pub changed: Vec<Changed>,
    /// All of those that differ.
    pub differ: usize,
    /// Recordings that could not be used, and why.
    pub left_out: Vec<(String, String)>,
}

/// How good verdicts are, and how soon they come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    pub accuracy: Accuracy,
    /// From the answer to the verdict, ms.
    pub p50: Option<Percentile>,
    pub p95: Option<Percentile>,
}

/// A call that would have another verdict.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    pub id: String,
    pub label: Verdict,
    pub before: Verdict,
    pub after: Verdict,
    /// When, ms since the answer.
    pub after_ms: Option<u64>,
}

impl Changed {
    /// Whether it would be right, and was not.
    #[must_use]
    pub fn mends(&self) -> bool {
        self.after == self.label
    }

    /// Whether it was right, and would not be.
    #[must_use]
    pub fn breaks(&self) -> bool {
        self.before == self.label
    }
}

/// What one run said: the verdict, and when it came.
type Said = (Verdict, Option<u64>);

/// Replays `cases`; `None` when it was given up.
pub(super) fn what_if(
    cases: &[Case],
    (change, set): (&Change, Option<DecisionThresholds>),
    pool: &Pool<'_>,
) -> Option<WhatIf> {
    let results = pool.over(cases, |case| -> anyhow::Result<(Said, Said)> {
        let audio = audio_of(&case.file, case.left)?;
        let own = |trace: Option<&callcore::amd::Trace>| {
            trace.map_or_else(Options::default, |trace| trace.options.clone())
        };
        let before = again(case, &audio, &own);
        let after = again(case, &audio, &|trace| change.applied(own(trace), set));
        Ok((Verdict::of_events(&before.events), Verdict::of_events(&after.events)))
    })?;
    let (mut told, mut left_out) = (Vec::new(), Vec::new());
    for (case, result) in cases.iter().zip(results) {
        match (result, case.label) {
            (Ok((before, after)), Some(label)) => told.push((case, label, before, after)),
            (Ok(_), None) => {}
            (Err(error), _) => left_out.push((case.id.clone(), why_not(&case.file, &error))),
        }
    }
    let otherwise =
        told.iter().filter(|(case, _, before, _)| case.before.is_some_and(|then| then != before.0));
    let otherwise = otherwise.count();
    let figures =
        |of: fn(&(&Case, Verdict, Said, Said)) -> Said| Figures::of(told.iter().map(|one| (one.1, of(one))));
    let (before, after) = (figures(|one| one.2), figures(|one| one.3));
    let mut changed: Vec<Changed> = told
        .iter()
        .filter(|(_, _, before, after)| before.0 != after.0)
        .map(|(case, label, before, after)| Changed {
            id: case.id.clone(),
            label: *label,
            before: before.0,
            after: after.0,
            after_ms: after.1,
        })
        .collect();
    changed.sort_by_key(|one| (one.mends(), !one.breaks()));
    let differ = changed.len();
    changed.truncate(MOST_CHANGED);
    Some(WhatIf { calls: told.len(), before, after, otherwise, changed, differ, left_out })
}

impl Figures {
    fn of(said: impl Iterator<Item = (Verdict, Said)>) -> Self {
        let (mut judged, mut times) = (Vec::new(), Vec::new());
        for (label, (verdict, at_ms)) in said {
            judged.push(Judged { truth: truth(label), verdict: Some(event(verdict)), calls: 1 });
            times.extend(at_ms.and_then(|ms| i64::try_from(ms).ok()));
        }
        times.sort_unstable();
        Self {
            accuracy: Accuracy::of(&judged),
            p50: Percentile::of(&times, 0.5),
            p95: Percentile::of(&times, 0.95),
        }
    }
}

const fn truth(label: Verdict) -> Truth {
    match label {
        Verdict::Human => Truth::Person,
        Verdict::Machine => Truth::Machine(Subtype::Voicemail),
        Verdict::Fax => Truth::Machine(Subtype::Fax),
        Verdict::NoSpeech | Verdict::Undecided => Truth::Nobody,
    }
}

const fn event(verdict: Verdict) -> EventKind {
    match verdict {
        Verdict::Human => EventKind::HumanDetected,
        Verdict::Machine | Verdict::Fax => EventKind::MachineDetected,
        Verdict::NoSpeech => EventKind::NoSpeechDetected,
        Verdict::Undecided => EventKind::DecisionTimeout,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody says a word after 600 ms, and is silent.
    fn greeting(folder: &std::path::Path) -> Case {
        let silence = |ms: usize| vec![0_i16; ms * 8];
        let audio = [silence(600), callcore::testing::voice(500, 140.0), silence(6_000)].concat();
        let file = folder.join("call.wav");
        std::fs::write(&file, callcore::audio::wav::write_8k(&[&audio, &silence(7_100)])).unwrap();
        Case { id: "call".into(), file, left: true, label: Some(Verdict::Human), ..Case::default() }
    }

    #[test]
    fn other_settings_are_told_beside_the_calls_own() {
        let folder = tempfile::tempdir().unwrap();
        let gone =
            Case { id: "gone".into(), file: folder.path().join("gone.wav"), ..greeting(folder.path()) };
        let cases = [greeting(folder.path()), gone];
        let pool = Pool { threads: Some(1), begins: &|_| {}, step: &|| true };
        let change = Change { decision_timeout_ms: Some(800), ..Change::default() };
        let found = what_if(&cases, (&change, None), &pool).unwrap();
        assert_eq!((found.calls, found.left_out.len(), found.left_out[0].0.as_str()), (1, 1, "gone"));
        assert_eq!((found.differ, found.changed[0].after), (1, Verdict::Undecided));
        assert!(found.changed[0].breaks() && !found.changed[0].mends());
        assert_eq!((found.before.accuracy.undecided.count, found.after.accuracy.undecided.count), (0, 1));
        assert_eq!(found.after.p50.unwrap().value, 800);
        let none = what_if(&cases, (&Change::default(), None), &Pool { step: &|| false, ..pool });
        assert!(none.is_none(), "given up");
    }
}
