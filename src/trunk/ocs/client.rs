//! A Socket.IO client for one namespace: one connection, one task, reconnecting for as long as a handle
//! lives. Knows no event of any carrier.
//!
//! The task owns the socket, so the frames of two packets never interleave. While there is no connection
//! it discards what is queued (acknowledgements fail); to repeat something, wait for [`Notice::Up`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use callcore::retry::Backoff;
use rustls::ClientConfig;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::packet::{Data, Encoded, Event, Limits, Packet, PacketError, encode_ack, encode_event};
use super::round_trip::Answer;
use super::wire::{LinkError, Step, Wire};

/// Acknowledgements awaited at once; above it they are not asked for.
const MAX_AWAITED: usize = 8_192;
/// Packets written before the socket is flushed.
const BATCH: usize = 32;
/// A connection that lived shorter counts as a failed attempt, so that a peer which accepts and hangs up
/// is not called in a tight loop.
const STABLE: Duration = Duration::from_secs(5);
const GOODBYE: Duration = Duration::from_secs(1);

/// Where the token comes from; asked before every attempt to connect, so that it may be renewed.
pub type TokenSource = Arc<dyn Fn() -> SecretString + Send + Sync>;

/// How to reach a Socket.IO server.
#[derive(Clone)]
pub struct Options {
    /// Names the peer in logs and metrics.
    pub name: String,
    /// The complete websocket address, `ws://…/socket.io/?EIO=4&transport=websocket`.
    pub url: String,
    /// Sent as `auth.token`.
    pub token: TokenSource,
    pub tls: Arc<ClientConfig>,
    pub limits: Limits,
    pub backoff: Backoff,
    /// For everything from the TCP handshake to the joined namespace.
    pub connect_timeout: Duration,
    pub ack_timeout: Duration,
    /// Packets that may wait to be written.
    pub queue: usize,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("name", &self.name).field("url", &self.url).finish_non_exhaustive()
    }
}

/// What the connection has to tell, in order. Read it promptly: reading is what keeps the connection alive.
#[derive(Debug)]
pub enum Notice {
    Up,
    /// The peer has answered a ping.
    Answered(Answer),
    Event(Event),
    /// There is no connection; the next attempt comes after `retry_in`.
    Down {
        error: LinkError,
        retry_in: Duration,
    },
}

/// Why an acknowledgement will not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AckError {
    #[error("the carrier did not acknowledge in time")]
    Timeout,
    #[error("there is no connection to the carrier")]
    Disconnected,
    #[error("too many acknowledgements are awaited already")]
    TooMany,
}

/// The outcome of asking for an acknowledgement.
pub type AckResult = Result<Data, AckError>;

/// Told of each acknowledgement, in the connection's task; must not block.
pub type AckWatch = Arc<dyn Fn(AckResult) + Send + Sync>;

/// A packet ready for the queue.
#[derive(Debug)]
pub struct Outgoing {
    encoded: Encoded,
    ack: Option<(u64, Reply)>,
}

enum Reply {
    Once(oneshot::Sender<AckResult>),
    Each(AckWatch),
}

impl Reply {
    fn settle(self, result: AckResult) {
        match self {
            // The asker may have stopped waiting.
            Self::Once(sender) => drop(sender.send(result)),
            Self::Each(watch) => watch(result),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Once(_) => "Once",
            Self::Each(_) => "Each",
        })
    }
}

/// Which of several connections a notice is about.
pub type Host = u32;

/// Starts connecting; the task ends when the client is dropped, or nobody reads the notices any more.
#[must_use]
pub fn start(
    options: Options,
    host: Host,
    notices: mpsc::Sender<(Host, Notice)>,
) -> (Client, JoinHandle<()>) {
    let (to_send, outgoing) = mpsc::channel(options.queue.max(1));
    let notices = Notices { host, sender: notices };
    let connection = Connection { options, outgoing, notices, awaited: BTreeMap::new() };
    let task = tokio::spawn(connection.run());
    (Client { to_send, ack_ids: AtomicU64::new(0) }, task)
}

struct Notices {
    host: Host,
    sender: mpsc::Sender<(Host, Notice)>,
}

impl Notices {
    /// False when nobody reads any more.
    async fn send(&self, notice: Notice) -> bool {
        // A free place is the rule, and taking it costs less than waiting for one.
        match self.sender.try_send((self.host, notice)) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(notice)) => self.sender.send(notice).await.is_ok(),
        }
    }
}

/// The way to send over one connection.
#[derive(Debug)]
pub struct Client {
    to_send: mpsc::Sender<Outgoing>,
    ack_ids: AtomicU64,
}

