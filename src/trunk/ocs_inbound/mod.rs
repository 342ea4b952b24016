//! The way in: the carrier opens a WebSocket to us for each call that somebody places to one of our numbers.
//!
//! | module | owns |
//! |---|---|
//! | `messages` | the wire's events and fields |
//! | `call` | the state of one call, pure |
//! | `access` | who may connect: addresses and the secret |
//! | `tls` | the certificate, for `wss` |
//! | `connection` | one socket from the handshake to the last word |
//! | `port` | what the connections share: limits, session ids, complaints |
//! | `server` | opens the port, lets connections in, closes it |
//! | `options` | how calls are taken in |
//!
//! A call comes out as an [`Offer`](super::Offer): who calls whom, a [`Leg`](super::Leg) as any other trunk yields, and the way to
//! pick up. Nothing is sent to the caller before that.

pub mod access;
mod call;
mod connection;
mod messages;
mod options;
mod port;
mod server;
pub mod tls;

pub use options::{Options, UNPROVEN, Waits};
pub use server::{Server, StartError};
