//! Deepgram's streaming recogniser: audio goes up a WebSocket while the callee speaks, words come down.
//!
//! Wire: <https://developers.deepgram.com/reference/speech-to-text/listen-streaming>. Audio is pcm16 in binary frames;
//! `Finalize` asks for what is still undecided, `CloseStream` ends the stream after its last words.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callcore::audio::frame::to_pcm16le;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::{Request, SttError, Transcript};

/// Sent when no audio goes up; the service closes a stream that is silent for 10 s.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// For the connection to stand.
const CONNECT: Duration = Duration::from_secs(3);
/// For the last words, after the audio has ended.
const CLOSING: Duration = Duration::from_secs(3);
/// Blocks of audio that may wait to go up, and words that may wait to be taken.
const QUEUE: usize = 64;
/// No message of the service comes near this.
const MESSAGE_BYTES: usize = 1 << 20;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How to reach the service, and how it listens.
#[derive(Clone, Debug)]
pub struct Options {
    /// `wss://api.deepgram.com`, or another address that speaks the same.
    pub url: String,
    pub key: SecretString,
    /// Such as `nova-3`.
    pub model: String,
    /// Used when a request names none.
    pub language: String,
    /// Silence that ends an utterance, ms; the service's own when absent.
    pub endpointing_ms: Option<u32>,
    /// Gap between words that ends an utterance, ms (1000 at least); off when absent.
    pub utterance_end_ms: Option<u32>,
}

/// What comes back while a callee speaks.
#[derive(Clone, Debug, PartialEq)]
pub enum Words {
    /// May still change.
    Interim(Transcript),
    /// Will not change; `ends` when the service thinks that the callee has finished.
    Final { transcript: Transcript, ends: bool },
    /// The service heard no word for [`Options::utterance_end_ms`].
    UtteranceEnd,
    /// Nothing more will come.
    Failed(SttError),
}

/// A stream to the service. Dropping it closes the stream.
#[derive(Debug)]
pub struct Hearing {
    audio: mpsc::Sender<Arc<[i16]>>,
    words: mpsc::Receiver<Words>,
}

impl Hearing {
    /// Sends 8 kHz mono samples up. What the connection has no room for is dropped and counted, since it would only
    /// come late.
    pub fn push(&self, samples: Arc<[i16]>) {
        if self.audio.try_send(samples).is_err() {
            metrics::counter!("dering_stt_audio_dropped_total").increment(1);
        }
    }

    /// The next words; `None` after the last ones.
    pub async fn next(&mut self) -> Option<Words> {
        self.words.recv().await
    }

    /// The callee has finished: the words still to come follow, then the end.
    #[must_use]
    pub fn finish(self) -> mpsc::Receiver<Words> {
        self.words
    }
}

/// The service. Cheap to clone; every stream is a connection of its own.
#[derive(Clone, Debug)]
pub struct Deepgram {
    options: Arc<Options>,
}