impl Client {
    /// An event that asks for no acknowledgement.
    ///
    /// # Errors
    /// As [`encode_event`].
    pub fn event(&self, name: &str, payload: &impl Serialize) -> Result<Outgoing, PacketError> {
        Ok(Outgoing { encoded: encode_event(name, payload, None)?, ack: None })
    }

    /// An event whose acknowledgement comes to the receiver.
    ///
    /// # Errors
    /// As [`encode_event`].
    pub fn request(
        &self,
        name: &str,
        payload: &impl Serialize,
    ) -> Result<(Outgoing, oneshot::Receiver<AckResult>), PacketError> {
        let (sender, receiver) = oneshot::channel();
        Ok((self.with_reply(name, payload, Reply::Once(sender))?, receiver))
    }

    /// An event whose acknowledgement is reported to `watch`.
    ///
    /// # Errors
    /// As [`encode_event`].
    pub fn watched(
        &self,
        name: &str,
        payload: &impl Serialize,
        watch: AckWatch,
    ) -> Result<Outgoing, PacketError> {
        self.with_reply(name, payload, Reply::Each(watch))
    }

    /// The acknowledgement of an event that asked for one.
    ///
    /// # Errors
    /// As [`encode_ack`].
    pub fn answer(&self, ack: u64, payload: &impl Serialize) -> Result<Outgoing, PacketError> {
        Ok(Outgoing { encoded: encode_ack(ack, payload)?, ack: None })
    }

    fn with_reply(
        &self,
        name: &str,
        payload: &impl Serialize,
        reply: Reply,
    ) -> Result<Outgoing, PacketError> {
        let id = self.ack_ids.fetch_add(1, Ordering::Relaxed);
        Ok(Outgoing { encoded: encode_event(name, payload, Some(id))?, ack: Some((id, reply)) })
    }

    /// Queues a packet without waiting.
    ///
    /// # Errors
    /// Gives the packet back when the queue is full or the connection's task has ended.
    pub fn try_send(&self, packet: Outgoing) -> Result<(), mpsc::error::TrySendError<Outgoing>> {
        self.to_send.try_send(packet)
    }

    /// Whether at least half of the queue is free.
    #[must_use]
    pub fn is_roomy(&self) -> bool {
        self.to_send.capacity() * 2 >= self.to_send.max_capacity()
    }

    /// Waits for room in the queue; `None` when the connection's task has ended.
    pub async fn room(&self) -> Option<mpsc::Permit<'_, Outgoing>> {
        self.to_send.reserve().await.ok()
    }
}

#[derive(Debug)]
enum State {
    Connecting { attempt: u32 },
    Open { wire: Box<Wire>, attempt: u32 },
    Waiting { attempt: u32, until: Instant },
    Closed,
}

struct Awaited {
    until: Instant,
    reply: Reply,
}

struct Connection {
    options: Options,
    outgoing: mpsc::Receiver<Outgoing>,
    notices: Notices,
    /// By id; ids and deadlines grow together, so the first entry is the next to time out.
    awaited: BTreeMap<u64, Awaited>,
}

impl Connection {
    async fn run(mut self) {
        let mut state = State::Connecting { attempt: 0 };
        loop {
            state = match state {
                State::Connecting { attempt } => self.connect(attempt).await,
                State::Open { wire, attempt } => self.serve(wire, attempt).await,
                State::Waiting { attempt, until } => self.wait(attempt, until).await,
                State::Closed => return,
            }
        }
    }

    async fn connect(&mut self, attempt: u32) -> State {
        let token = (self.options.token)();
        let auth = serde_json::json!({ "token": token.expose_secret() });
        let limit = self.options.connect_timeout;
        let opening =
            Wire::open(&self.options.url, &auth, Arc::clone(&self.options.tls), self.options.limits);
        let opened = tokio::select! {
            opened = timeout(limit, opening) => opened.unwrap_or(Err(LinkError::Timeout(limit))),
            () = discard(&mut self.outgoing) => return State::Closed,
        };
        match opened {
            Ok(wire) => {
                metrics::counter!("dering_trunk_connections_total", "trunk" => self.options.name.clone())
                    .increment(1);
                tracing::info!(trunk = self.options.name, "connected to the carrier");
                if !self.notices.send(Notice::Up).await {
                    return State::Closed;
                }
                State::Open { wire: Box::new(wire), attempt }
            }
            Err(error) => self.down(error, attempt).await,
        }
    }

