//! Whether two campaigns, or two versions of a flow, differ, and by how much: shares with their bounds after Wilson, and differences
//! of shares with the bounds of Newcombe's hybrid score (Statistics in Medicine 17, 1998, pages 857 and 873, method 10), 95 %.

use serde::Serialize;
use strum::{EnumIter, IntoEnumIterator, IntoStaticStr};

use super::outcome::Outcome;

/// The point of the normal distribution that leaves 2.5 % above it.
const Z: f64 = 1.959_963_984_540_054;

/// Attempts that are over, counted by how far each came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Attempts that are over.
    pub attempts: u64,
    /// Somebody or something answered.
    pub answered: u64,
    /// A person did.
    pub people: u64,
    /// A person came to the end of the flow.
    pub heard_to_the_end: u64,
    /// A message was left on a machine.
    pub messages_left: u64,
    pub opted_out: u64,
    /// From answer to end, each call rounded up.
    pub minutes: u64,
}

impl Tally {
    /// Adds so many attempts with an outcome, which took `minutes` together.
    pub fn count(&mut self, outcome: Outcome, attempts: u64, minutes: u64) {
        let when = |holds: bool| if holds { attempts } else { 0 };
        self.attempts += attempts;
        self.answered += when(outcome.is_answered());
        self.people += when(outcome.is_person());
        self.heard_to_the_end += when(outcome == Outcome::HeardToTheEnd);
        self.messages_left += when(outcome == Outcome::VoicemailLeft);
        self.opted_out += when(outcome == Outcome::OptedOut);
        self.minutes += minutes;
    }
}

/// A share with its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    pub count: u64,
    pub of: u64,
    /// 0.0 to 1.0, as are the bounds; `None`: of nothing nothing is known.
    pub share: Option<f64>,
    pub low: f64,
    pub high: f64,
}

impl Estimate {
    /// `count` of `of`, at most as many.
    #[must_use]
    pub fn new(count: u64, of: u64) -> Self {
        let count = count.min(of);
        if of == 0 {
            return Self { count, of, share: None, low: 0.0, high: 1.0 };
        }
        let (n, p) = (of as f64, count as f64 / of as f64);
        let middle = 2.0 * n * p + Z * Z;
        let spread = Z * (Z * Z + 4.0 * n * p * (1.0 - p)).sqrt();
        let whole = 2.0 * (n + Z * Z);
        let low = if count == 0 { 0.0 } else { (middle - spread) / whole };
        let high = if count == of { 1.0 } else { (middle + spread) / whole };
        Self { count, of, share: Some(p), low, high }
    }
}

/// What can be told of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Told {
    /// The second share is higher than the first.
    Higher,
    /// The second share is lower.
    Lower,
    /// The bounds include zero: no difference can be told yet.
    NoDifferenceYet,
    /// One of them has no calls that could count.
    NothingKnown,
}

impl Told {
    /// Its name on the wire and in catalogues of words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// By how much the second share exceeds the first, with its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// -1.0 to 1.0, as are the bounds; `None` when one of the shares is unknown.
    pub difference: Option<f64>,
    pub low: f64,
    pub high: f64,
    pub told: Told,
}

impl Difference {
    /// From `first` to `second`.
    #[must_use]
    pub fn between(first: &Estimate, second: &Estimate) -> Self {
        let (Some(before), Some(after)) = (first.share, second.share) else {
            return Self { difference: None, low: -1.0, high: 1.0, told: Told::NothingKnown };
        };
        let difference = after - before;
        let low = difference - (after - second.low).hypot(first.high - before);
        let high = difference + (second.high - after).hypot(before - first.low);
        let told = if low > 0.0 {
            Told::Higher
        } else if high < 0.0 {
            Told::Lower
        } else {
            Told::NoDifferenceYet
        };
        Self { difference: Some(difference), low, high, told }
    }
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, EnumIter, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Measure {
    /// Answered, of all attempts.
    Answered,
    /// Answered by a person, of those answered.
    People,
    /// Heard to the end, of those that a person answered.
    HeardToTheEnd,
    /// A message left, of those answered.
    MessagesLeft,
    /// The callee wants no more calls, of those that a person answered.
    OptedOut,
}

impl Measure {
    /// Its name on the wire and in catalogues of words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Its share in `tally`.
    #[must_use]
    pub fn of(self, tally: &Tally) -> Estimate {
        match self {
            Self::Answered => Estimate::new(tally.answered, tally.attempts),
            Self::People => Estimate::new(tally.people, tally.answered),
            Self::HeardToTheEnd => Estimate::new(tally.heard_to_the_end, tally.people),
            Self::MessagesLeft => Estimate::new(tally.messages_left, tally.answered),
            Self::OptedOut => Estimate::new(tally.opted_out, tally.people),
        }
    }
}

/// One share of two sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    pub measure: Measure,
    pub first: Estimate,
    pub second: Estimate,
    pub difference: Difference,
}