impl Deepgram {
    /// # Errors
    /// When the address is none.
    pub fn new(options: Options) -> Result<Self, SttError> {
        listen_url(&options, &options.language)?;
        Ok(Self { options: Arc::new(options) })
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// When the service cannot be reached within 3 s, or refuses the key.
    pub async fn listen(&self, language: Option<&str>) -> Result<Hearing, SttError> {
        let socket = connect(&self.options, language.unwrap_or(&self.options.language)).await?;
        let (audio, samples) = mpsc::channel(QUEUE);
        let (found, words) = mpsc::channel(QUEUE);
        tokio::spawn(stream(socket, samples, found));
        Ok(Hearing { audio, words })
    }

    /// One finished utterance, sent whole.
    pub(super) async fn transcribe(&self, request: Request) -> Result<Transcript, SttError> {
        let due = Instant::now() + request.patience;
        let late = SttError::TooLate(u64::try_from(request.patience.as_millis()).unwrap_or(u64::MAX));
        let work = async {
            let hearing = self.listen(request.language.as_deref()).await?;
            for block in request.audio.chunks(8_000) {
                // Waits for room: here nothing is late yet.
                if hearing.audio.send(block.into()).await.is_err() {
                    break;
                }
            }
            collect(hearing.finish()).await
        };
        timeout_at(due, work).await.unwrap_or(Err(late))
    }
}

/// All final words of a stream that has ended.
async fn collect(mut words: mpsc::Receiver<Words>) -> Result<Transcript, SttError> {
    let (mut text, mut confidence, mut parts) = (String::new(), 0.0, 0.0_f32);
    while let Some(found) = words.recv().await {
        match found {
            Words::Final { transcript, .. } if !transcript.text.is_empty() => {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(&transcript.text);
                confidence += transcript.confidence;
                parts += 1.0;
            }
            Words::Final { .. } | Words::Interim(_) | Words::UtteranceEnd => {}
            Words::Failed(error) => return Err(error),
        }
    }
    if parts == 0.0 {
        return Ok(Transcript::nothing_said());
    }
    Ok(Transcript { text, confidence: confidence / parts, no_speech: 0.0, took_ms: 0 })
}

fn listen_url(options: &Options, language: &str) -> Result<Url, SttError> {
    let wrong = |reason: &str| SttError::Engine(format!("{:?} is {reason}", options.url));
    let mut url = Url::parse(&options.url).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "ws" | "wss") {
        return Err(wrong("not a ws or wss address"));
    }
    url.set_path("/v1/listen");
    let mut query = url.query_pairs_mut();
    query
        .append_pair("encoding", "linear16")
        .append_pair("sample_rate", "8000")
        .append_pair("channels", "1")
        .append_pair("interim_results", "true")
        .append_pair("model", &options.model)
        .append_pair("language", language);
    if let Some(ms) = options.endpointing_ms {
        query.append_pair("endpointing", &ms.to_string());
    }
    if let Some(ms) = options.utterance_end_ms {
        query.append_pair("utterance_end_ms", &ms.max(1_000).to_string());
    }
    drop(query);
    Ok(url)
}

