//! One open connection: the websocket, the joined namespace and the peer's heartbeat.

use std::fmt::Display;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, SinkExt as _, StreamExt as _};
use rustls::ClientConfig;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::packet::{self, Decoder, Encoded, Limits, Packet, PacketError};
use super::reading::{Load, Reading};
use super::round_trip::{Answer, RoundTrip};

/// Bytes that are read at once, two dozen packets of audio. The library fills the whole of it with zeros before every read, so
/// a large one costs more than it saves.
const READ_BUFFER: usize = 16 * 1024;

/// Why there is no connection, or no longer one.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("the carrier cannot be reached: {0}")]
    Unreachable(String),
    #[error("the carrier refuses the connection: {message}")]
    Refused { message: String, data: Value },
    #[error("the carrier serves no Socket.IO here: HTTP {status}")]
    NotServed { status: u16 },
    #[error("the carrier did not answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("the carrier has been silent for {} ms", .0.as_millis())]
    Silent(Duration),
    #[error("the carrier closed the connection: {0}")]
    Closed(String),
    #[error("the carrier breaks the protocol: {0}")]
    Protocol(#[from] PacketError),
}

impl LinkError {
    pub(super) fn closed(reason: impl Display) -> Self {
        Self::Closed(reason.to_string())
    }

    pub(super) fn opening(error: tungstenite::Error) -> Self {
        if let tungstenite::Error::Http(response) = &error {
            match response.status().as_u16() {
                401 | 403 => {
                    let message = format!("HTTP {}", response.status());
                    return Self::Refused { message, data: Value::Null };
                }
                // An answer, but not of a Socket.IO server.
                status @ (200..=299 | 404 | 405 | 410 | 426) => return Self::NotServed { status },
                _ => {}
            }
        }
        Self::Unreachable(error.to_string())
    }
}

/// What happens next on a connection.
#[derive(Debug)]
pub(super) enum Step<T> {
    Received(Packet),
    /// The peer has answered a ping.
    Answered(Answer),
    /// Something waits to be written; everything before it has been handed to the kernel.
    ToSend(T),
    /// Nobody can ask for anything to be written any more.
    NothingToSend,
    Lost(LinkError),
}

enum Incoming {
    Packet(Packet),
    Answered(Answer),
}

#[derive(Debug)]
pub(super) struct Wire {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    reading: Reading,
    decoder: Decoder,
    unflushed: bool,
    sending_first: bool,
    patience: Duration,
    heard: Instant,
    round_trip: RoundTrip,
    deadline: Pin<Box<Sleep>>,
}

impl Wire {
    /// Opens the websocket at `url`, joins the namespace with `auth`.
    pub(super) async fn open(
        url: &str,
        auth: &Value,
        tls: Arc<ClientConfig>,
        limits: Limits,
    ) -> Result<Self, LinkError> {
        let largest = Some(limits.text.max(limits.attachment));
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(largest)
            .max_frame_size(largest);
        let connecting = connect_async_tls_with_config(url, Some(config), true, Some(Connector::Rustls(tls)));
        let (socket, _) = Box::pin(connecting).await.map_err(LinkError::opening)?;
        let now = Instant::now();
        let mut wire = Self {
            socket,
            reading: Reading::new(Load::ManyCalls),
            decoder: Decoder::new(limits),
            unflushed: false,
            sending_first: false,
            patience: Duration::from_secs(60),
            heard: now,
            round_trip: RoundTrip::new(now),
            deadline: Box::pin(sleep_until(now)),
        };
        wire.join(auth).await?;
        wire.heard = Instant::now();
        wire.deadline.as_mut().reset(wire.heard);
        Ok(wire)
    }

    async fn join(&mut self, auth: &Value) -> Result<(), LinkError> {
        loop {
            let message = self.socket.next().await.ok_or_else(|| LinkError::closed("no reason given"))?;
            match self.interpret(message.map_err(LinkError::closed)?)? {
                Some(Packet::Open(handshake)) => {
                    self.patience = handshake.patience();
                    self.send_text(packet::connect(auth)?).await?;
                }
                Some(Packet::Ping) => self.send_text(packet::PONG.into()).await?,
                Some(Packet::Connected) => return Ok(()),
                Some(Packet::Refused { message, data }) => return Err(LinkError::Refused { message, data }),
                Some(Packet::Close | Packet::Disconnected) => {
                    return Err(LinkError::closed("before the namespace was joined"));
                }
                Some(Packet::Idle | Packet::Event(_) | Packet::Ack { .. }) | None => {}
            }
        }
    }

    async fn send_text(&mut self, text: String) -> Result<(), LinkError> {
        self.socket.send(Message::text(text)).await.map_err(LinkError::closed)
    }

