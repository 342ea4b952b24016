//! Calls that a trunk is asked to place, and the dial requests that are under way.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::rest::Placed;
use crate::media::Codecs;
use crate::trunk::leg::Leg;
use crate::trunk::order::{DialError, Held, Order};

/// Dial requests under way at once.
const MAX_PLACEMENTS: usize = 64;

/// What handles ask of a trunk.
pub(super) enum Request {
    Place(Placement),
    /// Ends a session that has no leg here.
    HangUp(String),
}

/// A request to call somebody.
pub(super) struct Placement {
    pub(super) order: Order,
    /// Kept until the call is over.
    pub(super) held: Option<Held>,
    pub(super) reply: oneshot::Sender<Result<Leg, DialError>>,
}

/// A dial request that was answered, or not.
pub(super) struct Answered {
    pub(super) placement: Placement,
    /// What a carrier of 1.0.5 was asked for.
    pub(super) codecs: Codecs,
    pub(super) ring: Duration,
    pub(super) outcome: Result<Placed, DialError>,
}

/// Dial requests under way.
#[derive(Default)]
pub(super) struct Placements(JoinSet<Answered>);

impl Placements {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.0.len() < MAX_PLACEMENTS
    }

    pub(super) fn spawn(&mut self, asking: impl Future<Output = Answered> + Send + 'static) {
        self.0.spawn(asking);
    }

    /// The next one that is settled; `None` when none is under way.
    pub(super) async fn next(&mut self) -> Option<Answered> {
        loop {
            if let Ok(answered) = self.0.join_next().await? {
                return Some(answered);
            }
        }
    }
}
