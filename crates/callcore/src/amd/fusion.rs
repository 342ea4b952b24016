//! One posterior from all that is known: the log-odds of a machine, as a sum of what each kind of evidence says.

use serde::Serialize;

use super::timeline::Timeline;
use super::weights::{SAID_MS, SILENCE_MS, UTTERANCE_MS, Weights};

/// What speaks for a machine (above 0) and for a person (below), as log-odds, part by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Parts {
    /// How much was said, in what pieces, and how long it has been silent since.
    pub timing: f32,
    /// The network's opinion of the sound, with the little trust it deserves on a voice that it has not met.
    pub sound: f32,
    /// The words.
    pub words: f32,
    /// What the parameters add: `bias`.
    pub prior: f32,
}

impl Parts {
    /// The sum.
    #[must_use]
    pub fn log_odds(&self) -> f32 {
        self.timing + self.sound + self.words + self.prior
    }

    /// Probability that a machine answered, by all parts.
    #[must_use]
    pub fn machine(&self) -> f32 {
        probability(self.log_odds())
    }

    /// The same without the words.
    #[must_use]
    pub fn without_words(&self) -> f32 {
        probability(self.log_odds() - self.words)
    }
}

/// The timing that is weighed, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Timing {
    /// Speech in all.
    pub(super) said_ms: u64,
    /// Since the last speech.
    pub(super) silence_ms: u64,
    /// The longest utterance, from its first to its last word.
    pub(super) utterance_ms: u64,
    /// Pauses in which somebody draws breath, and in which somebody waits for an answer.
    pub(super) breaths: usize,
    pub(super) waits: usize,
}

/// Pauses after which speech goes on as it was, and after which it is said again because nobody answered, ms.
const BREATH_MS: std::ops::Range<u64> = 250..1_600;
const WAITED_MS: u64 = 1_800;

impl Timing {
    pub(super) fn of(timeline: &Timeline) -> Self {
        let mut timing = Self {
            said_ms: timeline.speech_ms(),
            silence_ms: timeline.silence_ms(),
            utterance_ms: timeline.longest_utterance_ms(),
            ..Self::default()
        };
        for pause in timeline.pauses_ms() {
            timing.breaths += usize::from(BREATH_MS.contains(&pause));
            timing.waits += usize::from(pause >= WAITED_MS);
        }
        timing
    }

    /// Log-odds of a machine by timing alone.
    fn log_odds(&self, weights: &Weights) -> f32 {
        let breaths = self.counted_breaths() * weights.breath;
        let waits = self.counted_waits() * weights.wait;
        weights.base
            + ramps(self.said_ms, &SAID_MS, &weights.said)
            + ramps(self.silence_ms, &SILENCE_MS, &weights.silence)
            + ramps(self.utterance_ms, &UTTERANCE_MS, &weights.utterance)
            + breaths
            + waits
    }

    fn counted_breaths(&self) -> f32 {
        self.breaths.min(MOST_BREATHS) as f32
    }

    fn counted_waits(&self) -> f32 {
        self.waits.min(MOST_WAITS) as f32
    }
}

/// What a recogniser has brought so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Words {
    /// Log-odds of a machine by the phrases.
    pub(super) log_odds: f32,
    /// Final words for all that was said.
    pub(super) complete: bool,
}

impl Words {
    /// Phrases of machines tell more than they were graded for; a mere greeting such as "hello" tells hardly anything that its
    /// length does not tell, for announcements begin with it, too.
    fn weight(self, weights: &Weights) -> f32 {
        match self.log_odds {
            log_odds if log_odds > 0.0 => log_odds * weights.machine_words,
            log_odds if log_odds > WORDS_OF_A_PERSON => log_odds * weights.greeting_words,
            log_odds => log_odds,
        }
    }
}

/// All that is measured of a call at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Measured {
    pub(super) timing: Timing,
    /// How likely a machine is by its sound, 0.0 to 1.0.
    pub(super) network: f32,
    pub(super) words: Words,
}

impl Measured {
    /// Weighs everything; `prior` are log-odds to begin with.
    pub(super) fn weigh(&self, weights: &Weights, prior: f32) -> Parts {
        Parts {
            timing: self.timing.log_odds(weights),
            sound: weights.sound * self.network_log_odds(),
            words: self.words.weight(weights),
            prior,
        }
    }

