//! The task of one trunk: carries what the connection says to the rooms, and what legs ask to the
//! connection.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callcore::call::CarrierCdr;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream, SelectAll};
use serde::Serialize;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::acks::AckLog;
use super::client::{Client, Notice, Outgoing};
use super::messages::{self, AUDIO_CHUNK, Mark, Press, ReportError, Speech};
use super::packet::{Binary, Event, PacketError};
use super::rest::Rest;
use super::room::{Action, Patience, Room};
use super::strays::Strays;
use super::{Link, LinkError, Version};
use crate::trunk::{Abilities, DialError, Leg, LegCommand};

/// Events that may wait for a leg to read them: 10 s of 20 ms audio.
const EVENTS: usize = 512;
/// Commands that may wait for the trunk.
const COMMANDS: usize = 256;
/// REST requests to place a call under way at once.
const MAX_PLACEMENTS: usize = 64;
const TICK: Duration = Duration::from_millis(20);
/// Waits before the second and third attempt to fetch a record: carriers write it after the call.
const CDR_RETRIES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// What handles ask of a trunk.
#[derive(Debug)]
pub(super) enum Wish {
    Place(Placement),
    /// Ends a session that has no leg here.
    HangUp(String),
}

/// A wish to call somebody.
#[derive(Debug)]
pub(super) struct Placement {
    pub(super) number: String,
    pub(super) reply: Answer,
}

/// Where the outcome of a placement goes.
type Answer = oneshot::Sender<Result<Leg, DialError>>;

type LegStream = BoxStream<'static, (Arc<str>, Option<LegCommand>)>;

pub(super) struct Router {
    pub(super) name: String,
    pub(super) version: Version,
    pub(super) patience: Patience,
    pub(super) client: Client,
    pub(super) connection: JoinHandle<()>,
    pub(super) notices: mpsc::Receiver<Notice>,
    pub(super) wishes: mpsc::Receiver<Wish>,
    pub(super) rest: Rest,
    pub(super) link: watch::Sender<Link>,
}

/// What changes while the trunk runs.
struct Traffic {
    rooms: BTreeMap<Arc<str>, Room>,
    legs: SelectAll<LegStream>,
    strays: Strays,
    /// Yields the session id.
    placing: JoinSet<(Answer, Result<String, DialError>)>,
    fetching: JoinSet<(Arc<str>, Option<CarrierCdr>)>,
    hanging_up: JoinSet<()>,
    /// Control packets that found the queue full; while there are any, no command is taken from a leg.
    backlog: VecDeque<Outgoing>,
    acks: Arc<AckLog>,
    is_up: bool,
}

impl Router {
    /// Runs until every handle is gone and every call is over.
    pub(super) async fn run(mut self) {
        let mut traffic = Traffic {
            rooms: BTreeMap::new(),
            legs: SelectAll::new(),
            strays: Strays::default(),
            placing: JoinSet::new(),
            fetching: JoinSet::new(),
            hanging_up: JoinSet::new(),
            backlog: VecDeque::new(),
            acks: AckLog::new(self.name.clone()),
            is_up: false,
        };
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut handles_live = true;
        while handles_live || traffic.is_busy() {
            tokio::select! {
                notice = self.notices.recv() => match notice {
                    Some(notice) => self.notice(&mut traffic, notice),
                    None => break,
                },
                wish = self.wishes.recv(), if handles_live && traffic.placing.len() < MAX_PLACEMENTS => {
                    match wish {
                        Some(Wish::Place(placement)) => self.place(&mut traffic, placement),
                        Some(Wish::HangUp(id)) => self.perform(&mut traffic, &id, vec![Action::HangUpByRest]),
                        None => handles_live = false,
                    }
                }
                Some((id, command)) = traffic.legs.next(),
                    if traffic.backlog.is_empty() && !traffic.legs.is_empty() =>
                {
                    self.command(&mut traffic, &id, command);
                }
                room = self.client.room(), if !traffic.backlog.is_empty() => {
                    if let (Some(room), Some(packet)) = (room, traffic.backlog.pop_front()) {
                        room.send(packet);
                    }
                }
                Some(placed) = traffic.placing.join_next() => {
                    if let Ok((reply, outcome)) = placed {
                        self.placed(&mut traffic, reply, outcome);
                    }
                }
                Some(fetched) = traffic.fetching.join_next() => {
                    if let Ok((id, cdr)) = fetched {
                        self.with_room(&mut traffic, &id, |room, _, actions| room.deliver_cdr(cdr, actions));
                    }
                }
                Some(_) = traffic.hanging_up.join_next() => {}
                _ = tick.tick(), if !traffic.rooms.is_empty() => self.tick(&mut traffic),
            }
        }
        drop((self.client, self.notices));
        if self.connection.await.is_err() {
            tracing::error!(trunk = self.name, "the connection's task has panicked");
        }
    }

