//! One call's connection to the service: of each utterance it is sent only what is new, and it says what it has heard
//! of it so far.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callcore::audio::SAMPLE_RATE;
use callcore::audio::frame::to_pcm16le;
use futures_util::{SinkExt as _, StreamExt as _};
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::options::Options;
use super::wire::{self, Segment};
use crate::speech::stt::options::StreamOptions;
use crate::speech::stt::transcript::{SttError, Transcript};

/// Sent when no audio goes up; the service closes a stream that is silent for 10 s.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// For the connection to stand.
const CONNECT: Duration = Duration::from_secs(3);
/// The service does not always say that it has flushed everything: so long after its last word nothing more comes.
const QUIET: Duration = Duration::from_millis(1_000);
/// For the service to close its side in the end.
const CLOSING: Duration = Duration::from_millis(500);
/// What may wait to go up: stretches of audio and ends of utterances.
const QUEUE: usize = 64;
/// No message of the service comes near this.
const MESSAGE_BYTES: usize = 1 << 20;
/// Longest binary message, samples.
const BLOCK: usize = 8_000;
/// Segments that end this close to the end of the audio cover it, seconds.
const CLOSE_ENOUGH: f64 = 0.05;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connection that listens to one call. Dropping it ends the stream.
#[derive(Debug)]
pub struct Session {
    up: mpsc::Sender<Up>,
    heard: watch::Receiver<Heard>,
    utterance: u32,
    /// Samples of the utterance that were sent.
    sent: usize,
}

#[derive(Debug)]
enum Up {
    Begin(u32),
    Audio(Arc<[i16]>, Range<usize>),
    Finish,
}

/// What is known of the utterance under way.
#[derive(Clone, Debug, Default)]
struct Heard {
    utterance: u32,
    /// Nothing in it changes any more.
    is_over: bool,
    transcript: Option<Transcript>,
    failed: Option<SttError>,
}

impl Session {
    pub(super) fn open(options: Arc<Options>, tuning: StreamOptions) -> Self {
        let (up, mut audio) = mpsc::channel(QUEUE);
        let (tell, heard) = watch::channel(Heard::default());
        tokio::spawn(async move {
            let failed = match connect(&options, &tuning).await {
                Ok(socket) => Stream::new(socket, &tell).run(&mut audio).await.map_err(SttError::Engine),
                Err(error) => Err(error),
            };
            if let Err(error) = failed {
                tell.send_modify(|heard| heard.failed = Some(error));
            }
        });
        Self { up, heard, utterance: 0, sent: 0 }
    }

    /// Whether it broke; then another one has to be opened.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.heard.borrow().failed.is_some() || self.up.is_closed()
    }

    /// Sends what is new in `window`, the utterance so far. What the connection has no room for goes with the next
    /// window.
    pub fn feed(&mut self, utterance: u32, window: Arc<[i16]>) {
        if utterance != self.utterance {
            if self.up.try_send(Up::Begin(utterance)).is_err() {
                return;
            }
            (self.utterance, self.sent) = (utterance, 0);
        }
        let new = self.sent..window.len();
        if !new.is_empty() && self.up.try_send(Up::Audio(window, new.clone())).is_ok() {
            self.sent = new.end;
        }
    }

    /// The next words of `utterance` that may still change.
    pub fn interim(&self, utterance: u32) -> impl Future<Output = Result<Transcript, SttError>> + use<> {
        let mut heard = self.heard.clone();
        heard.mark_unchanged();
        async move {
            loop {
                heard.changed().await.map_err(|_| gone())?;
                let now = heard.borrow_and_update();
                match (&now.failed, &now.transcript) {
                    (Some(error), _) => return Err(error.clone()),
                    (None, Some(transcript)) if now.utterance == utterance => return Ok(transcript.clone()),
                    (None, _) => {}
                }
            }
        }
    }

    /// The callee has finished and `window` is all there is: the words of `utterance`.
    pub fn finish(
        &mut self,
        utterance: u32,
        window: Arc<[i16]>,
    ) -> impl Future<Output = Result<Transcript, SttError>> + use<> {
        let begin = (utterance != self.utterance).then_some(Up::Begin(utterance));
        let from = if begin.is_some() { 0 } else { self.sent.min(window.len()) };
        (self.utterance, self.sent) = (utterance, window.len());
        let last = [begin, Some(Up::Audio(Arc::clone(&window), from..window.len())), Some(Up::Finish)];
        let (up, mut heard) = (self.up.clone(), self.heard.clone());
        async move {
            // Waits for room: of the last words nothing may be missing.
            for message in last.into_iter().flatten() {
                if up.send(message).await.is_err() {
                    let error = heard.borrow().failed.clone();
                    return Err(error.unwrap_or_else(gone));
                }
            }
            let done =
                |heard: &Heard| heard.failed.is_some() || (heard.utterance == utterance && heard.is_over);
            let now = heard.wait_for(done).await.map_err(|_| gone())?;
            match &now.failed {
                Some(error) => Err(error.clone()),
                None => Ok(now.transcript.clone().unwrap_or_else(Transcript::nothing_said)),
            }
        }
    }
}

