//! A trunk to a carrier that serves the Outgoing Call Service (1.0.3, 1.0.4, 1.0.5): calls are placed and
//! looked up over REST. Everything else goes over one Socket.IO connection for all calls; from 1.0.5 on
//! over one for each media host, or over a plain WebSocket for each call.
//!
//! | module | owns |
//! |---|---|
//! | [`packet`] | the Engine.IO / Socket.IO codec, pure |
//! | `wire`, `round_trip` | one open connection, its heartbeat and its distance |
//! | [`client`] | connecting, reconnecting, acknowledgements |
//! | `websocket` | one call's plain connection |
//! | `messages` | the carrier's events and fields |
//! | `rest` | the carrier's REST calls |
//! | `endpoint` | where media is, and whether that place may have the token |
//! | `room`, `rooms`, `early_events` | the state of one call, of all of them, and of reports that come early |
//! | `hosts`, `acks` | the Socket.IO connections; acknowledgements of audio |
//! | `router`, `placing`, `offering`, `records` | the task that ties them together |
//!
//! The client is our own because no published Rust client carries this protocol's audio: nested binary
//! leaves, bytes 0x1E inside them, and acknowledgements of binary events all have to survive.

mod acks;
mod carrier;
pub mod client;
mod early_events;
mod endpoint;
mod hosts;
mod link;
pub(super) mod messages;
mod offering;
mod options;
pub mod packet;
mod placements;
mod placing;
mod reading;
mod records;
mod rest;
mod room;
mod rooms;
mod round_trip;
mod route;
mod router;
mod task;
mod tls;
mod websocket;
mod wire;

pub use carrier::OcsCarrier;
pub use link::Link;
pub use options::{MediaWire, Options, StartError, Version};
pub use rest::{CdrMeta, CdrPage, CdrRecord, RestError};
pub use wire::LinkError;
