//! The parts of a trunk, and how it performs the actions of its rooms.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream, SelectAll};
use rustls::ClientConfig;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::client::{Host, Notice, TokenSource};
use super::hosts::{Hosts, NotSent};
use super::link::Seen;
use super::messages::{self, AUDIO_CHUNK_MS, Mark, Press, Speech, plain_command};
use super::options::{MediaWire, Version};
use super::packet::Binary;
use super::placements::{Placements, Request};
use super::records::Records;
use super::rest::Rest;
use super::room::{Action, Patience};
use super::rooms::{Rooms, SessionAction};
use super::route::{Media, Route};
use super::websocket::{AUDIO_ROOM, Frame, Told};
use crate::media::{Codec, Codecs};
use crate::trunk::leg::{LegCommand, Offer};

/// Events that may wait for a leg to read them: 10 s of 20 ms audio.
pub(super) const EVENTS: usize = 512;
/// Commands that may wait for the trunk.
pub(super) const COMMANDS: usize = 256;
/// pcm16 at 8 kHz.
const BYTES_PER_MS: usize = 16;

pub(super) type LegStream = BoxStream<'static, (Arc<str>, Option<LegCommand>)>;

/// What a trunk is made of and does not change while it runs.
pub(super) struct Settled {
    pub(super) name: String,
    pub(super) version: Option<Version>,
    pub(super) media: MediaWire,
    pub(super) codec: Codec,
    pub(super) patience: Patience,
    pub(super) token: TokenSource,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) backoff: callcore::retry::Backoff,
    pub(super) connect_timeout: Duration,
    /// Where calls go that come in.
    pub(super) offers: Option<mpsc::Sender<Offer>>,
    /// The number that was dialled where the carrier does not say which.
    pub(super) did: String,
}

pub(super) struct Router {
    pub(super) settled: Settled,
    pub(super) policy: super::endpoint::Policy,
    pub(super) base: reqwest::Url,
    pub(super) hosts: Hosts,
    pub(super) notices: mpsc::Receiver<(Host, Notice)>,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) rest: Rest,
    pub(super) link: watch::Sender<Seen>,
    pub(super) version: watch::Sender<Option<Version>>,
    pub(super) traffic: Traffic,
}

/// What changes while the trunk runs.
pub(super) struct Traffic {
    pub(super) rooms: Rooms,
    pub(super) legs: SelectAll<LegStream>,
    pub(super) placing: Placements,
    pub(super) records: Records,
    pub(super) hanging_up: JoinSet<()>,
    /// Calls that ring here, until somebody takes them or does not.
    pub(super) offered: JoinSet<Option<Arc<str>>>,
    /// The calls' own connections.
    pub(super) sockets: JoinSet<()>,
    pub(super) told: mpsc::Sender<Told>,
    pub(super) hears: mpsc::Receiver<Told>,
    /// Reused, so that a packet of audio costs no allocation here.
    pub(super) actions: Vec<SessionAction>,
}

impl Traffic {
    pub(super) fn new(queue: usize) -> Self {
        let (told, hears) = mpsc::channel(queue);
        Self {
            rooms: Rooms::default(),
            legs: SelectAll::new(),
            placing: Placements::default(),
            records: Records::default(),
            hanging_up: JoinSet::new(),
            offered: JoinSet::new(),
            sockets: JoinSet::new(),
            told,
            hears,
            actions: Vec::new(),
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        !(self.rooms.is_empty()
            && self.placing.is_empty()
            && self.records.is_empty()
            && self.hanging_up.is_empty())
    }
}

impl Router {
    /// Does what rooms want done, until they want nothing more, and forgets those that are over: `about`,
    /// or any.
    pub(super) fn settle(&mut self, about: Option<&str>) {
        while !self.traffic.actions.is_empty() {
            let mut actions = std::mem::take(&mut self.traffic.actions);
            for (id, action) in actions.drain(..) {
                self.perform(&id, action);
            }
            // What a action brought about comes next; the emptied list is used again.
            if self.traffic.actions.is_empty() {
                self.traffic.actions = actions;
            }
        }
        let swept = match about {
            Some(id) => self.traffic.rooms.sweep(id),
            None => self.traffic.rooms.sweep_all() > 0,
        };
        if swept {
            self.show_calls();
        }
    }

    pub(super) fn show_calls(&self) {
        metrics::gauge!("dering_trunk_calls", "trunk" => self.settled.name.clone())
            .set(self.traffic.rooms.len() as f64);
    }

    fn perform(&mut self, id: &Arc<str>, action: Action) {
        match action {
            Action::Join => {
                if let Some(&Route { media: Media::Host(host), .. }) = self.traffic.rooms.route(id) {
                    let room = messages::Room { session_id: id };
                    let sent = self.hosts.control(host, |client| client.event("joinRoom", &room));
                    self.unless_stuck(id, sent);
                }
            }
            Action::Send(command) => self.send(id, command),
            Action::HangUpByRest => self.hang_up_by_rest(id),
            Action::FetchCdr => {
                let version = *self.version.borrow();
                self.traffic.records.fetch(self.rest.clone(), version, Arc::clone(id));
            }
            Action::Dropped { direction, reason } => self.dropped(direction, reason),
        }
    }

