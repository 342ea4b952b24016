//! What a set of parameters that runs in shadow would have said, beside what was said.

use callcore::amd::EventKind;

use super::verdict::Verdict;
use crate::accuracy::{Accuracy, Judged, Truth};
use crate::store::{Error, ShadowDifference, ShadowTally, Store};

/// Calls that are looked at, the last ones.
const CALLS: u32 = 20_000;
/// Calls of another verdict that are named.
const NAMED: u32 = 100;

/// A set in shadow, and how it fares.
#[derive(Clone, Debug)]
pub struct InShadow {
    pub set: String,
    /// Calls beside which it ran, the last 20,000 at most.
    pub calls: usize,
    /// Of these, calls of which it would have said something else.
    pub differ: usize,
    /// Of the calls that were drawn at random and listened to: how many there are, and both on them.
    pub heard: usize,
    pub usual: Accuracy,
    pub shadow: Accuracy,
    /// The last calls with another verdict, 100 at most.
    pub changed: Vec<Different>,
}

/// A call with another verdict.
#[derive(Clone, Debug)]
pub struct Different {
    pub id: String,
    pub usual: Verdict,
    pub usual_ms: Option<i64>,
    pub shadow: Verdict,
    pub shadow_ms: Option<i64>,
    /// What people say.
    pub label: Option<Verdict>,
}

impl Different {
    /// Whether it would be right, and was not; or was right, and would not be. `None` where nobody said who answered, or both are
    /// wrong.
    #[must_use]
    pub fn mends(&self) -> Option<bool> {
        let label = self.label?;
        (label == self.shadow || label == self.usual).then_some(label == self.shadow)
    }
}

/// How `set` fares.
///
/// # Errors
/// When the database fails.
pub async fn in_shadow(store: &Store, set: &str) -> Result<InShadow, Error> {
    let tallies = store.shadow_tallies(set, CALLS).await?;
    let changed = store.shadow_differences(set, CALLS, NAMED).await?;
    let sum = |wanted: &dyn Fn(&ShadowTally) -> bool| -> usize {
        tallies.iter().filter(|row| wanted(row)).filter_map(|row| usize::try_from(row.calls).ok()).sum()
    };
    let accuracy = |said: fn(&ShadowTally) -> Option<EventKind>| {
        let drawn = tallies.iter().filter(|row| row.drawn);
        let judged = drawn.filter_map(|row| {
            let (truth, calls) = (Truth::named(row.truth.as_deref()?)?, usize::try_from(row.calls).ok()?);
            Some(Judged { truth, verdict: said(row), calls })
        });
        Accuracy::of(&judged.collect::<Vec<_>>())
    };
    Ok(InShadow {
        set: set.to_owned(),
        calls: sum(&|_| true),
        differ: sum(&|row| row.verdict != row.shadow),
        heard: sum(&|row| row.drawn),
        usual: accuracy(|row| row.verdict),
        shadow: accuracy(|row| row.shadow),
        changed: changed.into_iter().map(different).collect(),
    })
}

fn different(row: ShadowDifference) -> Different {
    // A fax is a machine to both.
    let said = |event: Option<EventKind>| event.map_or(Verdict::Undecided, |event| Verdict::of(event, false));
    let label = row.truth.as_deref().and_then(Truth::named).map(|truth| match truth {
        Truth::Person => Verdict::Human,
        Truth::Machine(_) => Verdict::Machine,
        Truth::Nobody => Verdict::NoSpeech,
    });
    Different {
        id: row.call_id,
        usual: said(row.verdict),
        usual_ms: row.verdict_ms,
        shadow: said(row.shadow),
        shadow_ms: row.shadow_ms,
        label,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_mended_or_broken_only_where_somebody_knows_who_answered() {
        let call = |label| Different {
            id: "c".into(),
            usual: Verdict::Human,
            usual_ms: Some(900),
            shadow: Verdict::Machine,
            shadow_ms: None,
            label,
        };
        assert_eq!(call(None).mends(), None);
        assert_eq!(call(Some(Verdict::Machine)).mends(), Some(true));
        assert_eq!(call(Some(Verdict::Human)).mends(), Some(false));
        assert_eq!(call(Some(Verdict::NoSpeech)).mends(), None);
    }
}
