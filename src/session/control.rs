//! `callControlParameter` of a dial-out: how this one call is to be heard, in Kore's words, and what that means here.

use serde::{Deserialize, Serialize};

/// A shorter silence would end what the callee says between two words, ms.
const LEAST_END_SILENCE_MS: u64 = 300;
/// A longer one is no pause any more, ms.
const MOST_END_SILENCE_MS: u64 = 10_000;

/// How one call is to be heard; what is absent is as the flow and the settings say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallControl {
    /// `sttProvider`: the name or the kind of a recogniser.
    pub provider: Option<String>,
    /// `sttLabel`: the name of a recogniser, or just a name for the records.
    pub label: Option<String>,
    /// `sttLanguage`: `en`, `en-AU`.
    pub language: Option<String>,
    /// `interim`: whether words are asked for before the callee has finished.
    pub interim: Option<bool>,
    /// `continuousASRTimeoutInMS`: silence that ends what the callee says.
    pub continuous_ms: Option<u64>,
    /// `deepgramUtteranceEndMs`.
    pub utterance_end_ms: Option<u32>,
    /// `deepgramEndpointing`.
    pub endpointing_ms: Option<u32>,
}

impl CallControl {
    /// Silence that ends what the callee says, ms: the longest-sighted of the three waits that is given.
    #[must_use]
    pub fn end_silence_ms(&self) -> Option<u64> {
        self.continuous_ms
            .or_else(|| self.utterance_end_ms.map(u64::from))
            .or_else(|| self.endpointing_ms.map(u64::from))
            .map(|ms| ms.clamp(LEAST_END_SILENCE_MS, MOST_END_SILENCE_MS))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_silence_that_ends_an_utterance_is_the_widest_that_is_given() {
        for (continuous_ms, utterance_end_ms, endpointing_ms, expected) in [
            (None, None, None, None),
            (None, None, Some(800), Some(800)),
            (None, None, Some(10), Some(300)),
            (None, Some(1_500), Some(800), Some(1_500)),
            (Some(2_000), Some(1_500), None, Some(2_000)),
            (Some(60_000), None, None, Some(10_000)),
        ] {
            let control =
                CallControl { continuous_ms, utterance_end_ms, endpointing_ms, ..CallControl::default() };
            assert_eq!(control.end_silence_ms(), expected, "{control:?}");
        }
    }

    proptest! {
        #[test]
        fn no_value_yields_a_silence_that_cannot_be(continuous_ms: Option<u64>, utterance_end_ms: Option<u32>) {
            let control = CallControl { continuous_ms, utterance_end_ms, ..CallControl::default() };
            let silence = control.end_silence_ms().unwrap_or(LEAST_END_SILENCE_MS);
            prop_assert!((LEAST_END_SILENCE_MS..=MOST_END_SILENCE_MS).contains(&silence));
        }
    }
}
