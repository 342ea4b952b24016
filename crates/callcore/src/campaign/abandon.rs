//! Whether a bot let a person wait: its first word came more than two seconds after the person's first utterance had ended, or never.
//! Regulators call that an abandoned call. Only what the call's timeline holds decides; what it does not tell is unknown.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoEnumIterator, IntoStaticStr};

use crate::call::Fact;

/// How long a person may wait for the first word after they have spoken, ms.
pub const LONGEST_WAIT_MS: u64 = 2_000;

/// Whether the first word came in time.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr, EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Promptness {
    InTime,
    /// Later than [`LONGEST_WAIT_MS`] after the person's first utterance had ended.
    Late,
    /// The call ended before the bot had said anything.
    Never,
    /// The timeline does not tell.
    Unknown,
}

impl Promptness {
    /// Its name in tables and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::iter().find(|known| known.as_str() == name)
    }

    /// Whether the call counts as abandoned.
    #[must_use]
    pub const fn is_abandoned(self) -> bool {
        matches!(self, Self::Late | Self::Never)
    }
}

/// The bot's first word in a call that a person answered. Times are ms since the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstWord {
    /// When the person's first utterance ended; `None`: they said nothing, or had not ended when the call did.
    pub utterance_end_ms: Option<u64>,
    /// When the first sound of the first prompt played; `None`: there was none, or nobody knows.
    pub word_ms: Option<u64>,
    pub promptness: Promptness,
}

impl FirstWord {
    /// Reads a timeline, in its order. `whole` is false when lines of it cannot be read.
    #[must_use]
    pub fn of<'f>(facts: impl IntoIterator<Item = &'f Fact>, whole: bool) -> Self {
        let (mut whole, mut speaks, mut begun, mut over) = (whole, false, 0_usize, 0_usize);
        let (mut utterance_end_ms, mut word_ms) = (None::<u64>, None::<u64>);
        for fact in facts {
            if let Fact::SpeechStarted { .. } = fact {
                speaks = true;
            } else if let Fact::SpeechEnded { media_ms, .. } = fact {
                utterance_end_ms = utterance_end_ms.or(Some(*media_ms));
            } else if let Fact::Prompt { .. } = fact {
                begun += 1;
            } else if let Fact::PromptEnded(prompt) = fact {
                over += 1;
                word_ms = word_ms.into_iter().chain(prompt.start_ms).min();
            } else if matches!(fact, Fact::Recovered { .. } | Fact::LinesLost { .. }) {
                whole = false;
            }
        }
        let promptness = match (word_ms, utterance_end_ms) {
            (Some(word), Some(end)) if word > end.saturating_add(LONGEST_WAIT_MS) => Promptness::Late,
            (Some(_), Some(_)) => Promptness::InTime,
            // Whatever was said cannot have ended before the answer, or had not ended at all.
            (Some(word), None) if word <= LONGEST_WAIT_MS || (speaks && whole) => Promptness::InTime,
            (Some(_), None) => Promptness::Unknown,
            (None, _) if whole && begun == over => Promptness::Never,
            (None, _) => Promptness::Unknown,
        };
        Self { utterance_end_ms, word_ms, promptness }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::HeardPrompt;
    use crate::flow::BargeIn;
    use crate::ids::PlayId;

    fn spoken(start_ms: u64, end_ms: u64) -> [Fact; 2] {
        [Fact::SpeechStarted { media_ms: start_ms }, Fact::SpeechEnded { media_ms: end_ms, start_ms }]
    }

    fn begins() -> Fact {
        Fact::Prompt { play: PlayId(1), barge_in: BargeIn::default() }
    }

    fn prompt(start_ms: Option<u64>) -> [Fact; 2] {
        let ended = HeardPrompt {
            play: PlayId(1),
            heard_ms: 0,
            completed: false,
            start_ms,
            text: String::new(),
            words: None,
            heard_text: String::new(),
            heard_words: 0,
            estimated: false,
        };
        [begins(), Fact::PromptEnded(ended)]
    }

    fn promptness(facts: &[Fact]) -> Promptness {
        FirstWord::of(facts, true).promptness
    }

    #[test]
    fn a_person_waits_from_the_end_of_what_they_say_first() {
        for (word, is) in [(900, Promptness::InTime), (2_600, Promptness::InTime), (2_601, Promptness::Late)]
        {
            let facts = [&spoken(200, 600)[..], &spoken(1_500, 1_900), &prompt(Some(word))].concat();
            assert_eq!(promptness(&facts), is, "{word}");
        }
        let first = FirstWord::of(&[&spoken(200, 600)[..], &prompt(Some(900))].concat(), true);
        assert_eq!((first.utterance_end_ms, first.word_ms), (Some(600), Some(900)));
    }

    #[test]
    fn a_bot_that_says_nothing_has_abandoned_the_call() {
        assert_eq!(promptness(&spoken(200, 600)), Promptness::Never);
        assert_eq!(promptness(&[]), Promptness::Never, "somebody picked up and heard nothing");
        assert_eq!(promptness(&prompt(None)), Promptness::Never, "nothing of it was sent");
    }

    #[test]
    fn what_the_timeline_does_not_tell_is_unknown() {
        assert_eq!(promptness(&prompt(Some(1_900))), Promptness::InTime, "at most so long after the answer");
        assert_eq!(promptness(&prompt(Some(5_000))), Promptness::Unknown, "nobody heard them say a word");
        let speaking = [&[Fact::SpeechStarted { media_ms: 100 }][..], &prompt(Some(5_000))].concat();
        assert_eq!(promptness(&speaking), Promptness::InTime, "they have not ended yet");
        assert_eq!(promptness(&[begins()]), Promptness::Unknown, "its end is not in the books");
        assert_eq!(FirstWord::of(&[], false).promptness, Promptness::Unknown);
        let lost = [Fact::LinesLost { lost: 3, why: String::new() }];
        assert_eq!(promptness(&lost), Promptness::Unknown);
    }
}