    fn notice(&self, traffic: &mut Traffic, notice: Notice) {
        match notice {
            Notice::Up => {
                traffic.is_up = true;
                self.link.send_replace(Link::Up);
                self.every_room(traffic, |room, _, actions| room.link_up(actions));
            }
            Notice::Event(event) => self.event(traffic, &event),
            Notice::Down { error, .. } => {
                traffic.is_up = false;
                // Rooms say again what must not get lost.
                traffic.backlog.clear();
                let reason = error.to_string();
                self.link.send_replace(if matches!(error, LinkError::Refused { .. }) {
                    Link::Refused(reason)
                } else {
                    Link::Down(reason)
                });
                self.every_room(traffic, |room, now, _| room.link_down(now));
            }
        }
    }

    fn event(&self, traffic: &mut Traffic, event: &Event) {
        match messages::read(event) {
            Ok((id, report)) => {
                if traffic.rooms.contains_key(&*id) {
                    self.with_room(traffic, &id, |room, now, actions| room.report(report, now, actions));
                } else if !traffic.placing.is_empty() {
                    traffic.strays.keep(&id, report);
                }
            }
            Err(ReportError::Unknown) => {
                tracing::debug!(trunk = self.name, event = event.name, "the carrier sent an unknown event");
            }
            Err(error) => {
                metrics::counter!("dering_trunk_malformed_events_total", "trunk" => self.name.clone())
                    .increment(1);
                tracing::debug!(trunk = self.name, event = event.name, %error, "an event is not understood");
            }
        }
        if let Some(ack) = event.ack {
            #[derive(Serialize)]
            struct Received {
                success: bool,
                error: Option<()>,
            }
            self.queue(traffic, self.client.answer(ack, &Received { success: true, error: None }));
        }
    }

    fn place(&self, traffic: &mut Traffic, wish: Placement) {
        let rest = self.rest.clone();
        traffic.placing.spawn(async move {
            let outcome = rest.call(&wish.number).await;
            (wish.reply, outcome)
        });
    }

    fn placed(&self, traffic: &mut Traffic, reply: Answer, outcome: Result<String, DialError>) {
        match outcome {
            Ok(id) => self.admit(traffic, reply, id),
            // The caller may have stopped waiting.
            Err(error) => drop(reply.send(Err(error))),
        }
        if traffic.placing.is_empty() {
            traffic.strays.clear();
        }
    }

    fn admit(&self, traffic: &mut Traffic, reply: Answer, id: String) {
        let id: Arc<str> = id.into();
        if traffic.rooms.contains_key(&id) {
            let reason = "it gave two calls the same sessionId".into();
            drop(reply.send(Err(DialError::Protocol { reason })));
            return;
        }
        let (events, heard) = mpsc::channel(EVENTS);
        let (commands, asked) = mpsc::channel(COMMANDS);
        let (session_id, abilities) = (id.to_string(), Abilities::default());
        if reply.send(Ok(Leg { session_id, abilities, events: heard, commands })).is_err() {
            tracing::warn!(trunk = self.name, "nobody waits for the call that was placed; it is hung up");
            self.perform(traffic, &id, vec![Action::HangUpByRest]);
            return;
        }
        traffic.legs.push(leg_commands(Arc::clone(&id), asked));
        traffic.rooms.insert(Arc::clone(&id), Room::new(events, self.patience, Instant::now()));
        metrics::gauge!("dering_trunk_calls", "trunk" => self.name.clone()).set(traffic.rooms.len() as f64);
        let early = traffic.strays.claim(&id);
        let is_up = traffic.is_up;
        self.with_room(traffic, &id, |room, now, actions| {
            for report in early {
                room.report(report, now, actions);
            }
            if is_up {
                room.link_up(actions);
            }
        });
    }

    fn command(&self, traffic: &mut Traffic, id: &str, command: Option<LegCommand>) {
        self.with_room(traffic, id, |room, now, actions| match command {
            Some(command) => room.command(command, now, actions),
            None => room.commander_left(),
        });
    }

    fn tick(&self, traffic: &mut Traffic) {
        self.every_room(traffic, |room, now, actions| room.tick(now, actions));
    }

    fn every_room(
        &self,
        traffic: &mut Traffic,
        mut change: impl FnMut(&mut Room, Instant, &mut Vec<Action>),
    ) {
        let now = Instant::now();
        let mut due = Vec::new();
        for (id, room) in &mut traffic.rooms {
            let mut actions = Vec::new();
            change(room, now, &mut actions);
            if !actions.is_empty() || room.is_over() {
                due.push((Arc::clone(id), actions));
            }
        }
        for (id, actions) in due {
            self.perform(traffic, &id, actions);
            self.close_if_over(traffic, &id);
        }
    }

    fn with_room(
        &self,
        traffic: &mut Traffic,
        id: &str,
        change: impl FnOnce(&mut Room, Instant, &mut Vec<Action>),
    ) {
        let Some(room) = traffic.rooms.get_mut(id) else { return };
        let mut actions = Vec::new();
        change(room, Instant::now(), &mut actions);
        self.perform(traffic, id, actions);
        self.close_if_over(traffic, id);
    }

