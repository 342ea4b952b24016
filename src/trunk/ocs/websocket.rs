//! The plain WebSocket of 1.0.5: one connection per call, audio as binary frames, everything else as text.
//! One task per call, reconnecting for as long as the call lives.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callcore::retry::Backoff;
use futures_util::SinkExt as _;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use rustls::ClientConfig;
use secrecy::ExposeSecret as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::client::TokenSource;
use super::messages::{Report, ReportError, read_plain};
use super::packet::Limits;
use super::reading::{Load, Reading};
use super::round_trip::{Answer, RoundTrip};
use super::wire::LinkError;

/// Bytes that are read at once: some packets of one call. The library fills the whole of it with zeros before every read.
const READ_BUFFER: usize = 2 * 1024;
/// What waits is handed to the kernel when there is so much of it, in bytes, or nothing follows.
const WRITE_BUFFER: usize = 8 * 1024;
/// Frames that may wait to be written.
const QUEUE: usize = 512;
/// Beyond so many, audio is dropped: the rest is for what must not get lost.
pub(super) const AUDIO_ROOM: usize = QUEUE / 2;
/// A carrier that takes no frame for so long is as good as gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);
/// Nothing at all for so long, and no answer to a ping ever: the connection is dead.
const SILENCE: Duration = Duration::from_secs(60);
const GOODBYE: Duration = Duration::from_secs(1);

/// Something to be written.
#[derive(Debug)]
pub(super) enum Frame {
    /// In the codec of the call.
    Audio(Bytes),
    Text(String),
}

/// What a call's connection has to tell, with the session it belongs to.
#[derive(Debug)]
pub(super) enum Heard {
    Up,
    Said(Report),
    Answered(Answer),
    /// There is no connection; there will be another attempt.
    Down,
    /// The carrier does not know the session, or not our token.
    Refused,
    /// Something that is not passed on.
    Odd(ReportError),
}

pub(super) type Told = (Arc<str>, Heard);

/// One call's connection to be.
pub(super) struct Options {
    /// Names the trunk in logs.
    pub(super) name: String,
    pub(super) session: Arc<str>,
    pub(super) url: String,
    pub(super) token: TokenSource,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) limits: Limits,
    pub(super) backoff: Backoff,
    pub(super) connect_timeout: Duration,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The connection and where it reports to. It ends when nobody can send any more.
pub(super) fn open(
    options: Options,
    told: mpsc::Sender<Told>,
) -> (mpsc::Sender<Frame>, impl Future<Output = ()> + Send) {
    let (to_send, frames) = mpsc::channel(QUEUE);
    (to_send, Task { options, told, frames }.run())
}

struct Task {
    options: Options,
    told: mpsc::Sender<Told>,
    frames: mpsc::Receiver<Frame>,
}

/// Why a connection is no more.
enum End {
    /// Nobody needs it any more.
    Done,
    Lost(LinkError),
}

