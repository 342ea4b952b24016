//! A trunk to a carrier that serves the Outgoing Call Service (1.0.3, 1.0.4): calls are placed and looked
//! up over REST, everything else goes over one Socket.IO connection for all calls.
//!
//! | module | owns |
//! |---|---|
//! | [`packet`] | the Engine.IO / Socket.IO codec, pure |
//! | `wire` | one open connection and its heartbeat |
//! | [`client`] | connecting, reconnecting, acknowledgements |
//! | `messages` | the carrier's events and fields |
//! | `rest` | the carrier's REST calls |
//! | `room` | the state of one call |
//! | `strays`, `acks` | reports that come early; acknowledgements of audio |
//! | `router` | the task that ties them together |
//!
//! The client is our own because no published Rust client carries this protocol's audio: nested binary
//! leaves, bytes 0x1E inside them, and acknowledgements of binary events all have to survive.

mod acks;
pub mod client;
pub(super) mod messages;
pub mod packet;
mod rest;
mod room;
mod router;
mod strays;
mod tls;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use callcore::retry::Backoff;
use reqwest::Url;
use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::packet::Limits;
use self::rest::Rest;
use self::room::Patience;
use self::router::{Placement, Router, Wish};
use super::{DialError, Leg};
pub use wire::LinkError;

/// Packets that may wait to be written to the carrier, and events that may wait to be sorted.
const QUEUE: usize = 1_024;

/// Which revision of the service the carrier runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Version {
    /// No `cdr` event, no CDR over REST, no `Failed` status.
    V1_0_3,
    #[default]
    V1_0_4,
}

/// How to reach a carrier, and how long to wait for it.
#[derive(Clone)]
pub struct Options {
    /// Names the trunk in logs and metrics.
    pub name: String,
    /// Of REST and Socket.IO alike, `https://…` or `http://…`.
    pub base_url: String,
    /// The bearer token.
    pub token: SecretString,
    pub version: Version,
    /// A call that is not answered for so long is hung up.
    pub ring_timeout: Duration,
    /// A call whose room has been out of reach for so long is lost.
    pub away_timeout: Duration,
    /// From the carrier's `hangup` to fetching the record that its `cdr` event did not bring.
    pub cdr_wait: Duration,
    /// For one attempt to connect, and for a call to wait until there is a connection.
    pub connect_timeout: Duration,
    /// For one REST request.
    pub rest_timeout: Duration,
    /// After which an acknowledgement counts as missing; nothing waits for it.
    pub ack_timeout: Duration,
    /// Between attempts to connect; a refused token is tried again at the cap.
    pub backoff: Backoff,
}

