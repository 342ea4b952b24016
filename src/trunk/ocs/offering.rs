//! Incoming calls over a trunk: `newSession` of type `inbound`. Taking the call joins its room, which answers it; otherwise it
//! is hung up.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::client::Host;
use super::messages::Offered;
use super::options::Version;
use super::room::Room;
use super::route::{Media, Route};
use super::router::{COMMANDS, EVENTS, Router, leg_commands};
use crate::media::Codecs;
use crate::telemetry::mask;
use crate::trunk::leg::{Abilities, IncomingCall, Leg, Offer};

/// Longest session id that is taken, in bytes.
const LONGEST_ID: usize = 256;

impl Router {
    /// Whether a session that is offered is one to take: the carrier tells of it on every connection.
    pub(super) fn is_new(&self, id: &str) -> bool {
        self.settled.offers.is_some()
            && !self.traffic.rooms.contains(id)
            && !id.is_empty()
            && id.len() <= LONGEST_ID
    }

    /// Hands on a call that comes in; it rings until somebody picks up or hangs up.
    pub(super) fn offer(&mut self, host: Host, id: &str, offered: Offered) {
        let Some(offers) = self.settled.offers.clone() else { return };
        let id: Arc<str> = id.into();
        let route = match self.offered_route(host, offered.endpoint.as_deref()) {
            Ok(route) => route,
            Err(reason) => {
                tracing::warn!(
                    trunk = self.settled.name,
                    session = &*id,
                    reason,
                    "a call that comes in cannot be taken"
                );
                self.hang_up_by_rest(&id);
                return;
            }
        };
        let called = if offered.called.is_empty() { self.settled.did.clone() } else { offered.called };
        tracing::info!(trunk = self.settled.name, session = &*id, caller = %mask(&offered.caller),
            called = %mask(&called), "a call comes in");
        let (events, heard) = mpsc::channel(EVENTS);
        let (commands, asked) = mpsc::channel(COMMANDS);
        let (pickup, picked_up) = oneshot::channel();
        let (now, actions) = (Instant::now(), &mut self.traffic.actions);
        let mut first = Vec::new();
        let room = Room::offered(events, self.settled.patience, now, &mut first);
        actions.extend(first.into_iter().map(|action| (Arc::clone(&id), action)));
        self.traffic.rooms.admit(&id, room, route, None, now, actions);
        self.traffic.legs.push(leg_commands(Arc::clone(&id), asked));
        let waiting = Arc::clone(&id);
        self.traffic.offered.spawn(async move { picked_up.await.is_ok().then_some(waiting) });
        let leg =
            Leg { session_id: id.to_string(), abilities: Abilities::default(), events: heard, commands };
        let trunk = Some(self.settled.name.clone());
        let call = IncomingCall { session_id: id.to_string(), caller: offered.caller, called, trunk };
        if offers.try_send(Offer { call, leg, pickup }).is_err() {
            tracing::warn!(
                trunk = self.settled.name,
                session = &*id,
                "nobody here takes calls now: one is hung up"
            );
        }
        self.show_calls();
        self.settle(Some(&id));
    }

    /// How to speak to the carrier about a call that comes in: at its media host if it names one, else where it told
    /// of the call. Nothing was agreed on, so it is pcm16.
    fn offered_route(&mut self, host: Host, at: Option<&str>) -> Result<Route, String> {
        if let Some(endpoint) = at {
            // Not over a connection of its own, which would answer the call as soon as it is there.
            let url = self.policy.admit(endpoint).map_err(|error| error.to_string())?;
            self.note_version(Version::V1_0_5);
            let media = Media::Host(self.host(url)?);
            return Ok(Route { media, codecs: Codecs::default(), is_labelled: false });
        }
        let is_labelled = *self.version.borrow() != Some(Version::V1_0_5);
        Ok(Route { media: Media::Host(host), codecs: Codecs::default(), is_labelled })
    }

    /// Somebody takes the call.
    pub(super) fn pick_up(&mut self, id: &Arc<str>) {
        let is_up = match self.traffic.rooms.route(id).map(|route| &route.media) {
            Some(Media::Host(host)) => self.hosts.get(*host).is_some_and(|host| host.is_up),
            // Its connection says so itself.
            Some(Media::Socket(_)) | None => false,
        };
        let now = Instant::now();
        self.traffic.rooms.pick_up(id, is_up, now, &mut self.traffic.actions);
        self.settle(Some(id));
    }
}
