//! One live session as its clients see it: who joined, what was told, where audio goes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callcore::audio::frame::Frame;
use callcore::call::DialStatus;
use callcore::clock::CallTime;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::accounts::Holder;
use super::call::{Call, Effect, NotPlayed};
use super::callees::prepare::Prepared;
use super::cdr::Cdr;
use super::clients::Client;
use super::codec::{Decoder, Format};
use super::messages::{Audio, Event, Incoming, Press};
use super::outbox::Lane;
use super::record::Party;

/// Clients in one room; each costs a packet every 20 ms.
const MAX_MEMBERS: usize = 64;
/// Largest packet of audio, in bytes.
const MAX_PACKET: usize = 1024 * 1024;
/// Longest name of a check point, in bytes.
const MAX_NAME: usize = 1_024;

/// Why something a client sent had no effect; the text is for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error(transparent)]
    NoSession(#[from] NoSession),
    #[error("Call is not connected")]
    NotConnected,
    #[error("Unsupported audio format: {0}")]
    Format(String),
    #[error("Audio format {sent} is not the negotiated {negotiated}")]
    NotNegotiated { sent: String, negotiated: &'static str },
    #[error("Audio data is empty")]
    Empty,
    #[error("Audio packet is larger than {MAX_PACKET} bytes")]
    TooLarge,
    #[error("Audio cannot be decoded: {0}")]
    Decode(String),
    #[error("Audio queue is full: {0}")]
    Full(String),
    #[error("Check point cannot be set: its name is longer than {MAX_NAME} bytes, or too many wait")]
    CheckPoint,
    #[error("Invalid digit: send one of 0-9, *, #, A-D, and not more than 30 s ahead")]
    Digit,
    #[error("Room is full: at most {MAX_MEMBERS} clients can join a session")]
    RoomFull,
}

/// There is no such session, or it is another account's, which is the same to the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Session not found")]
pub(super) struct NoSession;

/// What was agreed on for a call: what the client sends, and what it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Codecs {
    pub input: Format,
    pub output: Format,
}

impl Default for Codecs {
    fn default() -> Self {
        Self { input: Format::PCM16, output: Format::PCM16 }
    }
}

#[derive(Debug)]
struct Member {
    client: Arc<Client>,
    lane: Lane,
}

#[derive(Debug, Default)]
struct Members {
    list: Vec<Member>,
    status: Option<DialStatus>,
    /// The clients of the account were told of the session.
    announced: bool,
    /// The last word was said: nothing will be told any more.
    ended: Option<Arc<Cdr>>,
}

/// A session from the REST call until its record is sent.
#[derive(Debug)]
pub(super) struct Room {
    pub session: Arc<str>,
    pub holder: Holder,
    codecs: Codecs,
    pub begun: Instant,
    /// Who calls whom, where somebody calls the account.
    pub incoming: Option<Arc<Incoming>>,
    members: Mutex<Members>,
    call: Mutex<Call>,
    decoder: Mutex<Decoder>,
    /// That audio could not be read is in the log.
    told_unreadable: AtomicBool,
    /// An input has changed the call: its task must look again.
    pub wake: Notify,
}

