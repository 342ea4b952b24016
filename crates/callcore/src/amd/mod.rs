//! Answering-machine detection: who picked up, told from audio alone and, when there is one, a transcript.

mod event;
mod options;

pub use event::{Event, EventKind, Reason, Subtype};
pub use options::{Options, Timers};
