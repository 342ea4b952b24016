//! What every wire does with audio, whatever protocol is spoken over it. Pure, but for the sockets of `rtp`: time is an
//! argument.
//!
//! | module | owns |
//! |---|---|
//! | `codec` | pcm16 and the two laws of G.711, both ways |
//! | `time` | when audio was spoken, on a leg's own clock |
//! | `picture` | pictures that a call shows: clips and stills of VP8 |
//! | `pace` | when audio leaves and when it has been played, on a wire that reports nothing |
//! | `rtp` | one call over RTP: its ports, packets both ways, keys, check points |

mod codec;
mod pace;
pub mod picture;
pub mod rtp;
mod time;

pub use codec::{Codec, Codecs};
pub use pace::{Due, Full, LEAD, Pace, Peer};
pub use time::{MediaClock, MediaTime};
