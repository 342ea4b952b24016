//! One socket of the carrier's, from the handshake to the last word. A task of its own writes, so that a peer
//! that does not read holds up nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::call::{Action, Farewell, InboundCall};
use super::messages::{self, Announcement, Report};
use super::port::{FULL, Port};
use super::tls::Certificate;
use crate::net::doors::Place;
use crate::telemetry::mask;
use crate::trunk::leg::{Abilities, IncomingCall, Leg, LegCommand, LegEvent, Offer};

/// Largest message of the carrier's: 16 s of audio.
const MAX_MESSAGE: usize = 256 * 1024;
/// Events that may wait for the session; the last of them are kept for what is not audio.
const EVENTS: usize = 512;
const EVENTS_BESIDE_AUDIO: usize = 128;
const COMMANDS: usize = 256;
/// Messages that may wait to be written, a few seconds of audio.
const WRITES: usize = 64;
const CROWD: &str = "others connect, and this one has announced no call";
/// Messages before `incoming_call`.
const MAX_PRELUDE: usize = 100;
/// For the goodbye, on either side.
const GOODBYE: Duration = Duration::from_secs(1);
/// Read and thrown away at most from a peer that sent too much, so that it gets to read why.
const MAX_DISCARDED: u64 = 8 * 1024 * 1024;

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, port: Arc<Port>, place: Place) {
    place.idle();
    let Some(tls) = port.options.tls.as_ref().map(Certificate::config) else {
        return Box::pin(greet(stream, peer, port, place)).await;
    };
    let accepting = TlsAcceptor::from(tls).accept(stream);
    let accepting = timeout(port.options.waits.handshake, accepting);
    let accepted = tokio::select! {
        accepted = accepting => accepted,
        () = place.sent_away() => return port.refused("crowd", peer, CROWD),
    };
    match accepted {
        Ok(Ok(stream)) => Box::pin(greet(stream, peer, port, place)).await,
        Ok(Err(error)) => port.refused("tls", peer, &error.to_string()),
        Err(_) => port.refused("tls", peer, "the TLS handshake took too long"),
    }
}

async fn greet<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    port: Arc<Port>,
    place: Place,
) {
    let config = WebSocketConfig::default()
        .read_buffer_size(8 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_MESSAGE)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let access = Arc::clone(&port);
    #[expect(clippy::result_large_err, reason = "the shape of the library's callback")]
    let check = move |request: &Request, response: Response| {
        let authorization =
            request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (path, query) = (request.uri().path(), request.uri().query());
        if access.options.access.knows_secret(authorization, path, query) {
            return Ok(response);
        }
        let mut refusal = ErrorResponse::new(Some("the secret is missing or wrong\n".to_owned()));
        *refusal.status_mut() = StatusCode::UNAUTHORIZED;
        Err(refusal)
    };
    let accepting = accept_hdr_async_with_config(stream, check, Some(config));
    let accepting = timeout(port.options.waits.handshake, accepting);
    let accepted = tokio::select! {
        accepted = accepting => accepted,
        () = place.sent_away() => return port.refused("crowd", peer, CROWD),
    };
    match accepted {
        Ok(Ok(socket)) => Connection::open(socket, peer, port).run(place).await,
        Ok(Err(Error::Http(_))) => port.refused("secret", peer, "the secret is missing or wrong"),
        Ok(Err(error)) => port.refused("handshake", peer, &error.to_string()),
        Err(_) => port.refused("handshake", peer, "the WebSocket handshake took too long"),
    }
}

