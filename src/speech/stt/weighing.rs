//! Which of the expected answers was given, by how probable a recogniser finds each of them. Pure.

use callcore::flow::{AnswerId, Weighed};

/// So far behind the likeliest, a second answer may as well have been given, nats.
const TIE: f32 = 1.35;
/// An answer less probable than this was not given: the recogniser would say nearly anything else instead.
const UNLIKELY: f32 = -7.0;
/// What the recogniser says by itself may be so much likelier: it may write the same in another way.
const OUTDONE: f32 = 5.0;
/// The language that was to be spoken is less probable than this: another one was.
const FOREIGN: f32 = -4.0;

/// What a recogniser finds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Evidence {
    /// Natural logarithm of the probability of each answer, all ways to say it together.
    pub(super) scores: Vec<(AnswerId, f32)>,
    /// The same of what it says by itself.
    pub(super) free: f32,
    /// The same of the language that is expected; 0 when there is only one.
    pub(super) language: f32,
}

impl Evidence {
    /// The answer that was given, if it can be told.
    pub(super) fn judge(&self) -> Weighed {
        let mut ranked = self.scores.clone();
        ranked.sort_by(|one, other| other.1.total_cmp(&one.1));
        let Some((likeliest, score)) = ranked.first().copied() else {
            return Weighed { likely: None, probability: 0.0, margin: 0.0 };
        };
        let second = ranked.get(1).map_or(f32::NEG_INFINITY, |(_, score)| *score);
        let all = logarithm_of_sum(ranked.iter().map(|(_, score)| *score).chain([self.free.min(score + OUTDONE)]));
        let margin = (score - second).min(score - UNLIKELY).max(0.0);
        let given = score - second >= TIE
            && score >= UNLIKELY
            && self.free - score <= OUTDONE
            && self.language >= FOREIGN;
        Weighed { likely: given.then_some(likeliest), probability: (score - all).exp().clamp(0.0, 1.0), margin }
    }
}

/// The logarithm of the sum of what these are logarithms of.
pub(super) fn logarithm_of_sum(all: impl Iterator<Item = f32> + Clone) -> f32 {
    let most = all.clone().fold(f32::NEG_INFINITY, f32::max);
    if most == f32::NEG_INFINITY {
        return most;
    }
    most + all.map(|one| (one - most).exp()).sum::<f32>().ln()
}