/// Compares two sides, share by share.
#[must_use]
pub fn compare(first: &Tally, second: &Tally) -> Vec<Compared> {
    Measure::iter()
        .map(|measure| {
            let (first, second) = (measure.of(first), measure.of(second));
            Compared { measure, first, second, difference: Difference::between(&first, &second) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(found: f64, published: f64) -> bool {
        (found - published).abs() < 0.000_051
    }

    #[test]
    fn the_bounds_of_a_share_are_those_that_newcombe_published() {
        // Newcombe 1998a, table I, method 3: Wilson's score without a correction for continuity.
        for (count, of, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let estimate = Estimate::new(count, of);
            assert!(near(estimate.low, low) && near(estimate.high, high), "{estimate:?}");
        }
    }

    #[test]
    fn the_bounds_of_a_difference_are_those_that_newcombe_published() {
        // Newcombe 1998b, table II, method 10. He subtracts the second from the first.
        for ((a, m), (b, n), low, high) in [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((6, 7), (2, 7), 0.0582, 0.8062),
            ((5, 56), (0, 29), -0.0381, 0.1926),
            ((0, 10), (0, 20), -0.1611, 0.2775),
            ((0, 10), (0, 10), -0.2775, 0.2775),
            ((10, 10), (0, 20), 0.6791, 1.0),
            ((10, 10), (0, 10), 0.6075, 1.0),
        ] {
            let found = Difference::between(&Estimate::new(b, n), &Estimate::new(a, m));
            assert!(near(found.low, low) && near(found.high, high), "{a}/{m} {b}/{n}: {found:?}");
            let told = if low > 0.0 { Told::Higher } else { Told::NoDifferenceYet };
            assert_eq!(found.told, told, "{a}/{m} {b}/{n}");
        }
    }

    #[test]
    fn of_nothing_nothing_is_told() {
        let (none, some) = (Estimate::new(0, 0), Estimate::new(3, 4));
        assert_eq!((none.share, none.low, none.high), (None, 0.0, 1.0));
        let found = Difference::between(&none, &some);
        assert_eq!((found.difference, found.told), (None, Told::NothingKnown));
    }

    #[test]
    fn a_tally_counts_how_far_each_attempt_came() {
        let mut tally = Tally::default();
        for (outcome, attempts, minutes) in [
            (Outcome::HeardToTheEnd, 6, 9),
            (Outcome::HungUpEarly, 3, 3),
            (Outcome::OptedOut, 1, 1),
            (Outcome::VoicemailLeft, 5, 5),
            (Outcome::Busy, 5, 0),
        ] {
            tally.count(outcome, attempts, minutes);
        }
        let shares: Vec<_> = Measure::iter()
            .map(|measure| measure.of(&tally))
            .map(|estimate| (estimate.count, estimate.of))
            .collect();
        assert_eq!(shares, [(15, 20), (10, 15), (6, 10), (5, 15), (1, 10)]);
        assert_eq!(tally.minutes, 18);
    }

    proptest! {
        #[test]
        fn shares_lie_within_their_bounds_and_turning_a_comparison_round_turns_its_sign(
            a in 0_u64..2_000, m in 0_u64..2_000, b in 0_u64..2_000, n in 0_u64..2_000,
        ) {
            let (first, second) = (Estimate::new(a, m), Estimate::new(b, n));
            for estimate in [&first, &second] {
                let share = estimate.share.unwrap_or(0.5);
                prop_assert!(0.0 <= estimate.low && estimate.low <= share + 1e-12);
                prop_assert!(share <= estimate.high + 1e-12 && estimate.high <= 1.0);
            }
            let (there, back) = (Difference::between(&first, &second), Difference::between(&second, &first));
            prop_assert!((there.low + back.high).abs() < 1e-12 && (there.high + back.low).abs() < 1e-12);
            prop_assert!(-1.0 - 1e-12 <= there.low && there.high <= 1.0 + 1e-12);
        }
    }
}