/// How a connection comes to its end.
enum Parting {
    /// With a close frame from us.
    Frame(CloseCode, &'static str),
    /// The peer broke off in the middle of something: what it still sends is thrown away.
    Overrun(CloseCode, &'static str),
    /// There is nobody to say goodbye to.
    Silent,
}

struct Connection<S> {
    peer: SocketAddr,
    port: Arc<Port>,
    stream: SplitStream<WebSocketStream<S>>,
    writes: mpsc::Sender<Message>,
    writer: JoinHandle<SplitSink<WebSocketStream<S>, Message>>,
    heard: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<S> {
    fn open(socket: WebSocketStream<S>, peer: SocketAddr, port: Arc<Port>) -> Self {
        let (sink, stream) = socket.split();
        let (writes, waiting) = mpsc::channel(WRITES);
        let writer = tokio::spawn(write(sink, waiting, port.options.waits.write));
        Self { peer, port, stream, writes, writer, heard: Instant::now() }
    }

    /// `place` is for who has not announced a call yet.
    async fn run(mut self, place: Place) {
        // It has shaken hands, and with the secret where there is one: strangers go before it.
        place.asking();
        let patience = self.port.options.waits.first_message;
        let announced = tokio::select! {
            announced = timeout(patience, self.announcement()) => announced,
            () = place.sent_away() => {
                self.port.refused("crowd", self.peer, CROWD);
                // At once: a goodbye would keep the socket open.
                return self.writer.abort();
            }
        };
        drop(place);
        let port = Arc::clone(&self.port);
        let parting = match announced {
            Ok(Ok(call)) => match port.places.try_acquire() {
                Ok(_kept) => self.call(call).await,
                Err(_) => {
                    self.port.refused("connections", self.peer, FULL);
                    self.write(Message::text(messages::hangup()));
                    Parting::Frame(CloseCode::Again, FULL)
                }
            },
            Ok(Err(parting)) => parting,
            Err(_) => {
                self.port.refused("first_message", self.peer, "incoming_call did not come");
                Parting::Frame(CloseCode::Policy, "incoming_call did not come")
            }
        };
        self.part(parting).await;
    }

    /// Waits for `incoming_call`; audio before it is ignored.
    async fn announcement(&mut self) -> Result<Announcement, Parting> {
        let refuse = |port: &Port, peer, why: &'static str| {
            port.refused("first_message", peer, why);
            Parting::Frame(CloseCode::Policy, why)
        };
        for _ in 0..MAX_PRELUDE {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => match messages::read(&text) {
                    Ok(Report::IncomingCall(call)) => return Ok(call),
                    Ok(_) => {
                        return Err(refuse(&self.port, self.peer, "the first event must be incoming_call"));
                    }
                    Err(error) => {
                        tracing::warn!(peer = %self.peer, %error, "a carrier's first message cannot be read");
                        return Err(refuse(&self.port, self.peer, "incoming_call is malformed"));
                    }
                },
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => {
                    self.port.refused("first_message", self.peer, "it was closed before any call");
                    return Err(Parting::Silent);
                }
                Some(Err(error)) => {
                    self.port.refused("first_message", self.peer, &error.to_string());
                    return Err(parting_of(&error));
                }
            }
        }
        Err(refuse(&self.port, self.peer, "incoming_call did not come"))
    }

    /// The call, from its announcement to its record.
    async fn call(&mut self, announced: Announcement) -> Parting {
        let Announcement { caller, called, session_id } = announced;
        let claim = self.port.claim(session_id);
        let session_id = claim.session_id().to_owned();
        let (tell, events) = mpsc::channel(EVENTS);
        let (commands, mut wanted) = mpsc::channel(COMMANDS);
        let (pickup, mut picked_up) = oneshot::channel();
        tracing::info!(session = %session_id, peer = %self.peer, caller = %mask(&caller), called = %mask(&called),
            "a call comes in");
        let call = IncomingCall { session_id: session_id.clone(), caller, called, trunk: None };
        let abilities = Abilities::default();
        let leg = Leg { session_id: session_id.clone(), abilities, events, commands };
        metrics::counter!("dering_inbound_calls_total").increment(1);
        if self.port.offers.try_send(Offer { call, leg, pickup }).is_err() {
            self.port.refused("offers_full", self.peer, "nobody here takes calls now");
            self.write(Message::text(messages::hangup()));
            return Parting::Frame(CloseCode::Again, "nobody takes calls now");
        }
        let waits = self.port.options.waits;
        let mut call = InboundCall::new(waits.cdr, Instant::now());
        let mut ping = tokio::time::interval(waits.ping);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut may_pick_up, mut parting) = (true, Parting::Silent);
        let stopping = self.port.stopping.clone();
        // Nothing can be written any more. A carrier that has closed its socket may have said first why, so that is read.
        let mut deaf_until = None;
        loop {
            while let Some(action) = call.poll_action() {
                if let Action::Close(farewell) = action {
                    parting = goodbye(farewell);
                } else {
                    self.perform(action, &tell, &mut call);
                }
            }
            if call.is_over() {
                return parting;
            }
            let due = call.poll_timeout();
            tokio::select! {
                message = self.stream.next() => parting = self.receive(message, &mut call).unwrap_or(parting),
                command = wanted.recv() => match command {
                    Some(command) => self.command(command, &mut call),
                    None => call.forsake(Instant::now()),
                },
                picked = &mut picked_up, if may_pick_up => {
                    may_pick_up = false;
                    if picked.is_ok() {
                        call.pick_up();
                    }
                }
                () = sleep_until(due) => call.handle_timeout(Instant::now()),
                _ = ping.tick() => {
                    let (now, seconds) = (Instant::now(), waits.silence.as_secs());
                    // Nobody is given up for what we were too slow to read.
                    if let Some(unread) = self.stream.next().now_or_never() {
                        parting = self.receive(unread, &mut call).unwrap_or(parting);
                    } else if self.heard.elapsed() >= waits.silence {
                        call.gone(false, format!("the carrier has been silent for {seconds} s"));
                    } else if call.is_unanswered(now, waits.silence) {
                        call.gone(false, format!("the carrier has answered nothing for {seconds} s"));
                    } else {
                        call.ping(now);
                    }
                }
                () = self.writes.closed(), if deaf_until.is_none() => deaf_until = Some(Instant::now() + GOODBYE),
                () = sleep_until(deaf_until) => match self.stream.next().now_or_never() {
                    Some(unread) => parting = self.receive(unread, &mut call).unwrap_or(parting),
                    None => call.gone(false, "the carrier takes nothing off the wire"),
                },
                () = stopping.cancelled() => call.forsake(Instant::now()),
            }
        }
    }

    fn command(&self, command: LegCommand, call: &mut InboundCall) {
        call.command(command, Instant::now());
    }

