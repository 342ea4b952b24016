//! The headers of a post: the caller's own (`notifyHeaders`), then ours, which the caller cannot change.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};

use super::message::Message;
use super::sign::{self, SAVG_SIGNATURE, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP};

/// What describes the message, its framing or its signature is ours.
const RESERVED: [&str; 18] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    SAVG_SIGNATURE,
    WEBHOOK_ID,
    WEBHOOK_SIGNATURE,
    WEBHOOK_TIMESTAMP,
];

/// Whether a header is ours to write, whatever the caller says.
#[must_use]
pub fn is_ours(name: &str) -> bool {
    RESERVED.contains(&name.to_ascii_lowercase().as_str())
}

/// All headers of a post made at `timestamp_s`, with or without the caller's own; `None` when the app has no
/// secret to sign with.
pub(super) fn of(message: &Message<'_>, timestamp_s: i64, with_theirs: bool) -> Option<HeaderMap> {
    let body = message.body.as_bytes();
    let ours = [
        (SAVG_SIGNATURE, sign::savg(message.secrets, timestamp_s, body)?),
        (WEBHOOK_ID, message.id.to_owned()),
        (WEBHOOK_TIMESTAMP, timestamp_s.to_string()),
        (WEBHOOK_SIGNATURE, sign::standard(message.secrets, message.id, timestamp_s, body)?),
    ];
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("dering/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in message.headers.iter().filter(|_| with_theirs) {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) if !is_ours(name.as_str()) => {
                headers.insert(name, value);
            }
            _ => tracing::debug!(webhook.id = message.id, header = name, "a caller's header is left out"),
        }
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in ours {
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value).ok()?);
    }
    Some(headers)
}
