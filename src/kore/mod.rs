//! Kore's dialect: what programs made for its platform send and read. Dial-outs, notifications, the interactions page.
//!
//! The core, the store and the sessions use neutral names; a second dialect can stand beside this folder.

mod bodies;
mod dial_out;
mod interaction;
mod notification;
#[cfg(test)]
mod samples;
mod wording;

pub use bodies::{AmdEvent, AmdNotification, Answered, Completed, Failed, FlowNotification};
pub(crate) use dial_out::{CallControlParameter, DialOut, Greet, MachineDetection, Timers};
pub(crate) use interaction::{InteractionRow, InteractionStatus};
pub use notification::Envelope;
