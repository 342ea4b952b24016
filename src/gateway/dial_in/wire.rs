//! The messages between the carrier and a server, as the carrier sends and reads them.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callcore::call::CarrierCdr;
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::options::{Error, Options};

/// For connecting, and for a server to take a message off the wire.
const PATIENCE: Duration = Duration::from_secs(10);
const GOODBYE: Duration = Duration::from_secs(2);
const MAX_MESSAGE: usize = 1024 * 1024;
/// Oddities that are told one by one.
const MAX_ODDITIES: usize = 20;

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Answer,
    /// pcm16 of any length.
    Audio(Bytes),
    Key {
        key: char,
        length_ms: u64,
    },
    Interrupt,
    Hangup,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Wire {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    oddities: VecDeque<String>,
}

impl Wire {
    pub(super) async fn open(options: &Options) -> Result<Self, Error> {
        let url = options.url.as_str();
        let mut request = url.into_client_request().map_err(|_| Error::Address(url.to_owned()))?;
        if let Some(token) = &options.token {
            let header = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
            request.headers_mut().insert(AUTHORIZATION, header.map_err(|_| Error::Refused { status: 401 })?);
        }
        let tls = options.ca.as_deref().map(trusting).transpose()?.map(Connector::Rustls);
        let largest = Some(MAX_MESSAGE);
        let config = WebSocketConfig::default().max_message_size(largest).max_frame_size(largest);
        let unreachable = |reason: String| Error::Unreachable { url: url.to_owned(), reason };
        match timeout(PATIENCE, connect_async_tls_with_config(request, Some(config), true, tls)).await {
            Ok(Ok((socket, _))) => Ok(Self { socket, oddities: VecDeque::new() }),
            Ok(Err(tungstenite::Error::Http(answer))) => {
                Err(Error::Refused { status: answer.status().as_u16() })
            }
            Ok(Err(error)) => Err(unreachable(error.to_string())),
            Err(_) => Err(unreachable("it does not answer".into())),
        }
    }

    pub(super) async fn announce(&mut self, from: &str, did: &str, session_id: &str) -> Result<(), Error> {
        self.event(&json!({
            "event": "incoming_call", "callerId": from, "didNumber": did, "sessionId": session_id,
        }))
        .await
    }

    pub(super) async fn audio(&mut self, pcm16: Vec<u8>) -> Result<(), Error> {
        self.send(Message::Binary(pcm16.into())).await
    }

    pub(super) async fn key(&mut self, key: char) -> Result<(), Error> {
        self.event(&json!({ "event": "dtmf", "digit": key.to_string() })).await
    }

    pub(super) async fn hang_up(&mut self) -> Result<(), Error> {
        self.event(&json!({ "event": "hangup" })).await
    }

    /// Sends the record and closes.
    pub(super) async fn finish(&mut self, cdr: &CarrierCdr) -> Result<(), Error> {
        let mut record = json!(cdr);
        record["event"] = "cdr".into();
        self.event(&record).await?;
        let closing = async {
            self.socket.close(None).await?;
            while let Some(Ok(_)) = self.socket.next().await {}
            Ok::<_, tungstenite::Error>(())
        };
        // The record is delivered; a server that is gone now has what it needs.
        drop(timeout(GOODBYE, closing).await);
        Ok(())
    }

    /// The next thing the server says. May be dropped and called again without loss.
    pub(super) async fn next(&mut self) -> Result<Heard, Error> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Binary(audio))) => return Ok(Heard::Audio(audio)),
                Some(Ok(Message::Text(text))) => match read(&text) {
                    Ok(heard) => return Ok(heard),
                    Err(why) if self.oddities.len() < MAX_ODDITIES => self.oddities.push_back(why),
                    Err(_) => {}
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    let why =
                        frame.map_or_else(String::new, |frame| format!(" ({} {})", frame.code, frame.reason));
                    return Err(Error::Lost(format!("the server closed it without a hangup{why}")));
                }
                Some(Err(error)) => return Err(Error::Lost(error.to_string())),
                None => return Err(Error::Lost("the server is gone".into())),
            }
        }
    }

    pub(super) fn into_oddities(self) -> Vec<String> {
        self.oddities.into()
    }

    async fn event(&mut self, event: &Value) -> Result<(), Error> {
        self.send(Message::text(event.to_string())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Error> {
        match timeout(PATIENCE, self.socket.send(message)).await {
            Ok(sent) => sent.map_err(|error| Error::Lost(error.to_string())),
            Err(_) => Err(Error::Lost("the server takes nothing off the wire".into())),
        }
    }
}

fn read(text: &str) -> Result<Heard, String> {
    let event: Value =
        serde_json::from_str(text).map_err(|error| format!("a text message is no JSON: {error}"))?;
    match event["event"].as_str() {
        Some("answer") => Ok(Heard::Answer),
        Some("hangup") => Ok(Heard::Hangup),
        Some("interrupt") => Ok(Heard::Interrupt),
        Some("dtmf") => {
            let key = event["digit"].as_str().and_then(|digit| {
                let mut keys = digit.chars();
                keys.next().filter(|key| matches!(key, '0'..='9' | '*' | '#') && keys.next().is_none())
            });
            let length_ms = event["duration"].as_u64().filter(|ms| *ms <= 1_000);
            match (key, length_ms) {
                (Some(key), Some(length_ms)) => Ok(Heard::Key { key, length_ms }),
                _ => Err(format!("a dtmf needs a digit 0-9, * or # and a duration up to 1000: {text:.80}")),
            }
        }
        _ => Err(format!("the server's event is unknown: {text:.80}")),
    }
}

/// TLS that trusts the authority of one PEM file.
fn trusting(path: &Path) -> Result<Arc<ClientConfig>, Error> {
    let wrong = |reason: String| Error::Authority { path: path.display().to_string(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))? {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("there is no certificate in it".into()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
