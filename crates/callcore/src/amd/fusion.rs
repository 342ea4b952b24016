//! One posterior from all that is known: the log-odds of a machine, as a sum of what each kind of evidence says.
//!
//! The weights were fitted by `training/scenes/fit.py` on scenes in which every voice answers as a person and speaks as a
//! machine, so that nothing can be learned from the voice itself; `docs/amd.md` says how well they do on voices left out.

use serde::Serialize;

use super::timeline::Timeline;

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
    fn log_odds(&self) -> f32 {
        let breaths = self.breaths.min(MOST_BREATHS) as f32 * BREATH;
        let waits = self.waits.min(MOST_WAITS) as f32 * WAIT;
        BASE + ramps(self.said_ms, &SAID)
            + ramps(self.silence_ms, &SILENCE)
            + ramps(self.utterance_ms, &UTTERANCE)
            + breaths
            + waits
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
    fn weight(self) -> f32 {
        match self.log_odds {
            log_odds if log_odds > 0.0 => log_odds * OF_A_MACHINE,
            log_odds if log_odds > WORDS_OF_A_PERSON => log_odds * OF_A_GREETING,
            log_odds => log_odds,
        }
    }
}

/// Log-odds of words by which a person wants to talk: one is certain as soon as one is likely.
pub(super) const WORDS_OF_A_PERSON: f32 = -2.0;

/// Weighs everything. `network` is how likely a machine is by its sound, 0.0 to 1.0; `prior` are log-odds to begin with.
pub(super) fn weigh(timing: &Timing, network: f32, words: Words, prior: f32) -> Parts {
    let network = network.clamp(1.0 - SUREST_SOUND, SUREST_SOUND);
    let sound = SOUND * (network / (1.0 - network)).ln();
    Parts { timing: timing.log_odds(), sound, words: words.weight(), prior }
}

/// A weight per second between two times, ms.
type Ramp = (u64, u64, f32);

const BASE: f32 = -0.95;
const SAID: [Ramp; 5] =
    [(0, 700, 0.79), (700, 1_400, 0.88), (1_400, 2_400, 0.28), (2_400, 4_000, 0.26), (4_000, 7_000, 0.25)];
const SILENCE: [Ramp; 5] =
    [(0, 300, -2.41), (300, 600, -1.1), (600, 1_000, -2.03), (1_000, 1_500, -0.87), (1_500, 2_200, -0.38)];
const UTTERANCE: [Ramp; 2] = [(1_000, 2_500, 0.17), (2_500, 4_500, 0.55)];
const BREATH: f32 = 0.6;
const MOST_BREATHS: usize = 3;
const WAIT: f32 = -0.83;
const MOST_WAITS: usize = 2;
/// Trust in the network, and how sure it can be at most.
const SOUND: f32 = 0.19;
const SUREST_SOUND: f32 = 0.997;
/// Trust in the phrases.
const OF_A_MACHINE: f32 = 1.3;
const OF_A_GREETING: f32 = 0.3;

fn ramps(ms: u64, ramps: &[Ramp]) -> f32 {
    ramps
        .iter()
        .map(|(from, to, weight)| ms.clamp(*from, *to).saturating_sub(*from) as f32 / 1_000.0 * weight)
        .sum()
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

    fn machine(timing: Timing, words: f32) -> f32 {
        weigh(&timing, 0.5, Words { log_odds: words, complete: false }, 0.0).machine()
    }

    #[test]
    fn the_odds_of_a_machine_rise_with_what_was_said_and_fall_with_silence() {
        for ms in (0..8_000).step_by(100) {
            assert!(said(ms + 100, 0).log_odds() >= said(ms, 0).log_odds(), "{ms}");
            assert!(said(1_000, ms + 100).log_odds() <= said(1_000, ms).log_odds(), "{ms}");
        }
        let breath = Timing { breaths: 1, ..said(2_000, 0) };
        let waited = Timing { waits: 1, ..said(2_000, 0) };
        assert!(
            breath.log_odds() > said(2_000, 0).log_odds() && waited.log_odds() < said(2_000, 0).log_odds()
        );
    }

    #[test]
    fn no_part_is_ever_without_bounds() {
        for network in [0.0, 0.5, 1.0] {
            for words in [-6.0, 0.0, 6.0] {
                let parts = weigh(&said(90_000, 0), network, Words { log_odds: words, complete: true }, 0.0);
                assert!(parts.log_odds().is_finite() && parts.timing.abs() < 8.0 && parts.sound.abs() < 3.0);
            }
        }
    }

    #[test]
    fn words_outweigh_any_sound_and_a_greeting_alone_tells_little() {
        assert!(machine(said(600, 400), 3.9) > 0.8 && machine(said(3_000, 0), -3.9) < 0.5);
        let hello = weigh(&said(900, 900), 0.5, Words { log_odds: -0.7, complete: true }, 0.0);
        assert!((-0.3..0.0).contains(&hello.words), "{hello:?}");
        assert!((hello.without_words() - machine(said(900, 900), 0.0)).abs() < 1e-6);
    }
}
