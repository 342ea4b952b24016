//! The queue of one trunk: how many calls it takes at once, and who dials next.
//!
//! | module | owns |
//! |---|---|
//! | `dial_queue` | the order and the pace, pure |
//! | `ticket` | waiting for one's turn, and the line that is held afterwards |

mod dial_queue;
mod ticket;

pub use dial_queue::{Limits, QueueFull};
pub(super) use ticket::Queue;
pub use ticket::{QueuePosition, Slot, Ticket};
