//! The Socket.IO side: what clients send, in the order they send it, and what they are sent.
//!
//! socketioxide runs the future of a handler as a task of its own, so two of them may run in any order.
//! Audio, check points and interruptions must not: every handler here does its work in the closure itself,
//! which the reader of the socket calls before it reads on, and returns a future that is ready.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use serde::de::DeserializeOwned;
use socketioxide::extract::{Event as EventName, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::layer::SocketIoLayer;
use socketioxide::{ParserConfig, ParserError, SendError, SocketError, SocketIo};
use tokio::time::sleep;

use super::accounts::{Holder, bearer};
use super::clients::Client;
use super::departure::Departures;
use super::messages::{Ack, AudioIn, Auth, CheckPointIn, DtmfIn, Event, Question, SessionOnly};
use super::outbox::Item;
use super::room::{Refused, Room};
use super::shared::{Host, Shared};

/// Packets that may wait inside the Socket.IO server for one client. Ours wait in its outbox, and only [`WINDOW`] bytes of
/// them here: the server closes a connection whose queue has no room for a ping.
const SERVER_QUEUE: usize = 16_384;
/// Bytes that a connection may have been handed and not written.
const WINDOW: u64 = 64 * 1024;
/// How soon a connection that takes no more is tried again.
const RETRY: Duration = Duration::from_millis(2);
/// A client that has a ping to answer may have megabytes to read before.
const PING_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest message of a client, in bytes.
pub(super) const MAX_MESSAGE: usize = 2 * 1024 * 1024;

/// Of a session that does not exist, so much is repeated to the client, in characters.
const MAX_ECHO: usize = 128;

/// Builds the Socket.IO service.
pub(super) fn layer() -> (SocketIoLayer, SocketIo) {
    let parser = ParserConfig::common().max_incoming_binary_buf_size(MAX_MESSAGE).max_incoming_binaries(4);
    SocketIo::builder()
        .max_buffer_size(SERVER_QUEUE)
        .ping_timeout(PING_TIMEOUT)
        .max_payload(MAX_MESSAGE as u64)
        .ws_max_message_size(MAX_MESSAGE)
        .ws_max_frame_size(MAX_MESSAGE)
        .with_parser(parser)
        .build_layer()
}

/// Takes connections of the accounts' clients.
pub(super) fn serve(io: &SocketIo, shared: &Arc<Shared>) {
    let (door, hall) = (Arc::clone(shared), Arc::clone(shared));
    let admit = move |socket: SocketRef, auth: TryData<Auth>| ready(admit(&door, &socket, auth));
    let welcome = move |socket: SocketRef| {
        connect(&hall, &socket);
        ready(())
    };
    io.ns("/", welcome.with(admit));
}

/// Lets a client in that has a token. It hears that it is connected only when everything listens to it: what it says in
/// the same moment must not get lost.
fn admit(shared: &Arc<Shared>, socket: &SocketRef, auth: TryData<Auth>) -> Result<(), &'static str> {
    let client = Client::new(authenticate(shared, socket, auth)?, true);
    listen(shared, socket, &client);
    socket.extensions.insert(client);
    Ok(())
}

fn authenticate(shared: &Shared, socket: &SocketRef, auth: TryData<Auth>) -> Result<Holder, &'static str> {
    let Ok(auth) = auth.0 else {
        return Err("Authentication token is required");
    };
    let token = bearer(&auth.token).unwrap_or(&auth.token);
    let holder = shared.accounts.holder(token).ok_or("Invalid authentication token")?;
    let host = socket.req_parts().extensions.get::<Host>().copied().unwrap_or_default();
    if host == Host::Api && holder.version.negotiates() && shared.options.media_listen.is_some() {
        return Err("Connect to the endpointUrl of the call");
    }
    Ok(holder)
}

fn connect(shared: &Arc<Shared>, socket: &SocketRef) {
    let Some(client) = socket.extensions.get::<Arc<Client>>() else { return };
    tracing::debug!(account = shared.accounts.name(client.holder.account), "a client has connected");
    shared.welcome(&client);
    if !socket.connected() {
        shared.clients.remove(&client);
    }
    tokio::spawn(write(socket.clone(), client));
}

fn listen(shared: &Arc<Shared>, socket: &SocketRef, client: &Arc<Client>) {
    let (gone, hall) = (Arc::clone(client), Arc::clone(shared));
    socket.on_disconnect(move |_: SocketRef| {
        hall.clients.remove(&gone);
        ready(())
    });
    let c = Speaker { shared: Arc::clone(shared), client: Arc::clone(client) };

    let s = c.clone();
    socket.on("joinRoom", move |data: TryData<SessionOnly>| {
        s.join(data.0);
        done()
    });
    let s = c.clone();
    socket.on("audio", move |data: TryData<AudioIn>, question: Question| {
        s.audio(data.0, question);
        done()
    });
    on(socket, "checkPoint", &c, |room, data: CheckPointIn| room.check_point(data.name));
    on(socket, "dtmf", &c, |room, data: DtmfIn| room.press(&data.press));
    on(socket, "interruption", &c, |room, _: SessionOnly| room.interrupt());
    on(socket, "hangup", &c, |room, _: SessionOnly| {
        room.hang_up(super::record::Party::Bot);
        Ok(())
    });
    socket.on_fallback(move |EventName(name): EventName| {
        c.client.refuse(&name, "Unknown event");
        done()
    });
}

fn done() -> Ready<()> {
    ready(())
}

/// An event about a session.
trait AboutSession: DeserializeOwned + Send + Sync + 'static {
    fn session(&self) -> &str;
}

