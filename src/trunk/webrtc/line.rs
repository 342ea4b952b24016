//! The connection to a browser that was answered, and what the person at a link does.

use ::webrtc::Peer;
use tokio::sync::{mpsc, oneshot};

use super::limits::Place;
use super::port::{Datagram, Seat};

/// What the person at a link did.
#[derive(Debug)]
pub(super) enum Act {
    Opened,
    Accepted(Box<Line>),
    Declined,
}

/// What goes over a connection, where the browser offers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    Voice,
    /// And pictures, both ways.
    Pictures,
}

/// A connection to a browser.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) peer: Peer,
    pub(super) seat: Seat,
    pub(super) datagrams: mpsc::Receiver<Datagram>,
    /// The person in the browser hangs up.
    pub(super) ended: oneshot::Receiver<()>,
    pub(super) place: Place,
}
