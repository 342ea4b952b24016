//! What each measure of a call weighs in the verdict: the built-in weights, or others that `dering amd learn` fitted.

use serde::{Deserialize, Serialize};

/// Weights of the log-odds of a machine, as `fusion` sums them.
///
/// The usual ones were fitted by `training/scenes/fit.py` on scenes in which every voice answers as a person and speaks as a
/// machine, so that nothing can be learned from the voice itself; `docs/amd.md` says how well they do on voices left out.
/// Whatever weights there are keep their signs: more speech never speaks for a person, and more silence never for a machine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Weights {
    /// As soon as somebody speaks.
    pub base: f32,
    /// For each second of speech between the times of `SAID_MS`.
    pub said: [f32; SAID_MS.len() - 1],
    /// For each second of silence since the last speech, between the times of `SILENCE_MS`.
    pub silence: [f32; SILENCE_MS.len() - 1],
    /// For each second of the longest utterance, between the times of `UTTERANCE_MS`.
    pub utterance: [f32; UTTERANCE_MS.len() - 1],
    /// For each pause in which somebody draws breath, and in which somebody waits for an answer.
    pub breath: f32,
    pub wait: f32,
    /// Trust in the network's log-odds.
    pub sound: f32,
    /// Trust in phrases of machines, and in mere greetings such as "hello".
    pub machine_words: f32,
    pub greeting_words: f32,
}

/// Speech, silence and utterance weigh differently between these times, ms.
pub(super) const SAID_MS: [u64; 6] = [0, 700, 1_400, 2_400, 4_000, 7_000];
pub(super) const SILENCE_MS: [u64; 6] = [0, 300, 600, 1_000, 1_500, 2_200];
pub(super) const UTTERANCE_MS: [u64; 3] = [1_000, 2_500, 4_500];

/// How far from 0 a weight may be.
const MOST: f32 = 12.0;

impl Default for Weights {
    fn default() -> Self {
        Self {
            base: -0.95,
            said: [0.79, 0.88, 0.28, 0.26, 0.25],
            silence: [-2.41, -1.1, -2.03, -0.87, -0.38],
            utterance: [0.17, 0.55],
            breath: 0.6,
            wait: -0.83,
            sound: 0.19,
            machine_words: 1.3,
            greeting_words: 0.3,
        }
    }
}

impl Weights {
    /// How many numbers they are.
    pub(super) const COUNT: usize =
        1 + (SAID_MS.len() - 1) + (SILENCE_MS.len() - 1) + (UTTERANCE_MS.len() - 1) + 5;

    /// Whether they are the built-in ones.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The first weight that may not be as it is, with what it may be.
    ///
    /// # Errors
    /// A sentence, when there is one.
    pub fn check(&self) -> Result<(), String> {
        let bounds = Self::bounds();
        for ((name, value), (least, most)) in Self::names().into_iter().zip(self.numbers()).zip(bounds) {
            if !(least..=most).contains(&value) {
                return Err(format!("weights: `{name}` is {value}; it must lie between {least} and {most}"));
            }
        }
        Ok(())
    }

    /// In their order: base, said, silence, utterance, breath, wait, sound, words of a machine, greetings.
    pub(super) fn numbers(&self) -> [f32; Self::COUNT] {
        let mut numbers = [0.0; Self::COUNT];
        let single = [self.breath, self.wait, self.sound, self.machine_words, self.greeting_words];
        let all = std::iter::once(self.base).chain(self.said).chain(self.silence).chain(self.utterance);
        numbers.iter_mut().zip(all.chain(single)).for_each(|(slot, value)| *slot = value);
        numbers
    }

    /// The same back.
    pub(super) fn of_numbers(numbers: &[f32; Self::COUNT]) -> Self {
        let mut rest = numbers.iter().copied();
        let mut next = || rest.next().unwrap_or(0.0);
        Self {
            base: next(),
            said: std::array::from_fn(|_| next()),
            silence: std::array::from_fn(|_| next()),
            utterance: std::array::from_fn(|_| next()),
            breath: next(),
            wait: next(),
            sound: next(),
            machine_words: next(),
            greeting_words: next(),
        }
    }

    /// Least and greatest values, in the same order.
    pub(super) fn bounds() -> [(f32, f32); Self::COUNT] {
        let (any, rises, falls) = ((-MOST, MOST), (0.0, MOST), (-MOST, 0.0));
        let mut bounds = [any; Self::COUNT];
        let silence = 1 + SAID_MS.len() - 1;
        let utterance = silence + SILENCE_MS.len() - 1;
        bounds[1..].fill(rises);
        bounds[silence..utterance].fill(falls);
        bounds[Self::COUNT - 4] = falls;
        bounds
    }

    fn names() -> [&'static str; Self::COUNT] {
        let mut names = ["base"; Self::COUNT];
        let (silence, utterance) = (SAID_MS.len(), SAID_MS.len() + SILENCE_MS.len() - 1);
        names[1..silence].fill("said");
        names[silence..utterance].fill("silence");
        names[utterance..].fill("utterance");
        let single = ["breath", "wait", "sound", "machineWords", "greetingWords"];
        names[Self::COUNT - single.len()..].copy_from_slice(&single);
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_numbers_is_the_same_in_both_directions() {
        let numbers: [f32; Weights::COUNT] = std::array::from_fn(|n| n as f32);
        let weights = Weights::of_numbers(&numbers);
        assert_eq!(weights.numbers(), numbers);
        assert_eq!((weights.base, weights.said[0], weights.greeting_words), (0.0, 1.0, 17.0));
        assert_eq!(Weights::names()[6], "silence");
        assert_eq!(Weights::names().map(|name| name == "utterance").iter().filter(|is| **is).count(), 2);
    }

    #[test]
    fn a_weight_of_the_wrong_sign_is_named() {
        assert_eq!(Weights::default().check(), Ok(()));
        let wrong = Weights { silence: [-1.0, 0.5, 0.0, 0.0, 0.0], ..Weights::default() };
        assert_eq!(wrong.check().unwrap_err(), "weights: `silence` is 0.5; it must lie between -12 and 0");
        let wrong = Weights { sound: f32::NAN, ..Weights::default() };
        assert!(wrong.check().unwrap_err().contains("`sound`"));
        let wrong = Weights { wait: 0.1, ..Weights::default() };
        assert!(wrong.check().unwrap_err().contains("`wait`"));
    }
}