impl Room {
    pub(super) fn new(session: Arc<str>, holder: Holder, codecs: Codecs, call: Call) -> Self {
        Self {
            session,
            holder,
            codecs,
            begun: Instant::now(),
            incoming: None,
            members: Mutex::default(),
            call: Mutex::new(call),
            decoder: Mutex::default(),
            told_unreadable: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    /// A session that somebody outside has begun.
    pub(super) fn incoming(mut self, incoming: Incoming) -> Self {
        self.incoming = Some(Arc::new(incoming));
        self
    }

    fn now(&self) -> CallTime {
        CallTime::from_ms(u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// What the account's clients are told of the session; `None` when it is over already.
    pub(super) fn announce(&self) -> Option<Event> {
        let mut members = self.members.lock();
        members.announced = true;
        members.ended.is_none().then(|| self.new_session())
    }

    /// What a client is told that connects while nobody is in the room; `None` when it will hear of the session
    /// anyway, or need not.
    fn waits_to_be_joined(&self) -> Option<Event> {
        let members = self.members.lock();
        let is_joined = members.list.iter().any(|member| !member.client.outbox.is_closed());
        (members.announced && members.ended.is_none() && !is_joined).then(|| self.new_session())
    }

    fn new_session(&self) -> Event {
        Event::NewSession { session: Arc::clone(&self.session), incoming: self.incoming.clone() }
    }

    /// The account's clients have heard of the session, and may join from now on.
    pub(super) fn announced(&self) {
        self.call(Call::announced);
    }

    /// Lets a client in and tells it how far the call is, in case it comes late or again.
    pub(super) fn join(&self, client: &Arc<Client>) -> Result<(), Refused> {
        let mut members = self.members.lock();
        let known = members.list.iter().any(|member| Arc::ptr_eq(&member.client, client));
        let full = members.list.len() >= MAX_MEMBERS;
        let joined = known || !full;
        client.tell(Event::RoomJoined { session: Arc::clone(&self.session), joined });
        if !joined {
            return Err(Refused::RoomFull);
        }
        if known {
            return Ok(());
        }
        if let Some(status) = members.status {
            client.tell(Event::Status { session: Arc::clone(&self.session), status });
        }
        if let Some(cdr) = &members.ended {
            client.tell(Event::Hangup { session: Arc::clone(&self.session) });
            client.tell(Event::Cdr(Arc::clone(cdr)));
            return Ok(());
        }
        members.list.push(Member { client: Arc::clone(client), lane: Lane::default() });
        drop(members);
        self.call(Call::joined);
        Ok(())
    }

    /// Tells every client in the room; those that have gone are forgotten.
    pub(super) fn tell(&self, event: &Event) {
        let mut members = self.members.lock();
        if let Event::Status { status, .. } = event {
            members.status = Some(*status);
        }
        if let Event::Cdr(cdr) = event {
            members.ended = Some(Arc::clone(cdr));
        }
        members.list.retain(|member| !member.client.outbox.is_closed());
        for member in &members.list {
            member.client.tell(event.clone());
        }
    }

    /// Nobody ever came in.
    pub(super) fn is_unjoined(&self) -> bool {
        self.members.lock().list.is_empty()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.call.lock().is_connected()
    }

    /// Sends 20 ms of what the callee says to every client in the room.
    pub(super) fn send(&self, said: &Frame) {
        let members = self.members.lock();
        if members.list.is_empty() {
            return;
        }
        let audio = Audio { session: Arc::clone(&self.session), bytes: self.codecs.output.encode(said) };
        for member in &members.list {
            member.client.outbox.push_audio(&member.lane, audio.clone());
        }
    }

    /// Changes the call, and lets its task look at what follows.
    fn call<T>(&self, change: impl FnOnce(&mut Call, CallTime) -> T) -> T {
        let done = change(&mut self.call.lock(), self.now());
        self.wake.notify_one();
        done
    }

    pub(super) fn hang_up(&self, by: Party) {
        self.call(|call, now| call.hang_up(now, by));
    }

    /// The callee's sound is ready, or cannot be made.
    pub(super) fn prepared(&self, prepared: Option<Arc<Prepared>>) {
        self.call(|call, now| call.prepared(now, prepared));
    }

    /// Lets time pass; collects what is to be done and says when to come again. `said` and `heard` belong to
    /// [`Effect::Frame`].
    pub(super) fn advance(
        &self,
        effects: &mut Vec<Effect>,
        said: &mut Frame,
        heard: &mut Frame,
    ) -> Option<Instant> {
        let mut call = self.call.lock();
        call.advance(self.now());
        effects.extend(std::iter::from_fn(|| call.poll_effect()));
        *said = *call.said();
        *heard = *call.heard();
        call.poll_timeout().map(|due| self.begun + Duration::from_millis(due.as_ms()))
    }

    /// Decodes a chunk and queues it behind what waits, under the client's label for it.
    pub(super) fn audio(&self, named: Option<&str>, bytes: &[u8], label: &str) -> Result<(), Refused> {
        self.take_audio(named, bytes, label).inspect_err(|refused| {
            if let Refused::Format(_) | Refused::NotNegotiated { .. } | Refused::Decode(_) = refused {
                self.unreadable(refused.to_string());
            }
        })
    }

    /// What a client meant as audio cannot be read: told once for each call, in the log and in its timeline.
    fn unreadable(&self, reason: String) {
        if !self.told_unreadable.swap(true, Ordering::Relaxed) {
            tracing::warn!(session = %self.session, reason,
                "a client's audio cannot be read; more of it in this call is only counted");
        }
        self.call(|call, _| call.unreadable(reason));
    }

    fn take_audio(&self, named: Option<&str>, bytes: &[u8], label: &str) -> Result<(), Refused> {
        let format = self.format(named)?;
        if bytes.is_empty() {
            return Err(Refused::Empty);
        }
        if bytes.len() > MAX_PACKET {
            return Err(Refused::TooLarge);
        }
        if !self.call.lock().is_connected() {
            return Err(Refused::NotConnected);
        }
        let mut decoder = self.decoder.lock();
        // What nobody names is MP3 by the document, and often something else in truth.
        let decoded = match named {
            None if format == Format::Mp3 => decoder.decode_unnamed(bytes),
            Some(_) | None => decoder.decode(format, bytes),
        };
        let samples = decoded.map_err(|error| Refused::Decode(error.to_string()))?;
        self.call.lock().play(samples, Some(label)).map_err(|error| match error {
            NotPlayed::NotConnected => Refused::NotConnected,
            NotPlayed::Full(full) => Refused::Full(full.to_string()),
        })
    }

    /// How a chunk is coded. Before 1.0.5 each says so itself, or is MP3, the documented default; since then
    /// it was agreed on when the call was placed.
    fn format(&self, name: Option<&str>) -> Result<Format, Refused> {
        let short = |name: &str| name.chars().take(40).collect();
        if !self.holder.version.negotiates() {
            let name = name.unwrap_or("mp3");
            return Format::named(name).ok_or_else(|| Refused::Format(short(name)));
        }
        let negotiated = self.codecs.input;
        match name {
            Some(name) if Format::named(name) != Some(negotiated) => {
                Err(Refused::NotNegotiated { sent: short(name), negotiated: negotiated.as_str() })
            }
            Some(_) | None => Ok(negotiated),
        }
    }

    /// Marks the end of what was sent so far; what the decoder still holds belongs to it.
    pub(super) fn check_point(&self, name: String) -> Result<(), Refused> {
        if name.len() > MAX_NAME {
            return Err(Refused::CheckPoint);
        }
        let mut decoder = self.decoder.lock();
        let rest = decoder.flush();
        let mut call = self.call.lock();
        match call.play(rest, None) {
            Ok(()) => {}
            Err(NotPlayed::NotConnected) => return Err(Refused::NotConnected),
            Err(NotPlayed::Full(error)) => tracing::debug!(%error, "the end of a compressed stream was lost"),
        }
        call.check_point(name).then_some(()).ok_or(Refused::CheckPoint)
    }

    pub(super) fn press(&self, press: &Press) -> Result<(), Refused> {
        let key = press.key().ok_or(Refused::Digit)?;
        let mut call = self.call.lock();
        if !call.is_connected() {
            return Err(Refused::NotConnected);
        }
        call.press(key, press.length_ms()).then_some(()).ok_or(Refused::Digit)
    }

    /// Stops what plays and forgets what waits, half-decoded chunks included.
    pub(super) fn interrupt(&self) -> Result<(), Refused> {
        let mut decoder = self.decoder.lock();
        decoder.reset();
        self.call.lock().interrupt().then_some(()).ok_or(Refused::NotConnected)
    }
}

/// The live sessions of all accounts.
#[derive(Debug, Default)]
pub(super) struct Rooms(RwLock<HashMap<Arc<str>, Arc<Room>>>);

impl Rooms {
    /// Opens a room unless `limit` calls are live already.
    pub(super) fn open(&self, room: Arc<Room>, limit: usize) -> bool {
        let mut rooms = self.0.write();
        if rooms.len() >= limit {
            return false;
        }
        rooms.insert(Arc::clone(&room.session), room);
        metrics::gauge!("dering_gateway_calls").set(rooms.len() as f64);
        true
    }

    /// The room, if it belongs to the account.
    pub(super) fn find(&self, account: usize, session: &str) -> Result<Arc<Room>, NoSession> {
        let rooms = self.0.read();
        let room = rooms.get(session).filter(|room| room.holder.account == account).cloned();
        room.ok_or(NoSession)
    }

    /// The sessions of the account that wait to be joined, oldest first.
    pub(super) fn waiting(&self, account: usize) -> Vec<Event> {
        let rooms = self.0.read();
        let own = rooms.values().filter(|room| room.holder.account == account);
        let mut waiting: Vec<_> =
            own.filter_map(|room| Some((room.begun, room.waits_to_be_joined()?))).collect();
        waiting.sort_by_key(|(begun, _)| *begun);
        waiting.into_iter().map(|(_, event)| event).collect()
    }

    pub(super) fn is_live(&self, session: &str) -> bool {
        self.0.read().contains_key(session)
    }

    pub(super) fn remove(&self, session: &str) {
        let mut rooms = self.0.write();
        rooms.remove(session);
        metrics::gauge!("dering_gateway_calls").set(rooms.len() as f64);
    }

    pub(super) fn len(&self) -> usize {
        self.0.read().len()
    }
}
