//! Kore's dialect: how notifications read for callers of its platform.
//!
//! The core and the sessions use neutral names; a second dialect can stand beside this folder.

mod notification;
#[cfg(test)]
mod samples;
mod wording;

pub use notification::Envelope;