fn gone() -> SttError {
    SttError::Engine("the stream has ended".into())
}

async fn connect(options: &Options, tuning: &StreamOptions) -> Result<Socket, SttError> {
    let failed = |reason: String| SttError::Engine(format!("the stream cannot be opened: {reason}"));
    // A second call finds the provider installed, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let url = wire::listen_url(options, tuning)?;
    let mut request = url.as_str().into_client_request().map_err(|error| failed(error.to_string()))?;
    let mut token = HeaderValue::from_str(&format!("Token {}", options.key.expose_secret()))
        .map_err(|_| failed("the key holds characters that no header can carry".into()))?;
    token.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, token);
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES));
    match timeout(CONNECT, Box::pin(connect_async_with_config(request, Some(config), true))).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {} s", CONNECT.as_secs()))),
    }
}

/// The connection once it stands.
struct Stream<'t> {
    socket: Socket,
    tell: &'t watch::Sender<Heard>,
    words: Words,
    /// Set when the callee has finished: nothing more is waited for after this.
    quiet_at: Option<Instant>,
}

impl<'t> Stream<'t> {
    fn new(socket: Socket, tell: &'t watch::Sender<Heard>) -> Self {
        Self { socket, tell, words: Words::default(), quiet_at: None }
    }

    /// Carries audio up and words down until the call ends; the error says why it broke before.
    async fn run(mut self, up: &mut mpsc::Receiver<Up>) -> Result<(), String> {
        let mut silent_since = Instant::now();
        loop {
            let quiet_at = self.quiet_at.unwrap_or(silent_since + KEEP_ALIVE);
            tokio::select! {
                // Words first: audio that follows must not be taken for what they cover.
                biased;
                message = self.socket.next() => {
                    let message = match message {
                        Some(Ok(message)) => message,
                        Some(Err(error)) => return Err(error.to_string()),
                        None => return Err("it closed the stream".into()),
                    };
                    self.take(message)?;
                }
                next = up.recv() => {
                    silent_since = Instant::now();
                    match next {
                        Some(next) => self.send(next).await.map_err(|error| error.to_string())?,
                        None => {
                            self.close().await;
                            return Ok(());
                        }
                    }
                }
                () = sleep_until(quiet_at) => {
                    if self.quiet_at.is_some() {
                        self.over();
                    } else {
                        silent_since = Instant::now();
                        let alive = Message::Text(Utf8Bytes::from_static(wire::KEEP_ALIVE));
                        self.socket.send(alive).await.map_err(|error| error.to_string())?;
                    }
                }
            }
        }
    }

