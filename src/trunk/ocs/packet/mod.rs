//! Engine.IO 4 and Socket.IO 5 packets as a websocket carries them. Pure: text and binary frames in,
//! packets out, and back. Knows no socket, no clock and no event of any carrier.
//!
//! A packet with binary leaves is one text frame, in which each leaf is `{"_placeholder":true,"num":n}`,
//! followed by one binary frame per leaf (socket.io-protocol v5, "Packet encoding").

mod data;
mod decode;
mod encode;
mod error;
mod kinds;
#[cfg(test)]
mod tests;

pub use data::{Data, Placeholder};
pub use decode::Decoder;
pub use encode::{Binary, Encoded, connect, encode_ack, encode_event};
pub use error::PacketError;
pub use kinds::{Event, Handshake, Limits, Packet};

/// Answer to a ping.
pub const PONG: &str = "3";
/// Leaves the namespace: what a client says before it closes.
pub const DISCONNECT: &str = "41";
