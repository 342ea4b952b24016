//! Whose rules a run follows.

use super::options::{Options, Profile};
use super::strict::StrictRules;

/// What is made of the evidence.
#[derive(Debug)]
pub(super) enum Policy {
    /// Sound and words together decide, by [`Amd`](super::Amd)'s own timers.
    Evidence,
    /// Transcripts alone decide.
    JambonzStrict(StrictRules),
}

impl Policy {
    pub(super) fn of(options: &Options) -> Self {
        match options.profile {
            Profile::Evidence => Self::Evidence,
            Profile::JambonzStrict => Self::JambonzStrict(StrictRules::new(options)),
        }
    }

    /// Whether the judge's verdicts and tones decide.
    pub(super) const fn decides_by_sound(&self) -> bool {
        matches!(self, Self::Evidence)
    }

    /// Whether a failure is told before the end.
    pub(super) const fn tells_errors(&self) -> bool {
        matches!(self, Self::Evidence)
    }
}