    async fn down(&mut self, error: LinkError, attempt: u32) -> State {
        for (_, awaited) in std::mem::take(&mut self.awaited) {
            awaited.reply.settle(Err(AckError::Disconnected));
        }
        let jitter = rand::random::<f64>();
        // A refusal is not a hiccup: somebody must act, so it is asked again at the slowest pace at once.
        let pace = if matches!(error, LinkError::Refused { .. } | LinkError::NotServed { .. }) {
            u32::MAX
        } else {
            attempt
        };
        let retry_in = Duration::from_millis(self.options.backoff.delay_ms(pace, jitter));
        let retry_ms = retry_in.as_millis() as u64;
        if attempt == 0 {
            tracing::warn!(trunk = self.options.name, %error, retry_ms, "no connection to the carrier");
        } else {
            tracing::debug!(trunk = self.options.name, %error, retry_ms, attempt, "still no connection");
        }
        metrics::counter!("dering_trunk_connection_failures_total", "trunk" => self.options.name.clone())
            .increment(1);
        if !self.notices.send(Notice::Down { error, retry_in }).await {
            return State::Closed;
        }
        State::Waiting { attempt: attempt.saturating_add(1), until: Instant::now() + retry_in }
    }

    async fn wait(&mut self, attempt: u32, until: Instant) -> State {
        tokio::select! {
            () = sleep_until(until) => State::Connecting { attempt },
            () = discard(&mut self.outgoing) => State::Closed,
        }
    }

    async fn serve(&mut self, mut wire: Box<Wire>, attempt: u32) -> State {
        let since = Instant::now();
        let error = loop {
            let next_timeout = self.awaited.first_key_value().map(|(_, awaited)| awaited.until);
            let step = tokio::select! {
                step = wire.next(&mut self.outgoing) => step,
                () = sleep_until(next_timeout.unwrap_or(since)), if next_timeout.is_some() => {
                    self.expire();
                    continue;
                }
            };
            match step {
                Step::Received(packet) => match self.receive(packet).await {
                    Ok(()) => {}
                    Err(Some(error)) => break error,
                    Err(None) => {
                        wire.close(GOODBYE).await;
                        return State::Closed;
                    }
                },
                Step::Answered(answer) => {
                    if !self.notices.send(Notice::Answered(answer)).await {
                        wire.close(GOODBYE).await;
                        return State::Closed;
                    }
                }
                Step::ToSend(first) => {
                    if let Err(error) = self.send(&mut wire, first) {
                        break error;
                    }
                }
                Step::NothingToSend => {
                    wire.close(GOODBYE).await;
                    return State::Closed;
                }
                Step::Lost(error) => break error,
            }
        };
        let attempt = if since.elapsed() >= STABLE { 0 } else { attempt };
        self.down(error, attempt).await
    }

    fn send(&mut self, wire: &mut Wire, first: Outgoing) -> Result<(), LinkError> {
        let mut packet = first;
        let mut written = 0;
        loop {
            if let Some((id, reply)) = packet.ack {
                if self.awaited.len() < MAX_AWAITED {
                    let until = Instant::now() + self.options.ack_timeout;
                    self.awaited.insert(id, Awaited { until, reply });
                } else {
                    reply.settle(Err(AckError::TooMany));
                }
            }
            wire.write(packet.encoded)?;
            written += 1;
            if written == BATCH {
                return Ok(());
            }
            match self.outgoing.try_recv() {
                Ok(next) => packet = next,
                Err(_) => return Ok(()),
            }
        }
    }

    /// `Err(None)` when nobody listens any more.
    async fn receive(&mut self, packet: Packet) -> Result<(), Option<LinkError>> {
        match packet {
            Packet::Event(event) => {
                if self.notices.send(Notice::Event(event)).await {
                    Ok(())
                } else {
                    Err(None)
                }
            }
            Packet::Ack { id, data } => {
                match self.awaited.remove(&id) {
                    Some(awaited) => awaited.reply.settle(Ok(data)),
                    None => tracing::debug!(id, "an acknowledgement came that is no longer awaited"),
                }
                Ok(())
            }
            Packet::Refused { message, data } => Err(Some(LinkError::Refused { message, data })),
            Packet::Disconnected => Err(Some(LinkError::Closed("disconnected by the carrier".into()))),
            Packet::Close => Err(Some(LinkError::Closed("transport closed".into()))),
            Packet::Open(_) | Packet::Ping | Packet::Idle | Packet::Connected => Ok(()),
        }
    }

    fn expire(&mut self) {
        let now = Instant::now();
        while let Some(first) = self.awaited.first_entry()
            && first.get().until <= now
        {
            first.remove().reply.settle(Err(AckError::Timeout));
        }
    }
}

/// Empties the queue until every sender is gone.
async fn discard(outgoing: &mut mpsc::Receiver<Outgoing>) {
    while let Some(packet) = outgoing.recv().await {
        if let Some((_, reply)) = packet.ack {
            reply.settle(Err(AckError::Disconnected));
        }
    }
}
