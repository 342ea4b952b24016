//! Whether and when a contact is tried again, by who answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::span::Span;

/// What follows each outcome. Those that are not named have their usual rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RetryPlan(BTreeMap<Outcome, RetryRule>);

/// When to try again after an outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryRule {
    /// How often after this outcome; 0: never.
    pub times: u32,
    /// How long after the first, the second … such outcome; the last one holds for all further ones. A tenth is added at random.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Span>,
    /// At another part of the contact's day than last time: morning (to 12), afternoon (to 17) or evening.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_part_of_day: bool,
}

/// Who turned a call down is not called again sooner, whatever the plan says.
const AFTER_DECLINE: Span = Span::minutes(4 * 60);
/// What is tried again at once would ring twice in a row.
const SHORTEST: Span = Span::minutes(1);

impl RetryPlan {
    /// Sets the rule of an outcome.
    #[must_use]
    pub fn with(mut self, outcome: Outcome, rule: RetryRule) -> Self {
        self.0.insert(outcome, rule);
        self
    }

    /// The rules that are set.
    pub fn set(&self) -> impl Iterator<Item = (Outcome, &RetryRule)> {
        self.0.iter().map(|(outcome, rule)| (*outcome, rule))
    }

    /// The rule that holds for an outcome.
    #[must_use]
    pub fn rule(&self, outcome: Outcome) -> RetryRule {
        self.0.get(&outcome).cloned().unwrap_or_else(|| usual(outcome))
    }
}

impl RetryRule {
    /// How long to wait after this outcome came for the `nth` time (from 1); `None`: it is not tried again. `jitter` is 0.0 to 1.0.
    pub(super) fn wait_ms(&self, outcome: Outcome, nth: u32, jitter: f64) -> Option<i64> {
        if nth > self.times {
            return None;
        }
        let at = (nth.max(1) as usize - 1).min(self.after.len().saturating_sub(1));
        let span = self.after.get(at).copied().unwrap_or(SHORTEST).max(SHORTEST);
        let span = if outcome == Outcome::Declined { span.max(AFTER_DECLINE) } else { span };
        Some(span.ms() + (span.ms() as f64 * 0.1 * jitter.clamp(0.0, 1.0)) as i64)
    }
}

/// The rule of an outcome that the plan does not name.
fn usual(outcome: Outcome) -> RetryRule {
    let again = |times, minutes: &[u32], other_part_of_day| RetryRule {
        times,
        after: minutes.iter().copied().map(Span::minutes).collect(),
        other_part_of_day,
    };
    match outcome {
        Outcome::Busy => again(3, &[15, 30, 60], false),
        Outcome::NoAnswer => again(2, &[120, 240], true),
        Outcome::NetworkMailbox => again(2, &[120, 240], true),
        Outcome::VoicemailUnheard | Outcome::Unclear | Outcome::Screening => again(1, &[240], true),
        Outcome::Declined => again(1, &[24 * 60], true),
        Outcome::HungUpEarly => again(1, &[24 * 60], true),
        Outcome::NetworkFault => again(3, &[5, 15, 60], false),
        Outcome::Lost => again(1, &[30], false),
        // The callee named the time.
        Outcome::Callback => again(3, &[60], false),
        // Nothing was asked of the contact.
        Outcome::NotDialled => again(u32::MAX, &[1], false),
        Outcome::HeardToTheEnd
        | Outcome::Answered
        | Outcome::OptedOut
        | Outcome::VoicemailLeft
        | Outcome::Ivr
        | Outcome::Fax
        | Outcome::NoSuchNumber
        | Outcome::Cancelled
        | Outcome::Impossible => RetryRule::default(),
    }
}
