//! One call at a carrier: events in, commands out. The same for every wire.

use std::time::Duration;

use bytes::Bytes;
use callcore::call::{CarrierCdr, DialStatus, Link};
use callcore::flow::ExternalStepEnd;
use callcore::ids::ExternalStepId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::media::MediaTime;
use crate::media::picture::Clip;

/// What a carrier reports about one call, in the order it was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum LegEvent {
    Status(DialStatus),
    /// Little-endian pcm16, 8 kHz mono, any length. Before [`DialStatus::Connected`] it is early media: what the network
    /// lets us hear.
    Audio {
        /// When its first sample was spoken: as the wire's time stamps say, or derived from what came before and the
        /// arrival where it has none, as on the wires of the Outgoing Call Service.
        at: MediaTime,
        pcm: Bytes,
    },
    Digit(char),
    /// Of a call that carries pictures.
    Camera(CameraFrame),
    /// Everything sent before this mark has been played to the callee.
    CheckPoint(String),
    /// How long the carrier takes to answer, as measured lately; told when it changes by a frame.
    RoundTrip(Duration),
    /// How the way to the carrier is from now on, and why. Until it is up again, what was sent may be lost, and what
    /// is sent is; the carrier confirms none of it.
    Link {
        link: Link,
        why: String,
    },
    /// What was sent up to then has come to the carrier: it has answered what followed. Told twice a second of carriers
    /// that answer pings.
    Delivered {
        sent_by: Instant,
    },
    /// What a transfer came to: done only where the other end has said that the call is taken.
    Transfer {
        id: ExternalStepId,
        end: ExternalStepEnd,
    },
    /// What the other end can see and show: told once, just before [`DialStatus::Connected`], by a leg that carries pictures.
    /// Legs that carry none never tell it.
    Sight {
        /// It shows what [`LegCommand::Show`] hands over.
        shows: bool,
        has_camera: bool,
    },
    /// There is nothing to tell about the call, but the carrier is there.
    Alive,
    /// The call is over; a [`LegEvent::Cdr`] may follow.
    Hangup,
    Cdr(CarrierCdr),
    /// Audio cannot be read: the carrier's, or (`is_ours`) ours by the carrier. Told once for each of the two.
    AudioUnreadable {
        is_ours: bool,
        why: String,
    },
    /// The carrier has gone and has not come back in time, or does not know the call any more. Only a
    /// [`LegEvent::Cdr`] may follow, if the carrier still gives one.
    Lost {
        reason: String,
    },
}

/// A frame of the callee's camera. None is told from one that was lost up to the next key frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraFrame {
    /// In ticks of [`rtp::vp8::CLOCK`], from an arbitrary begin; it wraps around.
    pub timestamp: u32,
    pub is_key: bool,
    pub vp8: Bytes,
}

/// What we ask of a carrier for one call.
#[derive(Clone, Debug, PartialEq)]
pub enum LegCommand {
    /// Little-endian pcm16, 8 kHz mono, queued behind what was sent before.
    Audio(Bytes),
    /// Report when everything sent before this has been played.
    CheckPoint(String),
    /// Press a key for `duration_ms` (100 to 1000).
    Digit {
        digit: char,
        duration_ms: u32,
    },
    /// Stop playing at once and forget what is queued.
    Interruption,
    /// Connect the callee with this number, and be out of the call; answered by [`LegEvent::Transfer`]. Only asked of a leg
    /// that says that it can. The one before it, if nothing has come of it yet, is given up.
    Transfer {
        id: ExternalStepId,
        to: String,
        /// After so long nobody waits for it any more.
        patience: Duration,
    },
    /// Show this from its beginning in place of what is shown, or nothing any more. Legs that carry no pictures leave it
    /// undone.
    Show(Option<Clip>),
    /// Show the callee's camera to nobody from now on, or again. Legs without one leave it undone.
    HideCamera(bool),
    Hangup,
    /// Hang a call up that came in and is not answered, and tell the caller why (Q.850) where the wire can.
    Refuse {
        cause: u16,
    },
}

/// What a carrier can do beside carrying audio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Connect the callee with another number: [`LegCommand::Transfer`].
    pub transfer: bool,
}

/// One call at a carrier. Dropping it leaves a room of the Outgoing Call Service without hanging up; a call over SIP, whose
/// audio is here, is hung up.
#[derive(Debug)]
pub struct Leg {
    pub session_id: String,
    pub abilities: Abilities,
    /// Closed by the trunk when nothing more can come: after the record, or when there will be none.
    pub events: mpsc::Receiver<LegEvent>,
    /// Closed by the trunk only together with `events`, whose last ones say why.
    pub commands: mpsc::Sender<LegCommand>,
}

/// A call that somebody places to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingCall {
    /// As the carrier names the session; ours where it named none, or one that is live already.
    pub session_id: String,
    /// Who calls, as the carrier writes it; may be empty.
    pub caller: String,
    /// The number that was dialled; may be empty where a trunk brought the call.
    pub called: String,
    /// The trunk that brought the call; `None` for the port of the inbound WebSocket.
    pub trunk: Option<String>,
}

/// A call that rings, and what to take it with.
#[derive(Debug)]
pub struct Offer {
    pub call: IncomingCall,
    /// Reports `Ringing` at once and `Connected` after the pickup. Dropping it hangs up.
    pub leg: Leg,
    /// Answers the call. Dropping it leaves the call ringing.
    pub pickup: oneshot::Sender<()>,
}
