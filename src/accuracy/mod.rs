//! How often verdicts are right, from what people say who answered, with bounds. Pure.

mod bounds;

use callcore::amd::{EventKind, Subtype};

pub use self::bounds::{Percentile, Share};

/// Who answered in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    Person,
    Machine(Subtype),
    Nobody,
}

impl Truth {
    /// What is no kind of machine: nobody spoke.
    const NOBODY: &str = "nobody";

    /// Everything that may be said.
    pub const ALL: [Self; 8] = [
        Self::Person,
        Self::Machine(Subtype::Voicemail),
        Self::Machine(Subtype::Unavailable),
        Self::Machine(Subtype::Network),
        Self::Machine(Subtype::Ivr),
        Self::Machine(Subtype::Screening),
        Self::Machine(Subtype::Fax),
        Self::Nobody,
    ];

    /// Its name in labels: `human`, a kind of machine as verdicts name it, or `nobody`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => Subtype::Human.as_str(),
            Self::Machine(kind) => kind.as_str(),
            Self::Nobody => Self::NOBODY,
        }
    }

    /// The truth of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|truth| truth.as_str() == name)
    }
}

/// So many calls in which `verdict` was said, and `truth` is what a person says.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    pub truth: Truth,
    /// `None`: none was reached.
    pub verdict: Option<EventKind>,
    pub calls: usize,
}

/// How often verdicts were right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// Of the people.
    pub people_called_machines: Share,
    /// Of the machines.
    pub machines_called_people: Share,
    /// Of all, those that were neither called people nor machines, while somebody or something spoke.
    pub undecided: Share,
}

impl Accuracy {
    /// Sums up.
    #[must_use]
    pub fn of(judged: &[Judged]) -> Self {
        let count = |wanted: fn(&Judged) -> bool| -> usize {
            judged.iter().filter(|one| wanted(one)).map(|one| one.calls).sum()
        };
        let people = count(|one| one.truth == Truth::Person);
        let machines = count(|one| matches!(one.truth, Truth::Machine(_)));
        let wrong_people =
            count(|one| one.truth == Truth::Person && one.verdict == Some(EventKind::MachineDetected));
        let wrong_machines = count(|one| {
            matches!(one.truth, Truth::Machine(_)) && one.verdict == Some(EventKind::HumanDetected)
        });
        let undecided = count(|one| {
            one.truth != Truth::Nobody
                && !matches!(one.verdict, Some(EventKind::HumanDetected | EventKind::MachineDetected))
        });
        Self {
            people_called_machines: Share::new(wrong_people, people),
            machines_called_people: Share::new(wrong_machines, machines),
            undecided: Share::new(undecided, people + machines),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truth_has_a_name_of_its_own() {
        assert!(Truth::ALL.iter().all(|truth| Truth::named(truth.as_str()) == Some(*truth)));
        assert_eq!(Truth::named("somebody"), None);
    }

    #[test]
    fn errors_are_counted_of_those_to_whom_they_can_happen() {
        let machine = Truth::Machine(Subtype::Voicemail);
        let judged = |truth, verdict, calls| Judged { truth, verdict, calls };
        let accuracy = Accuracy::of(&[
            judged(Truth::Person, Some(EventKind::HumanDetected), 8),
            judged(Truth::Person, Some(EventKind::MachineDetected), 2),
            judged(machine, Some(EventKind::HumanDetected), 1),
            judged(machine, Some(EventKind::DecisionTimeout), 3),
            judged(Truth::Nobody, Some(EventKind::NoSpeechDetected), 5),
        ]);
        let shares = [accuracy.people_called_machines, accuracy.machines_called_people, accuracy.undecided];
        assert_eq!(shares.map(|share| (share.count, share.of)), [(2, 10), (1, 4), (3, 14)]);
    }
}