    fn close_if_over(&self, traffic: &mut Traffic, id: &str) {
        if traffic.rooms.get(id).is_some_and(Room::is_over) {
            traffic.rooms.remove(id);
            metrics::gauge!("dering_trunk_calls", "trunk" => self.name.clone())
                .set(traffic.rooms.len() as f64);
        }
    }

    fn perform(&self, traffic: &mut Traffic, id: &str, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Join => {
                    self.queue(traffic, self.client.event("joinRoom", &messages::Room { session_id: id }));
                }
                Action::Send(command) => self.send(traffic, id, command),
                Action::HangUpByRest => {
                    let (rest, id, trunk) = (self.rest.clone(), id.to_owned(), self.name.clone());
                    traffic.hanging_up.spawn(async move {
                        if let Err(error) = rest.hang_up(&id).await {
                            tracing::warn!(trunk, session = id, %error, "the call could not be hung up over REST");
                        }
                    });
                }
                Action::FetchCdr => {
                    let fetch = fetch_cdr(self.rest.clone(), self.version, id.into());
                    traffic.fetching.spawn(fetch);
                }
                Action::Dropped { direction, reason } => self.dropped(direction, reason),
            }
        }
    }

    fn send(&self, traffic: &mut Traffic, id: &str, command: LegCommand) {
        let packet = match command {
            LegCommand::Audio(audio) => return self.send_audio(traffic, id, audio),
            LegCommand::CheckPoint(name) => {
                self.client.event("checkPoint", &Mark { session_id: id, name: &name })
            }
            LegCommand::Digit { digit, duration_ms } => {
                self.client.event("dtmf", &Press { session_id: id, digit, duration: duration_ms })
            }
            LegCommand::Interruption => self.client.event("interruption", &messages::Room { session_id: id }),
            LegCommand::Hangup => self.client.event("hangup", &messages::Room { session_id: id }),
        };
        self.queue(traffic, packet);
    }

    fn send_audio(&self, traffic: &mut Traffic, id: &str, mut audio: Bytes) {
        while !audio.is_empty() {
            let chunk = audio.split_to(audio.len().min(AUDIO_CHUNK));
            let speech = Speech { audio_data: Binary(chunk), session_id: id, audio_format: "pcm16" };
            let packet = if traffic.acks.is_wanted() {
                self.client.watched("audio", &speech, traffic.acks.watch())
            } else {
                self.client.event("audio", &speech)
            };
            match packet {
                Ok(packet) if traffic.backlog.is_empty() => {
                    if self.client.try_send(packet).is_err() {
                        self.dropped("out", "queue_full");
                    }
                }
                Ok(_) => self.dropped("out", "queue_full"),
                Err(error) => self.unsendable(&error),
            }
        }
    }

    /// Queues a control packet; it is never dropped for want of room.
    fn queue(&self, traffic: &mut Traffic, packet: Result<Outgoing, PacketError>) {
        let packet = match packet {
            Ok(packet) => packet,
            Err(error) => return self.unsendable(&error),
        };
        if !traffic.backlog.is_empty() {
            traffic.backlog.push_back(packet);
        } else if let Err(TrySendError::Full(packet)) = self.client.try_send(packet) {
            traffic.backlog.push_back(packet);
        }
    }

    fn unsendable(&self, error: &PacketError) {
        tracing::error!(trunk = self.name, %error, "a message could not be encoded");
    }

    fn dropped(&self, direction: &'static str, reason: &'static str) {
        metrics::counter!(
            "dering_trunk_audio_dropped_total",
            "trunk" => self.name.clone(), "direction" => direction, "reason" => reason
        )
        .increment(1);
    }
}

impl Traffic {
    fn is_busy(&self) -> bool {
        !(self.rooms.is_empty()
            && self.placing.is_empty()
            && self.fetching.is_empty()
            && self.hanging_up.is_empty()
            && self.backlog.is_empty())
    }
}

/// A leg's commands, then `None` once.
fn leg_commands(id: Arc<str>, commands: mpsc::Receiver<LegCommand>) -> LegStream {
    stream::unfold(Some((id, commands)), |state| async move {
        let (id, mut commands) = state?;
        match commands.recv().await {
            Some(command) => Some(((Arc::clone(&id), Some(command)), Some((id, commands)))),
            None => Some(((id, None), None)),
        }
    })
    .boxed()
}

async fn fetch_cdr(rest: Rest, version: Version, id: Arc<str>) -> (Arc<str>, Option<CarrierCdr>) {
    if version == Version::V1_0_3 {
        return (id, None);
    }
    let mut waits = CDR_RETRIES.into_iter();
    loop {
        match rest.cdr(&id).await {
            Ok(Some(cdr)) => return (id, Some(cdr)),
            Ok(None) => tracing::debug!(session = &*id, "the carrier has no record of the call yet"),
            Err(error) => tracing::debug!(session = &*id, %error, "the call's record could not be fetched"),
        }
        let Some(wait) = waits.next() else {
            tracing::warn!(session = &*id, "the carrier gives no record of the call");
            return (id, None);
        };
        sleep(wait).await;
    }
}
