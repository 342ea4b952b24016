//! Ways to a carrier. A trunk turns a wire into [`Leg`]s: events in, commands out. It never learns what
//! a call is for.
//!
//! | module | owns |
//! |---|---|
//! | `leg`, `order` | one call at a carrier, whatever the wire; a call to be placed |
//! | `carrier`, `reach` | the kinds of carriers behind the same verbs; whether one is within reach |
//! | `queue` | limits of a trunk, who dials next |
//! | `trunk` | one configured trunk: a carrier with a queue |
//! | [`ocs`] | the client of a carrier that serves the Outgoing Call Service |
//! | [`sip`] | calls at a SIP server, and those that it brings |
//! | [`ocs_inbound`] | the port where such a carrier brings calls |
//! | [`webrtc`] | calls that people place in their browsers |
//! | `record` | the record of a call that no carrier keeps one of |
//! | `pings` | what the peer of a connection is known to have received |
//! | `carrier_json` | what the JSON of carriers has in common |

pub mod ocs;
pub mod ocs_inbound;
pub mod sip;
pub mod webrtc;

mod carrier;
mod carrier_json;
mod leg;
mod order;
mod pings;
mod queue;
mod reach;
mod record;
#[expect(clippy::module_inception, reason = "the room is named for what it holds")]
mod trunk;

pub use carrier::{Carrier, RecordsError};
pub use leg::{Abilities, CameraFrame, IncomingCall, Leg, LegCommand, LegEvent, Offer};
pub use order::{DialError, Order};
pub use queue::{Limits, QueueFull, QueuePosition, Slot, Ticket};
pub use reach::Reach;
pub use trunk::{Trunk, TrunkOptions};
