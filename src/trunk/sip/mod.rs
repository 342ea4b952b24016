//! Calls at a SIP server, and those that it brings.
//!
//! | module | owns |
//! |---|---|
//! | `options` | how to reach the server, and what we are to it |
//! | `call` | the state of one call, pure |
//! | `task` | one call from its INVITE to its record: signalling, media and leg together |
//! | `trace` | the messages and the audio figures of a call that is over |
//! | `shared` | what all calls of a trunk share: settings, endpoint, ports |
//! | `offering` | calls that come in |
//! | `health` | whether the server is within reach |
//! | `carrier` | opens the endpoint, places calls |
//!
//! Signalling is [`crate::sip`], audio is [`crate::media`]. Audio before the answer is heard, too.

mod call;
mod carrier;
mod health;
mod offering;
mod options;
mod shared;
mod task;
mod trace;

pub use carrier::SipCarrier;
pub use options::{Options, StartError};
pub use trace::{CallAudio, CallTrace};