impl Options {
    /// Options with the usual waits: ring 60 s, away 10 s, CDR 2 s, connect, REST and acknowledgements
    /// 10 s, backoff 200 ms to 5 s.
    #[must_use]
    pub fn new(name: impl Into<String>, base_url: impl Into<String>, token: SecretString) -> Self {
        Self {
            name: name.into(),
            base_url: base_url.into(),
            token,
            version: Version::default(),
            ring_timeout: Duration::from_secs(60),
            away_timeout: Duration::from_secs(10),
            cdr_wait: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(10),
            rest_timeout: Duration::from_secs(10),
            ack_timeout: Duration::from_secs(10),
            backoff: Backoff { first_ms: 200, cap_ms: 5_000 },
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Why a trunk could not be started. A carrier that cannot be reached is no such reason: the trunk keeps
/// trying.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the trunk {name} has the base URL {url:?}, which is not an http or https address: {reason}")]
    BaseUrl { name: String, url: String, reason: String },
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the HTTP client cannot be set up: {0}")]
    Http(#[from] reqwest::Error),
}

/// The connection to the carrier, as last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    Connecting,
    Up,
    /// The carrier refuses the token; tried again all the same.
    Refused(String),
    Down(String),
}

/// Places calls at one carrier. Cheap to clone. When the last handle is gone, the trunk ends as soon as
/// its calls are over.
#[derive(Clone, Debug)]
pub struct SocketIoTrunk {
    wishes: mpsc::Sender<Wish>,
    link: watch::Receiver<Link>,
    connect_timeout: Duration,
}

impl SocketIoTrunk {
    /// Starts connecting. The task ends after the last handle has been dropped and the last call is over;
    /// by then the connection is closed.
    ///
    /// # Errors
    /// When the base URL is none, or TLS cannot be set up.
    pub fn start(options: Options) -> Result<(Self, JoinHandle<()>), StartError> {
        let base = base_url(&options)?;
        let tls = tls::client_config()?;
        let token = options.token.clone();
        let token: client::TokenSource = Arc::new(move || token.clone());
        let rest = Rest::new(base.clone(), Arc::clone(&token), tls.clone(), options.rest_timeout)?;
        let (client, notices, connection) = client::start(client::Options {
            name: options.name.clone(),
            url: socket_url(base),
            token,
            tls: Arc::new(tls),
            limits: Limits::default(),
            backoff: options.backoff,
            connect_timeout: options.connect_timeout,
            ack_timeout: options.ack_timeout,
            queue: QUEUE,
        });
        let (wishes, placements) = mpsc::channel(QUEUE);
        let (link, seen) = watch::channel(Link::Connecting);
        let router = Router {
            name: options.name,
            version: options.version,
            patience: Patience {
                away: options.away_timeout,
                ring: options.ring_timeout,
                cdr: options.cdr_wait,
            },
            client,
            connection,
            notices,
            wishes: placements,
            rest,
            link,
        };
        let task = tokio::spawn(router.run());
        Ok((Self { wishes, link: seen, connect_timeout: options.connect_timeout }, task))
    }

    /// The connection as it is now, for a health page.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link.borrow().clone()
    }

    /// Waits until the carrier can be heard: a call placed before would run unobserved.
    ///
    /// # Errors
    /// When the token is refused, or there is no connection within the connect timeout.
    pub async fn connected(&self) -> Result<(), DialError> {
        let mut link = self.link.clone();
        let settled = link.wait_for(|link| matches!(link, Link::Up | Link::Refused(_)));
        match timeout(self.connect_timeout, settled).await {
            Ok(Ok(link)) => match &*link {
                Link::Refused(reason) => Err(DialError::Unauthorized { reason: reason.clone() }),
                Link::Up | Link::Connecting | Link::Down(_) => Ok(()),
            },
            Ok(Err(_)) => Err(ended()),
            Err(_) => Err(DialError::Unavailable {
                reason: match self.link() {
                    Link::Down(reason) | Link::Refused(reason) => reason,
                    Link::Connecting | Link::Up => "there is no connection yet".into(),
                },
            }),
        }
    }

    /// Calls `number`. The leg's events begin with what the carrier said first, even if that was before
    /// it answered the request. A caller that stops waiting leaves no call behind: it is hung up.
    ///
    /// # Errors
    /// When the carrier cannot be reached, or refuses the call.
    pub async fn place(&self, number: &str) -> Result<Leg, DialError> {
        self.connected().await?;
        let (reply, answer) = oneshot::channel();
        let wish = Wish::Place(Placement { number: number.to_owned(), reply });
        self.wishes.send(wish).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// Has a call of an earlier run ended, over REST and in the background; a failure is logged.
    ///
    /// # Errors
    /// When the trunk's task has ended.
    pub async fn end(&self, session_id: &str) -> Result<(), DialError> {
        self.wishes.send(Wish::HangUp(session_id.to_owned())).await.map_err(|_| ended())
    }
}

fn ended() -> DialError {
    DialError::Unavailable { reason: "the trunk has ended".into() }
}

fn base_url(options: &Options) -> Result<Url, StartError> {
    let fail = |reason: String| StartError::BaseUrl {
        name: options.name.clone(),
        url: options.base_url.clone(),
        reason,
    };
    let url = Url::parse(&options.base_url).map_err(|e| fail(e.to_string()))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        other => Err(fail(format!("its scheme is {other}"))),
    }
}

/// Where the carrier's Socket.IO server listens, with the parameters of a websocket-only client.
fn socket_url(mut base: Url) -> String {
    let scheme = if base.scheme() == "https" { "wss" } else { "ws" };
    // Both pairs of schemes are special to the URL standard, so this cannot be refused.
    if base.set_scheme(scheme).is_err() {
        tracing::error!("a URL with an http scheme refuses a websocket scheme");
    }
    if let Ok(mut path) = base.path_segments_mut() {
        path.pop_if_empty().extend(["socket.io", ""]);
    }
    base.set_query(Some("EIO=4&transport=websocket"));
    base.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str) -> Options {
        Options::new("t", url, SecretString::from("secret"))
    }

    #[test]
    fn the_socket_is_found_beside_the_rest_api() {
        let url = |text: &str| socket_url(base_url(&options(text)).expect("a base URL"));
        assert_eq!(
            url("https://carrier.example"),
            "wss://carrier.example/socket.io/?EIO=4&transport=websocket"
        );
        assert_eq!(
            url("http://127.0.0.1:80/voice/"),
            "ws://127.0.0.1/voice/socket.io/?EIO=4&transport=websocket"
        );
    }

    #[test]
    fn a_base_url_that_is_none_is_named() {
        for bad in ["carrier.example", "ftp://carrier.example", "", "https://"] {
            let error = base_url(&options(bad)).expect_err("no base URL").to_string();
            assert!(error.contains("the trunk t has the base URL"), "{error}");
        }
    }

    #[test]
    fn the_token_is_not_in_what_is_printed_for_debugging() {
        assert!(!format!("{:?}", options("http://a")).contains("secret"));
    }
}
