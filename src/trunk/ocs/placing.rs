//! Placing a call: from the dial request to a leg, or to the reason why there is none.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::client::Host;
use super::link::Link;
use super::options::{MediaWire, Version};
use super::placements::{Answered, Placement};
use super::rest::Extras;
use super::room::{Patience, Room};
use super::route::{Media, Route};
use super::router::{COMMANDS, EVENTS, Router, leg_commands};
use super::{endpoint, websocket};
use crate::media::{Codec, Codecs};
use crate::trunk::leg::{Abilities, Leg};
use crate::trunk::order::DialError;
use crate::wallclock::now_ms;

/// The session's own ring limit comes first; ours is for a session that is gone.
const RING_SLACK: Duration = Duration::from_secs(2);

impl Router {
    pub(super) fn place(&mut self, placement: Placement) {
        let (rest, extras) = (self.rest.clone(), self.extras());
        let ring = placement.order.ring_timeout.unwrap_or(self.settled.patience.ring);
        self.traffic.rooms.placing();
        self.traffic.placing.spawn(async move {
            let outcome = rest.call(&placement.order, extras, ring).await;
            Answered { placement, codecs: extras.codecs(), ring, outcome }
        });
    }

    /// What to tell a carrier of the version that this one seems to have.
    fn extras(&self) -> Extras {
        let codecs = Codecs { sent: self.settled.codec, received: self.settled.codec };
        match *self.version.borrow() {
            Some(Version::V1_0_5) => Extras::All(codecs),
            None => Extras::Asked(codecs),
            Some(Version::V1_0_3 | Version::V1_0_4) => Extras::None,
        }
    }

    pub(super) fn placed(&mut self, answered: Answered) {
        let Answered { placement, codecs, ring, outcome } = answered;
        match outcome {
            Ok(placed) => {
                let id: Arc<str> = placed.session_id.as_str().into();
                match self.route(&id, placed.endpoint.as_deref(), codecs) {
                    Ok(route) => self.admit(placement, id, route, ring),
                    Err(reason) => {
                        self.hang_up_by_rest(&id);
                        drop(placement.reply.send(Err(DialError::Protocol { reason })));
                    }
                }
            }
            // The caller may have stopped waiting.
            Err(error) => drop(placement.reply.send(Err(error))),
        }
        self.traffic.rooms.settled();
    }

    /// How to speak to the carrier about a call that it has just taken.
    fn route(&mut self, id: &Arc<str>, endpoint: Option<&str>, asked: Codecs) -> Result<Route, String> {
        let configured = self.settled.version;
        let url = match (endpoint, configured) {
            (Some(text), None | Some(Version::V1_0_5)) => {
                Some(self.policy.admit(text).map_err(|e| e.to_string())?)
            }
            (None, Some(Version::V1_0_5)) => {
                tracing::debug!(trunk = self.settled.name, "no endpointUrl came; the base URL is used");
                Some(self.base.clone())
            }
            (None, None) | (_, Some(Version::V1_0_3 | Version::V1_0_4)) => None,
        };
        let Some(url) = url else {
            match &self.link.borrow().link {
                Link::OnDemand => {
                    return Err("it named no endpointUrl and serves no Socket.IO at the base URL".into());
                }
                Link::Refused(why) => {
                    return Err(format!("it named no endpointUrl, and Socket.IO is refused: {why}"));
                }
                Link::Connecting | Link::Up | Link::Down(_) => {}
            }
            self.note_version(Version::V1_0_4);
            let codecs = Codecs { sent: self.settled.codec, received: Codec::Pcm16 };
            let host = self.host(self.base.clone())?;
            return Ok(Route { media: Media::Host(host), codecs, is_labelled: true });
        };
        self.note_version(Version::V1_0_5);
        let media = match self.settled.media {
            MediaWire::SocketIo => Media::Host(self.host(url)?),
            MediaWire::WebSocket => Media::Socket(self.open_socket(id, url)),
        };
        Ok(Route { media, codecs: asked, is_labelled: false })
    }

    /// A connection to the Socket.IO server beside `url` that has room for a call.
    pub(super) fn host(&mut self, url: reqwest::Url) -> Result<Host, &'static str> {
        let rooms = &self.traffic.rooms;
        let host = self.hosts.open(url, |host| rooms.calls_on(host));
        host.ok_or("it names more media hosts than can be connected to at once")
    }

    /// A version that was not configured is found out, and may change when the carrier is renewed.
    pub(super) fn note_version(&self, seen: Version) {
        if self.settled.version.is_none()
            && self.version.send_if_modified(|known| known.replace(seen) != Some(seen))
        {
            tracing::info!(trunk = self.settled.name, version = %seen, "the carrier's version was found out");
            self.link.send_modify(|link| {
                let known = link.link.clone().known_as(Some(seen));
                link.becomes(known, now_ms());
            });
        }
    }

    fn open_socket(
        &mut self,
        id: &Arc<str>,
        endpoint: reqwest::Url,
    ) -> tokio::sync::mpsc::Sender<websocket::Frame> {
        let options = websocket::Options {
            name: self.settled.name.clone(),
            session: Arc::clone(id),
            url: endpoint::websocket(endpoint, id),
            token: Arc::clone(&self.settled.token),
            tls: Arc::clone(&self.settled.tls),
            limits: super::packet::Limits::default(),
            backoff: self.settled.backoff,
            connect_timeout: self.settled.connect_timeout,
        };
        let (frames, task) = websocket::open(options, self.traffic.told.clone());
        self.traffic.sockets.spawn(task);
        frames
    }

    fn admit(&mut self, placement: Placement, id: Arc<str>, route: Route, ring: Duration) {
        let Placement { held, reply, .. } = placement;
        if self.traffic.rooms.contains(&id) {
            let reason = "it gave two calls the same sessionId".into();
            drop(reply.send(Err(DialError::Protocol { reason })));
            return;
        }
        let (events, heard) = mpsc::channel(EVENTS);
        let (commands, asked) = mpsc::channel(COMMANDS);
        if reply
            .send(Ok(Leg {
                session_id: id.to_string(),
                abilities: Abilities::default(),
                events: heard,
                commands,
            }))
            .is_err()
        {
            tracing::warn!(
                trunk = self.settled.name,
                "nobody waits for the call that was placed; it is hung up"
            );
            self.hang_up_by_rest(&id);
            return;
        }
        self.traffic.legs.push(leg_commands(Arc::clone(&id), asked));
        let now = Instant::now();
        let patience = Patience { ring: ring + RING_SLACK, ..self.settled.patience };
        let host = match route.media {
            Media::Host(host) => self.hosts.get(host).filter(|h| h.is_up).map(|h| h.round_trip),
            Media::Socket(_) => None,
        };
        let room = Room::new(events, patience, now);
        let actions = &mut self.traffic.actions;
        self.traffic.rooms.admit(&id, room, route, held, now, actions);
        if let Some(round_trip) = host {
            self.traffic.rooms.join(&id, actions);
            if let Some(time) = round_trip {
                self.traffic.rooms.distance(&id, time, actions);
            }
        }
        self.show_calls();
        self.settle(Some(&id));
    }
}
