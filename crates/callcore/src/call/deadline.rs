//! What a call waits for, and until when.

use crate::clock::CallTime;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It has rung for as long as it may.
    RingTimeout,
    /// It has lasted for as long as it may.
    CallLimit,
    /// A carrier that sends all the time has sent nothing for too long.
    CarrierSilence,
    /// A carrier that cannot be reached is given up.
    CarrierLoss,
    /// A carrier's record that does not come is given up.
    CarrierRecord,
    /// The detector is told the time.
    Detection,
    /// A timer of the flow.
    Flow,
    /// Words of the callee are waited for no longer.
    Words,
    /// Speech over a prompt that has not proved to be an interruption.
    BargeIn,
    /// Something to send, or to count as heard.
    Playback,
    /// A key to press.
    Key,
}

/// When something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    pub at: CallTime,
    pub due: Due,
}

impl Due {
    /// This is due at `at`.
    pub(super) const fn at(self, at: CallTime) -> Deadline {
        Deadline { at, due: self }
    }

    /// This is due at `at`, if at all.
    pub(super) fn when(self, at: Option<CallTime>) -> Option<Deadline> {
        at.map(|at| self.at(at))
    }
}

/// The first of these; of those at the same time the one that is named first.
pub(super) fn first(deadlines: impl IntoIterator<Item = Option<Deadline>>) -> Option<Deadline> {
    deadlines.into_iter().flatten().min_by_key(|deadline| deadline.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_deadline_comes_with_its_reason() {
        let at = CallTime::from_ms;
        let deadlines =
            [None, Some(Due::Flow.at(at(40))), Some(Due::Key.at(at(20))), Some(Due::Words.at(at(20)))];
        assert_eq!(first(deadlines), Some(Deadline { at: at(20), due: Due::Key }));
        assert_eq!(first([None, Due::Flow.when(None)]), None);
    }
}