    async fn send(&mut self, up: Up) -> Result<(), tokio_tungstenite::tungstenite::Error> {
        match up {
            Up::Begin(utterance) => {
                if self.words.are_open() {
                    // Its words were enough before it was over; what is left of it must not run into the next one.
                    self.socket.send(Message::Text(Utf8Bytes::from_static(wire::FINALIZE))).await?;
                }
                self.words.begin();
                self.quiet_at = None;
                self.tell.send_modify(|heard| *heard = Heard { utterance, ..Heard::default() });
            }
            Up::Audio(window, new) => {
                for block in window[new].chunks(BLOCK) {
                    self.words.sent += block.len();
                    self.socket.feed(Message::Binary(Bytes::from(to_pcm16le(block)))).await?;
                }
                self.socket.flush().await?;
            }
            Up::Finish => {
                self.words.finishing = true;
                if self.words.are_complete() {
                    self.over();
                } else {
                    self.quiet_at = Some(Instant::now() + QUIET);
                    self.socket.send(Message::Text(Utf8Bytes::from_static(wire::FINALIZE))).await?;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, message: Message) -> Result<(), String> {
        match message {
            Message::Text(text) => {
                let Some(segment) = wire::interpret(&text)? else { return Ok(()) };
                if !self.words.take(segment) {
                    return Ok(());
                }
                if self.quiet_at.is_some() {
                    self.quiet_at = Some(Instant::now() + QUIET);
                }
                if self.words.are_complete() {
                    self.over();
                } else if let Some(transcript) = self.words.so_far() {
                    self.tell.send_modify(|heard| heard.transcript = Some(transcript));
                }
                Ok(())
            }
            Message::Close(frame) => {
                Err(frame.map_or_else(|| "it closed the stream".into(), |frame| frame.to_string()))
            }
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
        }
    }

    /// The utterance under way is told as it is.
    fn over(&mut self) {
        self.quiet_at = None;
        let transcript = self.words.so_far();
        self.tell.send_modify(|heard| {
            heard.transcript = transcript;
            heard.is_over = true;
        });
    }

    /// The call is over: the service is told, and given a moment to close its side.
    async fn close(mut self) {
        let goodbye = Message::Text(Utf8Bytes::from_static(wire::CLOSE_STREAM));
        if self.socket.send(goodbye).await.is_ok() {
            let rest = async { while let Some(Ok(_)) = self.socket.next().await {} };
            // A service that does not close is left.
            let _closed = timeout(CLOSING, rest).await;
        }
    }
}

/// What is understood of one utterance, within a stream that goes on. Pure.
#[derive(Debug, Default)]
struct Words {
    /// Samples that went up since the stream began, and those before this utterance.
    sent: usize,
    before: usize,
    decided: Vec<Segment>,
    undecided: Option<Segment>,
    finishing: bool,
    is_flushed: bool,
    /// Where the decided segments end, seconds since the stream began.
    decided_until: f64,
}

impl Words {
    fn begin(&mut self) {
        *self =
            Self { sent: self.sent, before: self.sent, decided_until: self.decided_until, ..Self::default() };
    }

    /// False for a segment that is no part of this utterance.
    fn take(&mut self, segment: Segment) -> bool {
        if segment.end.is_some_and(|end| end <= seconds(self.before) + CLOSE_ENOUGH) {
            return false;
        }
        self.is_flushed |= self.finishing && segment.is_flushed;
        if segment.is_final {
            self.undecided = None;
            self.decided_until = segment.end.unwrap_or(self.decided_until);
            if !segment.text.is_empty() {
                self.decided.push(segment);
            }
        } else if !segment.text.is_empty() {
            self.undecided = Some(segment);
        }
        true
    }

    /// Whether audio was sent of which nobody has asked for the last words.
    const fn are_open(&self) -> bool {
        self.sent > self.before && !self.finishing
    }

    /// Whether everything that was sent is decided.
    fn are_complete(&self) -> bool {
        let all = self.sent == self.before || self.decided_until + CLOSE_ENOUGH >= seconds(self.sent);
        self.finishing && (self.is_flushed || all)
    }

    /// The words until now; `None` while there are none.
    fn so_far(&self) -> Option<Transcript> {
        let segments = || self.decided.iter().chain(&self.undecided);
        let count = segments().count();
        if count == 0 {
            return None;
        }
        let text = segments().map(|segment| segment.text.as_str()).collect::<Vec<_>>().join(" ");
        let confidence = segments().map(|segment| segment.confidence).sum::<f32>() / count as f32;
        Some(Transcript { text, confidence, no_speech: 0.0, took_ms: 0, weighed: None })
    }
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(text: &str, is_final: bool, end: Option<f64>) -> Segment {
        Segment { text: text.into(), confidence: 0.5, is_final, is_flushed: false, end }
    }

    fn text(words: &Words) -> String {
        words.so_far().map(|transcript| transcript.text).unwrap_or_default()
    }

    #[test]
    fn undecided_words_are_replaced_and_decided_ones_kept() {
        let mut words = Words { sent: 16_000, ..Words::default() };
        assert!(words.so_far().is_none());
        for (next, expected) in [
            (segment("du", false, Some(0.5)), "du"),
            (segment("dua", false, Some(0.8)), "dua"),
            (segment("dua puluh", true, Some(1.0)), "dua puluh"),
            (segment("li", false, Some(1.4)), "dua puluh li"),
            (segment("", false, Some(1.5)), "dua puluh li"),
        ] {
            assert!(words.take(next));
            assert_eq!(text(&words), expected);
        }
        words.finishing = true;
        assert!(!words.are_complete());
        words.take(segment("lima", true, Some(1.98)));
        assert!(words.are_complete(), "all that was sent is decided");
        assert_eq!(text(&words), "dua puluh lima");
    }

    #[test]
    fn words_of_the_last_utterance_that_come_late_are_not_taken_for_the_next() {
        let mut words = Words { sent: 8_000, ..Words::default() };
        words.begin();
        assert!(!words.take(segment("late", true, Some(1.0))));
        words.sent += 8_000;
        assert!(words.take(segment("two", true, Some(1.6))));
        words.finishing = true;
        assert!(!words.are_complete());
        assert!(words.take(Segment { is_flushed: true, ..segment("", true, None) }));
        assert!(words.are_complete(), "the service says that it is all");
        assert_eq!(text(&words), "two");
    }

    #[test]
    fn an_utterance_without_audio_is_complete_at_once() {
        let mut words = Words::default();
        words.begin();
        assert!(!words.are_complete());
        words.finishing = true;
        assert!(words.are_complete() && words.so_far().is_none());
    }
}