    pub(super) fn hang_up_by_rest(&mut self, id: &str) {
        let (rest, id, trunk) = (self.rest.clone(), id.to_owned(), self.settled.name.clone());
        self.traffic.hanging_up.spawn(async move {
            // The callee's telephone rings, and somebody pays: a carrier that is busy is asked again.
            let mut waits = [1, 3, 10].map(Duration::from_secs).into_iter();
            while let Err(error) = rest.hang_up(&id).await {
                let wait = waits.next().filter(|_| error.may_pass());
                tracing::warn!(trunk, session = id, %error, again = wait.is_some(),
                    "the call could not be hung up over REST");
                let Some(wait) = wait else { return };
                sleep(wait).await;
            }
        });
    }

    fn send(&mut self, id: &Arc<str>, command: LegCommand) {
        let Some(route) = self.traffic.rooms.route(id) else { return };
        match (&route.media, command) {
            (&Media::Host(host), LegCommand::Audio(audio)) => {
                let (codecs, is_labelled) = (route.codecs, route.is_labelled);
                if !self.send_audio(host, id, audio, codecs, is_labelled) {
                    self.dropped_audio(id);
                }
            }
            (Media::Socket(socket), LegCommand::Audio(audio)) => {
                let dropped = socket.capacity() <= AUDIO_ROOM
                    || socket.try_send(Frame::Audio(route.codecs.sent.encode(audio))).is_err();
                if dropped {
                    self.dropped_audio(id);
                }
            }
            (&Media::Host(host), command) => {
                let session_id: &str = id;
                let room = messages::Room { session_id };
                let sent = self.hosts.control(host, |client| match &command {
                    LegCommand::CheckPoint(name) => client.event("checkPoint", &Mark { session_id, name }),
                    &LegCommand::Digit { digit, duration_ms: duration } => {
                        client.event("dtmf", &Press { session_id, digit, duration })
                    }
                    LegCommand::Interruption => client.event("interruption", &room),
                    LegCommand::Hangup
                    | LegCommand::Refuse { .. }
                    | LegCommand::Transfer { .. }
                    | LegCommand::Show(_)
                    | LegCommand::HideCamera(_)
                    | LegCommand::Audio(_) => client.event("hangup", &room),
                });
                self.unless_stuck(id, sent);
            }
            (Media::Socket(socket), command) => {
                let Some(text) = plain_command(&command) else { return };
                let sent = socket.try_send(Frame::Text(text)).map_err(|_| NotSent::Stuck);
                self.unless_stuck(id, sent);
            }
        }
    }

    fn unless_stuck(&mut self, id: &Arc<str>, sent: Result<(), NotSent>) {
        if sent == Err(NotSent::Stuck) {
            self.traffic.rooms.stuck(id, &mut self.traffic.actions);
        }
    }

    /// What of a call was dropped cannot have been heard: the call must know.
    fn dropped_audio(&mut self, id: &Arc<str>) {
        self.dropped("out", "queue_full");
        self.traffic.rooms.block(id, Instant::now(), &mut self.traffic.actions);
    }

    /// False when not all of it found room.
    fn send_audio(
        &self,
        host: Host,
        id: &Arc<str>,
        mut audio: Bytes,
        codecs: Codecs,
        is_labelled: bool,
    ) -> bool {
        let Some(connected) = self.hosts.get(host) else { return true };
        while !audio.is_empty() {
            let chunk = audio.split_to(audio.len().min(AUDIO_CHUNK_MS * BYTES_PER_MS));
            let speech = Speech {
                audio_data: Binary(codecs.sent.encode(chunk)),
                session_id: id,
                audio_format: is_labelled.then(|| codecs.sent.name()),
            };
            let packet = if is_labelled && connected.acks.is_wanted() {
                connected.client.watched("audio", &speech, connected.acks.watch(id, &self.traffic.told))
            } else {
                connected.client.event("audio", &speech)
            };
            if self.hosts.audio(host, packet).is_err() {
                return false;
            }
        }
        true
    }

    fn dropped(&self, direction: &'static str, reason: &'static str) {
        metrics::counter!(
            "dering_trunk_audio_dropped_total",
            "trunk" => self.settled.name.clone(), "direction" => direction, "reason" => reason
        )
        .increment(1);
    }
}

/// A leg's commands, then `None` once.
pub(super) fn leg_commands(id: Arc<str>, commands: mpsc::Receiver<LegCommand>) -> LegStream {
    stream::unfold(Some((id, commands)), |state| async move {
        let (id, mut commands) = state?;
        match commands.recv().await {
            Some(command) => Some(((Arc::clone(&id), Some(command)), Some((id, commands)))),
            None => Some(((id, None), None)),
        }
    })
    .boxed()
}
