//! How one call is spoken: over which connection, in which codecs, and who may say something about it.

use tokio::sync::mpsc;

use super::client::Host;
use super::websocket::Frame;
use crate::media::Codecs;

/// The way a call's audio and events go.
#[derive(Clone, Debug)]
pub(super) enum Media {
    /// Through a connection that calls share.
    Host(Host),
    /// Through a connection of its own.
    Socket(mpsc::Sender<Frame>),
}

/// How one call is spoken.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) media: Media,
    pub(super) codecs: Codecs,
    /// Whether audio names its format and may be acknowledged: not from 1.0.5 on.
    pub(super) is_labelled: bool,
}

/// Who says something about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    Host(Host),
    /// The session's own connection.
    Socket,
}
