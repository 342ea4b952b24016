//! How to reach a carrier, and how long to wait for it.

use std::fmt;
use std::time::Duration;

use callcore::retry::Backoff;
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::media::Codec;
use crate::trunk::leg::Offer;

/// Which revision of the service a carrier runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Version {
    /// No `cdr` event, no CDR over REST, no `Failed` status, no `audioFormat` from the carrier.
    #[serde(rename = "1.0.3")]
    V1_0_3,
    #[serde(rename = "1.0.4")]
    V1_0_4,
    /// Media at `endpointUrl`, negotiated codecs, no acknowledgements.
    #[serde(rename = "1.0.5")]
    V1_0_5,
}

impl Version {
    /// As the carrier writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0_3 => "1.0.3",
            Self::V1_0_4 => "1.0.4",
            Self::V1_0_5 => "1.0.5",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The wire that carries a call's audio and events; a choice on 1.0.5 only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaWire {
    /// One connection for all calls of a media host.
    #[default]
    SocketIo,
    /// One plain connection per call, at `{endpointUrl}/ws/{sessionId}`.
    WebSocket,
}

/// Everything a trunk needs to know.
#[derive(Clone)]
pub struct Options {
    /// Names the trunk in logs and metrics.
    pub name: String,
    /// Of REST, and up to 1.0.4 of Socket.IO too: `https://…` or `http://…`.
    pub base_url: String,
    /// The bearer token.
    pub token: SecretString,
    /// `None` finds out from what the carrier answers.
    pub version: Option<Version>,
    pub media: MediaWire,
    /// Asked for on 1.0.5, both ways; before that used for what we send.
    pub codec: Codec,
    /// Media hosts that may have the token, beside those of the base URL's own site: `media.example.com`,
    /// or `*.example.com` for all hosts below.
    pub media_hosts: Vec<String>,
    /// Where calls go that somebody places to us over this trunk; without it they are left alone.
    pub offers: Option<mpsc::Sender<Offer>>,
    /// The number that was dialled where the carrier does not say which.
    pub did: Option<String>,
    /// Calls on one Socket.IO connection before another one is opened; above 0.
    pub calls_per_connection: usize,
    /// A call that is not answered for so long is hung up, unless its order says otherwise.
    pub ring_timeout: Duration,
    /// A call whose room has been out of reach for so long is lost.
    pub away_timeout: Duration,
    /// From the carrier's `hangup` to fetching the record that its `cdr` event did not bring.
    pub cdr_wait: Duration,
    /// For one attempt to connect, and for a call to wait for the first connection.
    pub connect_timeout: Duration,
    /// For a call to wait for a carrier that is known to be down.
    pub down_timeout: Duration,
    /// For one REST request.
    pub rest_timeout: Duration,
    /// After which an acknowledgement counts as missing; nothing waits for it.
    pub ack_timeout: Duration,
    /// Between attempts to connect; a refused token is tried again at the cap.
    pub backoff: Backoff,
}

impl Options {
    /// Options with the usual waits: ring 60 s, away 10 s, CDR 2 s, connect, REST and acknowledgements
    /// 10 s, carrier known to be down 1 s, backoff 200 ms to 5 s. The version is found out.
    #[must_use]
    pub fn new(name: impl Into<String>, base_url: impl Into<String>, token: SecretString) -> Self {
        Self {
            name: name.into(),
            base_url: base_url.into(),
            token,
            version: None,
            media: MediaWire::default(),
            codec: Codec::default(),
            media_hosts: Vec::new(),
            offers: None,
            did: None,
            calls_per_connection: 50,
            ring_timeout: Duration::from_secs(60),
            away_timeout: Duration::from_secs(10),
            cdr_wait: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(10),
            down_timeout: Duration::from_secs(1),
            rest_timeout: Duration::from_secs(10),
            ack_timeout: Duration::from_secs(10),
            backoff: Backoff { first_ms: 200, cap_ms: 5_000 },
        }
    }

    /// The base URL, checked.
    pub(super) fn base(&self) -> Result<Url, StartError> {
        let fail = |reason: String| StartError::BaseUrl {
            name: self.name.clone(),
            url: self.base_url.clone(),
            reason,
        };
        let url = Url::parse(&self.base_url).map_err(|e| fail(e.to_string()))?;
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(url),
            other => Err(fail(format!("its scheme is {other}"))),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str) -> Options {
        Options::new("t", url, SecretString::from("secret"))
    }

    #[test]
    fn a_base_url_that_is_none_is_named() {
        for bad in ["carrier.example", "ftp://carrier.example", "", "https://"] {
            let error = options(bad).base().expect_err("no base URL").to_string();
            assert!(error.contains("the trunk t has the base URL"), "{error}");
        }
    }

    #[test]
    fn the_token_is_not_in_what_is_printed_for_debugging() {
        assert!(!format!("{:?}", options("http://a")).contains("secret"));
    }
}
