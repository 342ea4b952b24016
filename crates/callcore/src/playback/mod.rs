//! Play-out: what the callee hears next, how far it got, and how to stop it.
//!
//! A carrier plays what we send gaplessly and reports check points. [`Playback`] keeps only a little
//! audio in flight, so that an interruption takes effect at once even on a carrier that cannot empty
//! its queue, and knows the position in milliseconds from two sources: its own pacing, corrected by
//! every check point the carrier confirms. What a carrier does not confirm was heard only if it was there
//! when it would have played it, and has answered what was sent behind it.

mod answers;
mod hold;
mod pace;
mod position;
mod prompt;
mod queue;
#[cfg(test)]
mod tests;

pub use answers::Answers;
pub use prompt::Piece;
pub use queue::{Chunk, Event, Options, Out, Playback};
