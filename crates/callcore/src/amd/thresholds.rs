//! What a verdict is worth and how long it may take: today's values as the default, others from a file that
//! `dering amd tune` wrote.

use serde::{Deserialize, Serialize};

use super::weights::Weights;

/// What mistakes and waiting cost, each against the others; only their ratios count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Costs {
    /// A person is called a machine: most campaigns hang up on them.
    pub person_called_machine: f32,
    /// A machine is called a person: the message begins in the middle of a greeting.
    pub machine_called_person: f32,
    /// The bot begins, and has to fall silent again because a greeting goes on.
    pub false_start: f32,
    /// Every 100 ms without a verdict.
    pub waiting: f32,
}

impl Default for Costs {
    fn default() -> Self {
        Self { person_called_machine: 8.0, machine_called_person: 1.0, false_start: 0.12, waiting: 0.007 }
    }
}

/// When a verdict falls: as soon as what an error costs, times how likely it is, is no more than what the waiting has
/// cost by then, and not before a least time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct DecisionThresholds {
    pub costs: Costs,
    /// Sound alone names no machine before this much was said, ms.
    pub machine_after_ms: u64,
    /// The same once words lean to a machine.
    pub machine_with_words_after_ms: u64,
    /// No person is certain before this silence, ms: a greeting that only draws breath goes on within it.
    pub human_after_ms: u64,
    /// No person is likely, and spoken to, before this silence, ms.
    pub likely_after_ms: u64,
    /// While a recogniser listens, a person is not certain before its words are there, or this silence has passed, ms.
    pub words_wait_ms: u64,
    /// After this silence (ms) one side is named, the one whose error would cost less.
    pub late_ms: u64,
    /// Log-odds added for a machine, as if more of them answered: below 0 spares people, above 0 catches
    /// machines.
    pub bias: f32,
    /// What each measure weighs.
    #[serde(skip_serializing_if = "Weights::is_usual")]
    pub weights: Weights,
    /// How long a decision is watched for what speaks against it, in ms; 0 does not watch.
    pub shadow_ms: u64,
}

impl Default for DecisionThresholds {
    fn default() -> Self {
        Self {
            costs: Costs::default(),
            machine_after_ms: 2_400,
            machine_with_words_after_ms: 900,
            human_after_ms: 900,
            likely_after_ms: 360,
            words_wait_ms: 1_000,
            late_ms: 1_980,
            bias: 0.0,
            weights: Weights::default(),
            shadow_ms: 20_000,
        }
    }
}

impl DecisionThresholds {
    /// The usual ones with what errors cost a campaign of this purpose: `reminder`, whose costs are the usual ones; `sales`, where
    /// a person hung up on is a customer lost; `message_drop`, where most calls are for mailboxes. `None` for any other.
    #[must_use]
    pub fn for_purpose(purpose: &str) -> Option<Self> {
        let usual = Self::default();
        let person_called_machine = match purpose {
            "reminder" => usual.costs.person_called_machine,
            "sales" => 20.0,
            "message_drop" => 3.0,
            _ => return None,
        };
        Some(Self { costs: Costs { person_called_machine, ..usual.costs }, ..usual })
    }

    /// A machine must be at least this likely to be named after `said_ms` of speech; `None` before it may be.
    pub(super) fn machine_at(&self, said_ms: u64, words_lean: bool) -> Option<f32> {
        let after = if words_lean { self.machine_with_words_after_ms } else { self.machine_after_ms };
        (said_ms >= after).then(|| 1.0 - self.accepted(self.costs.person_called_machine, said_ms))
    }

    /// A machine may be at most this likely for a person to be certain after `silence_ms`; `None` before one may be.
    pub(super) fn human_at(&self, silence_ms: u64) -> Option<f32> {
        (silence_ms >= self.human_after_ms)
            .then(|| self.accepted(self.costs.machine_called_person, silence_ms))
    }

    /// The same for a person who may be spoken to.
    pub(super) fn likely_at(&self, silence_ms: u64) -> Option<f32> {
        (silence_ms >= self.likely_after_ms).then(|| self.accepted(self.costs.false_start, silence_ms))
    }

    /// From this probability of a machine on, to call it a person would be the dearer error.
    pub(super) fn even(&self) -> f32 {
        let Costs { person_called_machine: person, machine_called_person: machine, .. } = self.costs;
        person / (person + machine).max(f32::MIN_POSITIVE)
    }

    /// How likely an error that costs `cost` may be after so much waiting.
    fn accepted(&self, cost: f32, waited_ms: u64) -> f32 {
        (self.costs.waiting * waited_ms as f32 / 100.0 / cost.max(f32::MIN_POSITIVE)).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_wrong_grows_with_the_waiting_and_falls_with_its_cost() {
        let params = DecisionThresholds::default();
        assert_eq!(
            (params.human_at(880), params.likely_at(340), params.machine_at(2_380, false)),
            (None, None, None)
        );
        assert!(
            params.human_at(900) < params.human_at(1_800) && params.human_at(900) < params.likely_at(900)
        );
        assert!(params.machine_at(2_400, false) > params.machine_at(6_000, false));
        assert_eq!(params.machine_at(900, true), params.machine_at(900, true).filter(|sure| *sure > 0.98));
        let careful = Costs { person_called_machine: 10.0, ..Costs::default() };
        let careful = DecisionThresholds { costs: careful, ..params };
        assert!(
            careful.machine_at(3_000, false) > params.machine_at(3_000, false)
                && careful.even() > params.even()
        );
    }

    #[test]
    fn a_purpose_is_a_matter_of_costs() {
        let after = |purpose| {
            DecisionThresholds::for_purpose(purpose).and_then(|params| params.machine_at(4_000, false))
        };
        assert!(after("sales") > after("reminder") && after("reminder") > after("message_drop"));
        assert_eq!(DecisionThresholds::for_purpose("reminder"), Some(DecisionThresholds::default()));
        assert_eq!(DecisionThresholds::for_purpose("fun"), None);
    }

    #[test]
    fn costs_of_nothing_are_no_division_by_nothing() {
        let costs =
            Costs { person_called_machine: 0.0, machine_called_person: 0.0, false_start: 0.0, waiting: 0.0 };
        let params = DecisionThresholds { costs, ..DecisionThresholds::default() };
        assert!(params.even().is_finite() && params.human_at(2_000).is_some_and(f32::is_finite));
    }
}