    /// Queues a packet: its frames leave together, in one write where they fit.
    pub(super) fn write(&mut self, encoded: Encoded) -> Result<(), LinkError> {
        self.queue(Message::text(encoded.text))?;
        for attachment in encoded.attachments {
            self.queue(Message::Binary(attachment))?;
        }
        Ok(())
    }

    /// The sink accepts and keeps a message even while the kernel takes no more, so that a packet is
    /// never torn apart; `next` asks for nothing new before all of it has left.
    fn queue(&mut self, message: Message) -> Result<(), LinkError> {
        self.unflushed = true;
        Pin::new(&mut self.socket).start_send(message).map_err(LinkError::closed)
    }

    /// Waits for the next thing to do. May be dropped and called again without loss.
    pub(super) async fn next<T>(&mut self, outgoing: &mut mpsc::Receiver<T>) -> Step<T> {
        poll_fn(|cx| self.poll(cx, outgoing)).await
    }

    fn poll<T>(&mut self, cx: &mut Context<'_>, outgoing: &mut mpsc::Receiver<T>) -> Poll<Step<T>> {
        let deadline = self.poll_deadline(cx);
        // Turns, so that neither direction starves the other.
        self.sending_first = !self.sending_first;
        if self.sending_first
            && let Poll::Ready(step) = self.poll_outgoing(cx, outgoing)
        {
            return Poll::Ready(step);
        }
        match self.poll_incoming(cx) {
            Poll::Ready(Ok(Incoming::Packet(packet))) => return Poll::Ready(Step::Received(packet)),
            Poll::Ready(Ok(Incoming::Answered(answer))) => return Poll::Ready(Step::Answered(answer)),
            Poll::Ready(Err(error)) => return Poll::Ready(Step::Lost(error)),
            Poll::Pending => {}
        }
        // Only now: what waits to be read is no silence, however long we were busy elsewhere.
        if let Poll::Ready(error) = deadline {
            return Poll::Ready(Step::Lost(error));
        }
        self.poll_outgoing(cx, outgoing)
    }

    /// Asks for a sign of life when it is time, and gives up on a peer that gives none.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<LinkError> {
        while self.deadline.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let patience = self.round_trip.patience().map_or(self.patience, |p| p.min(self.patience));
            let silent_at = self.heard + patience;
            if silent_at <= now {
                return Poll::Ready(LinkError::Silent(patience));
            }
            if let Some(ping) = self.round_trip.ping(now)
                && let Err(error) = self.queue(Message::Ping(ping))
            {
                return Poll::Ready(error);
            }
            self.deadline.as_mut().reset(silent_at.min(self.round_trip.next()));
        }
        Poll::Pending
    }

    fn poll_outgoing<T>(&mut self, cx: &mut Context<'_>, outgoing: &mut mpsc::Receiver<T>) -> Poll<Step<T>> {
        if self.unflushed {
            match Pin::new(&mut self.socket).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => return Poll::Ready(Step::Lost(LinkError::closed(error))),
                Poll::Pending => return Poll::Pending,
            }
        }
        outgoing.poll_recv(cx).map(|item| item.map_or(Step::NothingToSend, Step::ToSend))
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, LinkError>> {
        loop {
            let message = match self.reading.poll(&mut self.socket, cx) {
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(LinkError::closed(error))),
                Poll::Ready(None) => return Poll::Ready(Err(LinkError::closed("no reason given"))),
                Poll::Pending => return Poll::Pending,
            };
            self.heard = Instant::now();
            if let Message::Pong(answer) = &message {
                match self.round_trip.pong(answer, self.heard) {
                    Some(answer) => return Poll::Ready(Ok(Incoming::Answered(answer))),
                    None => continue,
                }
            }
            match self.interpret(message)? {
                Some(Packet::Ping) => self.queue(Message::text(packet::PONG))?,
                Some(packet) => return Poll::Ready(Ok(Incoming::Packet(packet))),
                None => {}
            }
        }
    }

    fn interpret(&mut self, message: Message) -> Result<Option<Packet>, LinkError> {
        match message {
            Message::Text(text) => Ok(self.decoder.text(&text)?),
            Message::Binary(bytes) => Ok(self.decoder.binary(bytes)?),
            Message::Close(frame) => Err(LinkError::closed(
                frame.map_or_else(|| "no reason given".to_owned(), |f| format!("{} {}", f.code, f.reason)),
            )),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
        }
    }

    /// Says goodbye and waits, at most until `patience`, for what is queued to leave.
    pub(super) async fn close(mut self, patience: Duration) {
        let goodbye = async {
            self.send_text(packet::DISCONNECT.into()).await?;
            self.socket.close(None).await.map_err(LinkError::closed)
        };
        match tokio::time::timeout(patience, goodbye).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the connection was gone before it could be closed"),
            Err(_) => tracing::debug!("the carrier took too long to close the connection"),
        }
    }
}