    /// Takes in what the carrier sent; how to part when that was the end.
    fn receive(
        &mut self,
        message: Option<Result<Message, Error>>,
        call: &mut InboundCall,
    ) -> Option<Parting> {
        self.heard = Instant::now();
        if let Some(Ok(message)) = &message {
            let pong = if let Message::Pong(answer) = message { Some(answer.as_ref()) } else { None };
            call.heard(pong, self.heard);
        }
        match message {
            Some(Ok(Message::Binary(audio))) => call.audio(audio, self.heard),
            Some(Ok(Message::Text(text))) => {
                if let Err(error) = call.text(&text, self.heard) {
                    metrics::counter!("dering_inbound_protocol_errors_total", "kind" => error.kind())
                        .increment(1);
                    self.port.odd(self.peer, &error);
                }
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_))) => call.gone(true, "the carrier closed the connection"),
            None => call.gone(false, "the connection to the carrier broke"),
            Some(Err(error)) => {
                call.gone(false, format!("the connection to the carrier broke: {error}"));
                return Some(parting_of(&error));
            }
        }
        None
    }

    fn perform(&self, action: Action, tell: &mpsc::Sender<LegEvent>, call: &mut InboundCall) {
        match action {
            Action::Say(text) => {
                if let Err(mpsc::error::TrySendError::Full(_)) = self.writes.try_send(Message::text(text)) {
                    call.gone(false, "the carrier does not read what it is told");
                }
            }
            Action::Play(audio) => {
                if !self.write(Message::Binary(audio)) {
                    dropped("out", "peer_slow");
                }
            }
            Action::Tell(audio @ LegEvent::Audio { .. }) => {
                let room = tell.capacity() > EVENTS_BESIDE_AUDIO;
                if !room || tell.try_send(audio).is_err() {
                    dropped("in", "leg_full");
                }
            }
            Action::Tell(event) => {
                if let Err(mpsc::error::TrySendError::Full(_)) = tell.try_send(event) {
                    tracing::error!(peer = %self.peer, "a call's session does not listen: the call is hung up");
                    call.forsake(Instant::now());
                }
            }
            Action::Dropped { direction, reason } => dropped(direction, reason),
            Action::Ping(number) => {
                self.write(Message::Ping(number));
            }
            Action::Close(_) => {}
        }
    }

    /// Queues a message; false when the queue is full, because the peer does not read.
    fn write(&self, message: Message) -> bool {
        self.writes.try_send(message).is_ok()
    }

    /// Ends the connection in the order the protocol wants, for as long as the peer goes along.
    async fn part(self, parting: Parting) {
        let Self { mut stream, writes, mut writer, .. } = self;
        let frame = match &parting {
            Parting::Frame(code, reason) | Parting::Overrun(code, reason) => {
                Some(CloseFrame { code: *code, reason: (*reason).into() })
            }
            Parting::Silent => None,
        };
        let _gone = timeout(GOODBYE, writes.send(Message::Close(frame))).await;
        drop(writes);
        let Ok(Ok(sink)) = timeout(GOODBYE, &mut writer).await else {
            writer.abort();
            return;
        };
        if let Parting::Overrun(..) = parting {
            let Ok(socket) = stream.reunite(sink) else { return };
            let mut rest = socket.into_inner().take(MAX_DISCARDED);
            let _over = timeout(GOODBYE, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
        } else {
            let _over = timeout(GOODBYE, async { while let Some(Ok(_)) = stream.next().await {} }).await;
        }
    }
}

/// Writes what is queued until a close frame, the end of the queue, or a peer that takes too long.
async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    mut sink: SplitSink<WebSocketStream<S>, Message>,
    mut waiting: mpsc::Receiver<Message>,
    patience: Duration,
) -> SplitSink<WebSocketStream<S>, Message> {
    while let Some(message) = waiting.recv().await {
        let last = message.is_close();
        let written = timeout(patience, sink.send(message)).await;
        if last || !matches!(written, Ok(Ok(()))) {
            break;
        }
    }
    sink
}

const fn goodbye(farewell: Farewell) -> Parting {
    match farewell {
        Farewell::Done => Parting::Frame(CloseCode::Normal, "the call is over"),
        Farewell::NoRecord => Parting::Frame(CloseCode::Normal, "the call is over; its cdr did not come"),
        Farewell::TooManyErrors => Parting::Frame(CloseCode::Policy, "too many messages mean nothing"),
    }
}

const fn parting_of(error: &Error) -> Parting {
    if let Error::Capacity(_) = error {
        Parting::Overrun(CloseCode::Size, "a message is larger than 256 KiB")
    } else if let Error::Protocol(_) = error {
        Parting::Overrun(CloseCode::Protocol, "this is not the WebSocket protocol")
    } else if let Error::Utf8(_) = error {
        Parting::Overrun(CloseCode::Invalid, "a text message is not UTF-8")
    } else {
        Parting::Silent
    }
}

fn dropped(direction: &'static str, reason: &'static str) {
    metrics::counter!("dering_inbound_dropped_total", "direction" => direction, "reason" => reason)
        .increment(1);
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
