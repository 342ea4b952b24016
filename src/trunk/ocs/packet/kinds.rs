//! What a packet can be, and how large.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::data::Data;

/// What one peer may make the other hold in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one text frame.
    pub text: usize,
    /// Binary frames of one packet.
    pub attachments: usize,
    /// Bytes of one binary frame.
    pub attachment: usize,
    /// Bytes of a binary frame that are worth keeping: a longer one is read and thrown away, so that the
    /// connection goes on but nothing piles up.
    pub kept: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { text: 256 * 1024, attachments: 16, attachment: 4 * 1024 * 1024, kept: 64 * 1024 }
    }
}

/// A complete packet, as received.
#[derive(Clone, Debug, PartialEq)]
pub enum Packet {
    /// Engine.IO: the transport is up.
    Open(Handshake),
    /// Engine.IO: the peer closes the transport.
    Close,
    /// Engine.IO: answer with `PONG`.
    Ping,
    /// Engine.IO pong, upgrade or noop: a sign of life only.
    Idle,
    /// The namespace is joined.
    Connected,
    /// The namespace is refused, for instance because of a bad token.
    Refused {
        message: String,
        data: Value,
    },
    /// The peer ends the namespace.
    Disconnected,
    Event(Event),
    Ack {
        id: u64,
        data: Data,
    },
}

/// One event with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub name: String,
    /// Present when the sender wants an acknowledgement.
    pub ack: Option<u64>,
    pub data: Data,
}

/// How often the peer pings and how long it waits, from its `open` packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake {
    ping_interval: u64,
    ping_timeout: u64,
}

impl Handshake {
    /// Silence longer than this means that the peer is gone (engine.io-protocol v4, "Heartbeat").
    #[must_use]
    pub fn patience(self) -> Duration {
        Duration::from_millis(self.ping_interval.saturating_add(self.ping_timeout).min(600_000))
    }
}
