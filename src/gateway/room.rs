//! One live session as its clients see it: who joined, what was told, where audio goes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use callcore::call::DialStatus;
use serde::Serialize;
use socketioxide::SendError;
use socketioxide::SocketError;
use socketioxide::extract::SocketRef;
use tokio::sync::Notify;

use super::codec::{Decoder, Format};
use super::messages::{DialStatusOut, RoomJoined};
use super::playout::Playout;

/// Why a chunk of audio was not taken; the text goes into the acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AudioRefused {
    #[error("Session not found")]
    NoSession,
    #[error("Call is not connected")]
    NotConnected,
    #[error("Unsupported audio format: {0}")]
    Format(String),
    #[error("Audio cannot be decoded: {0}")]
    Decode(String),
    #[error("Audio queue is full: {0}")]
    Full(String),
}

/// Where the call stands, for those who send audio.
#[derive(Debug)]
enum Line {
    /// Dialling, ringing, or over.
    Closed,
    Open(Playout),
}

#[derive(Debug, Default)]
struct Members {
    sockets: Vec<SocketRef>,
    status: Option<DialStatus>,
}

/// A session from the REST call until its record is sent.
#[derive(Debug)]
pub(super) struct Room {
    pub session_id: String,
    pub account: usize,
    members: Mutex<Members>,
    line: Mutex<Line>,
    decoder: Mutex<Decoder>,
    /// A client asked for the end of the call.
    pub hangup: Notify,
    /// A client has joined.
    pub joined: Notify,
}

/// Nothing that panics runs under these locks; should it after all, the state is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts what could not be sent: nobody waits for a client that does not read.
pub(super) fn count_drop(event: &'static str, error: &SendError) {
    metrics::counter!("dering_gateway_emits_dropped_total", "event" => event).increment(1);
    tracing::debug!(event, %error, "an event for a client was dropped");
}

impl Room {
    pub(super) fn new(session_id: String, account: usize) -> Self {
        Self {
            session_id,
            account,
            members: Mutex::default(),
            line: Mutex::new(Line::Closed),
            decoder: Mutex::default(),
            hangup: Notify::new(),
            joined: Notify::new(),
        }
    }

    /// Lets a client in and tells it how far the call is, in case it comes late or again.
    pub(super) fn join(&self, socket: SocketRef) {
        let mut members = lock(&self.members);
        let joined = RoomJoined { session_id: &self.session_id, status: "success" };
        if let Err(error) = socket.emit("roomJoined", &joined) {
            count_drop("roomJoined", &error);
        }
        if members.sockets.iter().any(|member| member.id == socket.id) {
            return;
        }
        if let Some(status) = members.status {
            let told = DialStatusOut { session_id: &self.session_id, status };
            if let Err(error) = socket.emit("dialStatus", &told) {
                count_drop("dialStatus", &error);
            }
        }
        members.sockets.push(socket);
        drop(members);
        self.joined.notify_one();
    }

    /// Sends an event to every client in the room; those that have gone are forgotten.
    pub(super) fn emit<T: Serialize>(&self, event: &'static str, data: &T) {
        emit_to(&mut lock(&self.members), event, data);
    }

    /// Tells the progress of the call, now and to those who join later.
    pub(super) fn status(&self, status: DialStatus) {
        let mut members = lock(&self.members);
        members.status = Some(status);
        emit_to(&mut members, "dialStatus", &DialStatusOut { session_id: &self.session_id, status });
    }

    /// The call was answered: audio is taken from now on.
    pub(super) fn open(&self, playout: Playout) {
        *lock(&self.line) = Line::Open(playout);
    }

    /// The call is over: no more audio is taken.
    pub(super) fn close(&self) {
        *lock(&self.line) = Line::Closed;
    }

    /// Works on the play-out queue while the call is connected.
    pub(super) fn playout<T>(&self, work: impl FnOnce(&mut Playout) -> T) -> Option<T> {
        match &mut *lock(&self.line) {
            Line::Open(playout) => Some(work(playout)),
            Line::Closed => None,
        }
    }

    /// Decodes a chunk and queues it behind what waits. Chunks without a format are MP3, the default of
    /// version 1.0.3.
    pub(super) fn audio(&self, format: Option<&str>, bytes: &Bytes) -> Result<(), AudioRefused> {
        let name = format.unwrap_or("mp3");
        let format =
            Format::named(name).ok_or_else(|| AudioRefused::Format(name.chars().take(40).collect()))?;
        if self.playout(|_| ()).is_none() {
            return Err(AudioRefused::NotConnected);
        }
        let mut decoder = lock(&self.decoder);
        let samples =
            decoder.decode(format, bytes).map_err(|error| AudioRefused::Decode(error.to_string()))?;
        let queued = self.playout(|playout| playout.push(samples)).ok_or(AudioRefused::NotConnected)?;
        queued.map_err(|full| AudioRefused::Full(full.to_string()))
    }

    /// Marks the end of what was sent so far; what the decoder still holds belongs to it.
    pub(super) fn check_point(&self, name: String) -> bool {
        let mut decoder = lock(&self.decoder);
        let rest = decoder.flush();
        self.playout(|playout| {
            if let Err(error) = playout.push(rest) {
                tracing::debug!(%error, "the end of a compressed stream was lost");
            }
            playout.mark(name)
        })
        .unwrap_or(false)
    }

    /// Stops what plays and forgets what waits, half-decoded chunks included.
    pub(super) fn interrupt(&self) {
        let mut decoder = lock(&self.decoder);
        decoder.reset();
        self.playout(Playout::interrupt);
    }
}

fn emit_to<T: Serialize>(members: &mut Members, event: &'static str, data: &T) {
    members.sockets.retain(|socket| match socket.emit(event, data) {
        Ok(()) => true,
        Err(SendError::Socket(SocketError::Closed)) => false,
        Err(error) => {
            count_drop(event, &error);
            true
        }
    });
}

/// The live sessions of all accounts.
#[derive(Debug, Default)]
pub(super) struct Rooms(RwLock<HashMap<String, Arc<Room>>>);

impl Rooms {
    /// Opens a room unless `limit` calls are live already.
    pub(super) fn open(&self, room: Arc<Room>, limit: usize) -> bool {
        let mut rooms = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() >= limit {
            return false;
        }
        rooms.insert(room.session_id.clone(), room);
        metrics::gauge!("dering_gateway_calls").set(rooms.len() as f64);
        true
    }

    /// The room, if it belongs to the account.
    pub(super) fn find(&self, account: usize, session_id: &str) -> Option<Arc<Room>> {
        let rooms = self.0.read().unwrap_or_else(PoisonError::into_inner);
        rooms.get(session_id).filter(|room| room.account == account).cloned()
    }

    pub(super) fn remove(&self, session_id: &str) {
        let mut rooms = self.0.write().unwrap_or_else(PoisonError::into_inner);
        rooms.remove(session_id);
        metrics::gauge!("dering_gateway_calls").set(rooms.len() as f64);
    }

    pub(super) fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
