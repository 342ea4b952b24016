//! Ways to a carrier. A trunk turns a wire into [`Leg`]s: events in, commands out. It never learns what
//! a call is for.

pub mod socketio;

use bytes::Bytes;
use callcore::call::{CarrierCdr, DialStatus};
use tokio::sync::mpsc;

/// What a carrier reports about one call, in the order it was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum LegEvent {
    Status(DialStatus),
    /// Little-endian pcm16, 8 kHz mono, any length.
    Audio(Bytes),
    Digit(char),
    /// Everything sent before this mark has been played to the callee.
    CheckPoint(String),
    /// The call is over; a [`LegEvent::Cdr`] may follow.
    Hangup,
    Cdr(CarrierCdr),
    /// The carrier has gone and has not come back in time, or does not know the call any more. Only a
    /// [`LegEvent::Cdr`] may follow, if the carrier still gives one.
    Lost {
        reason: String,
    },
}

/// What we ask of a carrier for one call.
#[derive(Clone, Debug, PartialEq)]
pub enum LegCommand {
    /// Little-endian pcm16, 8 kHz mono, queued behind what was sent before.
    Audio(Bytes),
    /// Report when everything sent before this has been played.
    CheckPoint(String),
    /// Press a key for `duration_ms` (100 to 1000).
    Digit {
        digit: char,
        duration_ms: u32,
    },
    /// Stop playing at once and forget what is queued.
    Interruption,
    Hangup,
}

/// What a carrier can do beside carrying audio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Connect the callee with another number. No trunk has it yet; the first that does brings a
    /// [`LegCommand`] for it and a [`LegEvent`] that says how it ended.
    pub transfer: bool,
}

/// One call at a carrier. Dropping it leaves the room without hanging up.
#[derive(Debug)]
pub struct Leg {
    pub session_id: String,
    pub abilities: Abilities,
    /// Closed by the trunk when nothing more can come: after the record, or when there will be none.
    pub events: mpsc::Receiver<LegEvent>,
    pub commands: mpsc::Sender<LegCommand>,
}

/// Why a call could not be placed.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("the carrier refuses the number {number}: {reason}")]
    BadNumber { number: String, reason: String },
    #[error("the carrier refuses the token; check the trunk's credentials ({reason})")]
    Unauthorized { reason: String },
    #[error("the carrier cannot take the call now: {reason}")]
    Unavailable { reason: String },
    #[error("the carrier's answer cannot be understood: {reason}")]
    Protocol { reason: String },
}
