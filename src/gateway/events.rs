//! The Socket.IO side: what clients send, in the order they send it.
//!
//! socketioxide runs the future of a handler as a task of its own, so two of them may run in any order.
//! Audio, check points and interruptions must not: every handler here does its work in the closure itself,
//! which the reader of the socket calls before it reads on, and returns a future that is ready.

use std::future::{Ready, ready};
use std::sync::Arc;

use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::layer::SocketIoLayer;
use socketioxide::{ParserConfig, ParserError, SocketIo};

use super::accounts::bearer;
use super::messages::{Ack, AudioIn, Auth, CheckPoint, DtmfIn, RoomJoined, SessionOnly};
use super::room::{AudioRefused, Room, count_drop};
use super::shared::{Shared, account_room};

/// Packets that may wait for one client; further ones are dropped and counted. About 80 s of one call.
const CLIENT_QUEUE: usize = 4_096;
/// Largest message of a client, in bytes.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;
/// Length of a key press when the client names none, in milliseconds.
const DEFAULT_KEY_MS: f64 = 200.0;

/// The account a connection belongs to.
#[derive(Clone, Copy)]
struct Holder(usize);

/// Builds the Socket.IO service.
pub(super) fn layer() -> (SocketIoLayer, SocketIo) {
    let parser = ParserConfig::common().max_incoming_binary_buf_size(MAX_MESSAGE).max_incoming_binaries(4);
    SocketIo::builder()
        .max_buffer_size(CLIENT_QUEUE)
        .max_payload(MAX_MESSAGE as u64)
        .ws_max_message_size(MAX_MESSAGE)
        .ws_max_frame_size(MAX_MESSAGE)
        .with_parser(parser)
        .build_layer()
}

/// Takes connections of the accounts' clients.
pub(super) fn serve(io: &SocketIo, shared: &Arc<Shared>) {
    let (door, hall) = (Arc::clone(shared), Arc::clone(shared));
    let admit = move |socket: SocketRef, auth: TryData<Auth>| ready(authenticate(&door, &socket, auth));
    let welcome = move |socket: SocketRef| {
        connect(&hall, &socket);
        ready(())
    };
    io.ns("/", welcome.with(admit));
}

fn authenticate(shared: &Shared, socket: &SocketRef, auth: TryData<Auth>) -> Result<(), &'static str> {
    let Ok(auth) = auth.0 else {
        return Err("Authentication token is required");
    };
    let token = bearer(&auth.token).unwrap_or(&auth.token);
    let account = shared.accounts.holder(token).ok_or("Invalid authentication token")?;
    socket.extensions.insert(Holder(account));
    Ok(())
}

fn connect(shared: &Arc<Shared>, socket: &SocketRef) {
    let Some(Holder(account)) = socket.extensions.get::<Holder>() else { return };
    socket.join(account_room(account));
    tracing::debug!(account = shared.accounts.name(account), "a client has connected");
    let client = Client { shared: Arc::clone(shared), account };

    let c = client.clone();
    socket.on("joinRoom", move |socket: SocketRef, data: TryData<SessionOnly>| {
        c.join(socket, data.0);
        done()
    });
    let c = client.clone();
    socket.on("audio", move |data: TryData<AudioIn>, ack: AckSender| {
        c.audio(data.0, ack);
        done()
    });
    let c = client.clone();
    socket.on("checkPoint", move |data: TryData<CheckPoint>| {
        c.check_point(data.0);
        done()
    });
    let c = client.clone();
    socket.on("dtmf", move |data: TryData<DtmfIn>| {
        c.dtmf(data.0);
        done()
    });
    let c = client.clone();
    socket.on("interruption", move |data: TryData<SessionOnly>| {
        if let Some(room) = c.session("interruption", data.0) {
            room.interrupt();
        }
        done()
    });
    socket.on("hangup", move |data: TryData<SessionOnly>| {
        if let Some(room) = client.session("hangup", data.0) {
            room.hangup.notify_one();
        }
        done()
    });
    socket.on_fallback(|Event(name): Event| {
        let name: String = name.chars().take(40).collect();
        tracing::debug!(name, "a client sent an event that is not known");
        done()
    });
}

fn done() -> Ready<()> {
    ready(())
}

/// What a connected client may do.
#[derive(Clone)]
struct Client {
    shared: Arc<Shared>,
    account: usize,
}

impl Client {
    fn join(&self, socket: SocketRef, data: Result<SessionOnly, ParserError>) {
        let session_id = match data {
            Ok(data) => data.session_id,
            Err(error) => {
                malformed("joinRoom", &error);
                String::new()
            }
        };
        if let Some(room) = self.shared.rooms.find(self.account, &session_id) {
            room.join(socket);
            return;
        }
        let refused = RoomJoined { session_id: &session_id, status: "failed" };
        if let Err(error) = socket.emit("roomJoined", &refused) {
            count_drop("roomJoined", &error);
        }
    }

    fn audio(&self, data: Result<AudioIn, ParserError>, ack: AckSender) {
        let result = match data {
            Ok(data) => self
                .shared
                .rooms
                .find(self.account, &data.session_id)
                .ok_or(AudioRefused::NoSession)
                .and_then(|room| room.audio(data.audio_format.as_deref(), &data.audio_data))
                .map_err(|refused| refused.to_string()),
            Err(error) => {
                malformed("audio", &error);
                Err(format!("Invalid audio event: {}", brief(&error)))
            }
        };
        if result.is_err() {
            metrics::counter!("dering_gateway_audio_refused_total").increment(1);
        }
        let answer = Ack { success: result.is_ok(), error: result.err() };
        if let Err(error) = ack.send(&answer) {
            count_drop("ack", &error);
        }
    }

    fn check_point(&self, data: Result<CheckPoint, ParserError>) {
        let data = data.map_err(|error| malformed("checkPoint", &error));
        let Ok(CheckPoint { session_id, name }) = data else { return };
        let marked =
            self.shared.rooms.find(self.account, &session_id).is_some_and(|room| room.check_point(name));
        if !marked {
            tracing::debug!(session = %session_id, "a check point was ignored: no connected call, or too many wait");
        }
    }

    fn dtmf(&self, data: Result<DtmfIn, ParserError>) {
        let data = data.map_err(|error| malformed("dtmf", &error));
        let Ok(data) = data else { return };
        let length_ms = data.duration.unwrap_or(DEFAULT_KEY_MS).clamp(0.0, 5_000.0) as u64;
        let pressed = data.digit.key().is_some_and(|key| {
            let room = self.shared.rooms.find(self.account, &data.session_id);
            room.and_then(|room| room.playout(|p| p.press(key, length_ms))).unwrap_or(false)
        });
        if !pressed {
            tracing::debug!(session = %data.session_id, "a key was ignored: no connected call, or no key");
        }
    }

    fn session(&self, event: &'static str, data: Result<SessionOnly, ParserError>) -> Option<Arc<Room>> {
        let data = data.map_err(|error| malformed(event, &error)).ok()?;
        self.shared.rooms.find(self.account, &data.session_id)
    }
}

fn malformed(event: &'static str, error: &ParserError) {
    metrics::counter!("dering_gateway_malformed_events_total", "event" => event).increment(1);
    tracing::debug!(event, error = %brief(error), "a client sent an event that cannot be read");
}

/// An error's text, without the client's data that may follow it at any length.
fn brief(error: &ParserError) -> String {
    error.to_string().chars().take(160).collect()
}
