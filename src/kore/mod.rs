//! Kore's dialect: how notifications read for callers of its platform.
//!
//! The core and the sessions use neutral names; a second dialect can stand beside this folder.

mod bodies;
mod notification;
#[cfg(test)]
mod samples;
mod wording;

pub use bodies::{AmdEvent, AmdNotification, Answered, Completed, Failed, FlowNotification};
pub use notification::Envelope;
