//! A browser that is signed in: its cookie, and what is kept of it.
//!
//! The cookie holds 256 random bits. The store keeps their SHA-256 only, so that whoever reads the database cannot sign
//! in with it; forms carry a third value, derived from the cookie, which a page of another site cannot know.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Bytes of a secret.
const SECRET: usize = 32;
const OPEN_NAME: &str = "dering_session";
/// Browsers take a cookie of this prefix over TLS only, from this very host, for all of its paths (RFC 6265bis §4.1.3.2).
const SEALED_NAME: &str = "__Host-dering_session";

/// A secret that was just made, for a cookie or a link.
pub(in crate::access) fn new_secret() -> SecretString {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; SECRET]>()).into()
}

/// What is kept of a secret.
pub(in crate::access) fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// What the forms of a browser carry.
pub(super) fn form_token(cookie: &SecretString) -> SecretString {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(cookie.expose_secret().as_bytes()) else {
        unreachable!("any length is a key")
    };
    mac.update(b"form");
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()).into()
}

const fn name(over_tls: bool) -> &'static str {
    if over_tls { SEALED_NAME } else { OPEN_NAME }
}

/// The cookie that a browser sends. Where it may come over TLS only, one that a neighbour's page or an open line set is none.
pub(in crate::access) fn sent(headers: &HeaderMap, over_tls: bool) -> Option<SecretString> {
    let mut pairs =
        headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    let value = pairs.find_map(|pair| pair.trim().strip_prefix(name(over_tls))?.strip_prefix('='))?;
    (value.len() == SECRET.div_ceil(3) * 4 - 1).then(|| value.to_owned().into())
}

/// A browser's cookie, for the header `Set-Cookie`. Without an age it goes when the browser is closed, and the store ends it.
#[derive(Clone, Debug)]
pub struct SessionCookie {
    secret: SecretString,
    over_tls: bool,
}

impl SessionCookie {
    pub(super) fn new(over_tls: bool) -> Self {
        Self { secret: new_secret(), over_tls }
    }

    pub(super) fn digest(&self) -> String {
        digest(self.secret.expose_secret())
    }

    /// The header's value.
    #[must_use]
    pub fn header(&self) -> Option<HeaderValue> {
        set(self.over_tls, self.secret.expose_secret(), "")
    }

    /// The value that makes a browser forget it.
    #[must_use]
    pub fn forgotten(over_tls: bool) -> Option<HeaderValue> {
        set(over_tls, "", "; Max-Age=0")
    }
}

fn set(over_tls: bool, value: &str, more: &str) -> Option<HeaderValue> {
    let secure = if over_tls { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}", name(over_tls));
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(line: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(line).unwrap())])
    }

    #[test]
    fn a_cookie_comes_back_as_it_was_set_and_never_over_an_open_line_where_that_is_closed() {
        for over_tls in [false, true] {
            let cookie = SessionCookie::new(over_tls);
            let set = cookie.header().unwrap().to_str().unwrap().to_owned();
            assert!(set.contains("; HttpOnly; SameSite=Lax"), "{set}");
            assert_eq!(set.contains("; Secure") && set.starts_with("__Host-"), over_tls, "{set}");
            let pair = set.split(';').next().unwrap();
            let back = sent(&headers(&format!("a=b; {pair}; c=d")), over_tls).unwrap();
            assert_eq!(digest(back.expose_secret()), cookie.digest());
            assert!(sent(&headers(pair), !over_tls).is_none());
        }
        assert!(sent(&headers("dering_session=short"), false).is_none());
        assert!(SessionCookie::forgotten(true).unwrap().to_str().unwrap().contains("Max-Age=0"));
    }
}