    /// What each of the [weights](Weights::numbers) is multiplied with, and what is added without any weight.
    pub(super) fn inputs(&self) -> ([f32; Weights::COUNT], f32) {
        let (timing, words) = (&self.timing, self.words.log_odds);
        let mut inputs = [0.0; Weights::COUNT];
        let (of_a_machine, of_a_greeting, of_a_person) = match words {
            words if words > 0.0 => (words, 0.0, 0.0),
            words if words > WORDS_OF_A_PERSON => (0.0, words, 0.0),
            words => (0.0, 0.0, words),
        };
        let single = [
            timing.counted_breaths(),
            timing.counted_waits(),
            self.network_log_odds(),
            of_a_machine,
            of_a_greeting,
        ];
        let all = std::iter::once(1.0)
            .chain(seconds(timing.said_ms, &SAID_MS))
            .chain(seconds(timing.silence_ms, &SILENCE_MS))
            .chain(seconds(timing.utterance_ms, &UTTERANCE_MS))
            .chain(single);
        inputs.iter_mut().zip(all).for_each(|(slot, value)| *slot = value);
        (inputs, of_a_person)
    }

    fn network_log_odds(&self) -> f32 {
        let network = self.network.clamp(1.0 - SUREST_SOUND, SUREST_SOUND);
        (network / (1.0 - network)).ln()
    }
}

/// Log-odds of words by which a person wants to talk: one is certain as soon as one is likely.
pub(super) const WORDS_OF_A_PERSON: f32 = -2.0;

const MOST_BREATHS: usize = 3;
const MOST_WAITS: usize = 2;
/// How sure the network can be at most.
const SUREST_SOUND: f32 = 0.997;

/// How much of `ms` lies between each two of `times`, s.
fn seconds(ms: u64, times: &[u64]) -> impl Iterator<Item = f32> {
    times.windows(2).map(move |between| {
        let [from, to] = between else { return 0.0 };
        ms.clamp(*from, *to).saturating_sub(*from) as f32 / 1_000.0
    })
}

fn ramps(ms: u64, times: &[u64], weights: &[f32]) -> f32 {
    seconds(ms, times).zip(weights).map(|(seconds, weight)| seconds * weight).sum()
}

fn probability(log_odds: f32) -> f32 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(said_ms: u64, silence_ms: u64) -> Timing {
        Timing { said_ms, silence_ms, utterance_ms: said_ms, ..Timing::default() }
    }

    fn parts(timing: Timing, network: f32, log_odds: f32) -> Parts {
        let words = Words { log_odds, complete: true };
        Measured { timing, network, words }.weigh(&Weights::default(), 0.0)
    }

    fn timing_alone(timing: Timing) -> f32 {
        parts(timing, 0.5, 0.0).timing
    }

    #[test]
    fn the_odds_of_a_machine_rise_with_what_was_said_and_fall_with_silence() {
        for ms in (0..8_000).step_by(100) {
            assert!(timing_alone(said(ms + 100, 0)) >= timing_alone(said(ms, 0)), "{ms}");
            assert!(timing_alone(said(1_000, ms + 100)) <= timing_alone(said(1_000, ms)), "{ms}");
        }
        let breath = Timing { breaths: 1, ..said(2_000, 0) };
        let waited = Timing { waits: 1, ..said(2_000, 0) };
        let plain = timing_alone(said(2_000, 0));
        assert!(timing_alone(breath) > plain && timing_alone(waited) < plain);
    }

    #[test]
    fn no_part_is_ever_without_bounds() {
        for network in [0.0, 0.5, 1.0] {
            for words in [-6.0, 0.0, 6.0] {
                let parts = parts(said(90_000, 0), network, words);
                assert!(parts.log_odds().is_finite() && parts.timing.abs() < 8.0 && parts.sound.abs() < 3.0);
            }
        }
    }

    #[test]
    fn words_outweigh_any_sound_and_a_greeting_alone_tells_little() {
        let machine = |timing, words| parts(timing, 0.5, words).machine();
        assert!(machine(said(600, 400), 3.9) > 0.8 && machine(said(3_000, 0), -3.9) < 0.5);
        let hello = parts(said(900, 900), 0.5, -0.7);
        assert!((-0.3..0.0).contains(&hello.words), "{hello:?}");
        assert!((hello.without_words() - machine(said(900, 900), 0.0)).abs() < 1e-6);
    }

    #[test]
    fn what_is_learned_from_is_what_is_weighed() {
        let usual = Weights::default();
        for (network, log_odds) in [(0.2, -3.0), (0.9, -0.7), (0.5, 2.0), (1.0, 0.0)] {
            let timing = Timing { breaths: 5, waits: 1, ..said(3_210, 777) };
            let measured = Measured { timing, network, words: Words { log_odds, complete: false } };
            let (inputs, fixed) = measured.inputs();
            let sum: f32 = inputs.iter().zip(usual.numbers()).map(|(input, weight)| input * weight).sum();
            let weighed = measured.weigh(&usual, 0.0).log_odds();
            assert!((sum + fixed - weighed).abs() < 1e-4, "{sum} + {fixed} is not {weighed}");
        }
    }
}
