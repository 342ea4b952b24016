//! Audio over RTP at one call: sockets, pace and check points around the crate `rtp`, which decides what is played and sent.
//!
//! | file | owns |
//! |---|---|
//! | `ports` | a range of ports, two for each call |
//! | `latch` | whose packets are the peer's; pure |
//! | `outgoing` | what is still to be sent, and the check points behind it; pure |
//! | `exchange` | packets, keys, reports and check points of one call; pure |
//! | `stream` | the sockets and the clock |
//! | `carried` | the same for packets that somebody else encrypts and carries, as WebRTC does |
//!
//! [`RtpPorts::open`] gives two ports, whose address goes into our session description; with the agreement that comes of it,
//! [`RtpStream::begin`] begins. Who owns it waits for [`RtpStream::next`] beside everything else that happens to the call.
//!
//! **What a check point says.** The audio before it was sent, at the pace at which it is heard; it has sounded since; and
//! after that a packet or a report came from the peer's address, or a report of the peer's says that packets of that time
//! have come to it. It does not say that each of them came, or that somebody listened: RTP confirms neither.

mod carried;
mod exchange;
mod latch;
mod outgoing;
mod ports;
mod stream;

use std::time::Duration;

pub use carried::CarriedStream;
pub use exchange::{Event, Refused};
pub use ports::{NoPort, RtpPorts, Sockets, port_range};
pub use stream::RtpStream;

/// Length of a frame.
const FRAME_TIME: Duration = Duration::from_millis(20);
/// Frames that are later than this are left out: the peer has played silence for them.
const LATEST: Duration = Duration::from_millis(200);
