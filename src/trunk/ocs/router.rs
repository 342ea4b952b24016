//! The task of one trunk: carries what connections say to the rooms, and what legs ask to the connections.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream, SelectAll};
use rustls::ClientConfig;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::client::{Host, Notice, TokenSource};
use super::hosts::{BASE, Hosts, NotSent};
use super::messages::{self, AUDIO_CHUNK_MS, Mark, Press, Report, ReportError, Speech, plain_command};
use super::packet::{Binary, Event};
use super::placing::{Placements, Request};
use super::records::Records;
use super::rest::Rest;
use super::room::{Action, Patience};
use super::rooms::{Manner, Media, Rooms, SessionAction, Speaker};
use super::websocket::{AUDIO_ROOM, Frame, Heard, Told};
use super::{Link, LinkError, MediaWire, Version};
use crate::trunk::codec::Codec;
use crate::trunk::codec::Codecs;
use crate::trunk::leg::{LegCommand, Offer};

const TICK: Duration = Duration::from_millis(20);
/// Notices taken from a connection in one go.
const BATCH: usize = 64;
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
    pub(super) link: watch::Sender<Link>,
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

    fn is_busy(&self) -> bool {
        !(self.rooms.is_empty()
            && self.placing.is_empty()
            && self.records.is_empty()
            && self.hanging_up.is_empty())
    }
}

impl Router {
    /// Runs until every handle is gone and every call is over.
    pub(super) async fn run(mut self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut handles_live = true;
        let mut notices = Vec::with_capacity(BATCH);
        while handles_live || self.traffic.is_busy() || self.hosts.has_backlog() {
            let ticks = !self.traffic.rooms.is_empty() || self.hosts.has_backlog();
            tokio::select! {
                // Never 0: the hosts keep a sender.
                _ = self.notices.recv_many(&mut notices, BATCH) => {
                    for (host, notice) in notices.drain(..) {
                        self.notice(host, notice);
                    }
                }
                Some((id, heard)) = self.traffic.hears.recv() => self.heard(&id, heard),
                request = self.requests.recv(), if handles_live && self.traffic.placing.has_room() => match request {
                    Some(request) => self.requested(request),
                    None => handles_live = false,
                },
                Some((id, command)) = self.traffic.legs.next(), if !self.traffic.legs.is_empty() => {
                    let now = Instant::now();
                    self.traffic.rooms.command(&id, command, now, &mut self.traffic.actions);
                    self.settle(Some(&id));
                }
                Some(placed) = self.traffic.placing.next() => self.placed(placed),
                Some((id, cdr)) = self.traffic.records.next() => {
                    self.traffic.rooms.record(&id, cdr, &mut self.traffic.actions);
                    self.settle(Some(&id));
                }
                Some(_) = self.traffic.hanging_up.join_next() => {}
                Some(taken) = self.traffic.offered.join_next() => {
                    if let Ok(Some(id)) = taken {
                        self.pick_up(&id);
                    }
                }
                Some(_) = self.traffic.sockets.join_next() => {}
                _ = tick.tick(), if ticks => self.tick(),
            }
        }
        self.notices.close();
        self.traffic.hears.close();
        self.hosts.close().await;
        // Their calls are over, so they are on their way out.
        while self.traffic.sockets.join_next().await.is_some() {}
    }

    fn requested(&mut self, request: Request) {
        match request {
            Request::Place(placement) => self.place(placement),
            Request::HangUp(id) => self.hang_up_by_rest(&id),
        }
    }

    fn notice(&mut self, host: Host, notice: Notice) {
        match notice {
            Notice::Up => {
                self.hosts.up(host);
                self.show_link(host, Link::Up);
                self.traffic.rooms.host_up(host, &mut self.traffic.actions);
                self.settle(None);
            }
            Notice::Event(event) => self.event(host, &event),
            Notice::RoundTrip(time) => {
                self.hosts.round_trip(host, time);
                metrics::gauge!("dering_trunk_round_trip_seconds", "trunk" => self.settled.name.clone())
                    .set(time.as_secs_f64());
                self.traffic.rooms.round_trip(host, time, Instant::now(), &mut self.traffic.actions);
                self.settle(None);
            }
            Notice::Down { error, .. } => {
                self.hosts.down(host);
                let reason = error.to_string();
                // A carrier of 1.0.5 may serve nothing but REST at its base URL.
                let is_elsewhere =
                    matches!(error, LinkError::NotServed { .. }) && self.settled.version.is_none();
                let link = if is_elsewhere {
                    Link::OnDemand
                } else if matches!(error, LinkError::Refused { .. }) {
                    Link::Refused(reason)
                } else {
                    Link::Down(reason)
                };
                self.show_link(host, link);
                self.traffic.rooms.host_down(host, Instant::now(), &mut self.traffic.actions);
                self.settle(None);
            }
        }
    }

