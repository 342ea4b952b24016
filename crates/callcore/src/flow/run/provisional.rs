//! A flow that begins before the verdict is certain. Whoever lets it keeps a copy from before, and goes on with that one
//! when the verdict is another.

use super::Run;
use super::state::State;
use crate::clock::CallTime;
use crate::ids::PlayId;

impl Run {
    /// Whether nothing happens before it is known who answered.
    #[must_use]
    pub fn awaits_verdict(&self) -> bool {
        matches!(self.state, State::Deciding { .. }) && self.knowledge.amd.is_none()
    }

    /// Takes the place of `begun`, a copy of this run that went its own way: what this one will order and ask gets other
    /// numbers than what that one did.
    pub fn replace(&mut self, begun: &Self) {
        self.plays = begun.plays.clone();
        self.external_ids = begun.external_ids.clone();
        self.questions = begun.questions;
    }

    /// The last prompt that was ordered.
    #[must_use]
    pub const fn last_play(&self) -> Option<PlayId> {
        self.plays.last()
    }

    /// What the flow wants done outside the conversation was put off, and begins only at `now` instead of at `ordered`:
    /// it is waited for as much longer.
    pub fn begins_late(&mut self, ordered: CallTime, now: CallTime) {
        if let State::Doing(doing) = &mut self.state {
            doing.put_off(now.ms_since(ordered));
        }
    }
}