async fn connect(options: &Options, language: &str) -> Result<Socket, SttError> {
    let failed = |reason: String| SttError::Engine(format!("the stream cannot be opened: {reason}"));
    // A second call finds the provider installed, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let url = listen_url(options, language)?;
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

/// Carries audio up and words down until either side ends.
async fn stream(mut socket: Socket, mut audio: mpsc::Receiver<Arc<[i16]>>, words: mpsc::Sender<Words>) {
    let mut idle = interval(KEEP_ALIVE);
    idle.tick().await;
    let mut closing: Option<Instant> = None;
    let failure = loop {
        let due = closing.unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600));
        tokio::select! {
            block = audio.recv(), if closing.is_none() => {
                let message = match block {
                    Some(samples) => Message::Binary(Bytes::from(to_pcm16le(&samples))),
                    None => {
                        closing = Some(Instant::now() + CLOSING);
                        Message::Text(Utf8Bytes::from_static(r#"{"type":"CloseStream"}"#))
                    }
                };
                idle.reset();
                if let Err(error) = socket.send(message).await {
                    break Some(error.to_string());
                }
            }
            _ = idle.tick(), if closing.is_none() => {
                let alive = Message::Text(Utf8Bytes::from_static(r#"{"type":"KeepAlive"}"#));
                if let Err(error) = socket.send(alive).await {
                    break Some(error.to_string());
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => match interpret(&text) {
                    Ok(Some(found)) => if words.send(found).await.is_err() { break None },
                    Ok(None) => {}
                    Err(reason) => break Some(reason),
                },
                Some(Ok(Message::Close(_))) | None if closing.is_some() => break None,
                Some(Ok(Message::Close(frame))) => {
                    break Some(frame.map_or_else(|| "it closed the stream".into(), |frame| frame.to_string()));
                }
                None => break Some("it closed the stream".into()),
                Some(Ok(_)) => {}
                Some(Err(error)) => break Some(error.to_string()),
            },
            () = tokio::time::sleep_until(due) => break Some("its last words did not come".into()),
            () = words.closed() => break None,
        }
    };
    if let Some(reason) = failure {
        // Nobody may be left to hear of it.
        words.send(Words::Failed(SttError::Engine(reason))).await.ok();
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Wire {
    Results {
        #[serde(default)]
        is_final: bool,
        #[serde(default)]
        speech_final: bool,
        channel: Channel,
    },
    UtteranceEnd {},
    Error {
        #[serde(default)]
        description: String,
        #[serde(default)]
        message: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Channel {
    #[serde(default)]
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Deserialize)]
struct Alternative {
    #[serde(default)]
    transcript: String,
    #[serde(default)]
    confidence: f32,
}

fn interpret(text: &str) -> Result<Option<Words>, String> {
    let wire: Wire =
        serde_json::from_str(text).map_err(|error| format!("its message cannot be read: {error}"))?;
    Ok(match wire {
        Wire::Results { is_final, speech_final, channel } => {
            let best = channel.alternatives.into_iter().next();
            let (text, confidence) = best.map(|best| (best.transcript, best.confidence)).unwrap_or_default();
            let no_speech = if text.is_empty() { 1.0 } else { 0.0 };
            let confidence = confidence.clamp(0.0, 1.0);
            let transcript = Transcript { text: text.trim().to_owned(), confidence, no_speech, took_ms: 0 };
            match (is_final, transcript.text.is_empty()) {
                (true, _) => Some(Words::Final { transcript, ends: speech_final }),
                (false, true) => None,
                (false, false) => Some(Words::Interim(transcript)),
            }
        }
        Wire::UtteranceEnd {} => Some(Words::UtteranceEnd),
        Wire::Error { description, message } => {
            return Err(format!("{message} {description}").trim().to_owned());
        }
        Wire::Other => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> Transcript {
        Transcript { text: text.into(), confidence: 0.5, no_speech: 0.0, took_ms: 0 }
    }

    #[test]
    fn interim_and_final_words_are_told_apart() {
        let results = |more: &str| {
            interpret(&format!(
                r#"{{"type":"Results",{more}"channel":{{"alternatives":[{{"transcript":"two","confidence":0.5}}]}}}}"#
            ))
        };
        assert_eq!(results(""), Ok(Some(Words::Interim(said("two")))));
        let last = Words::Final { transcript: said("two"), ends: true };
        assert_eq!(results(r#""is_final":true,"speech_final":true,"#), Ok(Some(last)));
        assert_eq!(interpret(r#"{"type":"Metadata","x":1}"#), Ok(None));
        assert_eq!(
            interpret(r#"{"type":"UtteranceEnd","last_word_end":1.2}"#),
            Ok(Some(Words::UtteranceEnd))
        );
        assert!(interpret(r#"{"type":"Error","description":"no credit"}"#).is_err());
    }

    #[test]
    fn what_was_set_is_asked_for() {
        let options = Options {
            url: "wss://api.deepgram.com".into(),
            key: "k".into(),
            model: "nova-3".into(),
            language: "id".into(),
            endpointing_ms: Some(300),
            utterance_end_ms: Some(500),
        };
        let url = listen_url(&options, "en-US").expect("an address").to_string();
        for part in ["sample_rate=8000", "language=en-US", "endpointing=300", "utterance_end_ms=1000"] {
            assert!(url.contains(part), "{url}");
        }
        let wrong = Options { url: "https://x".into(), ..options };
        assert!(Deepgram::new(wrong).is_err());
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(text in ".{0,60}", kind in "Results|Error|UtteranceEnd|[A-Z]") {
            drop(interpret(&text));
            drop(interpret(&format!(r#"{{"type":"{kind}","channel":{{"alternatives":[{{"transcript":{text:?}}}]}}}}"#)));
        }
    }
}