impl AboutSession for SessionOnly {
    fn session(&self) -> &str {
        &self.session_id
    }
}

impl AboutSession for CheckPointIn {
    fn session(&self) -> &str {
        &self.session_id
    }
}

impl AboutSession for DtmfIn {
    fn session(&self) -> &str {
        &self.session_id
    }
}

/// Handles an event that needs no answer unless it fails.
fn on<T: AboutSession>(
    socket: &SocketRef,
    name: &'static str,
    speaker: &Speaker,
    act: fn(&Room, T) -> Result<(), Refused>,
) {
    let speaker = speaker.clone();
    socket.on(name, move |data: TryData<T>| {
        let acted = data.0.map_err(|error| malformed(name, &error)).and_then(|data| {
            let room = speaker.room(data.session()).map_err(|refused| refused.to_string())?;
            act(&room, data).map_err(|refused| refused.to_string())
        });
        if let Err(reason) = acted {
            speaker.client.refuse(name, reason);
        }
        done()
    });
}

/// A connected client and what it may reach.
#[derive(Clone)]
struct Speaker {
    shared: Arc<Shared>,
    client: Arc<Client>,
}

impl Speaker {
    fn room(&self, session: &str) -> Result<Arc<Room>, Refused> {
        Ok(self.shared.rooms.find(self.client.holder.account, session)?)
    }

    fn join(&self, data: Result<SessionOnly, ParserError>) {
        let session = match data {
            Ok(data) => data.session_id,
            Err(error) => {
                self.client.refuse("joinRoom", malformed("joinRoom", &error));
                String::new()
            }
        };
        let session: String = session.chars().take(MAX_ECHO).collect();
        let joined = match self.room(&session) {
            Ok(room) => room.join(&self.client),
            Err(refused) => {
                self.client.tell(Event::RoomJoined { session: session.into(), joined: false });
                Err(refused)
            }
        };
        if let Err(error) = joined {
            tracing::debug!(%error, "a client could not join");
        }
    }

    fn audio(&self, data: Result<AudioIn, ParserError>, question: Question) {
        let result = match data {
            Ok(data) => self
                .room(&data.session_id)
                .and_then(|room| room.audio(data.audio_format.as_deref(), &data.audio_data, &data.label()))
                .map_err(|refused| refused.to_string()),
            Err(error) => Err(malformed("audio", &error)),
        };
        if result.is_err() {
            metrics::counter!("dering_gateway_audio_refused_total").increment(1);
        }
        if self.client.holder.version.acknowledges() {
            self.client.acknowledge(question, Ack { success: result.is_ok(), error: result.err() });
        } else if let Err(reason) = result {
            self.client.refuse("audio", reason);
        }
    }
}

/// Says what was wrong with an event, without the client's data that may follow at any length.
fn malformed(event: &'static str, error: &ParserError) -> String {
    metrics::counter!("dering_gateway_malformed_events_total", "event" => event).increment(1);
    let brief: String = error.to_string().chars().take(160).collect();
    format!("Invalid {event} event: {brief}")
}

/// What a connection has been handed and has not written yet, in bytes; about, and never too much.
struct Window {
    departures: Departures,
    /// Of `departures`, when everything handed over before had left.
    base: u64,
    handed: u64,
}

impl Window {
    /// `None` for a client that polls: its answers leave over any connection.
    fn of(socket: &SocketRef) -> Option<Self> {
        let request = socket.req_parts();
        let is_websocket = request.uri.query().is_some_and(|query| query.contains("transport=websocket"));
        let ConnectInfo(departures) = request.extensions.get::<ConnectInfo<Departures>>()?.clone();
        is_websocket.then(|| Self { base: departures.bytes(), departures, handed: 0 })
    }

    fn add(&mut self, item: &Item) {
        // The least that each of them takes on the wire.
        self.handed += match item {
            Item::Audio(audio) => audio.bytes.len() as u64 + 100,
            Item::Event(_) => 40,
            Item::Ack(..) => 20,
            Item::End => 0,
        };
    }

    fn is_full(&mut self) -> bool {
        let left = self.departures.bytes() - self.base;
        if left >= self.handed {
            (self.base, self.handed) = (self.base + left, 0);
        }
        self.handed > left + WINDOW
    }
}

/// Hands what waits for a client to its connection, as fast as that takes it.
async fn write(socket: SocketRef, client: Arc<Client>) {
    let mut window = Window::of(&socket);
    while let Some(item) = client.outbox.next().await {
        if let Some(window) = &mut window {
            while window.is_full() && !client.outbox.is_closed() {
                sleep(RETRY).await;
            }
            window.add(&item);
        }
        loop {
            let sent = match &item {
                Item::Event(event) => event.emit(&socket),
                Item::Audio(audio) => audio.emit(&socket, client.holder.version),
                Item::Ack(question, ack) => question.answer(ack),
                Item::End => socket.clone().disconnect().map_err(SendError::Socket),
            };
            match sent {
                Ok(()) => break,
                Err(SendError::Socket(SocketError::InternalChannelFull)) => {
                    if client.outbox.is_closed() {
                        break;
                    }
                    sleep(RETRY).await;
                }
                Err(SendError::Socket(SocketError::Closed)) => client.outbox.close(),
                Err(SendError::Serialize(error)) => {
                    tracing::error!(%error, "an event could not be written");
                    break;
                }
            }
            if client.outbox.is_closed() {
                break;
            }
        }
    }
    // Gone already, or cut off because it does not read: then the server's own queue is full, too.
    while socket.connected() && socket.clone().disconnect().is_err() {
        sleep(Duration::from_secs(1)).await;
    }
}
