//! What every wire does with audio, whatever protocol is spoken over it. Pure: time is an argument.
//!
//! | module | owns |
//! |---|---|
//! | `codec` | pcm16 and the two laws of G.711, both ways |
//! | `time` | when audio was spoken, on a leg's own clock |
//! | `pace` | when audio leaves and when it has been played, on a wire that reports nothing |
//!
//! A wire that brings packets out of order (RTP) puts them in order here too, before it stamps them: its buffer
//! belongs beside `time`.

mod codec;
mod pace;
mod time;

pub use codec::{Codec, Codecs};
pub use pace::{Due, Full, LEAD, Pace, Peer};
pub use time::{MediaClock, MediaTime};