impl Task {
    async fn run(mut self) {
        let mut attempt = 0;
        loop {
            let limit = self.options.connect_timeout;
            let opened = tokio::select! {
                opened = timeout(limit, connect(&self.options)) => {
                    opened.unwrap_or(Err(LinkError::Timeout(limit)))
                }
                () = discard(&mut self.frames) => return,
            };
            let error = match opened {
                Ok(mut socket) => {
                    attempt = 0;
                    if !self.tell(Heard::Up).await {
                        return;
                    }
                    match self.serve(&mut socket).await {
                        End::Done => {
                            let goodbye = timeout(GOODBYE, socket.close(None)).await;
                            tracing::debug!(
                                session = &*self.options.session,
                                in_time = goodbye.is_ok(),
                                "the call's connection is closed"
                            );
                            return;
                        }
                        End::Lost(error) => error,
                    }
                }
                Err(error) => error,
            };
            tracing::debug!(trunk = self.options.name, session = &*self.options.session, %error,
                "no connection for the call's media");
            let refused = matches!(error, LinkError::Refused { .. } | LinkError::NotServed { .. });
            if !self.tell(if refused { Heard::Refused } else { Heard::Down }).await {
                return;
            }
            let wait = self.options.backoff.delay_ms(attempt, rand::random());
            attempt += 1;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(wait)) => {}
                () = discard(&mut self.frames) => return,
            }
        }
    }

    async fn tell(&self, heard: Heard) -> bool {
        self.told.send((Arc::clone(&self.options.session), heard)).await.is_ok()
    }

    async fn serve(&mut self, socket: &mut Socket) -> End {
        let mut heard_at = Instant::now();
        let mut round_trip = RoundTrip::new(heard_at);
        let mut reading = Reading::new(Load::OneCall);
        loop {
            let silent_at = heard_at + round_trip.patience().unwrap_or(SILENCE);
            let message = tokio::select! {
                // What waits to be read is no silence, however long we were busy elsewhere.
                biased;
                message = poll_fn(|cx| reading.poll(socket, cx)) => match message {
                    Some(Ok(message)) => message,
                    Some(Err(error)) => return End::Lost(LinkError::closed(error)),
                    None => return End::Lost(LinkError::closed("no reason given")),
                },
                frame = self.frames.recv() => {
                    let Some(frame) = frame else { return End::Done };
                    if let Err(error) = self.write(socket, frame).await {
                        return End::Lost(error);
                    }
                    continue;
                }
                () = sleep_until(silent_at.min(round_trip.next())) => {
                    let now = Instant::now();
                    if silent_at <= now {
                        return End::Lost(LinkError::Silent(now - heard_at));
                    }
                    if let Some(ping) = round_trip.ping(now)
                        && let Err(error) = send(socket, Message::Ping(ping)).await
                    {
                        return End::Lost(error);
                    }
                    continue;
                }
            };
            heard_at = Instant::now();
            let heard = match message {
                Message::Text(text) => match read_plain(&text) {
                    Ok(said) if said.session_id.as_deref().is_none_or(|id| id == &*self.options.session) => {
                        Heard::Said(said.report)
                    }
                    Ok(_) => continue,
                    Err(error) => Heard::Odd(error),
                },
                Message::Binary(audio) if audio.len() > self.options.limits.kept => {
                    Heard::Said(Report::AudioUnreadable(ReportError::TooLong.to_string()))
                }
                Message::Binary(audio) => Heard::Said(Report::Audio(audio)),
                Message::Pong(answer) => match round_trip.pong(&answer, heard_at) {
                    Some(answer) => Heard::Answered(answer),
                    None => continue,
                },
                Message::Close(frame) => {
                    // A normal closure says that the call is over, whether `hangup` came or not.
                    if frame.as_ref().is_some_and(|f| f.code == CloseCode::Normal)
                        && !self.tell(Heard::Said(Report::Hangup)).await
                    {
                        return End::Done;
                    }
                    let reason = frame.map_or_else(String::new, |f| format!("{} {}", f.code, f.reason));
                    return End::Lost(LinkError::Closed(reason));
                }
                Message::Ping(_) | Message::Frame(_) => continue,
            };
            if !self.tell(heard).await {
                return End::Done;
            }
        }
    }

    /// Writes what waits, and flushes once.
    async fn write(&mut self, socket: &mut Socket, first: Frame) -> Result<(), LinkError> {
        let mut next = Some(first);
        let written = async {
            while let Some(frame) = next {
                let message = match frame {
                    Frame::Audio(bytes) => Message::Binary(bytes),
                    Frame::Text(text) => Message::text(text),
                };
                socket.feed(message).await?;
                next = self.frames.try_recv().ok();
            }
            socket.flush().await
        };
        match timeout(WRITE_PATIENCE, written).await {
            Ok(done) => done.map_err(LinkError::closed),
            Err(_) => Err(LinkError::Timeout(WRITE_PATIENCE)),
        }
    }
}

async fn send(socket: &mut Socket, message: Message) -> Result<(), LinkError> {
    match timeout(WRITE_PATIENCE, socket.send(message)).await {
        Ok(done) => done.map_err(LinkError::closed),
        Err(_) => Err(LinkError::Timeout(WRITE_PATIENCE)),
    }
}

async fn connect(options: &Options) -> Result<Socket, LinkError> {
    let broken = |error: &dyn std::fmt::Display| LinkError::Unreachable(error.to_string());
    let mut request = options.url.as_str().into_client_request().map_err(|e| broken(&e))?;
    let bearer = format!("Bearer {}", (options.token)().expose_secret());
    let mut bearer = HeaderValue::try_from(bearer).map_err(|e| broken(&e))?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, bearer);
    let largest = Some(options.limits.text.max(options.limits.attachment));
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(largest)
        .max_frame_size(largest);
    let tls = Some(Connector::Rustls(Arc::clone(&options.tls)));
    let opened: Result<_, tungstenite::Error> =
        Box::pin(connect_async_tls_with_config(request, Some(config), true, tls)).await;
    opened.map(|(socket, _)| socket).map_err(LinkError::opening)
}

/// Empties the queue until nobody can send any more.
async fn discard(frames: &mut mpsc::Receiver<Frame>) {
    while frames.recv().await.is_some() {}
}
