//! What a call has the world do.

use std::sync::Arc;

use callcore::call::DialStatus;

use crate::gateway::cdr::Cdr;
use crate::gateway::playout::Sounding;
use crate::gateway::record::Happening;

/// What the world has to do.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gateway) enum Effect {
    /// Make the callee's sound ready and answer with [`super::Call::prepared`].
    Prepare,
    Status(DialStatus),
    /// The callee has picked up: time counts from here for recordings.
    Answered,
    /// 20 ms have passed: [`super::Call::said`] goes to the clients, and with [`super::Call::heard`] on record.
    Frame,
    CheckPoint(String),
    /// How far audio of one label is.
    Sound {
        label: Arc<str>,
        stage: Sounding,
    },
    /// The callee has pressed a key.
    Key(char),
    /// Something for the timeline, in ms since the answer.
    Note {
        at_ms: u64,
        happening: Happening,
    },
    /// The clock was skipped.
    Skipped,
    /// The call is over; always the last effect.
    Ended(Arc<Cdr>),
}