    fn show_link(&self, host: Host, link: Link) {
        if host == BASE {
            let known = *self.version.borrow();
            self.link.send_replace(link.known_as(known));
        }
    }

    fn event(&mut self, host: Host, event: &Event) {
        match messages::read(event) {
            Ok((id, Report::Offered(offered))) if self.is_new(&id) => self.offer(host, &id, offered),
            Ok((id, report)) => {
                let now = Instant::now();
                self.traffic.rooms.report(Speaker::Host(host), &id, report, now, &mut self.traffic.actions);
                self.settle(Some(&id));
            }
            Err(error) => self.odd(&event.name, &error),
        }
        if let Some(ack) = event.ack {
            #[derive(Serialize)]
            struct Received {
                success: bool,
                error: Option<()>,
            }
            let received = Received { success: true, error: None };
            if self.hosts.control(host, |client| client.answer(ack, &received)).is_err() {
                tracing::debug!(
                    trunk = self.settled.name,
                    "a carrier that reads nothing gets no acknowledgement"
                );
            }
        }
    }

    fn odd(&self, event: &str, error: &ReportError) {
        let event: String = event.chars().take(40).collect();
        if !matches!(error, ReportError::Unknown) {
            metrics::counter!("dering_trunk_malformed_events_total", "trunk" => self.settled.name.clone())
                .increment(1);
        }
        tracing::debug!(trunk = self.settled.name, event, %error, "an event of the carrier is not understood");
    }

    /// The connection of one call has something to tell.
    fn heard(&mut self, id: &Arc<str>, heard: Heard) {
        let now = Instant::now();
        let Traffic { rooms, actions, .. } = &mut self.traffic;
        match heard {
            Heard::Up => rooms.call_up(id, now, actions),
            // An acknowledgement is of a connection that calls share.
            Heard::Said(Report::AudioRefused(reason)) => rooms.refused_audio(id, reason, actions),
            Heard::Said(report) => rooms.report(Speaker::Socket, id, report, now, actions),
            Heard::RoundTrip(time) => rooms.call_round_trip(id, time, now, actions),
            Heard::Down => rooms.call_down(id, now, actions),
            Heard::Refused => {
                rooms.call_down(id, now, actions);
                rooms.report(Speaker::Socket, id, Report::JoinRefused, now, actions);
            }
            Heard::Odd(error) => return self.odd("frame", &error),
        }
        self.settle(Some(id));
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.hosts.flush();
        self.traffic.rooms.tick(now, &mut self.traffic.actions);
        let hosts = &self.hosts;
        let is_roomy = |media: &Media| match media {
            Media::Host(host) => hosts.is_roomy(*host),
            Media::Socket(socket) => socket.capacity() > AUDIO_ROOM + AUDIO_ROOM / 2,
        };
        self.traffic.rooms.unblock(now, is_roomy, &mut self.traffic.actions);
        self.settle(None);
        let rooms = &self.traffic.rooms;
        self.hosts.leave_idle(now, |host| rooms.uses(host));
    }

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
                if let Some(&Manner { media: Media::Host(host), .. }) = self.traffic.rooms.manner(id) {
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
        let Some(manner) = self.traffic.rooms.manner(id) else { return };
        match (&manner.media, command) {
            (&Media::Host(host), LegCommand::Audio(audio)) => {
                let (codecs, is_labelled) = (manner.codecs, manner.is_labelled);
                if !self.send_audio(host, id, audio, codecs, is_labelled) {
                    self.dropped_audio(id);
                }
            }
            (Media::Socket(socket), LegCommand::Audio(audio)) => {
                let dropped = socket.capacity() <= AUDIO_ROOM
                    || socket.try_send(Frame::Audio(manner.codecs.sent.encode(audio))).is_err();
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
                    LegCommand::Hangup | LegCommand::Audio(_) => client.event("hangup", &room),
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
